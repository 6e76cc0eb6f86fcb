use prost::Message as _;
use v1::{client_message, record::Kind};

use super::*;
use crate::{Fields, budget::FILES_FACTOR};

fn window(limit: usize) -> Window {
    Window::new(Arc::new(Budget::new(limit)))
}

fn head(step: i64) -> RowHead {
    RowHead {
        timestamp: 1.5,
        step: Some(step),
        close: true,
        counted: step,
    }
}

fn row(len: usize) -> Vec<u8> {
    let mut fields = Fields::new();
    let mark = fields.enter("text");
    fields.text(&"x".repeat(len));
    fields.leave(mark);
    fields.bytes().to_vec()
}

fn chunk(message: &Parts) -> v1::Chunk {
    match v1::ClientMessage::decode(message.to_vec().as_slice())
        .unwrap()
        .kind
    {
        Some(client_message::Kind::Chunk(chunk)) => chunk,
        other => panic!("{other:?}"),
    }
}

/// All that would be sent now, with its numbers.
fn drain(window: &mut Window) -> Vec<(u64, Kind)> {
    let mut spare = Vec::new();
    let until = window.last();
    std::iter::from_fn(|| window.next_chunk(until, &mut spare))
        .flat_map(|message| {
            let chunk = chunk(&message);
            chunk
                .record
                .into_iter()
                .enumerate()
                .map(move |(place, record)| (chunk.first_seq + place as u64, record.kind.unwrap()))
        })
        .collect()
}

#[test]
fn what_is_sent_is_a_protobuf_chunk_with_the_rows_as_they_were() {
    let mut window = window(1 << 20);
    for step in 0..3 {
        assert_eq!(window.push_row(&head(step), &row(5)), Pushed::Stored);
    }
    let sent = drain(&mut window);
    assert_eq!(
        sent.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    for (step, (_, kind)) in (0..).zip(&sent) {
        let Kind::Row(row) = kind else {
            panic!("{kind:?}")
        };
        assert_eq!(
            (row.step, row.close, row.timestamp),
            (Some(step), true, 1.5)
        );
        assert_eq!(row.field.first().unwrap().key, "text");
    }
}

#[test]
fn no_chunk_is_over_1_mib_unless_it_is_a_single_record() {
    let mut window = window(64 << 20);
    let large = row(3 << 20);
    for step in 0..3000 {
        assert_eq!(window.push_row(&head(step), &row(1000)), Pushed::Stored);
        if step == 1500 {
            assert_eq!(window.push_row(&head(step), &large), Pushed::Stored);
        }
    }
    let messages = window.pending();
    assert!(messages.len() >= 4);
    for message in &messages {
        assert!(message.len() <= CHUNK_MAX || chunk(message).record.len() == 1);
    }
    let records: usize = messages
        .iter()
        .map(|message| chunk(message).record.len())
        .sum();
    assert_eq!(records, 3001);
}

#[test]
fn a_record_over_12_mib_is_refused_and_counted() {
    let mut window = window(64 << 20);
    assert_eq!(
        window.push_row(&head(0), &row(RECORD_MAX)),
        Pushed::TooLarge
    );
    assert_eq!(window.dropped_rows(), 1);
}

#[test]
fn a_full_window_drops_rows_and_the_gap_says_which() {
    let mut window = window(128 << 10);
    let mut step = 0;
    while window.push_row(&head(step), &row(1000)) == Pushed::Stored {
        step += 1;
    }
    let first_lost = step;
    for _ in 0..9 {
        step += 1;
        assert_eq!(window.push_row(&head(step), &row(1000)), Pushed::Full);
    }
    let config = encode::update(3, &row(10), &[]);
    assert_eq!(
        window.push(Class::Kept, &config),
        Pushed::Stored,
        "config has the reserve"
    );
    let sent = drain(&mut window);
    assert_eq!(sent.len() as u64, window.last());
    window.ack(window.last());
    assert_eq!(window.push_row(&head(step + 1), &row(10)), Pushed::Stored);
    let after = drain(&mut window);
    let Some((_, Kind::Gap(gap))) = after.first() else {
        panic!("{after:?}")
    };
    assert_eq!(
        (gap.rows, gap.first_step, gap.last_step),
        (10, first_lost, step)
    );
    assert!(matches!(after.get(1), Some((_, Kind::Row(_)))));
    assert_eq!(window.dropped_rows(), 10);
}

#[test]
fn a_flood_of_console_text_leaves_room_for_rows() {
    let mut window = window(1 << 20);
    let text = encode::output(v1::output::Stream::Stdout, &"x".repeat(1000), 0.0);
    while window.push(Class::Text, &text) == Pushed::Stored {}
    for step in 0..100 {
        assert_eq!(window.push_row(&head(step), &row(1000)), Pushed::Stored);
    }
    assert_eq!((window.dropped_rows(), window.dropped_others()), (0, 1));
}

#[test]
fn the_exit_fits_even_when_nothing_else_does() {
    let mut window = window(64 << 10);
    let record = encode::update(3, &row(1000), &[]);
    while window.push(Class::Kept, &record) == Pushed::Stored {}
    let exit = encode::record(Kind::Exit(v1::Exit::default()));
    window.push_last(&exit);
    assert!(matches!(
        drain(&mut window).last(),
        Some((_, Kind::Exit(_)))
    ));
}

#[test]
fn an_ack_frees_whole_chunks_and_the_rest_is_sent_again() {
    let mut window = window(1 << 20);
    for step in 0..4 {
        assert_eq!(window.push_row(&head(step), &row(10)), Pushed::Stored);
        if step % 2 == 1 {
            drain(&mut window);
        }
    }
    window.ack(3);
    window.rewind();
    assert_eq!(
        drain(&mut window)
            .iter()
            .map(|(seq, _)| *seq)
            .collect::<Vec<_>>(),
        [3, 4],
        "the chunk that is acknowledged in part goes again as a whole"
    );
    window.ack(4);
    window.rewind();
    assert!(drain(&mut window).is_empty());
    assert_eq!(window.budget.used(), 0);
}

#[test]
fn an_ack_for_more_than_was_said_is_cut_to_what_was_said() {
    let mut window = window(1 << 20);
    assert_eq!(window.push_row(&head(0), &row(10)), Pushed::Stored);
    drain(&mut window);
    window.ack(1000);
    assert_eq!(window.acked(), 1);
    assert_eq!(window.push_row(&head(1), &row(10)), Pushed::Stored);
    assert_eq!(drain(&mut window).first().unwrap().0, 2);
}

#[test]
fn discarding_frees_everything_and_counts_rows() {
    let mut window = window(1 << 20);
    for step in 0..5 {
        assert_eq!(window.push_row(&head(step), &row(10)), Pushed::Stored);
    }
    assert_eq!(window.discard(), 5);
    assert_eq!(window.budget.used(), 0);
    assert!(!window.has_unsent());
}

#[test]
fn a_record_in_two_pieces_keeps_its_place_among_others() {
    let mut window = window(1 << 20);
    let stop = encode::record(Kind::Preempting(v1::Preempting {}));
    let text = "x".repeat(100_000);
    let link = encode::record(Kind::Link(v1::Link {
        target: text.clone(),
        ..v1::Link::default()
    }));
    let (first, second) = link.split_at(50_000);
    let parts = Parts {
        head: Bytes::copy_from_slice(first),
        tail: Bytes::copy_from_slice(second),
    };
    assert_eq!(window.push(Class::Kept, &stop), Pushed::Stored);
    assert_eq!(
        window.push_alone(Class::Media, parts.clone()),
        Pushed::Stored
    );
    assert_eq!(window.push(Class::Kept, &stop), Pushed::Stored);
    let sent = drain(&mut window);
    assert_eq!(
        sent.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(matches!(&sent[1].1, Kind::Link(link) if link.target == text));
    window.ack(3);
    assert_eq!(window.budget.used(), 0);
    assert_eq!(window.push_alone(Class::Media, parts), Pushed::Stored);
    assert_eq!(window.discard(), 0);
    assert_eq!(window.budget.used(), 0);
}

#[test]
fn media_find_no_room_when_rows_do_not_and_files_are_counted_until_the_ack() {
    let mut window = window(64 << 10);
    let record = encode::record(Kind::Link(v1::Link {
        target: "x".repeat(60 << 10),
        ..v1::Link::default()
    }));
    assert_eq!(window.push(Class::Kept, &record), Pushed::Stored);
    assert_eq!(window.push(Class::Media, &record), Pushed::Full);
    assert_eq!(window.dropped_others(), 1);
    drain(&mut window);
    window.ack(1);
    let large = (64 << 10) * FILES_FACTOR;
    assert!(window.budget.allows_file(large));
    let small = encode::record(Kind::Preempting(v1::Preempting {}));
    assert_eq!(
        window.push_with_files(Class::Media, &small, 10),
        Pushed::Stored
    );
    assert!(!window.budget.allows_file(large));
    drain(&mut window);
    window.ack(2);
    assert!(window.budget.allows_file(large));
}
