//! The kinds of values that directives have: how each is read, and how it is written back.

use super::document::Value;
use super::units;
use super::variables::VariableString;
use crate::time::Millis;
use std::fmt;

/// Prefix of the names of the module's directives. TOML keys do not have it.
pub const PREFIX: &str = "push_stream_";

/// The TOML key of the directive with this name.
pub(super) fn toml_key(name: &'static str) -> &'static str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// How the values of a directive are read and written. They are read as `T`; the configuration
/// holds them as `Held`, or as `Option<Held>` where there is no default.
pub(super) struct Kind<T, Held = T> {
    /// What is given in nginx.
    pub(super) argument: Argument,
    /// Reads the value of the directive with this name. Errors have the text of nginx or the
    /// module.
    pub(super) read: fn(&str, &Value) -> Result<T, String>,
    /// The value to be written.
    pub(super) show: fn(&Held) -> Shown,
}

/// What a directive is given in nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// One text.
    Text,
    /// One text with variables in it.
    Variables,
    /// One path of a file, of which the value is the content.
    File,
    /// One text or several.
    List,
}

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    Flag(bool),
    Number(u64),
    Time(Millis),
    Text(Vec<u8>),
    List(Vec<String>),
}

/// As people read it, and nearly as nginx has it.
impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Flag(is_on) => formatter.write_str(if *is_on { "on" } else { "off" }),
            Shown::Number(number) => write!(formatter, "{number}"),
            Shown::Time(time) => formatter.write_str(&units::show_time(*time)),
            Shown::Text(text) => write!(formatter, "\"{}\"", String::from_utf8_lossy(text)),
            Shown::List(texts) => formatter.write_str(&texts.join(" ")),
        }
    }
}

/// A header template, and which of its two directives set it. Both are one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderTemplate {
    /// `header_template`
    Text(Vec<u8>),
    /// `header_template_file`: the content of the file when the configuration was read.
    File(Vec<u8>),
}

impl From<HeaderTemplate> for Vec<u8> {
    fn from(template: HeaderTemplate) -> Vec<u8> {
        match template {
            HeaderTemplate::Text(bytes) | HeaderTemplate::File(bytes) => bytes,
        }
    }
}

impl<T, Held> Kind<T, Held> {
    /// A kind of a single text without variables.
    pub(super) const fn new(
        read: fn(&str, &Value) -> Result<T, String>,
        show: fn(&Held) -> Shown,
    ) -> Kind<T, Held> {
        Kind { argument: Argument::Text, read, show }
    }
}

/// `on` or `off`.
pub(super) const FLAG: Kind<bool> =
    Kind::new(|name, value| units::flag(name, value.text()?), |flag| Shown::Flag(*flag));

/// A number of things.
pub(super) const NUMBER: Kind<u32> = Kind::new(
    |name, value| units::number(name, value.text()?),
    |number| Shown::Number((*number).into()),
);

/// A time that may have milliseconds. The module refuses 0.
pub(super) const TIME: Kind<Millis> =
    Kind::new(|name, value| units::milliseconds(name, value.text()?), |time| Shown::Time(*time));

/// A time in whole seconds.
pub(super) const SECONDS: Kind<Millis> =
    Kind::new(|name, value| units::seconds(name, value.text()?), |time| Shown::Time(*time));

/// A number of bytes, or one with `k`, `m` or `g` after it.
pub(super) const SIZE: Kind<u64> =
    Kind::new(|name, value| units::size(name, value.text()?), |bytes| Shown::Number(*bytes));

/// Any bytes.
pub(super) const BYTES: Kind<Vec<u8>> =
    Kind::new(|_, value| value.bytes().map(<[u8]>::to_vec), |bytes| Shown::Text(bytes.clone()));

/// Text without variables.
pub(super) const TEXT: Kind<String> = Kind::new(
    |_, value| value.text().map(str::to_owned),
    |text| Shown::Text(text.clone().into_bytes()),
);

/// Text with variables.
pub(super) const VARIABLES: Kind<VariableString> = Kind {
    argument: Argument::Variables,
    read: |_, value| VariableString::parse(value.text()?),
    show: |text| Shown::Text(text.source().into()),
};

/// Any number of texts.
pub(super) const LIST: Kind<Vec<String>> = Kind {
    argument: Argument::List,
    read: |_, value| value.list(),
    show: |texts| Shown::List(texts.clone()),
};

/// A header template as its text.
pub(super) const HEADER_TEMPLATE: Kind<HeaderTemplate, Vec<u8>> =
    Kind::new(|name, value| (BYTES.read)(name, value).map(HeaderTemplate::Text), BYTES.show);

/// A header template as the path of its file.
pub(super) const HEADER_TEMPLATE_FILE: Kind<HeaderTemplate, Vec<u8>> = Kind {
    argument: Argument::File,
    ..Kind::new(|name, value| (BYTES.read)(name, value).map(HeaderTemplate::File), BYTES.show)
};
