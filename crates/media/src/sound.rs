//! Samples become a WAV file of 16 bits, as the library `soundfile` writes it.

use wandbd_record::v1;

use crate::array::{Kind, Number, Numbers, Visitor};
use crate::error::MediaError;

const HEADER: u32 = 36;

/// Full scale, of 32 bits.
const SCALE: f64 = 2_147_483_647.0;

/// The bytes of the file.
pub(crate) fn wav(sound: &v1::Sound) -> Result<Vec<u8>, MediaError> {
    if sound.rate == 0 {
        return Err(MediaError::Rate(sound.rate));
    }
    let empty = v1::Array::default();
    let numbers = Numbers::of(sound.array.as_ref().unwrap_or(&empty))?;
    let wrong = || MediaError::Form {
        what: "a sound",
        shape: numbers.lengths(),
        rule: "give (samples,) or (samples, channels) of float32, float64, int16 or int32, at most 4 GiB and 1024 channels",
    };
    let channels = match numbers.shape[..] {
        [_] => 1,
        [_, channels @ 1..=1024] => u16::try_from(channels).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    let kind = numbers.kind;
    if !matches!(kind, Kind::F32 | Kind::F64 | Kind::I16 | Kind::I32) {
        return Err(wrong());
    }
    let length = u32::try_from(numbers.len() * 2).map_err(|_| wrong())?;
    let whole = length.checked_add(HEADER).ok_or_else(wrong)?;
    let frame = channels * 2;
    let per_second = sound
        .rate
        .checked_mul(u32::from(frame))
        .ok_or(MediaError::Rate(sound.rate))?;
    let mut out = Vec::with_capacity(numbers.len() * 2 + 44);
    out.extend(b"RIFF");
    out.extend(whole.to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16_u32.to_le_bytes());
    out.extend(1_u16.to_le_bytes());
    out.extend(channels.to_le_bytes());
    out.extend(sound.rate.to_le_bytes());
    out.extend(per_second.to_le_bytes());
    out.extend(frame.to_le_bytes());
    out.extend(16_u16.to_le_bytes());
    out.extend(b"data");
    out.extend(length.to_le_bytes());
    numbers.visit(Samples {
        kind,
        out: &mut out,
    });
    Ok(out)
}

struct Samples<'a> {
    kind: Kind,
    out: &'a mut Vec<u8>,
}

impl Visitor for Samples<'_> {
    type Output = ();

    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) {
        let shift = if self.kind == Kind::I32 { 16 } else { 0 };
        for number in numbers {
            let sample = match number.integer() {
                Some(integer) => i16::try_from(integer >> shift).unwrap_or_default(),
                None => scaled(number, self.kind == Kind::F32),
            };
            self.out.extend(sample.to_le_bytes());
        }
    }
}

/// The upper half of the number as 32 bits, clipped; singles are scaled in singles.
#[expect(
    clippy::cast_possible_truncation,
    reason = "casts of floats saturate, and half of the bits are meant to go"
)]
fn scaled<T: Number>(number: T, single: bool) -> i16 {
    let value = if single {
        f64::from(number.double() as f32 * SCALE as f32)
    } else {
        number.double() * SCALE
    };
    let whole = if value.is_nan() {
        i32::MIN
    } else {
        value.round_ties_even() as i32
    };
    (whole >> 16) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(dtype: &str, shape: &[u64], data: Vec<u8>) -> v1::Sound {
        v1::Sound {
            array: Some(v1::Array {
                dtype: dtype.to_owned(),
                shape: shape.to_vec(),
                data,
                source: String::new(),
            }),
            rate: 8000,
        }
    }

    fn samples(file: &[u8]) -> Vec<i16> {
        file[44..]
            .as_chunks::<2>()
            .0
            .iter()
            .map(|two| i16::from_le_bytes(*two))
            .collect()
    }

    #[test]
    fn floats_are_scaled_and_clipped() {
        let data = [0.0_f64, 0.5, -0.5, 1.0, -1.0, 7.0, -7.0]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();

        let file = wav(&sound("<f8", &[7], data)).unwrap();

        assert_eq!(
            samples(&file),
            [0, 16384, -16384, 32767, -32768, 32767, -32768]
        );
        assert_eq!(file[..4], *b"RIFF");
        assert_eq!(file[4..8], 50_u32.to_le_bytes());
        assert_eq!(file[40..44], 14_u32.to_le_bytes());
    }

    #[test]
    fn integers_keep_their_upper_bits() {
        let data = [65_536 * 5_i32, -1, i32::MIN]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();

        let file = wav(&sound("<i4", &[3], data)).unwrap();

        assert_eq!(samples(&file), [5, -1, i16::MIN]);
    }

    #[test]
    fn channels_lie_beside_each_other() {
        let file = wav(&sound("<i2", &[2, 2], vec![1, 0, 2, 0, 3, 0, 4, 0])).unwrap();

        assert_eq!(samples(&file), [1, 2, 3, 4]);
        assert_eq!(file[22], 2);
        assert_eq!(file[28..32], 32_000_u32.to_le_bytes());
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        assert!(wav(&sound("<i2", &[1, 1, 1], vec![0, 0])).is_err());
        assert!(wav(&sound("<i2", &[0, 0], vec![])).is_err());
        assert!(wav(&sound("|u1", &[1], vec![0])).is_err());
        let still = v1::Sound {
            rate: 0,
            ..sound("<i2", &[1], vec![0, 0])
        };
        assert!(wav(&still).is_err());
    }
}
