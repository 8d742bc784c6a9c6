//! A response of `/api/stats` that is written piece by piece: the statistics, then optionally the
//! channels one by one, however many there are.

use super::page::Page;
use super::snapshot::{ChannelRow, Snapshot};
use super::{Mode, json, prometheus, text, xml};

/// The part of a response that is written and not taken yet.
pub struct Report {
    mode: Mode,
    lists_channels: bool,
    is_empty: bool,
    page: Page,
}

impl Report {
    /// Writes the statistics. With `lists_channels` the channels follow, if the mode can list them.
    pub fn begin(mode: Mode, snapshot: &Snapshot, lists_channels: bool) -> Report {
        let lists_channels = lists_channels && mode.lists_channels();
        let mut page = Page::with_capacity(4096);
        match mode {
            Mode::Text => text::begin(&mut page, snapshot, lists_channels),
            Mode::Json => json::begin(&mut page, snapshot, lists_channels),
            Mode::Xml => xml::begin(&mut page, snapshot, lists_channels),
            Mode::Prometheus => prometheus::write(&mut page, snapshot),
        }
        Report { mode, lists_channels, is_empty: true, page }
    }

    /// Whether the response lists channels.
    pub fn lists_channels(&self) -> bool {
        self.lists_channels
    }

    /// Adds a channel; channels are added in the order of their names.
    pub fn add(&mut self, channel: &ChannelRow) {
        let is_first = std::mem::replace(&mut self.is_empty, false);
        match self.mode {
            Mode::Text => text::channel(&mut self.page, channel),
            Mode::Json => json::channel(&mut self.page, channel, is_first),
            Mode::Xml => xml::channel(&mut self.page, channel),
            Mode::Prometheus => {}
        }
    }

    /// Ends the response after the last channel.
    pub fn end(&mut self) {
        match self.mode {
            Mode::Text | Mode::Prometheus => {}
            Mode::Json => json::end(&mut self.page, self.lists_channels),
            Mode::Xml => xml::end(&mut self.page, self.lists_channels),
        }
    }

    /// Number of bytes written and not taken yet.
    pub fn bytes(&self) -> usize {
        self.page.bytes()
    }

    /// Takes the bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        self.page.take()
    }
}

/// A whole response, with these channels or without a list.
#[cfg(test)]
pub(super) fn written(mode: Mode, snapshot: &Snapshot, channels: Option<&[ChannelRow]>) -> String {
    let mut report = Report::begin(mode, snapshot, channels.is_some());
    channels.into_iter().flatten().for_each(|channel| report.add(channel));
    report.end();
    String::from_utf8(report.take()).expect("statistics are UTF-8")
}
