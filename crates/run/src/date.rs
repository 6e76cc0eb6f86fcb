//! Unix time as text.

use wandbd_record::Timestamp;

const DAY: i64 = 86_400;
const NANOS: i128 = 1_000_000_000;

/// UTC with microseconds and without a zone: `2026-01-01T00:00:00.000001`.
pub(crate) fn utc_micros(at: &Timestamp) -> String {
    let (year, month, day) = civil(at.seconds.div_euclid(DAY));
    let second = at.seconds.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        at.nanos / 1000
    )
}

/// UTC as it is in names of files: `20260101_000000_000000001`. From nanoseconds since 1970.
pub(crate) fn compact_nanos(nanos: i128) -> String {
    let seconds = i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(0);
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    format!(
        "{year:04}{month:02}{day:02}_{:02}{:02}{:02}_{:09}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        nanos.rem_euclid(NANOS)
    )
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Works in eras of 400 years that begin on
/// the first of March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_microseconds() {
        for (seconds, nanos, expect) in [
            (0, 0, "1970-01-01T00:00:00.000000"),
            (951_782_400, 1_000, "2000-02-29T00:00:00.000001"),
            (1_767_225_599, 999_999_999, "2025-12-31T23:59:59.999999"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000"),
            (-1, 500_000_000, "1969-12-31T23:59:59.500000"),
        ] {
            assert_eq!(utc_micros(&Timestamp { seconds, nanos }), expect);
        }
    }
}
