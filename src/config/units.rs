//! Reads times, sizes, numbers and flags in nginx's syntax (push-stream spec, section 2.1) with
//! nginx's error texts, for the TOML file, the environment and the nginx importer.

use crate::time::Millis;

/// Reads a time in whole seconds: `30`, `30s`, `5m`, `1h30m`, units from large to small. `ms` is
/// refused.
///
/// # Errors
/// nginx's error text, which includes the name of the directive.
pub fn seconds(directive: &str, text: &str) -> Result<Millis, String> {
    parse_time(text, Precision::Seconds).ok_or_else(|| invalid_value(directive))
}

/// Reads a time like [`seconds`], but with milliseconds (`500ms`). A bare number is seconds, too.
///
/// # Errors
/// nginx's error text, which includes the name of the directive.
pub fn milliseconds(directive: &str, text: &str) -> Result<Millis, String> {
    parse_milliseconds(text).ok_or_else(|| invalid_value(directive))
}

/// Reads a number of bytes, optionally followed by `k`, `m` or `g` in any letter case. nginx
/// accepts `g` only for sizes of bodies and files; here it is accepted for all.
///
/// # Errors
/// nginx's error text, which includes the name of the directive.
pub fn size(directive: &str, text: &str) -> Result<u64, String> {
    parse_bytes(text).ok_or_else(|| invalid_value(directive))
}

/// Reads decimal digits.
///
/// # Errors
/// nginx's error text, which includes the name of the directive; also for numbers beyond 32 bits.
pub fn number(directive: &str, text: &str) -> Result<u32, String> {
    parse_digits(text)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| format!("\"{directive}\" directive invalid number"))
}

/// Reads `on` or `off` in any letter case.
///
/// # Errors
/// nginx's error text, which includes the name of the directive.
pub fn flag(directive: &str, text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!(
            "invalid value \"{text}\" in \"{directive}\" directive, it must be \"on\" or \"off\""
        )),
    }
}

/// Reads a time like [`milliseconds`]; none if the text is not a time.
pub fn parse_milliseconds(text: &str) -> Option<Millis> {
    parse_time(text, Precision::Milliseconds)
}

/// Reads a size like [`size`]; none if the text is not a size.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    parse_digits(digits)?.checked_mul(factor).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// A time in the syntax of [`parse_milliseconds`]: `30s`, `1500ms`.
pub fn show_time(time: Millis) -> String {
    match time.0 % 1000 {
        0 => format!("{}s", time.whole_seconds()),
        _ => format!("{}ms", time.0),
    }
}

/// A size for messages: `16 MiB`, `1000 bytes`.
pub fn show_bytes(bytes: u64) -> String {
    match bytes {
        _ if bytes > 0 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes > 0 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Precision {
    Seconds,
    Milliseconds,
}

fn invalid_value(directive: &str) -> String {
    format!("\"{directive}\" directive invalid value")
}

/// Reads digits only; numbers beyond nginx's signed 64 bits are refused.
fn parse_digits(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok().filter(|number| i64::try_from(*number).is_ok())).flatten()
}

/// Reads a time like `ngx_parse_time`: numbers with units, each unit smaller than the one before.
/// Years and months are allowed only with second precision. A number without unit is seconds and
/// must be the last.
fn parse_time(text: &str, precision: Precision) -> Option<Millis> {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let mut rest = text;
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let width = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = parse_digits(&rest[..width])?;
        rest = &rest[width..];
        let (unit, unit_width) = match rest.as_bytes() {
            [b'm', b's', ..] if precision == Precision::Milliseconds => (1, 2),
            [b'm', b's', ..] => return None,
            [b'y', ..] if precision == Precision::Seconds => (365 * DAY, 1),
            [b'M', ..] if precision == Precision::Seconds => (30 * DAY, 1),
            [b'w', ..] => (7 * DAY, 1),
            [b'd', ..] => (DAY, 1),
            [b'h', ..] => (60 * 60 * 1000, 1),
            [b'm', ..] => (60 * 1000, 1),
            [b's', ..] => (1000, 1),
            [] => (1000, 0),
            _ => return None,
        };
        let is_in_order = unit < smallest || unit_width == 0;
        total = is_in_order.then(|| count.checked_mul(unit)?.checked_add(total)).flatten()?;
        smallest = unit;
        rest = rest[unit_width..].trim_start_matches(' ');
    }
    (!text.is_empty() && i64::try_from(total).is_ok()).then_some(Millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_nginx_reads_them() {
        let cases = [
            ("30", Some(30_000)),
            ("30s", Some(30_000)),
            ("500ms", Some(500)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("1m30", Some(90_000)),
            ("1w1d", Some(691_200_000)),
            ("1s500ms", Some(1_500)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            ("30m1h", None),
            ("1s1s", None),
            ("1.5s", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1y", None),
            ("1M", None),
            ("1x", None),
            ("9223372036854775807", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_milliseconds(text), expected.map(Millis), "{text:?}");
        }
    }

    #[test]
    fn whole_seconds_know_years_and_months_but_no_milliseconds() {
        assert_eq!(seconds("x", "1y"), Ok(Millis::from_seconds(365 * 24 * 3600)));
        assert_eq!(seconds("x", "1M2s"), Ok(Millis::from_seconds(30 * 24 * 3600 + 2)));
        assert_eq!(seconds("x", "1m"), Ok(Millis::from_seconds(60)));
        assert_eq!(seconds("x", "500ms"), Err("\"x\" directive invalid value".into()));
    }

    #[test]
    fn sizes_have_units_and_fit_a_signed_number() {
        assert_eq!(size("x", "12"), Ok(12));
        assert_eq!(size("x", "2k"), Ok(2048));
        assert_eq!(size("x", "3M"), Ok(3 << 20));
        assert_eq!(size("x", "1g"), Ok(1 << 30));
        assert_eq!(size("x", "2G"), Ok(2 << 30));
        for text in ["", "k", "1kk", "1.5k", "-1", "1b", "9007199254740993m"] {
            assert_eq!(size("x", text), Err("\"x\" directive invalid value".into()), "{text:?}");
        }
    }

    #[test]
    fn flags_and_numbers_are_refused_in_nginx_words() {
        assert_eq!(flag("gzip", "ON"), Ok(true));
        assert_eq!(
            flag("gzip", "true"),
            Err("invalid value \"true\" in \"gzip\" directive, it must be \"on\" or \"off\"".into())
        );
        assert_eq!(number("n", "4294967295"), Ok(u32::MAX));
        assert_eq!(number("n", "4294967296"), Err("\"n\" directive invalid number".into()));
        assert_eq!(number("n", "1k"), Err("\"n\" directive invalid number".into()));
    }

    #[test]
    fn a_shown_time_reads_back_the_same() {
        for milliseconds in [0, 1, 999, 1000, 1500, 60_000, 86_400_001] {
            let time = Millis(milliseconds);
            assert_eq!(parse_milliseconds(&show_time(time)), Some(time));
        }
    }
}
