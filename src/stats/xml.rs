//! `?mode=xml`: one element per statistic in the order of the text form (rpushd spec, section 6).

use super::escape;
use super::page::Page;
use super::snapshot::{ChannelRow, Snapshot, VERSION};

/// Writes the statistics and the start of the list of channels.
pub(super) fn begin(page: &mut Page, snapshot: &Snapshot, lists_channels: bool) {
    page.text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<stats>");
    for row in snapshot.rows() {
        element(page, row.name, row.value);
    }
    page.text("<version>").text(VERSION).text("</version>");
    if lists_channels {
        page.text("<channels>");
    }
}

/// Writes one channel of the list.
pub(super) fn channel(page: &mut Page, channel: &ChannelRow) {
    page.text("<channel><name>");
    escape::xml(page, channel.name);
    page.text("</name>");
    element(page, "subscribers", channel.subscribers);
    element(page, "idle_seconds", channel.idle_seconds);
    page.text("</channel>");
}

/// Writes the end of the document.
pub(super) fn end(page: &mut Page, lists_channels: bool) {
    page.text(if lists_channels { "</channels></stats>\n" } else { "</stats>\n" });
}

fn element(page: &mut Page, name: &str, value: u64) {
    page.text("<").text(name).text(">").number(value).text("</").text(name).text(">");
}

#[cfg(test)]
mod tests {
    use super::super::report::written;
    use super::super::snapshot::tests::{CHANNELS, example, named};
    use super::super::{Mode, Snapshot};
    use super::VERSION;

    const ROWS: &str = concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<stats><started_at>1776181200</started_at><uptime_seconds>842</uptime_seconds>",
        "<active_channels>3</active_channels><active_subscribers>7</active_subscribers>",
        "<active_stream_connections>7</active_stream_connections>",
        "<stream_connections_total>24</stream_connections_total>",
        "<publish_requests_total>18</publish_requests_total>",
        "<published_bytes_total>2914</published_bytes_total>",
        "<auth_failures_total>0</auth_failures_total>",
        "<memory_rss_bytes>7348224</memory_rss_bytes>",
        "<active_connections>9</active_connections>",
        "<remembered_channels>2</remembered_channels>",
        "<stored_messages>4</stored_messages><stored_bytes>5120</stored_bytes>",
        "<queued_bytes>66</queued_bytes><connections_total>101</connections_total>",
        "<accept_pauses_total>102</accept_pauses_total><requests_total>103</requests_total>",
        "<malformed_requests_total>104</malformed_requests_total>",
        "<timed_out_requests_total>105</timed_out_requests_total>",
        "<received_bytes_total>106</received_bytes_total><sent_bytes_total>107</sent_bytes_total>",
        "<deliveries_total>108</deliveries_total>",
        "<slow_subscribers_closed_total>109</slow_subscribers_closed_total>",
        "<stalled_connections_closed_total>110</stalled_connections_closed_total>",
        "<oversized_frames_skipped_total>111</oversized_frames_skipped_total>",
        "<store_refusals_total>112</store_refusals_total>",
        "<websocket_messages_deflated_total>113</websocket_messages_deflated_total>",
        "<auth_failures_missing_total>114</auth_failures_missing_total>",
        "<auth_failures_malformed_total>115</auth_failures_malformed_total>",
        "<auth_failures_signature_total>116</auth_failures_signature_total>",
        "<auth_failures_secret_total>117</auth_failures_secret_total>",
        "<auth_failures_expired_total>118</auth_failures_expired_total>",
        "<auth_failures_early_total>119</auth_failures_early_total>",
        "<auth_failures_channel_total>120</auth_failures_channel_total>",
        "<auth_failures_purpose_total>121</auth_failures_purpose_total>",
        "<log_lines_dropped_total>122</log_lines_dropped_total>",
        "<process_pauses_total>123</process_pauses_total>",
        "<process_paused_seconds_total>124</process_paused_seconds_total>",
        "<kernel_memory_shortages_total>125</kernel_memory_shortages_total>",
        "<memory_budget_bytes>126</memory_budget_bytes>",
        "<memory_used_bytes>127</memory_used_bytes>",
        "<memory_connections_bytes>128</memory_connections_bytes>",
        "<memory_requests_bytes>129</memory_requests_bytes>",
        "<memory_queues_bytes>130</memory_queues_bytes>",
        "<memory_encodings_bytes>131</memory_encodings_bytes>",
        "<memory_history_bytes>132</memory_history_bytes>",
        "<memory_channels_bytes>133</memory_channels_bytes>",
        "<memory_messages_evicted_total>134</memory_messages_evicted_total>",
        "<memory_requests_refused_total>135</memory_requests_refused_total>",
        "<memory_consumers_closed_total>136</memory_consumers_closed_total>",
        "<memory_subscribers_refused_total>137</memory_subscribers_refused_total>",
        "<auth_failures_slowed_total>138</auth_failures_slowed_total>",
        "<subscribers_refused_rate_total>139</subscribers_refused_rate_total>",
        "<subscribers_refused_address_total>140</subscribers_refused_address_total>",
        "<subscribers_refused_subject_total>141</subscribers_refused_subject_total>",
        "<memory_messages_unstored_total>142</memory_messages_unstored_total>",
        "<duplicate_publications_total>143</duplicate_publications_total>",
        "<auth_failures_revoked_total>150</auth_failures_revoked_total>",
        "<expired_connections_total>151</expired_connections_total>",
        "<revoked_connections_total>152</revoked_connections_total>",
    );

    #[test]
    fn the_xml_form_has_an_element_for_each_row_of_the_text_form() {
        let channels = concat!(
            "<channels><channel><name>notifications:96501</name><subscribers>1</subscribers>",
            "<idle_seconds>3</idle_seconds></channel><channel><name>thread-posts:459</name>",
            "<subscribers>3</subscribers><idle_seconds>1</idle_seconds></channel></channels>",
        );
        let expected = format!("{ROWS}<version>{VERSION}</version>{channels}</stats>\n");
        assert_eq!(written(Mode::Xml, &example(), Some(&CHANNELS)), expected);
    }

    #[test]
    fn without_channels_the_list_is_empty() {
        let expected = format!("{ROWS}<version>{VERSION}</version><channels></channels></stats>\n");
        assert_eq!(written(Mode::Xml, &example(), Some(&[])), expected);
    }

    #[test]
    fn a_list_that_was_not_asked_for_is_left_out() {
        assert_eq!(
            written(Mode::Xml, &example(), None),
            format!("{ROWS}<version>{VERSION}</version></stats>\n")
        );
    }

    #[test]
    fn a_name_cannot_close_its_element() {
        let xml = written(Mode::Xml, &Snapshot::default(), Some(&[named(b"</name>&")]));
        let start = xml.find("<channels>").expect("the list is there");
        assert_eq!(
            &xml[start..],
            "<channels><channel><name>&lt;/name&gt;&amp;</name><subscribers>0</subscribers>\
             <idle_seconds>0</idle_seconds></channel></channels></stats>\n"
        );
    }
}
