//! Pictures one after the other become a GIF that repeats for ever; several films stand side by side in one.

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, ImageError, RgbaImage};
use wandbd_record::v1;

use crate::array::{Number, Numbers, Visitor};
use crate::error::MediaError;

/// How hard the encoder looks for good colours: 1 is best, 30 fastest.
const SPEED: i32 = 10;

/// Longest side of a GIF.
const MAX_SIDE: usize = 65_535;

/// Most pixels of one picture.
const MAX_PIXELS: u64 = 1 << 26;

/// A GIF and the size of its pictures.
pub(crate) struct Film {
    pub(crate) file: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The film that `frames` say.
pub(crate) fn gif(frames: &v1::Frames, id: &str) -> Result<Film, MediaError> {
    let empty = v1::Array::default();
    let numbers = Numbers::of(frames.array.as_ref().unwrap_or(&empty))?;
    let wrong = || MediaError::Form {
        what: "a film",
        shape: numbers.lengths(),
        rule: "give (time, channels, height, width) with 1, 3 or 4 channels, or a batch of these",
    };
    let layout = Layout::of(&numbers.shape).ok_or_else(wrong)?;
    let (width, height) = layout.size().ok_or_else(wrong)?;
    if frames.rate == 0 {
        return Err(MediaError::Rate(frames.rate));
    }
    let bytes = numbers.visit(Bytes);
    let failed = |source| MediaError::Encode {
        id: id.to_owned(),
        source,
    };
    let mut file = Vec::new();
    encode(&layout, &bytes, (width, height), frames.rate, &mut file).map_err(failed)?;
    Ok(Film {
        file,
        width,
        height,
    })
}

struct Bytes;

impl Visitor for Bytes {
    type Output = Vec<u8>;

    fn visit<T: Number>(self, numbers: impl Iterator<Item = T> + Clone) -> Vec<u8> {
        numbers.map(Number::low_byte).collect()
    }
}

fn encode(
    layout: &Layout,
    bytes: &[u8],
    (width, height): (u32, u32),
    rate: u32,
    file: &mut Vec<u8>,
) -> Result<(), ImageError> {
    let mut encoder = GifEncoder::new_with_speed(file, SPEED);
    encoder.set_repeat(Repeat::Infinite)?;
    for time in 0..layout.time {
        let mut picture = RgbaImage::new(width, height);
        for (at, pixel) in picture.as_chunks_mut_rgba() {
            *pixel = layout.pixel(bytes, time, at, width as usize);
        }
        let delay = Delay::from_numer_denom_ms(1000, rate);
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay))?;
    }
    Ok(())
}

/// Pixels with their numbers.
trait Pixels {
    fn as_chunks_mut_rgba(&mut self) -> impl Iterator<Item = (usize, &mut [u8; 4])>;
}

impl Pixels for RgbaImage {
    fn as_chunks_mut_rgba(&mut self) -> impl Iterator<Item = (usize, &mut [u8; 4])> {
        self.as_chunks_mut::<4>().0.iter_mut().enumerate()
    }
}

/// (batch, time, channels, height, width), and how many films stand beside and below each other.
struct Layout {
    batch: usize,
    time: usize,
    channels: usize,
    height: usize,
    width: usize,
    columns: usize,
    rows: usize,
}

impl Layout {
    fn of(shape: &[usize]) -> Option<Self> {
        let (batch, time, channels, height, width) = match *shape {
            [time, channels, height, width] => (1, time, channels, height, width),
            [batch, time, channels, height, width] => (batch, time, channels, height, width),
            _ => return None,
        };
        if batch == 0 || time == 0 || !matches!(channels, 1 | 3 | 4) {
            return None;
        }
        // Films are laid out on a grid whose sides are powers of two; places that are left are black.
        let rows = 1 << (batch.ilog2() / 2);
        let columns = batch.checked_next_power_of_two()? / rows;
        Some(Self {
            batch,
            time,
            channels,
            height,
            width,
            columns,
            rows,
        })
    }

    fn size(&self) -> Option<(u32, u32)> {
        let side = |number: usize, length: usize| {
            number
                .checked_mul(length)
                .filter(|side| (1..=MAX_SIDE).contains(side))
                .and_then(|side| u32::try_from(side).ok())
        };
        let (width, height) = (
            side(self.columns, self.width)?,
            side(self.rows, self.height)?,
        );
        (u64::from(width) * u64::from(height) <= MAX_PIXELS).then_some((width, height))
    }

    fn pixel(&self, bytes: &[u8], time: usize, at: usize, whole_width: usize) -> [u8; 4] {
        let (y, x) = (at / whole_width, at % whole_width);
        let film = y / self.height * self.columns + x / self.width;
        if film >= self.batch {
            return [0, 0, 0, 255];
        }
        let plane = self.height * self.width;
        let first = (film * self.time + time) * self.channels * plane
            + y % self.height * self.width
            + x % self.width;
        let byte = |channel: usize| bytes.get(first + channel * plane).copied().unwrap_or(0);
        match self.channels {
            1 => [byte(0), byte(0), byte(0), 255],
            _ => [byte(0), byte(1), byte(2), 255],
        }
    }
}

#[cfg(test)]
mod tests {
    use image::AnimationDecoder as _;
    use image::codecs::gif::GifDecoder;

    use super::*;

    fn frames(shape: &[u64], data: Vec<u8>) -> v1::Frames {
        v1::Frames {
            array: Some(v1::Array {
                dtype: "|u1".to_owned(),
                shape: shape.to_vec(),
                data,
                source: String::new(),
            }),
            rate: 4,
        }
    }

    fn pictures(film: &Film) -> Vec<Frame> {
        let decoder = GifDecoder::new(std::io::Cursor::new(&film.file)).unwrap();
        decoder.into_frames().collect_frames().unwrap()
    }

    #[test]
    fn few_colours_survive_and_the_rate_is_kept() {
        let data = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120].to_vec();

        let film = gif(&frames(&[2, 3, 1, 2], data), "m").unwrap();

        let pictures = pictures(&film);
        assert_eq!((film.width, film.height, pictures.len()), (2, 1, 2));
        assert_eq!(pictures[1].delay().numer_denom_ms(), (250, 1));
        assert_eq!(
            pictures[1].buffer().as_raw()[..],
            [70, 90, 110, 255, 80, 100, 120, 255]
        );
    }

    #[test]
    fn films_of_a_batch_stand_on_a_grid() {
        for (batch, size) in [
            (1, (2, 2)),
            (2, (4, 2)),
            (3, (8, 2)),
            (4, (4, 4)),
            (8, (8, 4)),
            (5, (8, 4)),
        ] {
            let film = gif(
                &frames(
                    &[batch, 1, 1, 2, 2],
                    vec![9; 4 * usize::try_from(batch).unwrap()],
                ),
                "m",
            )
            .unwrap();

            assert_eq!((film.width, film.height), size, "{batch}");
        }
    }

    #[test]
    fn shapes_that_are_no_film_are_refused() {
        for (shape, bytes) in [
            (vec![1, 2, 2], 4),
            (vec![0, 3, 2, 2], 0),
            (vec![1, 2, 1, 1], 2),
            (vec![1, 1, 0, 0], 0),
            (vec![1, 1, 1, 70_000], 70_000),
        ] {
            assert!(
                gif(&frames(&shape, vec![0; bytes]), "m").is_err(),
                "{shape:?}"
            );
        }
        let still = v1::Frames {
            rate: 0,
            ..frames(&[1, 1, 1, 1], vec![0])
        };
        assert!(gif(&still, "m").is_err());
    }
}
