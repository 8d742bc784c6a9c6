//! The layout of a response, chosen by `Accept` as in the module (push-stream spec, section 7.2).

use super::super::page::Page;
use super::{Channel, Summary, json, plain, xml, yaml};

/// A layout and its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of `name: value`.
    Plain,
    /// JSON; the default.
    Json,
    /// YAML.
    Yaml,
    /// XML.
    Xml,
    /// JSON under the type `text/x-json`.
    XJson,
    /// YAML under the type `text/x-yaml`.
    XYaml,
}

/// The known names after a slash in `Accept`.
const SUBTYPES: [(&[u8], Format); 6] = [
    (b"plain", Format::Plain),
    (b"json", Format::Json),
    (b"yaml", Format::Yaml),
    (b"xml", Format::Xml),
    (b"x-json", Format::XJson),
    (b"x-yaml", Format::XYaml),
];

/// Size of a listed channel whose id has the usual length, so that a long list is
/// rarely reallocated.
pub const CHANNEL_BYTES: usize = 128;

impl Format {
    /// The format for an `Accept` header, if there is one. The first slash that is followed by a
    /// known name decides; the text before the slash and after the name is ignored, including
    /// q-values. Letter case matters.
    pub fn accepted(accept: Option<&[u8]>) -> Format {
        let accept = accept.unwrap_or_default();
        let after_slashes = accept.split(|&byte| byte == b'/').skip(1);
        after_slashes
            .filter_map(|text| SUBTYPES.iter().find(|(name, _)| text.starts_with(name)))
            .map(|&(_, format)| format)
            .next()
            .unwrap_or(Format::Json)
    }

    /// The `Content-Type` of the response.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Plain => "text/plain",
            Format::Json => "application/json",
            Format::Yaml => "application/yaml",
            Format::Xml => "application/xml",
            Format::XJson => "text/x-json",
            Format::XYaml => "text/x-yaml",
        }
    }

    /// Formats one channel.
    pub fn channel(self, channel: &Channel) -> Vec<u8> {
        let mut page = Page::with_capacity(2 * CHANNEL_BYTES + channel.id.len());
        match self {
            Format::Plain => plain::channel(&mut page, channel),
            Format::Json | Format::XJson => json::channel(&mut page, channel),
            Format::Yaml | Format::XYaml => yaml::channel(&mut page, channel),
            Format::Xml => xml::channel(&mut page, channel),
        }
        page.into_bytes()
    }

    /// Formats the summary of the server.
    pub fn summary(self, summary: &Summary) -> Vec<u8> {
        let mut page = Page::with_capacity(1024);
        match self {
            Format::Plain => plain::summary(&mut page, summary),
            Format::Json | Format::XJson => json::summary(&mut page, summary),
            Format::Yaml | Format::XYaml => yaml::summary(&mut page, summary),
            Format::Xml => xml::summary(&mut page, summary),
        }
        page.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{C1, summary, totals};
    use super::*;

    #[test]
    fn the_format_is_the_first_known_name_after_a_slash() {
        for (accept, format, content_type) in [
            ("text/plain", Format::Plain, "text/plain"),
            ("application/json", Format::Json, "application/json"),
            ("application/yaml", Format::Yaml, "application/yaml"),
            ("application/xml", Format::Xml, "application/xml"),
            ("text/x-json", Format::XJson, "text/x-json"),
            ("text/x-yaml", Format::XYaml, "text/x-yaml"),
            ("text/html,application/xml;q=0.9,*/*", Format::Xml, "application/xml"),
            ("*/*", Format::Json, "application/json"),
            ("application/json;q=0, text/plain", Format::Json, "application/json"),
            ("image/plainer", Format::Plain, "text/plain"),
            ("/yaml", Format::Yaml, "application/yaml"),
            ("a//xml", Format::Xml, "application/xml"),
            ("text/XML", Format::Json, "application/json"),
            ("text/ plain", Format::Json, "application/json"),
            ("plain", Format::Json, "application/json"),
            ("text/", Format::Json, "application/json"),
            ("", Format::Json, "application/json"),
        ] {
            let found = Format::accepted(Some(accept.as_bytes()));
            assert_eq!((found, found.content_type()), (format, content_type), "{accept}");
        }
        assert_eq!(Format::accepted(None), Format::Json);
    }

    #[test]
    fn the_other_names_of_json_and_yaml_have_the_same_layout() {
        for (one, other) in [(Format::Json, Format::XJson), (Format::Yaml, Format::XYaml)] {
            assert_eq!(one.channel(&C1), other.channel(&C1));
            assert_eq!(one.summary(&summary(&[])), other.summary(&summary(&[])));
            let group = |format: Format| format.group(&totals(1), [C1].into_iter());
            assert_eq!(group(one), group(other));
        }
    }
}
