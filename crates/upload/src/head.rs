//! The beginning of a journal: everything up to the run record, which says what to open.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;
use wandbd_journal::{Frame, JournalError, Position};
use wandbd_record::wandb::record::RecordType;
use wandbd_record::{note, wandb};
use wandbd_run::{Batch, Lines, Opened};

use crate::courier::{Courier, Stopped};
use crate::destination::RunStart;
use crate::progress::Channel;
use crate::source::{Feed, Source};
use crate::uploader::Overrides;

/// How long to wait before a journal that could not be read is opened again.
const REOPEN: Duration = Duration::from_secs(1);

/// Reads a journal and opens it again where it was when reading fails.
pub(crate) struct Reader {
    feed: Arc<dyn Feed>,
    courier: Arc<Courier>,
    source: Option<Box<dyn Source>>,
    position: Position,
}

impl Reader {
    pub(crate) fn open(feed: Arc<dyn Feed>, courier: Arc<Courier>) -> Result<Self, JournalError> {
        let source = Some(feed.open(Position::START)?);
        Ok(Reader {
            feed,
            courier,
            source,
            position: Position::START,
        })
    }

    /// The next frame; `None` when there will be no more. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if self.source.is_none() {
                sleep(REOPEN).await;
                match self.feed.open(self.position) {
                    Ok(source) => self.source = Some(source),
                    Err(error) => self.broken(&error),
                }
            }
            let Some(source) = self.source.as_mut() else {
                continue;
            };
            match source.next().await {
                Ok(frame) => return self.read(frame),
                Err(error) => self.broken(&error),
            }
        }
    }

    /// The next frame if there is one now.
    pub(crate) fn try_next(&mut self) -> Option<Frame> {
        match self.source.as_mut()?.try_next() {
            Ok(frame) => self.read(frame),
            Err(error) => {
                self.broken(&error);
                None
            }
        }
    }

    fn read(&mut self, frame: Option<Frame>) -> Option<Frame> {
        if let Some(frame) = &frame {
            self.position = frame.end;
        }
        self.courier.flows(Channel::Journal);
        frame
    }

    fn broken(&mut self, error: &JournalError) {
        let cause = crate::error::chain(error);
        warn!(run = %self.courier.name, %cause, "cannot read the journal");
        self.courier
            .standing
            .held_up(Channel::Journal, false, cause);
        self.source = None;
    }

    /// The end of the journal as far as it is known.
    pub(crate) fn end(&self) -> Position {
        let end = self.source.as_ref().map(|source| source.end());
        end.unwrap_or_default().max(self.position)
    }
}

/// What comes before anything can be sent.
pub(crate) struct Head {
    /// Everything up to the run record.
    pub(crate) records: Vec<wandb::Record>,
    pub(crate) start: RunStart,
    pub(crate) position: Position,
}

impl Head {
    /// Reads up to the run record. `None`: the journal has ended without one.
    pub(crate) async fn read(
        reader: &mut Reader,
        courier: &Courier,
        overrides: &Overrides,
    ) -> Result<Option<Head>, Stopped> {
        let mut records = Vec::new();
        loop {
            let Some(frame) = courier.or_stop(reader.next()).await? else {
                return Ok(None);
            };
            let mut record = match note::decode(&frame.data) {
                Ok(record) => record,
                Err(error) => {
                    warn!(run = %courier.name, %error, position = %frame.end, "unreadable record");
                    continue;
                }
            };
            if let Some(RecordType::Run(run)) = &mut record.record_type {
                overrides.apply(run);
                let run = run.clone();
                let said = note::note_of(&record).ok().flatten();
                let note = said.and_then(|said| said.opened);
                records.push(record);
                let config_json = config(&records);
                return Ok(Some(Head {
                    records,
                    start: RunStart {
                        run,
                        note,
                        config_json,
                        resume: overrides.resume,
                        again: false,
                    },
                    position: frame.end,
                }));
            }
            records.push(record);
        }
    }
}

/// The config at the beginning; it does not depend on the opened block.
fn config(records: &[wandb::Record]) -> String {
    let mut lines = Lines::new(&Opened::default());
    let mut batch = Batch::default();
    for record in records {
        if let Err(error) = lines.apply(record, &mut batch) {
            warn!(%error, "record left out");
        }
    }
    lines.config_json()
}
