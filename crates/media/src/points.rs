//! Points become a JSON list of rows, and arrays of tables a numpy archive.

use std::io::{Cursor, Write as _};

use wandbd_record::v1;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::array::{Kind, Number, Numbers, Visitor};
use crate::error::MediaError;
use crate::number;

/// A list of numbers or of rows of numbers, as compact JSON.
pub(crate) fn json(array: &v1::Array) -> Result<Vec<u8>, MediaError> {
    let numbers = Numbers::of(array)?;
    // Any number of rows of nothing would have no bytes.
    let rows_of_nothing = numbers.shape.first() != Some(&0) && numbers.shape.last() == Some(&0);
    if !matches!(numbers.shape.len(), 1 | 2) || rows_of_nothing {
        return Err(MediaError::Form {
            what: "points",
            shape: numbers.lengths(),
            rule: "give (points, numbers of each)",
        });
    }
    Ok(numbers.visit(Lists(&numbers.shape)).into_bytes())
}

struct Lists<'a>(&'a [usize]);

impl Visitor for Lists<'_> {
    type Output = String;

    fn visit<T: Number>(self, mut numbers: impl Iterator<Item = T> + Clone) -> String {
        let mut out = String::new();
        let (Some(rows), each) = (self.0.first(), self.0[1..].iter().product::<usize>()) else {
            return out;
        };
        out.push('[');
        for row in 0..*rows {
            if self.0.len() == 1 {
                out.push_str(if row == 0 { "" } else { "," });
            } else {
                out.push_str(if row == 0 { "[" } else { ",[" });
            }
            for (at, number) in numbers.by_ref().take(each).enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                match number.integer() {
                    Some(integer) => out.push_str(&integer.to_string()),
                    None => number::push_compact(&mut out, number.double()),
                }
            }
            out.push_str(if self.0.len() == 1 { "" } else { "]" });
        }
        out.push(']');
        out
    }
}

/// The bytes of a compressed `.npz` with one array.
pub(crate) fn npz(key: &str, array: &v1::Array) -> Result<Vec<u8>, MediaError> {
    let numbers = Numbers::of(array)?;
    let mut file = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let written = file
        .start_file(format!("{key}.npy"), options)
        .map_err(std::io::Error::from)
        .and_then(|()| file.write_all(&header(&numbers)))
        .and_then(|()| file.write_all(numbers.bytes()))
        .and_then(|()| file.finish().map_err(std::io::Error::from));
    written
        .map(Cursor::into_inner)
        .map_err(|source| MediaError::write(std::path::Path::new(key), source))
}

/// The header of numpy, version 1.0: padded to 64 bytes.
fn header(numbers: &Numbers<'_>) -> Vec<u8> {
    let kind = match numbers.kind {
        Kind::Bool => "|b1",
        Kind::I8 => "|i1",
        Kind::U8 => "|u1",
        Kind::I16 => "<i2",
        Kind::U16 => "<u2",
        Kind::I32 => "<i4",
        Kind::U32 => "<u4",
        Kind::I64 => "<i8",
        Kind::U64 => "<u8",
        Kind::F16 => "<f2",
        // Numpy has no such kind: these are their bits.
        Kind::BF16 => "<V2",
        Kind::F32 => "<f4",
        Kind::F64 => "<f8",
    };
    let lengths: Vec<String> = numbers.shape.iter().map(usize::to_string).collect();
    let comma = if lengths.len() == 1 { "," } else { "" };
    let shape = lengths.join(", ") + comma;
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend(length.to_le_bytes());
    out.extend(text.into_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn array(dtype: &str, shape: &[u64], data: Vec<u8>) -> v1::Array {
        v1::Array {
            dtype: dtype.to_owned(),
            shape: shape.to_vec(),
            data,
            source: String::new(),
        }
    }

    #[test]
    fn points_become_rows_of_numbers() {
        let floats = [1.0_f32, 0.1, f32::NAN, 4.5]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();

        let text = String::from_utf8(json(&array("<f4", &[2, 2], floats)).unwrap()).unwrap();

        assert_eq!(text, "[[1.0,0.10000000149011612],[NaN,4.5]]");
        assert_eq!(
            json(&array("|u1", &[2, 3], vec![1, 2, 3, 4, 5, 6])).unwrap(),
            b"[[1,2,3],[4,5,6]]"
        );
        assert_eq!(json(&array("|u1", &[0, 3], vec![])).unwrap(), b"[]");
        assert_eq!(json(&array("|u1", &[2], vec![1, 2])).unwrap(), b"[1,2]");
        for shape in [vec![], vec![1 << 40, 0], vec![1, 1, 1]] {
            let bytes = if shape.contains(&0) { vec![] } else { vec![1] };
            assert!(json(&array("|u1", &shape, bytes)).is_err(), "{shape:?}");
        }
    }

    #[test]
    fn an_archive_has_numpys_header_and_the_bytes() {
        let file = npz("a b", &array("<i2", &[2, 1], vec![1, 0, 2, 0])).unwrap();

        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut inside = Vec::new();
        archive
            .by_name("a b.npy")
            .unwrap()
            .read_to_end(&mut inside)
            .unwrap();
        assert_eq!(inside.len(), 128 + 4);
        let header = String::from_utf8_lossy(&inside[10..128]);
        assert!(
            header.starts_with("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 1), }"),
            "{header}"
        );
        assert!(header.ends_with('\n'));
        assert_eq!(inside[128..], [1, 0, 2, 0]);
    }

    #[test]
    fn a_shape_of_one_length_has_a_comma() {
        let line = array("|u1", &[3], vec![1, 2, 3]);
        let text = String::from_utf8_lossy(&header(&Numbers::of(&line).unwrap())).into_owned();

        assert!(text.contains("'shape': (3,), }"), "{text}");
    }
}
