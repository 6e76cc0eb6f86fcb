//! Cursors are whole or refused.

use wandbd_journal::{CursorError, OsFiles, cursor};

use crate::memory::Memory;
use crate::support::path;

#[test]
fn a_cursor_is_loaded_as_it_was_saved_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wandb.cursor");
    assert_eq!(cursor::load(&OsFiles, &path).unwrap(), None);
    for content in [b"one".to_vec(), Vec::new(), vec![7; 100_000]] {
        cursor::save(&OsFiles, &path, &content).unwrap();
        assert_eq!(cursor::load(&OsFiles, &path).unwrap().unwrap(), content);
    }
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_file_that_a_crash_left_beside_it_is_no_obstacle() {
    let files = Memory::new(0);
    files.put(&path("a.cursor.new"), b"half a cur".to_vec());
    cursor::save(&files, &path("a.cursor"), b"whole").unwrap();
    assert_eq!(
        cursor::load(&files, &path("a.cursor")).unwrap().unwrap(),
        b"whole"
    );
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed() {
    let files = Memory::new(0);
    let path = path("a.cursor");
    cursor::save(&files, &path, b"position 4711").unwrap();
    let good = files.content(&path);
    let cuts = (0..good.len()).map(|len| good[..len].to_vec());
    let flips = (0..good.len() * 8).map(|bit| {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        bad
    });
    let longer = [good.as_slice(), b"!"].concat();
    for bad in cuts.chain(flips).chain([longer]) {
        files.put(&path, bad);
        let error = cursor::load(&files, &path).unwrap_err();
        assert!(matches!(error, CursorError::Damaged { .. }), "{error}");
    }
}
