//! Arrays of numbers as they come: a type, a shape and bytes, which must fit together.

use std::borrow::Cow;
use std::path::Path;

use half::{bf16, f16};
use wandbd_record::v1;

use crate::error::MediaError;

/// How large one array may be: 2 GiB.
pub(crate) const MAX_BYTES: u64 = 2 << 30;

/// Most dimensions of an array.
const MAX_DIMENSIONS: usize = 32;

/// The kinds of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    BF16,
    F32,
    F64,
}

impl Kind {
    fn of(dtype: &str) -> Option<(Self, bool)> {
        if dtype == "bfloat16" {
            return Some((Self::BF16, false));
        }
        let (order, name) = dtype.split_at_checked(1)?;
        let swapped = match order {
            "|" | "<" | "=" => false,
            ">" => true,
            _ => return None,
        };
        let kind = match name {
            "b1" => Self::Bool,
            "i1" => Self::I8,
            "i2" => Self::I16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "u4" => Self::U32,
            "u8" => Self::U64,
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            _ => return None,
        };
        Some((kind, swapped))
    }

    fn width(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

/// An array whose data fits its shape, little endian.
pub(crate) struct Numbers<'a> {
    pub(crate) kind: Kind,
    /// Its lengths; their product is the number of elements.
    pub(crate) shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Numbers<'a> {
    /// Reads what `array` says, from its file if it has one.
    pub(crate) fn of(array: &'a v1::Array) -> Result<Self, MediaError> {
        let (kind, swapped) =
            Kind::of(&array.dtype).ok_or_else(|| MediaError::Dtype(array.dtype.clone()))?;
        let misfit = |given: u64| MediaError::Shape {
            dtype: array.dtype.clone(),
            shape: array.shape.iter().copied().take(MAX_DIMENSIONS).collect(),
            given,
        };
        let given = if array.source.is_empty() {
            array.data.len() as u64
        } else {
            let path = Path::new(&array.source);
            std::fs::metadata(path)
                .map_err(|source| MediaError::read(path, source))?
                .len()
        };
        let shape: Option<Vec<usize>> = array
            .shape
            .iter()
            .map(|length| usize::try_from(*length).ok())
            .collect();
        let shape = shape
            .filter(|shape| shape.len() <= MAX_DIMENSIONS)
            .ok_or_else(|| misfit(given))?;
        let expected = bytes_of(&array.shape, kind.width()).ok_or_else(|| misfit(given))?;
        if expected != given {
            return Err(misfit(given));
        }
        if given > MAX_BYTES {
            return Err(MediaError::Large { bytes: given });
        }
        let mut bytes = data(array)?;
        if bytes.len() as u64 != expected {
            return Err(misfit(bytes.len() as u64));
        }
        if swapped && kind.width() > 1 {
            for number in bytes.to_mut().chunks_exact_mut(kind.width()) {
                number.reverse();
            }
        }
        Ok(Self { kind, shape, bytes })
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.kind.width()
    }

    /// The shape as it came, for messages.
    pub(crate) fn lengths(&self) -> Vec<u64> {
        self.shape.iter().map(|length| *length as u64).collect()
    }

    /// Its bytes, little endian.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All numbers through the function for their kind.
    pub(crate) fn visit<V: Visitor>(&self, visitor: V) -> V::Output {
        let bytes = &*self.bytes;
        match self.kind {
            Kind::Bool => visitor.visit(bytes.iter().map(|byte| u8::from(*byte != 0))),
            Kind::U8 => visitor.visit(bytes.iter().copied()),
            Kind::I8 => visitor.visit(parts(bytes, i8::from_le_bytes)),
            Kind::I16 => visitor.visit(parts(bytes, i16::from_le_bytes)),
            Kind::I32 => visitor.visit(parts(bytes, i32::from_le_bytes)),
            Kind::I64 => visitor.visit(parts(bytes, i64::from_le_bytes)),
            Kind::U16 => visitor.visit(parts(bytes, u16::from_le_bytes)),
            Kind::U32 => visitor.visit(parts(bytes, u32::from_le_bytes)),
            Kind::U64 => visitor.visit(parts(bytes, u64::from_le_bytes)),
            Kind::F16 => visitor.visit(parts(bytes, f16::from_le_bytes)),
            Kind::BF16 => visitor.visit(parts(bytes, |two| f32::from(bf16::from_le_bytes(two)))),
            Kind::F32 => visitor.visit(parts(bytes, f32::from_le_bytes)),
            Kind::F64 => visitor.visit(parts(bytes, f64::from_le_bytes)),
        }
    }
}

/// What is done with numbers of whatever kind.
pub(crate) trait Visitor {
    /// What comes of it.
    type Output;

    /// All numbers, in order.
    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) -> Self::Output;
}

/// One number.
pub(crate) trait Number: Copy + PartialOrd {
    /// As C casts it to 8 bits: cut towards zero, of what is too large the low bits.
    fn low_byte(self) -> u8;

    /// As the nearest double.
    fn double(self) -> f64;

    /// Exactly, if it is an integer of an integer type.
    fn integer(self) -> Option<i128>;
}

macro_rules! integers {
    ($($kind:ty)*) => { $(
        impl Number for $kind {

            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low bits are meant")]
            fn low_byte(self) -> u8 {
                self as u8
            }
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless, reason = "the nearest double is meant")]
            fn double(self) -> f64 {
                self as f64
            }
            fn integer(self) -> Option<i128> {
                Some(i128::from(self))
            }
        }
    )* };
}

macro_rules! floats {
    ($($kind:ty)*) => { $(
        impl Number for $kind {
            fn low_byte(self) -> u8 {
                cut(f64::from(self))
            }
            fn double(self) -> f64 {
                f64::from(self)
            }
            fn integer(self) -> Option<i128> {
                None
            }
        }
    )* };
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);
floats!(f16 f32 f64);

/// As processors do it by way of 32 bits: what does not fit there becomes zero in the low bits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie within 32 bits, and the low bits are meant"
)]
fn cut(number: f64) -> u8 {
    if number > -2_147_483_649.0 && number < 2_147_483_648.0 {
        number as i32 as u8
    } else {
        0
    }
}

fn parts<const WIDTH: usize, T>(
    bytes: &[u8],
    read: impl Fn([u8; WIDTH]) -> T + Clone,
) -> impl Iterator<Item = T> + Clone {
    bytes
        .as_chunks::<WIDTH>()
        .0
        .iter()
        .map(move |one| read(*one))
}

fn bytes_of(shape: &[u64], width: usize) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .try_fold(width as u64, |product, length| product.checked_mul(*length))
}

fn data(array: &v1::Array) -> Result<Cow<'_, [u8]>, MediaError> {
    if array.source.is_empty() {
        return Ok(Cow::Borrowed(&array.data));
    }
    let path = Path::new(&array.source);
    std::fs::read(path)
        .map(Cow::Owned)
        .map_err(|source| MediaError::read(path, source))
}
