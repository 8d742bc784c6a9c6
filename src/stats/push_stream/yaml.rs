//! The YAML layout (push-stream spec, section 7.3).

use super::super::page::Page;
use super::{Channel, Summary, Totals, escape, timestamp};

/// Writes one channel.
pub(super) fn channel(page: &mut Page, channel: &Channel) {
    page.text("  channel: ");
    escape::yaml(page, channel.id);
    page.text("\r\n");
    lines(page, "  ", &channel.counts());
}

/// Writes the start of a list of channels. An empty line follows if there are no channels.
pub(super) fn list_head(page: &mut Page, totals: &Totals) {
    head(page, "", totals);
    lines(page, "", &totals.counts());
    page.text("infos: \r\n");
}

/// Writes one channel of a list.
pub(super) fn list_item(page: &mut Page, item: &Channel) {
    page.text(" -\r\n");
    channel(page, item);
}

/// Writes the end of a list of channels.
pub(super) fn list_tail(page: &mut Page, is_empty: bool) {
    page.text(if is_empty { "\r\n" } else { "" });
}

/// Writes the summary of the server.
pub(super) fn summary(page: &mut Page, summary: &Summary) {
    head(page, "  ", &summary.totals);
    lines(page, "  ", &summary.counts());
    page.text("  by_worker:\r\n");
    for worker in summary.by_worker {
        page.text("   -\r\n    pid: ").number(worker.pid.into()).text("\r\n");
        lines(page, "    ", &worker.counts());
    }
}

fn head(page: &mut Page, indent: &str, totals: &Totals) {
    page.text(indent).text("hostname: ");
    escape::yaml(page, totals.hostname);
    page.text("\r\n").text(indent).text("time: ");
    timestamp::write(page, totals.unix_seconds);
    page.text("\r\n");
}

fn lines(page: &mut Page, indent: &str, counts: &[(&str, u64)]) {
    for &(name, number) in counts {
        page.text(indent).text(name).text(": ").number(number).text("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::examples::{self, C1, C2, WORKERS, lines, totals};

    #[test]
    fn one_channel() {
        let expected = r"  channel: c1
  published_messages: 1
  stored_messages: 1
  subscribers: 0
";
        assert_eq!(lines(Format::Yaml.channel(&C1)), expected);
    }

    #[test]
    fn a_group() {
        let head = "\
hostname: vm
time: 2026-11-22T02:46:28
channels: 2
wildcard_channels: 1
uptime: 6
infos:";
        let channels = r" -
  channel: c1
  published_messages: 1
  stored_messages: 1
  subscribers: 0
 -
  channel: c2
  published_messages: 1
  stored_messages: 1
  subscribers: 0
";
        assert_eq!(
            lines(Format::Yaml.group(&totals(6), [C1, C2].into_iter())),
            format!("{head} \n{channels}")
        );
        assert_eq!(lines(Format::Yaml.group(&totals(6), [].into_iter())), format!("{head} \n\n"));
    }

    #[test]
    fn the_summary() {
        let expected = r"  hostname: vm
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
   -
    pid: 12814
    subscribers: 10
    uptime: 11
   -
    pid: 12815
    subscribers: 12
    uptime: 13
";
        assert_eq!(lines(Format::Yaml.summary(&examples::summary(&WORKERS))), expected);
    }

    #[test]
    fn an_id_that_is_no_plain_scalar_is_quoted() {
        let expected = r#"  channel: "a\r\nb: c"
  published_messages: 1
  stored_messages: 1
  subscribers: 0
"#;
        assert_eq!(lines(Format::Yaml.channel(&examples::channel(b"a\r\nb: c"))), expected);
    }
}
