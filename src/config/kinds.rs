//! The kinds of values that directives have: how each is read, and how it is written back.

use super::document::Value;
use super::units;
use crate::time::Millis;

/// Prefix of the names of the module's directives. TOML keys do not have it.
pub const PREFIX: &str = "push_stream_";

/// The TOML key of the directive with this name.
pub(super) fn toml_key(name: &'static str) -> &'static str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// How the values of a directive are read and written. They are read as `T`; the configuration
/// holds them as `Held`, or as `Option<Held>` where there is no default.
pub(super) struct Kind<T, Held = T> {
    /// Reads the value of the directive with this name. Errors have the text of nginx or the
    /// module.
    pub(super) read: fn(&str, &Value) -> Result<T, String>,
    /// The value to be written.
    pub(super) show: fn(&Held) -> Shown,
}

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    Flag(bool),
    Number(u64),
    Time(Millis),
    Text(Vec<u8>),
}

impl<T, Held> Kind<T, Held> {
    /// A kind that is read and written with these functions.
    pub(super) const fn new(
        read: fn(&str, &Value) -> Result<T, String>,
        show: fn(&Held) -> Shown,
    ) -> Kind<T, Held> {
        Kind { read, show }
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

/// A time in whole seconds.
pub(super) const SECONDS: Kind<Millis> =
    Kind::new(|name, value| units::seconds(name, value.text()?), |time| Shown::Time(*time));

/// A number of bytes, or one with `k`, `m` or `g` after it.
pub(super) const SIZE: Kind<u64> =
    Kind::new(|name, value| units::size(name, value.text()?), |bytes| Shown::Number(*bytes));

/// Any bytes.
pub(super) const BYTES: Kind<Vec<u8>> =
    Kind::new(|_, value| value.bytes().map(<[u8]>::to_vec), |bytes| Shown::Text(bytes.clone()));
