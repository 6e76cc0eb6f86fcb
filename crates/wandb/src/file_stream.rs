//! `file_stream`: lines, as they are, at their offsets.

use http::HeaderMap;
use serde_json::Value;
use wandbd_record::json;
use wandbd_run::Opened;
use wandbd_upload::{Answer, Block, Post, SendError};

use crate::api::Api;

/// Sends one post and reads whether the run shall stop.
pub(crate) async fn post(api: &Api, opened: &Opened, post: &Post<'_>) -> Result<Answer, SendError> {
    let address = api
        .base
        .file_stream(&opened.entity, &opened.project, &opened.run_id);
    let limit = api.limits.file_stream;
    let answer = api
        .post(address, &HeaderMap::new(), body(post), limit)
        .await?;
    let Ok(said) = serde_json::from_slice::<Value>(&answer) else {
        tracing::debug!(bytes = answer.len(), "the answer to a post is not JSON");
        return Ok(Answer::default());
    };
    let stopped = said.get("stopped").and_then(Value::as_bool) == Some(true);
    Ok(Answer { stopped })
}

/// The text of a post, written straight: most of it is lines that are JSON already and only need escaping.
fn body(post: &Post<'_>) -> Vec<u8> {
    let blocks = [post.history, post.events, post.console];
    let bytes: usize = blocks
        .iter()
        .flat_map(|block| block.lines)
        .map(|line| line.len() + 8)
        .sum();
    let mut out = String::with_capacity(bytes + bytes / 4 + post.summary.map_or(0, str::len) + 512);
    let mut object = Object::open(&mut out);
    let files = [
        ("wandb-history.jsonl", post.history),
        ("wandb-events.jsonl", post.events),
        ("output.log", post.console),
    ];
    if post.summary.is_some() || files.iter().any(|(_, block)| !block.lines.is_empty()) {
        let mut list = Object::open(object.key("files"));
        for (name, Block { offset, lines }) in files {
            if !lines.is_empty() {
                write_block(list.key(name), offset, lines.iter().map(String::as_str));
            }
        }
        if let Some(summary) = post.summary {
            write_block(list.key("wandb-summary.json"), 0, [summary].into_iter());
        }
        list.close();
    }
    if !post.uploaded.is_empty() {
        write_list(
            object.key("uploaded"),
            post.uploaded.iter().map(String::as_str),
        );
    }
    if post.preempting {
        object.key("preempting").push_str("true");
    }
    if let Some(exit_code) = post.complete {
        object.key("complete").push_str("true");
        object.key("exitcode").push_str(&exit_code.to_string());
    }
    object.close();
    out.into_bytes()
}

fn write_block<'a>(out: &mut String, offset: u64, lines: impl Iterator<Item = &'a str>) {
    let mut object = Object::open(out);
    object.key("offset").push_str(&offset.to_string());
    write_list(object.key("content"), lines);
    object.close();
}

fn write_list<'a>(out: &mut String, lines: impl Iterator<Item = &'a str>) {
    out.push('[');
    for (index, line) in lines.enumerate() {
        if index > 0 {
            out.push(',');
        }
        json::push_str(out, line);
    }
    out.push(']');
}

/// An object under way.
struct Object<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut String) -> Self {
        out.push('{');
        Object { out, first: true }
    }

    /// Begins a member; its value goes to what is returned.
    fn key(&mut self, name: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        json::push_str(self.out, name);
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

    fn lines(list: &[&str]) -> Vec<String> {
        list.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_heartbeat_is_an_empty_object() {
        assert_eq!(body(&Post::default()), b"{}");
    }

    #[test]
    fn a_full_post_has_every_part_in_its_place() {
        let history = lines(&[r#"{"_step":8,"loss":NaN,"t":"a\"b"}"#, "{}"]);
        let console = lines(&["ERROR 2026 \u{1}ü"]);
        let uploaded = lines(&["config.yaml"]);
        let post = Post {
            history: Block {
                offset: 5,
                lines: &history,
            },
            console: Block {
                offset: 11,
                lines: &console,
            },
            summary: Some(r#"{"loss":0.3}"#),
            uploaded: &uploaded,
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
}
