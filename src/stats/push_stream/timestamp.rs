//! Times in the layouts: `YYYY-MM-DDThh:mm:ss` in UTC, without a zone.

use super::super::page::Page;

/// Writes a time in seconds since 1970.
pub(super) fn write(page: &mut Page, unix_seconds: u64) {
    let (year, month, day) = civil_from_days(unix_seconds / 86_400);
    let second = unix_seconds % 86_400;
    if year < 10_000 {
        two_digits(page, year / 100);
        two_digits(page, year % 100);
    } else {
        page.number(year);
    }
    for (before, number) in [
        ("-", month),
        ("-", day),
        ("T", second / 3600),
        (":", second / 60 % 60),
        (":", second % 60),
    ] {
        page.text(before);
        two_digits(page, number);
    }
}

fn two_digits(page: &mut Page, number: u64) {
    page.number(number / 10).number(number % 10);
}

/// Year, month and day in the Gregorian calendar of a day counted from 1 January 1970. Years start
/// in March here, so that the leap day is the last of its year (Hinnant, "chrono-compatible
/// low-level date algorithms").
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 1 March of the year 0
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(unix_seconds: u64) -> String {
        let mut page = Page::with_capacity(0);
        write(&mut page, unix_seconds);
        String::from_utf8(page.into_bytes()).expect("digits are UTF-8")
    }

    #[test]
    fn known_moments_have_their_names() {
        for (unix_seconds, name) in [
            (0, "1970-01-01T00:00:00"),
            (68_169_599, "1972-02-28T23:59:59"),
            (68_169_600, "1972-02-29T00:00:00"),
            (946_684_799, "1999-12-31T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_234_567_890, "2009-02-13T23:31:30"),
            (1_795_315_584, "2026-11-22T02:46:24"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
            (253_402_300_800, "10000-01-01T00:00:00"),
        ] {
            assert_eq!(written(unix_seconds), name);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(civil_from_days(days), (year, month, day));
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u64::from(is_leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!(year, 2370);
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        assert_eq!(written(u64::MAX), "584554051223-11-09T07:00:15");
    }
}
