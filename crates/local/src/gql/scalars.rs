//! W&B's scalars, and ids: base64 of `<Type>:<row number>`.

use async_graphql::scalar;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, StoreResult};

/// JSON as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JsonString(pub(crate) String);
scalar!(JsonString, "JSONString");

/// Any JSON value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Json(pub(crate) serde_json::Value);
scalar!(Json, "JSON");

/// A time such as `2026-01-01T00:00:00Z`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DateTime(pub(crate) String);
scalar!(DateTime, "DateTime");

/// A whole number of 64 bits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Int64(pub(crate) i64);
scalar!(Int64, "Int64");

/// Milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Duration(pub(crate) i64);
scalar!(Duration, "Duration");

impl DateTime {
    pub(crate) fn at(seconds: f64) -> Self {
        Self(crate::clock::iso(seconds))
    }
}

/// The id of row `number` of a type.
pub(crate) fn id(kind: &str, number: i64) -> String {
    STANDARD.encode(format!("{kind}:{number}"))
}

/// The row number in an id of that type.
pub(crate) fn row(kind: &str, id: &str) -> StoreResult<i64> {
    let wrong = || StoreError::NotFound(format!("{kind} with id {id:?}"));
    let text = STANDARD.decode(id).map_err(|_| wrong())?;
    let text = String::from_utf8(text).map_err(|_| wrong())?;
    text.strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)
}
