//! Bitmaps become files, and the sizes of pictures are read from their first bytes.

use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::path::Path;

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError, ImageReader};

use crate::error::MediaError;
use crate::pixels::Bitmap;

/// Where the size of a picture stands: before it may lie profiles, comments and a small preview.
const HEAD: u64 = 1 << 20;

/// As Pillow's default.
const JPEG_QUALITY: u8 = 75;

/// Pictures of fewer bytes are compressed as well as can be: it costs nothing.
const SMALL: usize = 1 << 16;

/// A level at which drawings and smooth pictures become about as small as Pillow makes them, in a tenth of the time.
const GOOD: CompressionType = CompressionType::Level(3);

/// The bytes of the file that `extension` asks for.
pub(crate) fn encode(bitmap: Bitmap, extension: &str, id: &str) -> Result<Vec<u8>, MediaError> {
    let failed = |source| MediaError::Encode {
        id: id.to_owned(),
        source,
    };
    let last = extension.rsplit('.').next().unwrap_or_default();
    match last.to_ascii_lowercase().as_str() {
        "png" => png(&bitmap).map_err(failed),
        "jpg" | "jpeg" => {
            let bitmap = bitmap.opaque();
            let mut out = Vec::new();
            JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY)
                .write_image(&bitmap.data, bitmap.width, bitmap.height, colors(&bitmap))
                .map_err(failed)?;
            Ok(out)
        }
        "bmp" => {
            // Pillow writes alpha where no reader looks for it.
            let bitmap = bitmap.opaque();
            let mut out = Vec::with_capacity(bitmap.data.len() + 2048);
            BmpEncoder::new(&mut out)
                .write_image(&bitmap.data, bitmap.width, bitmap.height, colors(&bitmap))
                .map_err(failed)?;
            Ok(out)
        }
        _ => Err(MediaError::Picture(extension.to_owned())),
    }
}

/// Noise is not worth the time: what the fast encoder does not bring to half of its size stays as that has it. All the rest is
/// small or quick to compress well: 1024x1024 pixels of colour take at most about 40 ms.
fn png(bitmap: &Bitmap) -> Result<Vec<u8>, ImageError> {
    if bitmap.data.len() < SMALL {
        return png_at(bitmap, CompressionType::Default, FilterType::Adaptive);
    }
    let fast = png_at(bitmap, CompressionType::Fast, FilterType::Up)?;
    if fast.len() > bitmap.data.len() / 2 {
        return Ok(fast);
    }
    let good = png_at(bitmap, GOOD, FilterType::Up)?;
    Ok(if good.len() < fast.len() { good } else { fast })
}

fn png_at(
    bitmap: &Bitmap,
    level: CompressionType,
    filter: FilterType,
) -> Result<Vec<u8>, ImageError> {
    let mut out = Vec::with_capacity(bitmap.data.len() / 2 + 1024);
    PngEncoder::new_with_quality(&mut out, level, filter).write_image(
        &bitmap.data,
        bitmap.width,
        bitmap.height,
        colors(bitmap),
    )?;
    Ok(out)
}

fn colors(bitmap: &Bitmap) -> ExtendedColorType {
    match bitmap.channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    }
}

/// Width and height of a picture, by its first bytes; nothing when they are not known.
pub(crate) fn measure(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return webp(bytes);
    }
    ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?
        .into_dimensions()
        .ok()
}

/// As [`measure`], of a file: decoders of JPEG would read all of it.
pub(crate) fn measure_file(path: &Path) -> io::Result<Option<(u32, u32)>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(measure(&head))
}

/// The three kinds of WebP each say it in their own way.
fn webp(head: &[u8]) -> Option<(u32, u32)> {
    let two = |at: usize| {
        Some(u32::from(u16::from_le_bytes([
            *head.get(at)?,
            *head.get(at + 1)?,
        ])))
    };
    match head.get(12..16)? {
        b"VP8 " => Some((two(26)? & 0x3fff, two(28)? & 0x3fff)),
        b"VP8L" => {
            let bits = two(21)? | two(23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let three = |at: usize| Some(two(at)? | u32::from(*head.get(at + 2)?) << 16);
            Some((three(24)? + 1, three(27)? + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(channels: usize, width: u32, height: u32) -> Bitmap {
        let length = channels * width as usize * height as usize;
        Bitmap {
            width,
            height,
            channels,
            data: (0..=255_u8).cycle().step_by(31).take(length).collect(),
        }
    }

    #[test]
    fn pictures_without_loss_read_back_equal() {
        for (channels, extension) in [
            (1, ".png"),
            (2, ".png"),
            (3, ".png"),
            (4, ".mask.png"),
            (1, ".bmp"),
            (3, ".bmp"),
        ] {
            for (width, height) in [(5, 3), (300, 200)] {
                let given = bitmap(channels, width, height);

                let file = encode(given.clone(), extension, "m").unwrap();

                let back = image::load_from_memory(&file).unwrap();
                let bytes = match channels {
                    1 => back.to_luma8().into_raw(),
                    2 => back.to_luma_alpha8().into_raw(),
                    3 => back.to_rgb8().into_raw(),
                    _ => back.to_rgba8().into_raw(),
                };
                assert_eq!(bytes, given.data, "{channels} {extension}");
                assert_eq!(measure(&file), Some((width, height)));
            }
        }
    }

    #[test]
    fn drawings_are_small_and_noise_is_hardly_larger_than_its_pixels() {
        let drawing = Bitmap {
            width: 400,
            height: 400,
            channels: 3,
            data: [250, 0, 0].repeat(400 * 400),
        };
        let mut state = 1_u32;
        let noise = Bitmap {
            data: (0..drawing.data.len())
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                })
                .collect(),
            ..drawing.clone()
        };

        let small = encode(drawing.clone(), ".png", "m").unwrap();
        let large = encode(noise.clone(), ".png", "m").unwrap();

        assert!(small.len() < 5_000, "{}", small.len());
        assert!(large.len() < noise.data.len() + 5_000, "{}", large.len());
        for (file, given) in [(small, drawing), (large, noise)] {
            let back = image::load_from_memory(&file).unwrap();
            assert!(back.to_rgb8().into_raw() == given.data);
        }
    }

    #[test]
    fn others_have_no_alpha_and_their_size_is_read() {
        for channels in 1..=4 {
            for extension in [".jpg", ".bmp"] {
                let file = encode(bitmap(channels, 7, 9), extension, "m").unwrap();

                assert_eq!(measure(&file), Some((7, 9)), "{channels}");
                assert!(!image::load_from_memory(&file).unwrap().color().has_alpha());
            }
        }
    }

    #[test]
    fn the_first_bytes_of_a_large_file_are_enough() {
        let dir = tempfile::tempdir().unwrap();
        for extension in [".jpg", ".png", ".bmp"] {
            let path = dir.path().join("large");
            let mut file = encode(bitmap(3, 300, 200), extension, "m").unwrap();
            file.truncate(2_000);
            file.resize(usize::try_from(HEAD).unwrap() + 5, 7);
            std::fs::write(&path, file).unwrap();

            assert_eq!(
                measure_file(&path).unwrap(),
                Some((300, 200)),
                "{extension}"
            );
        }
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        let refused = encode(bitmap(1, 1, 1), ".tiff", "m").unwrap_err();

        assert!(refused.to_string().contains(".tiff"));
    }

    #[test]
    fn the_sizes_of_webp_are_read_and_nonsense_has_none() {
        let mut lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a".to_vec();
        lossy.extend([0x40, 0x01, 0xf0, 0x00]);
        assert_eq!(measure(&lossy), Some((320, 240)));
        let mut extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        extended.extend([0x3f, 0x01, 0, 0xef, 0, 0]);
        assert_eq!(measure(&extended), Some((320, 240)));
        for nonsense in [
            &b"RIFF\0\0\0\0WEBPVP8L"[..],
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
        ] {
            assert_eq!(measure(nonsense), None);
        }
    }
}
