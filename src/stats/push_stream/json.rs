//! The JSON layout (push-stream spec, section 7.3).

use super::super::page::Page;
use super::{Channel, Summary, Totals, Worker, escape, timestamp};

/// Writes one channel.
pub(super) fn channel(page: &mut Page, channel: &Channel) {
    item(page, channel);
    page.text("\r\n");
}

/// Writes the start of a list of channels.
pub(super) fn list_head(page: &mut Page, totals: &Totals) {
    head(page, totals);
    members(page, &totals.counts());
    page.text(", \"infos\": [\r\n");
}

/// Writes one channel of a list; a comma separates it from the previous one.
pub(super) fn list_item(page: &mut Page, channel: &Channel, is_first: bool) {
    page.text(if is_first { "" } else { ",\r\n" });
    item(page, channel);
}

/// Writes the end of a list of channels.
pub(super) fn list_tail(page: &mut Page, is_empty: bool) {
    page.text(if is_empty { "" } else { "\r\n" }).text("]}\r\n");
}

/// Writes the summary of the server.
pub(super) fn summary(page: &mut Page, summary: &Summary) {
    head(page, &summary.totals);
    members(page, &summary.counts());
    page.text(", \"by_worker\": [\r\n");
    for (index, one) in summary.by_worker.iter().enumerate() {
        page.text(if index == 0 { "" } else { ",\r\n" });
        worker(page, one);
    }
    list_tail(page, summary.by_worker.is_empty());
}

fn head(page: &mut Page, totals: &Totals) {
    page.text("{\"hostname\": \"");
    escape::json(page, totals.hostname);
    page.text("\", \"time\": \"");
    timestamp::write(page, totals.unix_seconds);
    page.text("\"");
}

fn item(page: &mut Page, channel: &Channel) {
    page.text("{\"channel\": \"");
    escape::json(page, channel.id);
    page.text("\"");
    members(page, &channel.counts());
    page.text("}");
}

fn worker(page: &mut Page, worker: &Worker) {
    page.text("{\"pid\": \"").number(worker.pid.into()).text("\"");
    members(page, &worker.counts());
    page.text("}");
}

fn members(page: &mut Page, counts: &[(&str, u64)]) {
    for &(name, number) in counts {
        page.text(", \"").text(name).text("\": ").number(number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::examples::{self, C1, C2, WORKERS, totals};
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("the examples are UTF-8")
    }

    #[test]
    fn one_channel() {
        assert_eq!(
            text(Format::Json.channel(&C1)),
            concat!(
                r#"{"channel": "c1", "published_messages": 1, "#,
                r#""stored_messages": 1, "subscribers": 0}"#,
                "\r\n"
            )
        );
    }

    #[test]
    fn a_group() {
        assert_eq!(
            text(Format::Json.group(&totals(2), [C1, C2].into_iter())),
            concat!(
                r#"{"hostname": "vm", "time": "2026-11-22T02:46:24", "channels": 2, "#,
                r#""wildcard_channels": 1, "uptime": 2, "infos": ["#,
                "\r\n",
                r#"{"channel": "c1", "published_messages": 1, "#,
                r#""stored_messages": 1, "subscribers": 0},"#,
                "\r\n",
                r#"{"channel": "c2", "published_messages": 1, "#,
                r#""stored_messages": 1, "subscribers": 0}"#,
                "\r\n]}\r\n"
            )
        );
    }

    #[test]
    fn an_empty_group_is_head_and_tail() {
        assert_eq!(
            text(Format::Json.group(&totals(2), [].into_iter())),
            concat!(
                r#"{"hostname": "vm", "time": "2026-11-22T02:46:24", "channels": 2, "#,
                r#""wildcard_channels": 1, "uptime": 2, "infos": ["#,
                "\r\n]}\r\n"
            )
        );
    }

    #[test]
    fn the_summary() {
        assert_eq!(
            text(Format::Json.summary(&examples::summary(&WORKERS))),
            concat!(
                r#"{"hostname": "vm", "time": "2026-11-22T02:46:26", "channels": 2, "#,
                r#""wildcard_channels": 1, "published_messages": 3, "stored_messages": 5, "#,
                r#""messages_in_trash": 6, "channels_in_delete": 7, "channels_in_trash": 8, "#,
                r#""subscribers": 9, "uptime": 4, "by_worker": ["#,
                "\r\n",
                r#"{"pid": "12814", "subscribers": 10, "uptime": 11},"#,
                "\r\n",
                r#"{"pid": "12815", "subscribers": 12, "uptime": 13}"#,
                "\r\n]}\r\n"
            )
        );
    }

    #[test]
    fn ids_and_hostnames_are_escaped() {
        let strange = Totals { hostname: b"v\"m", ..totals(0) };
        assert_eq!(
            text(Format::Json.group(&strange, [examples::channel(b"\"}\n")].into_iter())),
            concat!(
                r#"{"hostname": "v\"m", "time": "2026-11-22T02:46:22", "channels": 2, "#,
                r#""wildcard_channels": 1, "uptime": 0, "infos": ["#,
                "\r\n",
                r#"{"channel": "\"}\n", "published_messages": 1, "#,
                r#""stored_messages": 1, "subscribers": 0}"#,
                "\r\n]}\r\n"
            )
        );
    }
}
