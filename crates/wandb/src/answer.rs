//! What a server said, as a [`SendError`].

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, LOCATION, RETRY_AFTER};
use jiff::fmt::rfc2822;
use serde_json::Value;
use wandbd_upload::SendError;

/// More of a server's words is not kept, in characters.
const REASON_MAX: usize = 500;

/// A pause longer than a week is taken for a mistake.
const PAUSE_MAX: Duration = Duration::from_hours(7 * 24);

/// What an answer that is not a success means.
pub(crate) fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> SendError {
    let reason = reason(status, headers, body);
    match status {
        400 | 413 | 422 => SendError::Rejected { status, reason },
        401 => SendError::Unauthorized(reason),
        403 => SendError::Forbidden(reason),
        404 | 410 => SendError::Gone { status, reason },
        409 => SendError::Conflict(reason),
        _ => match retry_after(headers) {
            Some(pause) => SendError::Busy(Some(pause)),
            None if status == 429 => SendError::Busy(None),
            None => SendError::Server { status, reason },
        },
    }
}

/// A success that makes no sense. It is not taken for a refusal: a server in trouble may say anything.
pub(crate) fn nonsense(what: &str, detail: impl std::fmt::Display) -> SendError {
    SendError::Server {
        status: 200,
        reason: format!("the answer to {what} cannot be understood: {detail}"),
    }
}

/// `Retry-After`: seconds, decimals allowed, or a date; a date is held against the server's own clock if it shows one.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        let pause = Duration::try_from_secs_f64(seconds).ok()?;
        return Some(pause.min(PAUSE_MAX));
    }
    let then = date(text)?;
    let shown = headers
        .get(DATE)
        .and_then(|shown| date(shown.to_str().ok()?));
    let now = shown.unwrap_or_else(jiff::Timestamp::now);
    let pause = Duration::try_from(then.duration_since(now)).unwrap_or_default();
    Some(pause.min(PAUSE_MAX))
}

fn date(text: &str) -> Option<jiff::Timestamp> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

/// The server's own words.
fn reason(status: u16, headers: &HeaderMap, body: &[u8]) -> String {
    if (300..400).contains(&status)
        && let Some(address) = headers.get(LOCATION).and_then(|to| to.to_str().ok())
        && let Ok(url) = url::Url::parse(address)
    {
        let to = url.origin().ascii_serialization();
        return format!("it sends clients on to {to}; is the base URL right?");
    }
    if status == 407 {
        return "the proxy wants another user or password; HTTP_PROXY and HTTPS_PROXY name them, as in http://user:password@host:port".to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let words = match serde_json::from_str::<Value>(&text) {
        Ok(json) => messages(&json),
        Err(_) if text.trim_start().starts_with('<') => String::new(),
        Err(_) => text.trim().to_owned(),
    };
    words.chars().take(REASON_MAX).collect()
}

/// `error` (text, or an object with `message`) or `errors` (a list of either), else nothing.
pub(crate) fn messages(body: &Value) -> String {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        other => other.get("message")?.as_str().map(str::to_owned),
    };
    let list = body.get("errors").and_then(Value::as_array);
    let mut words: Vec<String> = list.into_iter().flatten().filter_map(one).collect();
    if words.is_empty() {
        words.extend(body.get("error").and_then(one));
    }
    words.dedup();
    words.join("; ").chars().take(REASON_MAX).collect()
}

/// The same error once more, for another file of the same batch.
pub(crate) fn again(error: &SendError) -> SendError {
    match error {
        SendError::Unreachable(cause) => SendError::Unreachable(cause.to_string().into()),
        SendError::Timeout(limit) => SendError::Timeout(*limit),
        SendError::Busy(pause) => SendError::Busy(*pause),
        SendError::Server { status, reason } => SendError::Server {
            status: *status,
            reason: reason.clone(),
        },
        SendError::Unauthorized(reason) => SendError::Unauthorized(reason.clone()),
        SendError::Forbidden(reason) => SendError::Forbidden(reason.clone()),
        SendError::Gone { status, reason } => SendError::Gone {
            status: *status,
            reason: reason.clone(),
        },
        SendError::Conflict(reason) => SendError::Conflict(reason.clone()),
        SendError::Rejected { status, reason } => SendError::Rejected {
            status: *status,
            reason: reason.clone(),
        },
        SendError::Expired { status } => SendError::Expired { status: *status },
        SendError::NoAddress => SendError::NoAddress,
        SendError::Usage(reason) => SendError::Usage(reason.clone()),
        SendError::Missing { path, source } => SendError::Missing {
            path: path.clone(),
            source: std::io::Error::new(source.kind(), source.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HeaderName;

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = list.iter().cloned();
        pairs
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_words_of_the_server_are_found_in_all_their_forms() {
        for (body, expect) in [
            (r#"{"error":"no"}"#, "no"),
            (r#"{"error":{"message":"no"}}"#, "no"),
            (r#"{"errors":["a",{"message":"b"}]}"#, "a; b"),
            (r#"{"error":"a","errors":[{"message":"a"}]}"#, "a"),
            ("plain text", "plain text"),
            ("<html>bad gateway</html>", ""),
        ] {
            let error = refusal(422, &HeaderMap::new(), body.as_bytes());
            let SendError::Rejected { reason, .. } = error else {
                panic!("{error:?}");
            };
            assert_eq!(reason, expect, "{body}");
        }
    }

    #[test]
    fn a_pause_is_read_as_seconds_or_as_a_date_by_the_servers_clock() {
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (given, expect) in [
            (headers(&[(RETRY_AFTER, "90")]), Some(90.0)),
            (headers(&[(RETRY_AFTER, "0.25")]), Some(0.25)),
            (
                headers(&[(RETRY_AFTER, "Wed, 21 Oct 2026 07:29:30 GMT"), (DATE, date)]),
                Some(90.0),
            ),
            (
                headers(&[(RETRY_AFTER, "Wed, 21 Oct 2026 07:00:00 GMT"), (DATE, date)]),
                Some(0.0),
            ),
            (
                headers(&[(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:00 GMT")]),
                Some(0.0),
            ),
            (
                headers(&[(RETRY_AFTER, "Fri, 21 Oct 2135 07:28:00 GMT")]),
                Some(604_800.0),
            ),
            (headers(&[(RETRY_AFTER, "-1")]), None),
            (headers(&[(RETRY_AFTER, "soon")]), None),
            (headers(&[]), None),
        ] {
            for status in [429, 503] {
                let pause = match refusal(status, &given, b"") {
                    SendError::Busy(pause) => pause,
                    SendError::Server { status: 503, .. } => None,
                    other => panic!("{other:?}"),
                };
                assert_eq!(pause.map(|pause| pause.as_secs_f64()), expect, "{given:?}");
            }
        }
    }

    #[test]
    fn a_redirect_names_the_server_it_leads_to_and_nothing_more() {
        let to = headers(&[(LOCATION, "https://app.example/login?next=secret")]);

        let text = refusal(302, &to, b"").to_string();

        assert!(text.contains("https://app.example;"), "{text}");
        assert!(!text.contains("secret"));
    }
}
