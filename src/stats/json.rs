//! `?mode=json`: one object (rpushd spec, section 6). Its members are in the order of the text
//! form; those of a channel are sorted by name, as in the spec.

use super::escape;
use super::page::Page;
use super::snapshot::{ChannelRow, Snapshot, VERSION};

/// Writes the statistics and the start of the list of channels.
pub(super) fn begin(page: &mut Page, snapshot: &Snapshot, lists_channels: bool) {
    let mut before = "{\"";
    for row in snapshot.rows() {
        page.text(before).text(row.name).text("\": ").number(row.value);
        before = ", \"";
    }
    page.text(", \"version\": \"").text(VERSION).text("\"");
    if lists_channels {
        page.text(", \"channels\": [");
    }
}

/// Writes one channel of the list.
pub(super) fn channel(page: &mut Page, channel: &ChannelRow, is_first: bool) {
    page.text(if is_first { "" } else { ", " });
    page.text("{\"idle_seconds\": ").number(channel.idle_seconds).text(", \"name\": ");
    escape::quoted(page, channel.name);
    page.text(", \"subscribers\": ").number(channel.subscribers).text("}");
}

/// Writes the end of the document.
pub(super) fn end(page: &mut Page, lists_channels: bool) {
    page.text(if lists_channels { "]}\n" } else { "}\n" });
}

#[cfg(test)]
mod tests {
    use super::super::report::written;
    use super::super::snapshot::tests::{CHANNELS, example, named};
    use super::super::{Mode, Snapshot};
    use super::VERSION;

    const ROWS: &str = concat!(
        r#"{"started_at": 1776181200, "uptime_seconds": 842, "active_channels": 3, "#,
        r#""active_subscribers": 7, "active_stream_connections": 7, "#,
        r#""stream_connections_total": 24, "publish_requests_total": 18, "#,
        r#""published_bytes_total": 2914, "auth_failures_total": 0, "#,
        r#""memory_rss_bytes": 7348224, "active_connections": 9, "remembered_channels": 2, "#,
        r#""stored_messages": 4, "stored_bytes": 5120, "queued_bytes": 66, "#,
        r#""connections_total": 101, "accept_pauses_total": 102, "requests_total": 103, "#,
        r#""malformed_requests_total": 104, "timed_out_requests_total": 105, "#,
        r#""received_bytes_total": 106, "sent_bytes_total": 107, "deliveries_total": 108, "#,
        r#""slow_subscribers_closed_total": 109, "stalled_connections_closed_total": 110, "#,
        r#""oversized_frames_skipped_total": 111, "store_refusals_total": 112, "#,
        r#""websocket_messages_deflated_total": 113, "#,
        r#""auth_failures_missing_total": 114, "#,
        r#""auth_failures_malformed_total": 115, "#,
        r#""auth_failures_signature_total": 116, "#,
        r#""auth_failures_secret_total": 117, "#,
        r#""auth_failures_expired_total": 118, "#,
        r#""auth_failures_early_total": 119, "#,
        r#""auth_failures_channel_total": 120, "#,
        r#""auth_failures_purpose_total": 121, "#,
        r#""log_lines_dropped_total": 122, "#,
        r#""process_pauses_total": 123, "#,
        r#""process_paused_seconds_total": 124, "#,
        r#""kernel_memory_shortages_total": 125, "#,
        r#""memory_budget_bytes": 126, "#,
        r#""memory_used_bytes": 127, "#,
        r#""memory_connections_bytes": 128, "#,
        r#""memory_requests_bytes": 129, "#,
        r#""memory_queues_bytes": 130, "#,
        r#""memory_encodings_bytes": 131, "#,
        r#""memory_history_bytes": 132, "#,
        r#""memory_channels_bytes": 133, "#,
        r#""memory_messages_evicted_total": 134, "#,
        r#""memory_requests_refused_total": 135, "#,
        r#""memory_consumers_closed_total": 136, "#,
        r#""memory_subscribers_refused_total": 137, "#,
        r#""auth_failures_slowed_total": 138, "#,
        r#""subscribers_refused_rate_total": 139, "#,
        r#""subscribers_refused_address_total": 140, "#,
        r#""subscribers_refused_subject_total": 141, "#,
        r#""memory_messages_unstored_total": 142, "duplicate_publications_total": 143, "#,
        r#""auth_failures_revoked_total": 150, "#,
        r#""expired_connections_total": 151, "#,
        r#""revoked_connections_total": 152"#,
    );

    #[test]
    fn the_json_form_has_the_members_of_the_text_form() {
        let channels = concat!(
            r#", "channels": [{"idle_seconds": 3, "name": "notifications:96501", "#,
            r#""subscribers": 1}, "#,
            r#"{"idle_seconds": 1, "name": "thread-posts:459", "subscribers": 3}]}"#,
        );
        let expected = format!("{ROWS}, \"version\": \"{VERSION}\"{channels}\n");
        assert_eq!(written(Mode::Json, &example(), Some(&CHANNELS)), expected);
    }

    #[test]
    fn without_channels_the_list_is_empty() {
        let expected = format!("{ROWS}, \"version\": \"{VERSION}\", \"channels\": []}}\n");
        assert_eq!(written(Mode::Json, &example(), Some(&[])), expected);
    }

    #[test]
    fn a_list_that_was_not_asked_for_is_left_out() {
        assert_eq!(
            written(Mode::Json, &example(), None),
            format!("{ROWS}, \"version\": \"{VERSION}\"}}\n")
        );
    }

    #[test]
    fn any_name_leaves_it_json() {
        let names: [&[u8]; 3] = [b"\n\xff", b"\"}]", b"\\"];
        let json = written(Mode::Json, &Snapshot::default(), Some(&names.map(named)));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let channels = value["channels"].as_array().expect("channels are an array");
        let names: Vec<&str> =
            channels.iter().filter_map(|channel| channel["name"].as_str()).collect();
        assert_eq!(names, ["\n\u{fffd}", "\"}]", "\\"]);
    }
}
