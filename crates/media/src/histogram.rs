//! Numbers counted in bins of equal width, bit for bit as `numpy.histogram` does it: in the kind of float that numpy would
//! compute with, with the same order of operations. Numbers that are not finite are left out.

use std::ops::{Add, Div, Mul, Sub};

use half::f16;
use wandbd_record::v1;

use crate::array::{Kind, Number, Numbers, Visitor};
use crate::error::MediaError;

/// W&B's limit.
const MAX_BINS: u32 = 512;

/// Counts and edges: one more edge than counts.
#[derive(Debug, PartialEq)]
pub(crate) struct Histogram {
    pub(crate) counts: Vec<u64>,
    pub(crate) edges: Vec<f64>,
}

/// The histogram that `binned` asks for.
pub(crate) fn histogram(binned: &v1::Binned) -> Result<Histogram, MediaError> {
    let bins = binned.bins;
    if !(1..=MAX_BINS).contains(&bins) {
        return Err(MediaError::Histogram {
            bins,
            reason: "give 1 to 512 bins",
        });
    }
    let empty = v1::Array {
        dtype: "<f8".to_owned(),
        shape: vec![0],
        ..v1::Array::default()
    };
    let numbers = Numbers::of(binned.array.as_ref().unwrap_or(&empty))?;
    let made = match numbers.kind {
        Kind::F16 => numbers.visit(Halves(bins)),
        Kind::F32 | Kind::BF16 => numbers.visit(Singles(bins)),
        _ => numbers.visit(Doubles(bins)),
    };
    made.map_err(|reason| MediaError::Histogram { bins, reason })
}

/// What numpy's bins are computed in.
trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    fn small(number: u16) -> Self;
    fn half() -> Self;
    /// The nearest one.
    fn nearest(number: f64) -> Self;
    fn double(self) -> f64;
}

impl Real for f64 {
    fn small(number: u16) -> Self {
        Self::from(number)
    }
    fn half() -> Self {
        0.5
    }
    fn nearest(number: f64) -> Self {
        number
    }
    fn double(self) -> f64 {
        self
    }
}

impl Real for f32 {
    fn small(number: u16) -> Self {
        Self::from(number)
    }
    fn half() -> Self {
        0.5
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
    fn nearest(number: f64) -> Self {
        number as Self
    }
    fn double(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f16 {
    fn small(number: u16) -> Self {
        Self::from_f32(f32::from(number))
    }
    fn half() -> Self {
        Self::from_f32(0.5)
    }
    fn nearest(number: f64) -> Self {
        Self::from_f64(number)
    }
    fn double(self) -> f64 {
        f64::from(self)
    }
}

struct Halves(u32);
struct Singles(u32);
struct Doubles(u32);

type Made = Result<Histogram, &'static str>;

impl Visitor for Halves {
    type Output = Made;
    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) -> Made {
        let numbers = numbers.map(|number| f16::from_f64(number.double()));
        floats(self.0, numbers.filter(|number| number.is_finite()))
    }
}

impl Visitor for Singles {
    type Output = Made;
    #[expect(clippy::cast_possible_truncation, reason = "they were singles before")]
    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) -> Made {
        let numbers = numbers.map(|number| number.double() as f32);
        floats(self.0, numbers.filter(|number| number.is_finite()))
    }
}

impl Visitor for Doubles {
    type Output = Made;
    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) -> Made {
        match ends(numbers.clone().filter_map(Number::integer)) {
            None => floats(
                self.0,
                numbers
                    .map(Number::double)
                    .filter(|number| number.is_finite()),
            ),
            Some((low, high)) => integers(self.0, low, high, numbers.map(Number::double)),
        }
    }
}

/// Floats: everything is computed in their own kind.
fn floats<R: Real>(bins: u32, numbers: impl Iterator<Item = R> + Clone) -> Made {
    let Some((mut first, mut last)) = ends(numbers.clone()) else {
        return Ok(nothing::<R>(bins));
    };
    if first == last {
        first = first - R::half();
        last = last + R::half();
    }
    count(
        bins,
        &Range {
            first,
            last,
            span: last - first,
        },
        numbers,
    )
}

/// Without numbers the edges go from 0 to 1, and are computed in doubles.
fn nothing<R: Real>(bins: u32) -> Histogram {
    let step = 1.0 / f64::from(bins);
    let inner = (0..bins).map(|at| R::nearest(f64::from(at) * step).double());
    Histogram {
        counts: vec![0; bins as usize],
        edges: inner.chain([1.0]).collect(),
    }
}

/// Integers are computed in doubles, but their span is exact.
#[expect(
    clippy::cast_precision_loss,
    reason = "the nearest double is meant, as numpy does it"
)]
fn integers(bins: u32, low: i128, high: i128, numbers: impl Iterator<Item = f64> + Clone) -> Made {
    let (mut first, mut last) = (low as f64, high as f64);
    let mut span = (high - low) as f64;
    if low == high {
        first -= 0.5;
        last += 0.5;
        span = last - first;
    }
    count(bins, &Range { first, last, span }, numbers)
}

fn ends<T: Copy + PartialOrd>(numbers: impl Iterator<Item = T>) -> Option<(T, T)> {
    numbers.fold(None, |ends, number| match ends {
        None => Some((number, number)),
        Some((least, most)) => Some((
            if number < least { number } else { least },
            if number > most { number } else { most },
        )),
    })
}

struct Range<R> {
    first: R,
    last: R,
    span: R,
}

impl<R: Real> Range<R> {
    /// As `numpy.linspace`.
    fn edges(&self, bins: u16) -> Vec<R> {
        let delta = self.last - self.first;
        let step = delta / R::small(bins);
        let mut edges: Vec<R> = (0..=bins)
            .map(|at| {
                let scaled = if step == R::small(0) {
                    R::small(at) / R::small(bins) * delta
                } else {
                    R::small(at) * step
                };
                scaled + self.first
            })
            .collect();
        if let Some(end) = edges.last_mut() {
            *end = self.last;
        }
        edges
    }
}

fn count<R: Real>(bins: u32, range: &Range<R>, numbers: impl Iterator<Item = R>) -> Made {
    let bins = u16::try_from(bins).map_err(|_| "give 1 to 512 bins")?;
    let edges = range.edges(bins);
    if !edges.is_sorted_by(|one, next| one < next) {
        return Err("too many bins for the range of the data");
    }
    let last = usize::from(bins) - 1;
    let mut counts = vec![0_u64; usize::from(bins)];
    for number in numbers {
        let mut at = index((number - range.first) / range.span * R::small(bins)).min(last);
        // The quotient may be off by one beside an edge.
        if number < edges[at] {
            at = at.saturating_sub(1);
        } else if at != last && number >= edges[at + 1] {
            at += 1;
        }
        counts[at] += 1;
    }
    Ok(Histogram {
        counts,
        edges: edges.into_iter().map(Real::double).collect(),
    })
}

/// Not a number and what is too small are zero, what is too large is the most there is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate"
)]
fn index<R: Real>(number: R) -> usize {
    number.double() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(dtype: &str, data: Vec<u8>, width: usize, bins: u32) -> Result<Histogram, MediaError> {
        histogram(&v1::Binned {
            array: Some(v1::Array {
                dtype: dtype.to_owned(),
                shape: vec![(data.len() / width) as u64],
                data,
                source: String::new(),
            }),
            bins,
        })
    }

    fn doubles(numbers: &[f64]) -> Vec<u8> {
        numbers.iter().flat_map(|one| one.to_le_bytes()).collect()
    }

    #[test]
    fn the_last_bin_holds_its_end() {
        let made = of(
            "<f8",
            doubles(&[1.0, 2.0, 3.0, f64::NAN, f64::INFINITY]),
            8,
            2,
        )
        .unwrap();

        assert_eq!(made.counts, [1, 2]);
        assert_eq!(made.edges, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn no_numbers_and_equal_numbers_have_bins_too() {
        let none = of("<f8", vec![], 8, 4).unwrap();
        assert_eq!(none.edges, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(none.counts, [0; 4]);

        let equal = of("|u1", vec![7, 7, 7], 1, 2).unwrap();
        assert_eq!(equal.edges, [6.5, 7.0, 7.5]);
        assert_eq!(equal.counts, [0, 3]);
    }

    #[test]
    fn singles_have_edges_of_singles() {
        let data = [0.1_f32, 0.7, 0.3]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();

        let made = of("<f4", data, 4, 3).unwrap();

        assert!(
            made.edges
                .iter()
                .all(|edge| edge.to_bits().trailing_zeros() >= 29)
        );
        assert_eq!(made.counts.iter().sum::<u64>(), 3);
    }

    #[test]
    fn integers_of_the_whole_range_are_counted() {
        let data = [i64::MIN, i64::MAX, 0]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();

        let made = of("<i8", data, 8, 2).unwrap();

        assert_eq!(made.counts, [1, 2]);
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        for (numbers, bins) in [
            (vec![1e308, -1e308], 4),
            (vec![1.0, 1.000_000_000_000_000_2], 64),
            (vec![1.0], 0),
            (vec![1.0], 513),
        ] {
            assert!(
                of("<f8", doubles(&numbers), 8, bins).is_err(),
                "{numbers:?} {bins}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_number_is_counted_in_the_bin_whose_edges_hold_it(
            numbers in prop::collection::vec(-1e6_f64..1e6, 1..200),
            bins in 1_u32..100,
        ) {
            if let Ok(made) = of("<f8", doubles(&numbers), 8, bins) {
                let last = made.counts.len() - 1;
                for (at, count) in made.counts.iter().enumerate() {
                    let inside = numbers.iter().filter(|number| {
                        **number >= made.edges[at]
                            && (**number < made.edges[at + 1] || at == last && **number <= made.edges[at + 1])
                    });
                    prop_assert_eq!(inside.count() as u64, *count);
                }
            }
        }

        #[test]
        fn no_bytes_and_no_shape_make_it_panic(
            dtype in "[|<>][biufc][1248]|bfloat16",
            shape in prop::collection::vec(0_u64..5, 0..3),
            data in prop::collection::vec(any::<u8>(), 0..64),
            bins in 0_u32..600,
        ) {
            let array = v1::Array { dtype, shape, data, source: String::new() };
            let made = histogram(&v1::Binned { array: Some(array), bins });
            prop_assert!(made.is_err() || made.is_ok_and(|made| made.counts.len() == bins as usize));
        }
    }
}
