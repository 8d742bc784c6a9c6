//! The plain layout (push-stream spec, section 7.3). The last line of a channel is named
//! `active_subscribers` here.

use super::super::page::Page;
use super::{Channel, Summary, Totals, Worker, escape, timestamp};

/// Writes one channel.
pub(super) fn channel(page: &mut Page, channel: &Channel) {
    item(page, channel);
    page.text("\r\n");
}

/// Writes the start of a list of channels, on one line. An empty line follows if there
/// are no channels.
pub(super) fn list_head(page: &mut Page, totals: &Totals) {
    head(page, totals, ", ");
    for (name, number) in totals.counts() {
        page.text(", ").text(name).text(": ").number(number);
    }
    page.text(", infos: \r\n");
}

/// Writes one channel of a list; a comma separates it from the previous one.
pub(super) fn list_item(page: &mut Page, channel: &Channel, is_first: bool) {
    page.text(if is_first { "" } else { ",\r\n" });
    item(page, channel);
}

/// Ends the last line of a list.
pub(super) fn list_tail(page: &mut Page) {
    page.text("\r\n");
}

/// Writes the summary of the server.
pub(super) fn summary(page: &mut Page, summary: &Summary) {
    head(page, &summary.totals, "\r\n");
    for (name, number) in summary.counts() {
        page.text("\r\n").text(name).text(": ").number(number);
    }
    page.text("\r\nby_worker:\r\n");
    for (index, one) in summary.by_worker.iter().enumerate() {
        page.text(if index == 0 { "" } else { ",\r\n" });
        worker(page, one);
    }
    list_tail(page);
}

fn head(page: &mut Page, totals: &Totals, separator: &str) {
    page.text("hostname: ");
    escape::plain(page, totals.hostname);
    page.text(separator).text("time: ");
    timestamp::write(page, totals.unix_seconds);
}

fn item(page: &mut Page, channel: &Channel) {
    page.text("channel: ");
    escape::plain(page, channel.id);
    page.text("\r\npublished_messages: ").number(channel.published_messages);
    page.text("\r\nstored_messages: ").number(channel.stored_messages);
    page.text("\r\nactive_subscribers: ").number(channel.subscribers);
}

fn worker(page: &mut Page, worker: &Worker) {
    page.text("  pid: ").number(worker.pid.into());
    for (name, number) in worker.counts() {
        page.text("\r\n  ").text(name).text(": ").number(number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::examples::{self, C1, C2, WORKERS, lines, totals};

    #[test]
    fn one_channel() {
        assert_eq!(
            lines(Format::Plain.channel(&C1)),
            "\
channel: c1
published_messages: 1
stored_messages: 1
active_subscribers: 0
"
        );
    }

    #[test]
    fn a_group() {
        let head = "hostname: vm, time: 2026-11-22T02:46:26, channels: 2, wildcard_channels: 1, \
                    uptime: 4, infos: \n";
        let channels = "\
channel: c1
published_messages: 1
stored_messages: 1
active_subscribers: 0,
channel: c2
published_messages: 1
stored_messages: 1
active_subscribers: 0
";
        assert_eq!(
            lines(Format::Plain.group(&totals(4), [C1, C2].into_iter())),
            format!("{head}{channels}")
        );
        assert_eq!(lines(Format::Plain.group(&totals(4), [].into_iter())), format!("{head}\n"));
    }

    #[test]
    fn the_summary() {
        assert_eq!(
            lines(Format::Plain.summary(&examples::summary(&WORKERS))),
            "\
hostname: vm
time: 2026-11-22T02:46:26
channels: 2
wildcard_channels: 1
published_messages: 3
stored_messages: 5
messages_in_trash: 6
channels_in_delete: 7
channels_in_trash: 8
subscribers: 9
uptime: 4
by_worker:
  pid: 12814
  subscribers: 10
  uptime: 11,
  pid: 12815
  subscribers: 12
  uptime: 13
"
        );
    }

    #[test]
    fn an_id_stays_on_its_line() {
        assert_eq!(
            lines(Format::Plain.channel(&examples::channel(b"a\r\nchannel: b"))),
            "\
channel: a\\r\\nchannel: b
published_messages: 1
stored_messages: 1
active_subscribers: 0
"
        );
    }
}
