//! What wandbd itself remarks in a journal: field 20001 of a W&B record.
//!
//! A note rides on a record of a known type, because the official tools die of a record that holds only an unknown field. Where
//! there is nothing to ride on, an empty `telemetry` record carries it ([`carrier`]).

use prost::Message;
use wandbd_proto::v1::Note;
use wandbd_proto::wandb::{Record, TelemetryRecord, record::RecordType};

use crate::error::BadNote;

/// The note on a record; nothing when it has none.
/// # Errors
/// [`BadNote`] when there is one and it cannot be read.
pub fn note_of(record: &Record) -> Result<Option<Note>, BadNote> {
    if record.wandbd.is_empty() {
        return Ok(None);
    }
    Note::decode(record.wandbd.as_slice())
        .map(Some)
        .map_err(|source| BadNote {
            num: record.num,
            source,
        })
}

/// Puts a note on a record in place of the one it has.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a note is made to be put on a record"
)]
pub fn set_note(record: &mut Record, note: Note) {
    record.wandbd = note.encode_to_vec();
}

/// Changes the note on a record, or gives it one.
/// # Errors
/// [`BadNote`] when there is one and it cannot be read; the record is unchanged.
pub fn amend(record: &mut Record, change: impl FnOnce(&mut Note)) -> Result<(), BadNote> {
    let mut note = note_of(record)?.unwrap_or_default();
    change(&mut note);
    set_note(record, note);
    Ok(())
}

/// A record that says nothing to others and carries a note.
pub fn carrier(note: Note) -> Record {
    let mut record = Record {
        num: 0,
        record_type: Some(RecordType::Telemetry(TelemetryRecord::default())),
        wandbd: Vec::new(),
    };
    set_note(&mut record, note);
    record
}

/// A W&B record without a note.
pub fn record(kind: RecordType) -> Record {
    Record {
        num: 0,
        record_type: Some(kind),
        wandbd: Vec::new(),
    }
}

/// The bytes of a journal frame.
pub fn encode(record: &Record) -> Vec<u8> {
    record.encode_to_vec()
}

/// Reads a journal frame.
/// # Errors
/// What the decoder says when the bytes are no record.
pub fn decode(frame: &[u8]) -> Result<Record, prost::DecodeError> {
    Record::decode(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_travels_on_a_carrier_through_a_frame() {
        let note = Note {
            session: "s".into(),
            seq: 7,
            ..Note::default()
        };

        let mut back = decode(&encode(&carrier(note.clone()))).unwrap();

        assert_eq!(note_of(&back).unwrap(), Some(note));
        assert!(matches!(back.record_type, Some(RecordType::Telemetry(_))));
        amend(&mut back, |note| note.group_end = true).unwrap();
        let note = note_of(&back).unwrap().unwrap();
        assert!(note.group_end && note.seq == 7);
    }

    #[test]
    fn a_record_of_another_writer_has_no_note() {
        assert_eq!(note_of(&Record::default()), Ok(None));
    }

    #[test]
    fn a_broken_note_is_an_error_that_names_the_record() {
        let record = Record {
            num: 12,
            wandbd: vec![0xff],
            ..Record::default()
        };

        assert!(note_of(&record).unwrap_err().to_string().contains("12"));
    }
}
