//! `file_stream`: lines, as they are, at their offsets.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header::CONTENT_LENGTH};
use serde_json::Value;
use wandbd_record::json;
use wandbd_run::Opened;
use wandbd_upload::{Answer, Block, Post, SendError};

use crate::api::Api;

/// How much of a post is made at once, in bytes.
const PIECE: usize = 64 << 10;

/// Sends one post and reads whether the run shall stop.
pub(crate) async fn post(api: &Api, opened: &Opened, post: &Post) -> Result<Answer, SendError> {
    let address = api
        .base
        .file_stream(&opened.entity, &opened.project, &opened.run_id);
    let limit = api.limits.file_stream;
    let text = Text::of(post);
    let mut headers = api.stream_headers.clone();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.bytes()));
    let pieces = text.pieces().map(Ok::<_, Infallible>);
    let body = reqwest::Body::wrap_stream(stream::iter(pieces));
    let answer = api.post(address, &headers, body, limit).await?;
    let Ok(said) = serde_json::from_slice::<Value>(&answer) else {
        tracing::debug!(bytes = answer.len(), "the answer to a post is not JSON");
        return Ok(Answer::default());
    };
    let stopped = said.get("stopped").and_then(Value::as_bool) == Some(true);
    Ok(Answer { stopped })
}

/// The text of a post: mostly lines, which are JSON already and are escaped piece by piece while they are sent, so that a post of
/// megabytes is in memory once and not twice.
#[derive(Default)]
struct Text {
    /// Text, and the lines that follow it.
    parts: Vec<(String, Block)>,
    /// The text after all of them.
    open: String,
}

impl Text {
    fn of(post: &Post) -> Text {
        let mut text = Text::default();
        let mut object = Object::open(&mut text);
        let files = [
            ("wandb-history.jsonl", &post.history),
            ("wandb-events.jsonl", &post.events),
            ("output.log", &post.console),
        ];
        if post.summary.is_some() || files.iter().any(|(_, block)| !block.lines().is_empty()) {
            let mut list = Object::open(object.key("files"));
            for (name, block) in files {
                if !block.lines().is_empty() {
                    let mut file = Object::open(list.key(name));
                    file.key("offset").push_str(&block.offset.to_string());
                    file.key("content").push_lines(block);
                    file.close();
                }
            }
            if let Some(summary) = &post.summary {
                let mut file = Object::open(list.key("wandb-summary.json"));
                file.key("offset").push('0');
                file.key("content").push_list([&**summary].into_iter());
                file.close();
            }
            list.close();
        }
        if !post.uploaded.is_empty() {
            let names = post.uploaded.iter().map(String::as_str);
            object.key("uploaded").push_list(names);
        }
        if post.preempting {
            object.key("preempting").push_str("true");
        }
        if let Some(exit_code) = post.complete {
            object.key("complete").push_str("true");
            object.key("exitcode").push_str(&exit_code.to_string());
        }
        object.close();
        text
    }

    fn push(&mut self, letter: char) {
        self.open.push(letter);
    }

    fn push_str(&mut self, text: &str) {
        self.open.push_str(text);
    }

    fn push_lines(&mut self, block: &Block) {
        self.open.push('[');
        let text = std::mem::take(&mut self.open);
        self.parts.push((text, block.clone()));
        self.open.push(']');
    }

    fn push_list<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        self.open.push('[');
        for (index, word) in words.enumerate() {
            push_item(&mut self.open, index, word);
        }
        self.open.push(']');
    }

    /// How long it is.
    fn bytes(&self) -> usize {
        let mut line = String::new();
        let mut bytes = self.open.len();
        for (text, block) in &self.parts {
            bytes += text.len();
            for (index, text) in block.lines().iter().enumerate() {
                line.clear();
                push_item(&mut line, index, text);
                bytes += line.len();
            }
        }
        bytes
    }

    /// The text, piece by piece.
    fn pieces(self) -> impl Iterator<Item = Bytes> + Send + 'static {
        let parts = self.parts.into_iter().flat_map(|(text, block)| {
            std::iter::once(Bytes::from(text)).chain(Pieces { block, next: 0 })
        });
        parts.chain(std::iter::once(Bytes::from(self.open)))
    }
}

fn push_item(out: &mut String, index: usize, text: &str) {
    if index > 0 {
        out.push(',');
    }
    json::push_str(out, text);
}

/// Lines as items of a list.
struct Pieces {
    block: Block,
    next: usize,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let rest = self.block.lines().get(self.next..);
        let rest = rest.filter(|rest| !rest.is_empty())?;
        let mut out = String::with_capacity(PIECE + PIECE / 8);
        for line in rest {
            if !out.is_empty() && out.len() + line.len() > PIECE {
                break;
            }
            push_item(&mut out, self.next, line);
            self.next += 1;
        }
        Some(out.into())
    }
}

/// An object under way.
struct Object<'a> {
    out: &'a mut Text,
    first: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Text) -> Self {
        out.push('{');
        Object { out, first: true }
    }

    /// Begins a member; its value goes to what is returned.
    fn key(&mut self, name: &str) -> &mut Text {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        json::push_str(&mut self.out.open, name);
        self.out.push(':');
        self.out
    }

    fn close(self) {
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn block(offset: u64, list: &[&str]) -> Block {
        let lines = list.iter().map(|line| (*line).to_owned()).collect();
        Block::new(offset, Arc::new(lines), 0..list.len())
    }

    /// The body, after its length was compared.
    fn body(post: &Post) -> Vec<u8> {
        let bytes = Text::of(post).bytes();
        let body: Vec<u8> = Text::of(post).pieces().flatten().collect();
        assert_eq!(body.len(), bytes);
        body
    }

    #[test]
    fn a_heartbeat_is_an_empty_object() {
        assert_eq!(body(&Post::default()), b"{}");
    }

    #[test]
    fn a_full_post_has_every_part_in_its_place() {
        let history = [r#"{"_step":8,"loss":NaN,"t":"a\"b"}"#, "{}"];
        let console = ["ERROR 2026 \u{1}ü"];
        let post = Post {
            history: block(5, &history),
            console: block(11, &console),
            summary: Some(r#"{"loss":0.3}"#.into()),
            uploaded: vec!["config.yaml".into()],
            preempting: true,
            complete: Some(-1),
            ..Post::default()
        };

        let body: Value = serde_json::from_slice(&body(&post)).unwrap();

        assert_eq!(
            body,
            json!({
                "files": {
                    "wandb-history.jsonl": {"offset": 5, "content": history},
                    "wandb-summary.json": {"offset": 0, "content": ["{\"loss\":0.3}"]},
                    "output.log": {"offset": 11, "content": console},
                },
                "uploaded": ["config.yaml"],
                "preempting": true,
                "complete": true,
                "exitcode": -1,
            })
        );
    }

    #[test]
    fn a_long_post_comes_in_pieces_that_are_joined_rightly() {
        let long = "x".repeat(PIECE);
        let lines: Vec<String> = (0..5_000).map(|n| format!("{{\"_step\":{n}}}")).collect();
        let mut all: Vec<&str> = lines.iter().map(String::as_str).collect();
        all.insert(2_500, &long);
        let post = Post {
            history: block(0, &all),
            ..Post::default()
        };

        let pieces: Vec<Bytes> = Text::of(&post).pieces().collect();
        let text: Value = serde_json::from_slice(&body(&post)).unwrap();

        assert!(pieces.len() > 4, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| piece.len() < 2 * PIECE));
        assert_eq!(
            text,
            json!({"files": {"wandb-history.jsonl": {"offset": 0, "content": all}}})
        );
    }
}
