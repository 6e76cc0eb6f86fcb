//! Unix seconds and protobuf timestamps.

use prost_types::Timestamp;

const NANOS: f64 = 1e9;

/// The timestamp of Unix seconds, to the microsecond: finer than a double can say today. What is no time becomes 1970.
#[expect(
    clippy::cast_possible_truncation,
    reason = "values are checked to lie in range"
)]
pub fn timestamp(seconds: f64) -> Timestamp {
    /// The year 9999, where protobuf timestamps end.
    const LAST: f64 = 253_402_300_799.0;
    if !(-LAST..=LAST).contains(&seconds) {
        return Timestamp::default();
    }
    let whole = seconds.floor();
    let micros = ((seconds - whole) * 1e6).round() as i32;
    if micros >= 1_000_000 {
        return Timestamp {
            seconds: whole as i64 + 1,
            nanos: 0,
        };
    }
    Timestamp {
        seconds: whole as i64,
        nanos: micros * 1000,
    }
}

/// Unix seconds of a timestamp.
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of any date fit a double"
)]
pub fn seconds(timestamp: &Timestamp) -> f64 {
    timestamp.seconds as f64 + f64::from(timestamp.nanos) / NANOS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_goes_there_and_back_to_the_microsecond() {
        for at in [
            0.0,
            1.5,
            1_795_459_850.134_852,
            1_795_459_850.999_999_9,
            -1.25,
        ] {
            let back = seconds(&timestamp(at));

            assert!((back - at).abs() < 1e-6, "{at} {back}");
        }
    }

    #[test]
    fn what_is_no_time_becomes_the_beginning() {
        assert_eq!(timestamp(f64::NAN), Timestamp::default());
        assert_eq!(timestamp(f64::INFINITY), Timestamp::default());
    }
}
