//! The group form, written piece by piece because there may be very many channels.

use super::super::page::Page;
use super::format::CHANNEL_BYTES;
use super::{Channel, Format, Totals, json, plain, xml, yaml};

/// A group that is being written.
pub struct List {
    format: Format,
    is_empty: bool,
    page: Page,
}

impl List {
    /// Writes the head; `capacity` bytes are reserved for the list.
    pub fn begin(format: Format, totals: &Totals, capacity: usize) -> List {
        let mut page = Page::with_capacity(capacity);
        match format {
            Format::Plain => plain::list_head(&mut page, totals),
            Format::Json | Format::XJson => json::list_head(&mut page, totals),
            Format::Yaml | Format::XYaml => yaml::list_head(&mut page, totals),
            Format::Xml => xml::list_head(&mut page, totals),
        }
        List { format, is_empty: true, page }
    }

    /// Adds a channel.
    pub fn add(&mut self, channel: &Channel) {
        let is_first = std::mem::replace(&mut self.is_empty, false);
        match self.format {
            Format::Plain => plain::list_item(&mut self.page, channel, is_first),
            Format::Json | Format::XJson => json::list_item(&mut self.page, channel, is_first),
            Format::Yaml | Format::XYaml => yaml::list_item(&mut self.page, channel),
            Format::Xml => xml::item(&mut self.page, channel),
        }
    }

    /// Ends the list after the last channel.
    pub fn end(&mut self) {
        match self.format {
            Format::Plain => plain::list_tail(&mut self.page),
            Format::Json | Format::XJson => json::list_tail(&mut self.page, self.is_empty),
            Format::Yaml | Format::XYaml => yaml::list_tail(&mut self.page, self.is_empty),
            Format::Xml => xml::list_tail(&mut self.page),
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

impl Format {
    /// Formats several channels in the given order; there may be none.
    pub fn group<'a>(
        self,
        totals: &Totals,
        channels: impl Iterator<Item = Channel<'a>>,
    ) -> Vec<u8> {
        let (channels_min, _) = channels.size_hint();
        let mut list = List::begin(self, totals, 512 + CHANNEL_BYTES * channels_min);
        channels.for_each(|channel| list.add(&channel));
        list.end();
        list.take()
    }
}
