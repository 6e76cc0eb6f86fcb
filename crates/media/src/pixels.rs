//! Arrays become pictures of 8 bits, as W&B's client does it with numpy and Pillow.

use wandbd_record::v1;

use crate::array::{Kind, Number, Numbers, Visitor};
use crate::error::MediaError;

/// Longest side of a picture.
const MAX_SIDE: usize = 65_500;

const RULE: &str = "give (height, width) or (height, width, channels) with 1 to 4 channels and sides of 1 to 65500";

/// A picture of 8 bits: rows of pixels of 1 to 4 channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// 1 gray, 2 gray and alpha, 3 colours, 4 colours and alpha.
    pub(crate) channels: usize,
    pub(crate) data: Vec<u8>,
}

/// The picture that `pixels` say.
pub(crate) fn bitmap(pixels: &v1::Pixels) -> Result<Bitmap, MediaError> {
    let empty = v1::Array::default();
    let numbers = Numbers::of(pixels.array.as_ref().unwrap_or(&empty))?;
    let wrong = || MediaError::Form {
        what: "a picture",
        shape: numbers.lengths(),
        rule: RULE,
    };
    let mut shape = numbers.shape.clone();
    let mut data = numbers.visit(Bytes {
        normalize: pixels.normalize,
        kind: numbers.kind,
    });
    if pixels.channels_first {
        let &[channels, height, width] = &shape[..] else {
            return Err(wrong());
        };
        data = channels_last(&data, channels);
        shape = vec![height, width, channels];
    }
    let (height, width, channels) = if let Some(form) = form(&shape) {
        form
    } else {
        shape.retain(|length| *length != 1);
        form(&shape).ok_or_else(wrong)?
    };
    if !(1..=MAX_SIDE).contains(&height) || !(1..=MAX_SIDE).contains(&width) {
        return Err(wrong());
    }
    Ok(Bitmap {
        width: u32::try_from(width).map_err(|_| wrong())?,
        height: u32::try_from(height).map_err(|_| wrong())?,
        channels,
        data,
    })
}

impl Bitmap {
    /// Without alpha.
    pub(crate) fn opaque(self) -> Self {
        let keep = match self.channels {
            2 => 1,
            4 => 3,
            _ => return self,
        };
        let data = self
            .data
            .chunks_exact(self.channels)
            .flat_map(|pixel| &pixel[..keep])
            .copied()
            .collect();
        Self {
            channels: keep,
            data,
            ..self
        }
    }
}

/// Height, width and channels, if the shape is that of a picture.
fn form(shape: &[usize]) -> Option<(usize, usize, usize)> {
    match *shape {
        [height, width] => Some((height, width, 1)),
        [height, width, channels @ 1..=4] => Some((height, width, channels)),
        _ => None,
    }
}

fn channels_last(planes: &[u8], channels: usize) -> Vec<u8> {
    if channels <= 1 {
        return planes.to_vec();
    }
    let plane = planes.len() / channels;
    let mut data = vec![0; planes.len()];
    for (channel, from) in planes.chunks_exact(plane.max(1)).enumerate().take(channels) {
        for (pixel, byte) in data.chunks_exact_mut(channels).zip(from) {
            pixel[channel] = *byte;
        }
    }
    data
}

struct Bytes {
    normalize: bool,
    kind: Kind,
}

impl Visitor for Bytes {
    type Output = Vec<u8>;

    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) -> Vec<u8> {
        if !self.normalize {
            return numbers.map(Number::low_byte).collect();
        }
        let mut least = f64::INFINITY;
        let mut most = f64::NEG_INFINITY;
        for number in numbers.clone() {
            let double = number.double();
            least = least.min(double);
            most = most.max(double);
        }
        let stretch: fn(f64) -> f64 = if least >= 0.0 && most <= 1.0 {
            |number| number * 255.0
        } else if least >= -1.0 && most <= 1.0 {
            |number| 127.5 * (number + 1.0)
        } else {
            |number| number
        };
        let single = matches!(self.kind, Kind::F32 | Kind::F16 | Kind::BF16);
        numbers
            .map(|number| {
                let mut value = stretch(number.double());
                if single {
                    value = nearest_single(value);
                }
                value.clamp(0.0, 255.0).low_byte()
            })
            .collect()
    }
}

/// Arrays of singles are computed in singles.
#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
fn nearest_single(number: f64) -> f64 {
    f64::from(number as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(dtype: &str, shape: &[u64], data: Vec<u8>) -> v1::Pixels {
        v1::Pixels {
            array: Some(v1::Array {
                dtype: dtype.to_owned(),
                shape: shape.to_vec(),
                data,
                source: String::new(),
            }),
            normalize: false,
            channels_first: false,
        }
    }

    fn floats(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|one| one.to_le_bytes()).collect()
    }

    #[test]
    fn numbers_become_bytes_as_numpy_casts_them() {
        let given = [
            0.9,
            1.0,
            1.5,
            -0.5,
            -1.0,
            -1.5,
            255.9,
            256.7,
            300.0,
            1000.0,
            -300.0,
            70_000.0,
            3e9,
            1e20,
            f32::NAN,
            f32::INFINITY,
        ];
        let expect = [0, 1, 1, 0, 255, 255, 255, 0, 44, 232, 212, 112, 0, 0, 0, 0];

        let made = bitmap(&pixels("<f4", &[1, 16], floats(&given))).unwrap();

        assert_eq!(made.data, expect);
        let integers: Vec<u8> = [-1_i16, 300, 7]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();
        assert_eq!(
            bitmap(&pixels("<i2", &[1, 3], integers)).unwrap().data,
            [255, 44, 7]
        );
        assert_eq!(
            bitmap(&pixels("|b1", &[1, 2], vec![0, 1])).unwrap().data,
            [0, 1]
        );
        assert_eq!(
            bitmap(&pixels(">u2", &[1, 2], vec![0, 5, 1, 6]))
                .unwrap()
                .data,
            [5, 6]
        );
    }

    #[test]
    fn normalized_numbers_are_stretched_or_clipped() {
        let check = |given: &[f32], expect: &[u8]| {
            let mut asked = pixels("<f4", &[1, given.len() as u64], floats(given));
            asked.normalize = true;
            assert_eq!(bitmap(&asked).unwrap().data, expect, "{given:?}");
        };
        check(&[0.0, 0.5, 1.0], &[0, 127, 255]);
        check(&[-1.0, 0.0, 1.0], &[0, 127, 255]);
        check(&[-5.0, 17.0, 300.0], &[0, 17, 255]);
    }

    #[test]
    fn dimensions_of_one_are_dropped_where_it_is_no_picture_otherwise() {
        let of = |shape: &[u64]| {
            let made = bitmap(&pixels("|u1", shape, vec![0; 12])).unwrap();
            (made.height, made.width, made.channels)
        };
        assert_eq!(of(&[3, 4]), (3, 4, 1));
        assert_eq!(of(&[3, 4, 1]), (3, 4, 1));
        assert_eq!(of(&[1, 2, 6]), (2, 6, 1));
        assert_eq!(of(&[2, 2, 3]), (2, 2, 3));
        assert_eq!(of(&[1, 4, 3]), (1, 4, 3));
        assert_eq!(of(&[1, 2, 2, 3, 1]), (2, 2, 3));
        assert_eq!(of(&[1, 12, 1]), (1, 12, 1));
    }

    #[test]
    fn channels_that_come_first_go_last() {
        let mut asked = pixels("|u1", &[3, 1, 2], vec![1, 2, 3, 4, 5, 6]);
        asked.channels_first = true;

        let made = bitmap(&asked).unwrap();

        assert_eq!((made.height, made.width, made.channels), (1, 2, 3));
        assert_eq!(made.data, [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn shapes_that_lie_are_refused() {
        for (dtype, shape, bytes) in [
            ("|u1", vec![2, 2], 3),
            ("|u1", vec![u64::MAX, u64::MAX], 1),
            ("|u1", vec![0, u64::MAX], 0),
            ("<f4", vec![1 << 62, 4], 0),
            ("|u1", vec![], 1),
            ("|u1", vec![5], 5),
            ("|u1", vec![1, 1, 5], 5),
            ("|u1", vec![1; 100], 1),
            ("<c8", vec![1, 1], 8),
            ("", vec![1, 1], 1),
            ("é", vec![1, 1], 1),
        ] {
            let refused = bitmap(&pixels(dtype, &shape, vec![0; bytes]));
            assert!(refused.is_err(), "{dtype} {shape:?}");
        }
    }
}
