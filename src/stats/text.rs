//! `?mode=text`: lines of `name: value`, readable as YAML (rpushd spec, section 6).

use super::escape;
use super::page::Page;
use super::snapshot::{ChannelRow, Snapshot, VERSION};

/// Writes the statistics and the line above the list of channels.
pub(super) fn begin(page: &mut Page, snapshot: &Snapshot, lists_channels: bool) {
    for row in snapshot.rows() {
        page.text(row.name).text(": ").number(row.value).text("\n");
    }
    page.text("version: ").text(VERSION).text("\n");
    if lists_channels {
        page.text("channels:\n");
    }
}

/// Writes one channel of the list.
pub(super) fn channel(page: &mut Page, channel: &ChannelRow) {
    page.text("  - name: ");
    write_name(page, channel.name);
    page.text("\n    subscribers: ").number(channel.subscribers);
    page.text("\n    idle_seconds: ").number(channel.idle_seconds).text("\n");
}

/// Writes a name. Names that are valid in the rpushd API are written unchanged. Others come from
/// the push-stream face, may contain any bytes, and are quoted, so that each stays on its line.
fn write_name(page: &mut Page, name: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b":-_.".contains(byte);
    if !name.is_empty() && name.iter().all(is_plain) {
        page.raw(name);
    } else {
        escape::quoted(page, name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::written;
    use super::super::snapshot::tests::{CHANNELS, example, named};
    use super::super::{Mode, Snapshot};
    use super::VERSION;

    const ROWS: &str = "\
started_at: 1776181200
uptime_seconds: 842
active_channels: 3
active_subscribers: 7
active_stream_connections: 7
stream_connections_total: 24
publish_requests_total: 18
published_bytes_total: 2914
auth_failures_total: 0
memory_rss_bytes: 7348224
active_connections: 9
remembered_channels: 2
stored_messages: 4
stored_bytes: 5120
queued_bytes: 66
connections_total: 101
accept_pauses_total: 102
requests_total: 103
malformed_requests_total: 104
timed_out_requests_total: 105
received_bytes_total: 106
sent_bytes_total: 107
deliveries_total: 108
slow_subscribers_closed_total: 109
stalled_connections_closed_total: 110
oversized_frames_skipped_total: 111
store_refusals_total: 112
websocket_messages_deflated_total: 113
auth_failures_missing_total: 114
auth_failures_malformed_total: 115
auth_failures_signature_total: 116
auth_failures_secret_total: 117
auth_failures_expired_total: 118
auth_failures_early_total: 119
auth_failures_channel_total: 120
auth_failures_purpose_total: 121
log_lines_dropped_total: 122
process_pauses_total: 123
process_paused_seconds_total: 124
kernel_memory_shortages_total: 125
memory_budget_bytes: 126
memory_used_bytes: 127
memory_connections_bytes: 128
memory_requests_bytes: 129
memory_queues_bytes: 130
memory_encodings_bytes: 131
memory_history_bytes: 132
memory_channels_bytes: 133
memory_messages_evicted_total: 134
memory_requests_refused_total: 135
memory_consumers_closed_total: 136
memory_subscribers_refused_total: 137
auth_failures_slowed_total: 138
subscribers_refused_rate_total: 139
subscribers_refused_address_total: 140
subscribers_refused_subject_total: 141
memory_messages_unstored_total: 142
duplicate_publications_total: 143
auth_failures_revoked_total: 150
expired_connections_total: 151
revoked_connections_total: 152
";

    #[test]
    fn the_text_form_is_that_of_the_spec_with_new_rows_before_the_channels() {
        let channels = "\
channels:
  - name: notifications:96501
    subscribers: 1
    idle_seconds: 3
  - name: thread-posts:459
    subscribers: 3
    idle_seconds: 1
";
        let expected = format!("{ROWS}version: {VERSION}\n{channels}");
        assert_eq!(written(Mode::Text, &example(), Some(&CHANNELS)), expected);
    }

    #[test]
    fn without_channels_the_list_is_empty() {
        assert_eq!(
            written(Mode::Text, &example(), Some(&[])),
            format!("{ROWS}version: {VERSION}\nchannels:\n")
        );
    }

    #[test]
    fn a_list_that_was_not_asked_for_is_left_out() {
        let expected = format!("{ROWS}version: {VERSION}\n");
        assert_eq!(written(Mode::Text, &example(), None), expected);
    }

    #[test]
    fn foreign_names_are_quoted_on_their_line() {
        let names: [&[u8]; 7] =
            [b"", b"B", b"a:b-c_d.E9", b"b", b"two words", b"x\r\n  - name: forged", b"\xff"];
        let text = written(Mode::Text, &Snapshot::default(), Some(&names.map(named)));
        let names: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("  - name: ")).collect();
        assert_eq!(
            names,
            [
                r#""""#,
                "B",
                "a:b-c_d.E9",
                "b",
                r#""two words""#,
                r#""x\r\n  - name: forged""#,
                "\"\u{fffd}\""
            ]
        );
    }
}
