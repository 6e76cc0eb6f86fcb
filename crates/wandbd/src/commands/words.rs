//! Numbers, sizes and times as people read them.

use wandbd_proto::v1::run::State;

pub(super) fn state_word(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Live => "live",
        State::Finishing => "finishing",
        State::Waiting => "waiting",
        State::Parked => "parked",
        State::Delivered => "delivered",
        State::Offline => "offline",
    }
}

/// `1,234`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(super) fn bytes(number: u64) -> String {
    match number {
        0..1_024 => format!("{number} B"),
        1_024..1_048_576 => format!("{} KiB", number / 1_024),
        1_048_576..1_073_741_824 => format!("{} MiB", number / 1_048_576),
        _ => format!("{} GiB", number / 1_073_741_824),
    }
}

/// `3 runs`.
pub(super) fn rows(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// How long ago; both in Unix seconds.
pub(super) fn ago(then: f64, now: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds between two moments, cut at nothing"
    )]
    let seconds = (now - then).max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h {} min ago", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [1_023, 2_048, 5 << 20, 3 << 30].map(bytes),
            ["1023 B", "2 KiB", "5 MiB", "3 GiB"]
        );
        assert_eq!(ago(0.0, 59.9), "59 s ago");
        assert_eq!(ago(0.0, 3_660.0), "1 h 1 min ago");
        assert_eq!(ago(100.0, 0.0), "0 s ago");
        assert_eq!([rows(1, "run"), rows(2, "run")], ["1 run", "2 runs"]);
    }
}
