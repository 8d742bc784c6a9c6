//! The limits as a table. A new limit is a field of [`Limits`] and one row here; file, environment
//! and `rpushd check` use the table.

use super::limits::Limits;
use super::units;
use crate::http::HEADER_COUNT_MAX;
use crate::time::Millis;

/// Unit of a limit, which determines how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// A plain number.
    Count,
    /// Bytes: a number, optionally followed by `k`, `m` or `g`.
    Bytes,
    /// `auto`, which is 0, or bytes.
    Memory,
    /// A time: `30s`, `500ms`, `1h30m`, or a number of seconds.
    Time,
}

/// One field of [`Limits`].
pub struct Limit {
    /// Key in the `[limits]` table.
    pub key: &'static str,
    /// Its unit.
    pub kind: LimitKind,
    /// Smallest allowed value; milliseconds for times.
    pub minimum: u64,
    /// Largest allowed value, if any.
    pub maximum: Option<u64>,
    /// Returns the value; milliseconds for times.
    pub value: fn(&Limits) -> u64,
    assign: fn(&mut Limits, u64) -> Option<()>,
}

impl Limit {
    /// Name of its environment variable.
    pub fn variable(&self) -> String {
        format!("RPUSHD_{}", self.key.to_ascii_uppercase())
    }

    /// Reads a value as written in the configuration and sets the field.
    ///
    /// # Errors
    /// The reason why the text is refused, without the name of the key.
    pub fn set(&self, limits: &mut Limits, text: &str) -> Result<(), String> {
        if self.kind == LimitKind::Memory && text == "auto" {
            let assigned = (self.assign)(limits, 0);
            return assigned.ok_or_else(|| "0 is not allowed".to_owned());
        }
        let value = match self.kind {
            LimitKind::Time => {
                units::parse_milliseconds(text).map(|time| time.0).ok_or_else(|| {
                    format!(
                        "\"{text}\" is not a time; write 30s, 500ms, 1h30m or a number of seconds"
                    )
                })
            }
            LimitKind::Bytes | LimitKind::Memory => units::parse_bytes(text)
                .ok_or_else(|| format!("\"{text}\" is not a size; write bytes, 64k or 16m")),
            LimitKind::Count => units::number(self.key, text)
                .map(u64::from)
                .map_err(|_| format!("\"{text}\" is not a number")),
        }?;
        if value < self.minimum {
            return Err(format!("must be at least {}", self.show(self.minimum)));
        }
        if let Some(maximum) = self.maximum.filter(|maximum| value > *maximum) {
            return Err(format!("must be at most {}", self.show(maximum)));
        }
        (self.assign)(limits, value).ok_or_else(|| format!("\"{text}\" is too large"))
    }

    /// The value as TOML.
    pub fn show_toml(&self, limits: &Limits) -> String {
        let value = (self.value)(limits);
        match self.kind {
            LimitKind::Time => format!("\"{}\"", units::show_time(Millis(value))),
            LimitKind::Memory if value == 0 => "\"auto\"".to_owned(),
            LimitKind::Bytes | LimitKind::Memory | LimitKind::Count => value.to_string(),
        }
    }

    fn show(&self, value: u64) -> String {
        match self.kind {
            LimitKind::Time => units::show_time(Millis(value)),
            LimitKind::Bytes | LimitKind::Memory => units::show_bytes(value),
            LimitKind::Count => value.to_string(),
        }
    }
}

/// The types of the fields of [`Limits`].
trait LimitField: Sized {
    fn to_number(&self) -> u64;
    fn from_number(number: u64) -> Option<Self>;
}

impl LimitField for usize {
    fn to_number(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
    fn from_number(number: u64) -> Option<usize> {
        number.try_into().ok()
    }
}

impl LimitField for u32 {
    fn to_number(&self) -> u64 {
        u64::from(*self)
    }
    fn from_number(number: u64) -> Option<u32> {
        number.try_into().ok()
    }
}

impl LimitField for Millis {
    fn to_number(&self) -> u64 {
        self.0
    }
    fn from_number(number: u64) -> Option<Millis> {
        Some(Millis(number))
    }
}

macro_rules! limit {
    ($kind:ident $field:ident from $minimum:expr) => {
        limit!($kind $field from $minimum, None)
    };
    ($kind:ident $field:ident from $minimum:expr, to $maximum:expr) => {
        limit!($kind $field from $minimum, Some($maximum))
    };
    ($kind:ident $field:ident from $minimum:expr, $maximum:expr) => {
        Limit {
            key: stringify!($field),
            kind: LimitKind::$kind,
            minimum: $minimum,
            maximum: $maximum,
            value: |limits| LimitField::to_number(&limits.$field),
            assign: |limits, number| {
                limits.$field = LimitField::from_number(number)?;
                Some(())
            },
        }
    };
}

/// Every limit, in the order of `rpushd check`.
pub const LIMITS: &[Limit] = &[
    limit!(Memory memory from 8 * 1024 * 1024),
    limit!(Count connections_max from 1),
    limit!(Count connections_reserved from 0),
    limit!(Bytes head_bytes_max from 512),
    limit!(Bytes target_bytes_max from 64),
    limit!(Count header_count_max from 1, to HEADER_COUNT_MAX as u64),
    limit!(Bytes body_bytes_max from 1024),
    limit!(Bytes stream_body_bytes_max from 1024),
    limit!(Time head_timeout from 1),
    limit!(Time body_timeout from 1),
    limit!(Time body_total_timeout from 1),
    limit!(Time keepalive_timeout from 0),
    limit!(Count keepalive_requests_max from 0),
    limit!(Bytes outbox_bytes_max from 1024),
    limit!(Time outbox_stall_timeout from 1),
    limit!(Time peer_timeout from 1),
    limit!(Time pong_timeout from 1),
    limit!(Bytes backlog_bytes_max from 1024),
    limit!(Bytes encoded_bytes_max from 1024),
    limit!(Count channels_max from 1),
    limit!(Bytes channel_name_bytes_max from 1),
    limit!(Count channels_per_request_max from 1),
    limit!(Count publications_per_request_max from 1),
    limit!(Count channels_per_publication_max from 1),
    limit!(Time publication_id_window from 0),
    limit!(Count publication_ids_max from 0),
    limit!(Count channels_per_subscriber_max from 1),
    limit!(Count connects_per_second_max from 0),
    limit!(Count connections_per_address_max from 0),
    limit!(Count connections_per_subject_max from 0),
    limit!(Time connection_age_max from 0),
    limit!(Count revocations_max from 0),
    limit!(Count presence_max from 1),
    limit!(Time revocation_age from 1000),
    limit!(Count listings_max from 1),
    limit!(Bytes store_bytes_max from 128 * 1024),
    limit!(Bytes websocket_message_bytes_max from 125),
    limit!(Time stop_timeout from 0),
    limit!(Time linger_timeout from 0),
    limit!(Count accepts_per_turn from 1),
    limit!(Count writes_per_turn from 1),
    limit!(Count microseconds_per_turn from 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_own_line() {
        let debug = format!("{:?}", Limits::default());
        let fields = debug.matches(": ").count();
        assert_eq!(LIMITS.len(), fields);
        for limit in LIMITS {
            let mut limits = Limits::default();
            let text = match (limit.kind, limit.maximum) {
                (LimitKind::Time, _) => "123456ms".to_owned(),
                (LimitKind::Bytes | LimitKind::Memory | LimitKind::Count, maximum) => {
                    maximum.unwrap_or(123_456_789).to_string()
                }
            };
            limit.set(&mut limits, &text).unwrap();
            let changed: Vec<&str> = LIMITS
                .iter()
                .filter(|other| (other.value)(&limits) != (other.value)(&Limits::default()))
                .map(|other| other.key)
                .collect();
            assert_eq!(changed, [limit.key]);
        }
    }

    #[test]
    fn a_shown_limit_reads_back_the_same() {
        let mut limits = Limits::default();
        for limit in LIMITS {
            let shown = limit.show_toml(&limits);
            limit.set(&mut limits, shown.trim_matches('"')).unwrap();
        }
        assert_eq!(limits, Limits::default());
    }
}
