//! Times as RFC 3339 writes them, in UTC: reading the local time zone would cost a file.

use crate::decimal;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format(since.as_secs(), since.subsec_nanos())
}

/// A number of seconds since 1970 as RFC 3339 in UTC, such as `2000-02-29T00:00:00Z`.
pub fn rfc3339(seconds: u64) -> String {
    to_the_second(seconds) + "Z"
}

fn format(seconds: u64, nanoseconds: u32) -> String {
    let mut text = to_the_second(seconds);
    text.push('.');
    decimal::push(&mut text, nanoseconds.into(), 9);
    text.push('Z');
    text
}

fn to_the_second(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let second = seconds % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = String::with_capacity("2000-02-29T00:00:00.000000000Z".len());
    decimal::push(&mut text, year, 4);
    let parts = [('-', month), ('-', day), ('T', hour), (':', minute), (':', second)];
    for (before, number) in parts {
        text.push(before);
        decimal::push(&mut text, number, 2);
    }
    text
}

/// The Gregorian date of a day since 1970, counting in years that begin in March, so that the leap day
/// is the last of its year, and in eras of 400 years, which are all alike.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn known_moments() {
        assert_eq!(format(0, 0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(format(951_782_400, 5), "2000-02-29T00:00:00.000000005Z");
        assert_eq!(format(1_709_251_199, 0), "2024-02-29T23:59:59.000000000Z");
        assert_eq!(format(4_102_444_800, 0), "2100-01-01T00:00:00.000000000Z");
    }
}
