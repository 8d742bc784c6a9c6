//! Times in log lines (RFC 3339).

use super::UnixMillis;
use super::http_date::date_of_day;

/// Formats milliseconds since 1970 as `2026-11-22T02:54:12.345Z`.
pub fn format(unix: UnixMillis) -> String {
    let seconds = unix.whole_seconds();
    let (year, month, day) = date_of_day(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let milliseconds = unix.0 % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_have_their_names() {
        assert_eq!(format(UnixMillis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(format(UnixMillis(951_782_399_999)), "2000-02-28T23:59:59.999Z");
        assert_eq!(format(UnixMillis(951_782_400_001)), "2000-02-29T00:00:00.001Z");
        assert_eq!(format(UnixMillis(1_795_316_052_345)), "2026-11-22T02:54:12.345Z");
    }
}
