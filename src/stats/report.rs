//! An answer of `/api/stats` under construction: the statistics, then perhaps the channels, one after the other,
//! so that an answer can be made piece by piece however many channels there are.

use super::page::Page;
use super::snapshot::{ChannelRow, Snapshot};
use super::{Mode, json, prometheus, text, xml};

/// What has been written of an answer and not been taken yet.
pub struct Report {
    mode: Mode,
    lists_channels: bool,
    is_empty: bool,
    page: Page,
}

impl Report {
    /// The statistics. With `lists_channels` the channels follow, if the mode has them.
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

    /// Whether channels belong to this answer.
    pub fn lists_channels(&self) -> bool {
        self.lists_channels
    }

    /// One more channel; they come in the order of their names.
    pub fn add(&mut self, channel: &ChannelRow) {
        let is_first = std::mem::replace(&mut self.is_empty, false);
        match self.mode {
            Mode::Text => text::channel(&mut self.page, channel),
            Mode::Json => json::channel(&mut self.page, channel, is_first),
            Mode::Xml => xml::channel(&mut self.page, channel),
            Mode::Prometheus => {}
        }
    }

    /// That was the last channel.
    pub fn end(&mut self) {
        match self.mode {
            Mode::Text | Mode::Prometheus => {}
            Mode::Json => json::end(&mut self.page, self.lists_channels),
            Mode::Xml => xml::end(&mut self.page, self.lists_channels),
        }
    }

    /// Bytes that were written and not taken.
    pub fn bytes(&self) -> usize {
        self.page.bytes()
    }

    /// Takes what was written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        self.page.take()
    }
}

/// A whole answer, with these channels or without a list.
#[cfg(test)]
pub(super) fn written(mode: Mode, snapshot: &Snapshot, channels: Option<&[ChannelRow]>) -> String {
    let mut report = Report::begin(mode, snapshot, channels.is_some());
    channels.into_iter().flatten().for_each(|channel| report.add(channel));
    report.end();
    String::from_utf8(report.take()).expect("statistics are UTF-8")
}
