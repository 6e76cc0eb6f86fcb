//! The bytes, checked by hand and by a second, slower decoder.

use std::sync::OnceLock;

use proptest::prelude::*;
use tokio::runtime::Runtime;
use wandbd_journal::{
    Damage, DamageKind, FileReader, Journal, JournalError, Position, Scan, Seen, Urgency, scan,
};

use crate::memory::Memory;
use crate::support::{EVERYTHING, each_is_a_group, path, read, start};

const BLOCK: usize = 32_768;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// The file that these groups make, and the position after each of them.
fn file_of(groups: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<Position>) {
    runtime().block_on(async {
        let files = Memory::new(0);
        let (committer, task) = start(&files);
        let journal = Journal::create(&committer, &path("x")).unwrap();
        let append = |group: &Vec<Vec<u8>>| journal.append(group, Urgency::Normal).unwrap();
        let ends = groups.iter().map(append).collect();
        task.shutdown().await.unwrap();
        (files.content(&path("x")), ends)
    })
}

fn disk_with(content: Vec<u8>) -> Memory {
    let files = Memory::new(0);
    files.put(&path("x"), content);
    files
}

fn scan_of(content: Vec<u8>) -> Result<Scan, JournalError> {
    scan(&disk_with(content), &path("x"), &mut each_is_a_group)
}

fn frames_of(content: Vec<u8>) -> Vec<Vec<u8>> {
    read(&disk_with(content), &path("x"), EVERYTHING).unwrap()
}

/// The format once more, written down from its description, for good files only.
fn decode(file: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(&file[..7], b":W&B\xE1\xBE\x00");
    let (mut at, mut frames, mut open) = (7, Vec::new(), Vec::new());
    while at < file.len() {
        let left = BLOCK - at % BLOCK;
        if left < 7 {
            assert!(file[at..at + left].iter().all(|byte| *byte == 0));
            at += left;
            continue;
        }
        let len = usize::from(u16::from_le_bytes([file[at + 4], file[at + 5]]));
        assert!(7 + len <= left, "a chunk leaves its block");
        let crc = crc32fast::hash(&file[at + 6..at + 7 + len]);
        assert_eq!(file[at..at + 4], crc.to_le_bytes());
        let kind = file[at + 6];
        assert_eq!(matches!(kind, 3 | 4), !open.is_empty());
        open.push(&file[at + 7..at + 7 + len]);
        if matches!(kind, 1 | 4) {
            frames.push(open.concat());
            open.clear();
        }
        at += 7 + len;
    }
    frames
}

#[test]
fn a_file_is_the_bytes_that_the_format_says() {
    let (file, ends) = file_of(&[vec![b"abc".to_vec(), Vec::new()]]);
    let expected = [
        b":W&B\xE1\xBE\x00".as_slice(),
        b"\xA9\x20\x9D\x53\x03\x00\x01abc",
        b"\x1B\xDF\x05\xA5\x00\x00\x01",
    ];
    assert_eq!(file, expected.concat());
    assert_eq!(ends, [Position(24)]);
}

#[test]
fn a_frame_that_leaves_exactly_so_many_bytes_in_a_block_is_followed_correctly() {
    for left in 0..20 {
        for next in [0, 1, 5, 100_000] {
            let filling = BLOCK - 7 - 7 - left;
            let frames = vec![vec![1; filling], vec![2; next], vec![3; 9]];
            let (file, ends) = file_of(std::slice::from_ref(&frames));
            assert_eq!(decode(&file), frames, "{left} left, then {next}");
            assert_eq!(frames_of(file.clone()), frames, "{left} left, then {next}");
            assert_eq!(ends, [Position(file.len() as u64)]);
        }
    }
}

#[test]
fn with_exactly_seven_bytes_left_an_empty_first_part_fills_the_block() {
    let (file, _) = file_of(&[vec![vec![1; BLOCK - 7 - 7 - 7], vec![2; 5]]]);
    assert_eq!(file[BLOCK - 3..BLOCK], [0, 0, 2]);
    assert_eq!(file[BLOCK + 4..BLOCK + 7], [5, 0, 4]);
}

#[test]
fn a_foreign_file_is_refused_by_name() {
    for content in [
        b"\x89PNG and so on, much longer".to_vec(),
        vec![0; 100],
        b":W&C".to_vec(),
    ] {
        let error = scan_of(content.clone()).unwrap_err();
        assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");
        let opened = FileReader::open(&disk_with(content), &path("x"), Position::START);
        assert!(matches!(
            opened.err(),
            Some(JournalError::NotAJournal { .. })
        ));
        assert!(error.to_string().ends_with("/runs/x"));
    }
}

#[test]
fn a_file_cut_inside_its_header_is_empty_and_gets_a_header_again() {
    for len in 0..7 {
        let files = disk_with(b":W&B\xE1\xBE\x00"[..len].to_vec());
        let scan = scan(&files, &path("x"), &mut each_is_a_group).unwrap();
        assert_eq!((scan.end, scan.header_ok), (Position::START, false));
        runtime().block_on(async {
            let (committer, task) = start(&files);
            let journal = Journal::resume(&committer, &path("x"), &scan).unwrap();
            journal.append(&[b"abc"], Urgency::Normal).unwrap();
            task.shutdown().await.unwrap();
        });
        assert_eq!(decode(&files.content(&path("x"))), [b"abc"]);
    }
}

#[test]
fn a_wrong_header_before_good_chunks_is_damage_and_mended() {
    let (mut file, ends) = file_of(&[vec![b"abc".to_vec()], vec![b"def".to_vec()]]);
    file[5] ^= 0x10;
    let files = disk_with(file);
    let scan = scan(&files, &path("x"), &mut each_is_a_group).unwrap();
    assert_eq!((scan.end, scan.frames), (ends[1], 2));
    assert_eq!(scan.damaged[0].kind, DamageKind::Header);
    runtime().block_on(async {
        let (committer, _task) = start(&files);
        Journal::resume(&committer, &path("x"), &scan).unwrap();
    });
    assert_eq!(decode(&files.content(&path("x"))), [b"abc", b"def"]);
}

#[test]
fn damage_in_the_middle_costs_its_block_and_is_reported() {
    let groups: Vec<_> = (0..400)
        .map(|n: u16| vec![n.to_le_bytes().repeat(200)])
        .collect();
    let (mut file, ends) = file_of(&groups);
    file[40_000] ^= 1;
    let scan = scan_of(file.clone()).unwrap();
    assert_eq!(scan.end, *ends.last().unwrap());
    let [Damage { from, to, kind }] = scan.damaged[..] else {
        panic!("{:?}", scan.damaged);
    };
    assert!(from.0 <= 40_000 && to.0 >= 65_536, "{from} to {to}");
    assert_eq!(kind, DamageKind::Checksum);
    let inside = ends
        .iter()
        .filter(|end| (from.0 + 1..=to.0 + 400).contains(&end.0))
        .count();
    assert_eq!(scan.frames, 400 - inside as u64);
}

#[test]
fn damage_where_nothing_was_durable_yet_ends_the_file_there() {
    let groups: Vec<_> = (0..400)
        .map(|n: u16| vec![n.to_le_bytes().repeat(200)])
        .collect();
    let (mut file, ends) = file_of(&groups);
    file[40_000] ^= 1;
    let before = ends.iter().filter(|end| end.0 <= 40_000).count() as u64;
    let readable = scan_of(file.clone()).unwrap().groups;
    assert!(before < readable);
    for (durable, kept) in [(ends[20], before), (ends[300], readable)] {
        let durable = Some(durable);
        let mut judge = |_, _: &[u8]| Seen::GroupEnd { durable };
        let scan = scan(&disk_with(file.clone()), &path("x"), &mut judge).unwrap();
        assert_eq!(scan.groups, kept, "{scan:?}");
        assert_eq!(scan.frames + scan.cut_frames, readable);
    }
}

#[test]
fn a_growing_file_can_be_read_on_and_from_a_position() {
    let (file, ends) = file_of(&[
        vec![vec![1; 50_000]],
        vec![vec![2; 10]],
        vec![vec![3; 40_000]],
    ]);
    let files = disk_with(file[..20_000].to_vec());
    let mut reader = FileReader::open(&files, &path("x"), Position::START).unwrap();
    assert_eq!(reader.next_frame().unwrap(), None);
    let handle = wandbd_journal::Files::open_write(&files, &path("x")).unwrap();
    handle.write_at(&file[20_000..60_000], 20_000).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().end, ends[0]);
    assert_eq!(reader.next_frame().unwrap().unwrap().end, ends[1]);
    assert_eq!(reader.next_frame().unwrap(), None);
    handle.write_at(&file[60_000..], 60_000).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().data, vec![3; 40_000]);
    let mut later = FileReader::open(&files, &path("x"), ends[1]).unwrap();
    assert_eq!(later.next_frame().unwrap().unwrap().end, ends[2]);
    let beyond = FileReader::open(&files, &path("x"), Position(ends[2].0 + 1));
    assert!(matches!(beyond.err(), Some(JournalError::BeyondEnd { .. })));
}

/// Groups whose frames have any size, often around the borders of blocks.
fn groups() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let size = prop_oneof![
        4 => 0..300_usize,
        2 => 32_730..32_775_usize,
        1 => 60_000..100_000_usize,
    ];
    let frame = (any::<u8>(), size).prop_map(|(byte, size)| vec![byte; size]);
    let group = prop::collection::vec(frame, 1..5);
    prop::collection::vec(group, 1..8)
}

/// The last frame of each group is known by its position.
fn scan_groups(content: Vec<u8>, ends: &[Position]) -> Scan {
    let mut judge = |at, _: &[u8]| {
        if ends.contains(&at) {
            Seen::GroupEnd { durable: None }
        } else {
            Seen::Inside
        }
    };
    scan(&disk_with(content), &path("x"), &mut judge).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_appended_is_read_back(groups in groups()) {
        let (file, ends) = file_of(&groups);
        prop_assert_eq!(decode(&file), groups.concat());
        prop_assert_eq!(frames_of(file.clone()), groups.concat());
        let scan = scan_groups(file.clone(), &ends);
        prop_assert_eq!(scan.end, *ends.last().unwrap());
        prop_assert_eq!(scan.groups, groups.len() as u64);
        prop_assert_eq!((scan.cut_bytes, scan.cut_frames, scan.damaged.len()), (0, 0, 0));
    }

    #[test]
    fn a_file_cut_anywhere_keeps_its_whole_groups(groups in groups(), at in any::<prop::sample::Index>()) {
        let (file, ends) = file_of(&groups);
        let len = 7 + at.index(file.len() - 6);
        let scan = scan_groups(file[..len].to_vec(), &ends);
        let whole = ends.iter().take_while(|end| end.0 <= len as u64).count();
        prop_assert_eq!(scan.groups, whole as u64);
        prop_assert_eq!(scan.cut_bytes, len as u64 - scan.end.0);
        prop_assert!(scan.damaged.is_empty());
        let kept = read(&disk_with(file[..len].to_vec()), &path("x"), scan.end).unwrap();
        prop_assert_eq!(kept, groups[..whole].concat());
    }

    #[test]
    fn a_flipped_bit_anywhere_leaves_the_other_blocks(
        groups in groups(), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let (mut file, _) = file_of(&groups);
        let frames = groups.concat();
        let at = at.index(file.len());
        // Where each frame begins and ends, by scanning the good file.
        let mut spans = vec![];
        let mut from = 7;
        scan(&disk_with(file.clone()), &path("x"), &mut |end, _| {
            spans.push((from, end.0));
            from = end.0;
            Seen::Inside
        }).unwrap();
        file[at] ^= 1 << bit;
        let block = |at: u64| at / BLOCK as u64;
        let hit = block(at as u64);
        let mut expected = frames.iter().zip(&spans)
            .filter(|(_, (from, end))| block(*from) > hit || block(end - 1) < hit)
            .map(|(frame, _)| frame.clone()).peekable();
        let damaged = scan(&disk_with(file.clone()), &path("x"), &mut |_, _| Seen::Inside).unwrap();
        for found in frames_of(file) {
            prop_assert!(frames.contains(&found), "a frame that was never written");
            expected.next_if(|frame| *frame == found);
        }
        prop_assert_eq!(expected.next(), None, "a frame of an undamaged block is missing");
        prop_assert!(damaged.frames == 0 && damaged.cut_frames <= frames.len() as u64);
    }
}
