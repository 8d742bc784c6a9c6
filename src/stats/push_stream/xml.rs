//! The XML layout (push-stream spec, section 7.3).

use super::super::page::Page;
use super::{Channel, Summary, Totals, escape, timestamp};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n";

/// Writes one channel, followed by an empty line.
pub(super) fn channel(page: &mut Page, channel: &Channel) {
    page.text(DECLARATION);
    item(page, channel);
    page.text("\r\n");
}

/// Writes the start of a list of channels.
pub(super) fn list_head(page: &mut Page, totals: &Totals) {
    page.text(DECLARATION).text("<root>\r\n");
    head(page, totals);
    elements(page, &totals.counts());
    page.text("  <infos>\r\n");
}

/// Writes the end of a list of channels.
pub(super) fn list_tail(page: &mut Page) {
    page.text("  </infos>\r\n</root>\r\n");
}

/// Writes the summary of the server.
pub(super) fn summary(page: &mut Page, summary: &Summary) {
    page.text(DECLARATION).text("<infos>\r\n");
    head(page, &summary.totals);
    elements(page, &summary.counts());
    page.text("  <by_worker>");
    for worker in summary.by_worker {
        page.text("<worker>\r\n  <pid>").number(worker.pid.into()).text("</pid>\r\n");
        elements(page, &worker.counts());
        page.text("</worker>\r\n");
    }
    page.text("</by_worker>\r\n</infos>\r\n");
}

fn head(page: &mut Page, totals: &Totals) {
    page.text("  <hostname>");
    escape::xml(page, totals.hostname);
    page.text("</hostname>\r\n  <time>");
    timestamp::write(page, totals.unix_seconds);
    page.text("</time>\r\n");
}

/// Writes one channel of a list.
pub(super) fn item(page: &mut Page, channel: &Channel) {
    page.text("<channel>\r\n  <name>");
    escape::xml(page, channel.id);
    page.text("</name>\r\n");
    elements(page, &channel.counts());
    page.text("</channel>\r\n");
}

fn elements(page: &mut Page, counts: &[(&str, u64)]) {
    for &(name, number) in counts {
        page.text("  <").text(name).text(">").number(number).text("</").text(name).text(">\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::examples::{self, C1, C2, WORKERS, lines, totals};

    #[test]
    fn one_channel_and_an_empty_line() {
        let expected = r#"<?xml version="1.0" encoding="UTF-8" ?>
<channel>
  <name>c1</name>
  <published_messages>1</published_messages>
  <stored_messages>1</stored_messages>
  <subscribers>0</subscribers>
</channel>

"#;
        assert_eq!(lines(Format::Xml.channel(&C1)), expected);
    }

    #[test]
    fn a_group() {
        let head = r#"<?xml version="1.0" encoding="UTF-8" ?>
<root>
  <hostname>vm</hostname>
  <time>2026-11-22T02:46:27</time>
  <channels>2</channels>
  <wildcard_channels>1</wildcard_channels>
  <uptime>5</uptime>
  <infos>
"#;
        let channels = r"<channel>
  <name>c1</name>
  <published_messages>1</published_messages>
  <stored_messages>1</stored_messages>
  <subscribers>0</subscribers>
</channel>
<channel>
  <name>c2</name>
  <published_messages>1</published_messages>
  <stored_messages>1</stored_messages>
  <subscribers>0</subscribers>
</channel>
";
        let tail = "  </infos>\n</root>\n";
        assert_eq!(
            lines(Format::Xml.group(&totals(5), [C1, C2].into_iter())),
            format!("{head}{channels}{tail}")
        );
        assert_eq!(lines(Format::Xml.group(&totals(5), [].into_iter())), format!("{head}{tail}"));
    }

    #[test]
    fn the_summary() {
        let expected = r#"<?xml version="1.0" encoding="UTF-8" ?>
<infos>
  <hostname>vm</hostname>
  <time>2026-11-22T02:46:26</time>
  <channels>2</channels>
  <wildcard_channels>1</wildcard_channels>
  <published_messages>3</published_messages>
  <stored_messages>5</stored_messages>
  <messages_in_trash>6</messages_in_trash>
  <channels_in_delete>7</channels_in_delete>
  <channels_in_trash>8</channels_in_trash>
  <subscribers>9</subscribers>
  <uptime>4</uptime>
  <by_worker><worker>
  <pid>12814</pid>
  <subscribers>10</subscribers>
  <uptime>11</uptime>
</worker>
<worker>
  <pid>12815</pid>
  <subscribers>12</subscribers>
  <uptime>13</uptime>
</worker>
</by_worker>
</infos>
"#;
        assert_eq!(lines(Format::Xml.summary(&examples::summary(&WORKERS))), expected);
    }

    #[test]
    fn an_id_cannot_close_its_element() {
        let expected = r#"<?xml version="1.0" encoding="UTF-8" ?>
<channel>
  <name>&lt;/name>&amp;&#13;&#10;</name>
  <published_messages>1</published_messages>
  <stored_messages>1</stored_messages>
  <subscribers>0</subscribers>
</channel>

"#;
        assert_eq!(lines(Format::Xml.channel(&examples::channel(b"</name>&\r\n"))), expected);
    }
}
