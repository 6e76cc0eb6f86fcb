//! W&B's sets of telemetry numbers: a message of bools in a record, a list of numbers in the config.
//!
//! Each number is the number of a bool field, so the set is read and written without knowing the names: on the wire a set field
//! is its tag (number times 8, as a varint) and a one.

/// The bytes of a message in which exactly the fields of these numbers are true. Numbers below 1 are left out.
pub fn to_bytes(numbers: &[i32]) -> Vec<u8> {
    let mut sorted: Vec<i32> = numbers.iter().copied().filter(|one| *one > 0).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut out = Vec::with_capacity(sorted.len() * 3);
    for number in sorted {
        push_varint(&mut out, u64::from(number.unsigned_abs()) << 3);
        out.push(1);
    }
    out
}

/// The numbers of the bool fields that are true, in order. What follows something unreadable is left out.
pub fn to_numbers(mut bytes: &[u8]) -> Vec<i32> {
    let mut out = Vec::new();
    while let Some((number, set)) = next_field(&mut bytes) {
        if let (Ok(number), true) = (i32::try_from(number), set) {
            out.push(number);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Steps over one field: its number, and whether it is a true bool.
fn next_field(bytes: &mut &[u8]) -> Option<(u64, bool)> {
    let tag = take_varint(bytes)?;
    let set = match tag & 7 {
        0 => take_varint(bytes)? != 0,
        1 => skip(bytes, 8)?,
        2 => {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            skip(bytes, length)?
        }
        5 => skip(bytes, 4)?,
        _ => return None,
    };
    Some((tag >> 3, set))
}

fn skip(bytes: &mut &[u8], length: usize) -> Option<bool> {
    *bytes = bytes.get(length..)?;
    Some(false)
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_numbers_survives_the_way_through_a_record() {
        for numbers in [
            vec![],
            vec![1],
            vec![4, 16],
            vec![1, 15, 16, 38, 39, 76, 3000],
        ] {
            assert_eq!(to_numbers(&to_bytes(&numbers)), numbers);
        }
    }

    #[test]
    fn the_bytes_are_those_of_a_message_of_bools() {
        assert_eq!(to_bytes(&[16, 4, 4, 0, -1]), [0x20, 1, 0x80, 1, 1]);
    }

    #[test]
    fn false_and_other_fields_are_skipped_and_garbage_ends_the_list() {
        let bytes = [0x08, 1, 0x10, 0, 0x1a, 2, 9, 9, 0x20, 1, 0xff];

        assert_eq!(to_numbers(&bytes), [1, 4]);
    }
}
