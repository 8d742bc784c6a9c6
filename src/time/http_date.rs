//! HTTP dates (RFC 9110, section 5.6.7) as bytes <-> seconds since 1970. No allocation, no clock.

const SECONDS_PER_DAY: u64 = 86_400;
/// 31 December 9999, 23:59:59: the last second whose year has four digits.
const LAST_SECOND: u64 = 253_402_300_799;
const WEEKDAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Formats seconds since 1970 as `Sun, 22 Nov 2026 02:54:12 GMT`. Times after the year 9999 give
/// its last second.
pub fn format(unix_seconds: u64) -> [u8; 29] {
    let unix_seconds = unix_seconds.min(LAST_SECOND);
    let days = unix_seconds / SECONDS_PER_DAY;
    let second = unix_seconds % SECONDS_PER_DAY;
    let (year, month, day) = date_of_day(days);

    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // Day 0 was a Thursday.
    text[0..3].copy_from_slice(WEEKDAYS[(days as usize + 4) % 7]);
    text[5..7].copy_from_slice(&two_digits(day));
    text[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    text[12..14].copy_from_slice(&two_digits(year / 100));
    text[14..16].copy_from_slice(&two_digits(year % 100));
    text[17..19].copy_from_slice(&two_digits(second / 3600));
    text[20..22].copy_from_slice(&two_digits(second / 60 % 60));
    text[23..25].copy_from_slice(&two_digits(second % 60));
    text
}

/// Parses the three forms of an HTTP date (push-stream spec, section 9.1); `None` for anything
/// else.
///
/// As in nginx, the weekday need not match the date and `UTC` is accepted for `GMT`, because many
/// clients write such dates with `strftime`. Dates before 1970 give 0. Two-digit years below 70 are
/// in this century.
pub fn parse(text: &[u8]) -> Option<u64> {
    let mut reader = Reader(text);
    reader.weekday()?;
    if !reader.skips(b", ") {
        return reader.asctime();
    }
    let day = reader.digits(2)?;
    let (month, year) = if reader.skips(b"-") {
        let month = reader.month()?;
        reader.literal(b"-")?;
        let year = reader.digits(2)?;
        (month, if year < 70 { 2000 + year } else { 1900 + year })
    } else {
        reader.literal(b" ")?;
        let month = reader.month()?;
        reader.literal(b" ")?;
        (month, reader.digits(4)?)
    };
    reader.literal(b" ")?;
    let second = reader.second_of_day()?;
    if !reader.skips(b" GMT") {
        reader.literal(b" UTC")?;
    }
    reader.end()?;
    seconds_at(year, month, day, second)
}

/// The text that is not parsed yet. Every method consumes what it is named after.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Parses what follows the weekday in `Sun Nov 22 02:54:12 2026`. One-digit days have one or
    /// two spaces before them.
    fn asctime(mut self) -> Option<u64> {
        self.literal(b" ")?;
        let month = self.month()?;
        self.literal(b" ")?;
        let day = if self.skips(b" ") {
            self.digits(1)?
        } else {
            self.digits(2).or_else(|| self.digits(1))?
        };
        self.literal(b" ")?;
        let second = self.second_of_day()?;
        self.literal(b" ")?;
        let year = self.digits(4)?;
        self.end()?;
        seconds_at(year, month, day, second)
    }

    fn weekday(&mut self) -> Option<()> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        (!word.is_empty()).then_some(())
    }

    fn month(&mut self) -> Option<u64> {
        let (name, rest) = self.0.split_first_chunk::<3>()?;
        let index = MONTHS.iter().position(|month| *month == name)?;
        self.0 = rest;
        Some(index as u64 + 1)
    }

    fn second_of_day(&mut self) -> Option<u64> {
        let hour = self.digits(2)?;
        self.literal(b":")?;
        let minute = self.digits(2)?;
        self.literal(b":")?;
        let second = self.digits(2)?;
        let is_in_range = hour < 24 && minute < 60 && second < 60;
        is_in_range.then_some(hour * 3600 + minute * 60 + second)
    }

    fn digits(&mut self, count: usize) -> Option<u64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u64::from(digit - b'0');
        }
        self.0 = rest;
        Some(number)
    }

    fn literal(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn skips(&mut self, expected: &[u8]) -> bool {
        self.literal(expected).is_some()
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

const fn two_digits(number: u64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// Year, month (1-12) and day (1-31) of a day counted from 1 January 1970. Years start in March in
/// this calculation, so that the leap day is the last of its year.
pub(super) const fn date_of_day(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = days / 146_097 * 400 + year_of_era + (month <= 2) as u64;
    (year, month, day)
}

/// Seconds since 1970 of a date in the years 0000 to 9999; 0 before 1970; `None` if there is no
/// such day.
fn seconds_at(year: u64, month: u64, day: u64, second_of_day: u64) -> Option<u64> {
    let is_leap_year =
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let day_max = match month {
        2 if is_leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day == 0 || day > day_max {
        return None;
    }
    if year < 1970 {
        return Some(0);
    }
    let (march_year, month_from_march) =
        if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    let days = 365 * march_year + leap_days + day_of_year - 719_468;
    Some(days * SECONDS_PER_DAY + second_of_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(unix_seconds: u64) -> String {
        String::from_utf8_lossy(&format(unix_seconds)).into_owned()
    }

    #[test]
    fn the_epoch_and_the_example_of_the_spec_are_29_characters() {
        assert_eq!(formatted(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(formatted(1_795_315_656), "Sun, 22 Nov 2026 02:47:36 GMT");
    }

    #[test]
    fn times_beyond_four_digit_years_stay_at_the_last_second() {
        assert_eq!(formatted(LAST_SECOND), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(formatted(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn the_three_forms_name_the_same_second() {
        let forms: [&[u8]; 3] = [
            b"Sun, 22 Nov 2026 02:54:12 GMT",
            b"Sunday, 22-Nov-26 02:54:12 GMT",
            b"Sun Nov 22 02:54:12 2026",
        ];
        assert_eq!(forms.map(parse), [Some(1_795_316_052); 3]);
    }

    #[test]
    fn every_day_of_eight_centuries_reads_back_as_written() {
        for day in 0..293_000 {
            let moment = day * SECONDS_PER_DAY + day % SECONDS_PER_DAY;
            assert_eq!(parse(&format(moment)), Some(moment));
        }
    }

    #[test]
    fn formatting_agrees_with_an_independent_implementation() {
        for step in 0..5_000 {
            let moment = step * 50_680_459;
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(moment);
            assert_eq!(formatted(moment), httpdate::fmt_http_date(time));
        }
    }

    #[test]
    fn one_digit_days_are_read_in_the_third_form_alone() {
        assert_eq!(parse(b"Sun Nov  6 08:49:37 1994"), Some(784_111_777));
        assert_eq!(parse(b"Sun Nov 6 08:49:37 1994"), Some(784_111_777));
        assert_eq!(parse(b"Sun, 6 Nov 1994 08:49:37 GMT"), None);
        assert_eq!(parse(b"Sunday, 6-Nov-94 08:49:37 GMT"), None);
    }

    #[test]
    fn two_digit_years_turn_at_seventy() {
        assert_eq!(parse(b"Thursday, 01-Jan-70 00:00:01 GMT"), Some(1));
        assert_eq!(
            parse(b"Wednesday, 01-Jan-69 00:00:00 GMT"),
            parse(b"Tue, 01 Jan 2069 00:00:00 GMT")
        );
    }

    #[test]
    fn a_wrong_weekday_and_the_zone_utc_are_tolerated() {
        assert_eq!(parse(b"Mon, 22 Nov 2026 02:54:12 UTC"), Some(1_795_316_052));
    }

    #[test]
    fn dates_before_1970_are_the_epoch() {
        assert_eq!(parse(b"Fri, 31 Dec 1965 23:59:59 GMT"), Some(0));
        assert_eq!(parse(b"Sat, 01 Jan 0000 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn anything_else_is_no_date() {
        let refused: [&[u8]; 22] = [
            b"",
            b" ",
            b"Sun",
            b"Sun,",
            b"1795316052",
            b"yesterday",
            b"2026-11-22T02:54:12Z",
            b", 22 Nov 2026 02:54:12 GMT",
            b"Sun, 22 Nov 2026 02:54:12",
            b"Sun, 22 Nov 2026 02:54:12 +0100",
            b"Sun, 22 Nov 2026 02:54:12 GMT ",
            b" Sun, 22 Nov 2026 02:54:12 GMT",
            b"Sun, 22 Nov 26 02:54:12 GMT",
            b"Sun, 22 nov 2026 02:54:12 GMT",
            b"Sun, 00 Nov 2026 02:54:12 GMT",
            b"Sat, 29 Feb 2025 00:00:00 GMT",
            b"Wed, 31 Nov 2026 02:54:12 GMT",
            b"Sun, 22 Nov 2026 24:00:00 GMT",
            b"Sun, 22 Nov 2026 02:60:00 GMT",
            b"Sun, 22 Nov 2026 02:54:60 GMT",
            b"Sun, 22 Nov 20\xff6 02:54:12 GMT",
            b"Sun Nov 22 02:54:12 2026 GMT",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
