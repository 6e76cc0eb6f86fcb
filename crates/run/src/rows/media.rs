//! Places for media in rows and in the summary: filled when their row closes, because only then its step is known.
//!
//! Until then a template is a leaf that no JSON text can be: it begins with [`MARK`].

use std::collections::HashSet;
use std::sync::Arc;

use wandbd_record::convert::media_files_record;
use wandbd_record::made::{Linked, in_row};
use wandbd_record::note;
use wandbd_record::v1::{self, Note, field::Value};
use wandbd_record::wandb::{self, record::RecordType};
use wandbd_record::{Node, Tree, path};

use crate::rows::Rows;
use crate::shelf::Shelf;

/// How a leaf begins that is a template.
const MARK: char = '\u{1}';

/// What stands in the place of the step in the summary's own media.
const SUMMARY: &str = "summary";

/// A template as a leaf of an open row.
pub(super) fn leaf(template: &str) -> Node {
    Node::Leaf(format!("{MARK}{template}"))
}

impl Rows {
    /// What came of a media of this run; `out` gets what is to be journaled for it.
    pub fn learn(&mut self, made: v1::Made, out: &mut Vec<wandb::Record>) {
        self.shelf.put(Arc::new(made.clone()));
        out.push(note::carrier(Note {
            made: Some(made),
            ..Note::default()
        }));
    }

    /// What is known of the run's media.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Files that the records since the last take name: they are to lie below the run's files before these are durable.
    pub fn take_files(&mut self) -> Vec<Linked> {
        std::mem::take(&mut self.files)
    }

    /// Fills the templates in a row that closes, and appends the record of their files.
    pub(super) fn fill(&mut self, row: &mut Tree, step: i64, out: &mut Vec<wandb::Record>) {
        let templates: Vec<(Vec<String>, String)> = row
            .leaves()
            .filter_map(|(path, raw)| {
                let template = raw.strip_prefix(MARK)?;
                let path = path.into_iter().map(str::to_owned).collect();
                Some((path, template.to_owned()))
            })
            .collect();
        if templates.is_empty() {
            return;
        }
        let (what, step) = (format!("row {step}"), step.to_string());
        let mut files = Vec::new();
        for (path, template) in templates {
            row.remove(&path);
            if let Some(raw) = self.filled(&what, &path, &template, &step, &mut files)
                && let Ok(node) = Node::parse(&raw)
            {
                row.merge_node(&path, node);
            }
        }
        self.name(files, out);
    }

    /// Fills the templates of an explicit write to the summary. What cannot be filled is left out.
    pub(super) fn fill_summary(
        &mut self,
        update: &mut v1::SummaryUpdate,
        out: &mut Vec<wandb::Record>,
    ) {
        let mut files = Vec::new();
        let mut fields = std::mem::take(&mut update.update);
        fields.retain_mut(|field| {
            let Some(Value::Template(template)) = &field.value else {
                return true;
            };
            let path: Vec<String> = path::of_field(field)
                .into_iter()
                .map(str::to_owned)
                .collect();
            let raw = self.filled(SUMMARY, &path, template, SUMMARY, &mut files);
            let filled = raw.is_some();
            field.value = raw.map(Value::Json);
            filled
        });
        update.update = fields;
        self.name(files, out);
    }

    /// A template's value; a warning that names it when there is none.
    fn filled(
        &mut self,
        what: &str,
        path: &[String],
        template: &str,
        step: &str,
        files: &mut Vec<Linked>,
    ) -> Option<String> {
        let key = path.last().map_or("", String::as_str);
        match in_row(template, key, step, &self.shelf, files) {
            Ok(raw) => Some(raw),
            Err(error) => {
                let name = path.join(".");
                self.warn(vec![format!(
                    "{what}: the value of {name:?} was left out: {error}"
                )]);
                None
            }
        }
    }

    /// The files are to be uploaded.
    fn name(&mut self, files: Vec<Linked>, out: &mut Vec<wandb::Record>) {
        let mut seen = HashSet::with_capacity(files.len());
        let files: Vec<Linked> = files
            .into_iter()
            .filter(|file| seen.insert(file.name.clone()))
            .collect();
        if files.is_empty() {
            return;
        }
        let names = files.iter().map(|file| file.name.clone());
        out.push(note::record(RecordType::Files(media_files_record(names))));
        self.files.extend(files);
    }
}
