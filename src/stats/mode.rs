//! The forms in which `/api/stats` answers.

use super::page::Page;
use super::snapshot::Snapshot;
use super::{json, prometheus, text, xml};

/// The value of `?mode=` (rpushd spec, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines of `name: value`; also without `?mode=`.
    #[default]
    Text,
    /// One object.
    Json,
    /// One element per statistic.
    Xml,
    /// The text exposition format 0.0.4 that Prometheus scrapes.
    Prometheus,
}

impl Mode {
    /// The mode of that name, letter case matters; nothing for a name that is to be refused with 400.
    pub fn parse(name: &str) -> Option<Mode> {
        match name {
            "text" => Some(Mode::Text),
            "json" => Some(Mode::Json),
            "xml" => Some(Mode::Xml),
            "prometheus" => Some(Mode::Prometheus),
            _ => None,
        }
    }

    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Mode::Text => "text/plain; charset=utf-8",
            Mode::Json => "application/json; charset=utf-8",
            Mode::Xml => "application/xml; charset=utf-8",
            Mode::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The snapshot in this form, its channels sorted by the bytes of their names.
    pub fn render(self, mut snapshot: Snapshot) -> Vec<u8> {
        let channels = snapshot.channels.as_mut();
        let room = 4096 + channels.as_ref().map_or(0, |channels| channels.len() * 96);
        if let Some(channels) = channels {
            channels.sort_unstable_by_key(|channel| channel.name);
        }
        let mut page = Page::with_capacity(room);
        match self {
            Mode::Text => text::write(&mut page, &snapshot),
            Mode::Json => json::write(&mut page, &snapshot),
            Mode::Xml => xml::write(&mut page, &snapshot),
            Mode::Prometheus => prometheus::write(&mut page, &snapshot),
        }
        page.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_known_by_their_exact_names() {
        assert_eq!(
            ["text", "json", "xml", "prometheus", "", "JSON", "yaml", "text "].map(Mode::parse),
            [
                Some(Mode::Text),
                Some(Mode::Json),
                Some(Mode::Xml),
                Some(Mode::Prometheus),
                None,
                None,
                None,
                None
            ]
        );
        assert_eq!(Mode::default(), Mode::Text);
    }
}
