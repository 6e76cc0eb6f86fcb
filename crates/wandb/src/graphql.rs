use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use wandbd_upload::SendError;

use crate::answer::{messages, nonsense};
use crate::api::Api;

/// The frame around every answer.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    errors: Option<Value>,
}

impl Api {
    /// Asks or changes something. `operation` is the name of the only operation in `document`.
    ///
    /// Any GraphQL error is [`SendError::Rejected`], whatever else the answer holds.
    pub(crate) async fn graphql<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        document: &'static str,
        variables: Value,
    ) -> Result<T, SendError> {
        let body = json!({
            "query": document,
            "variables": variables,
            "operationName": operation,
        });
        let limit = self.limits.graphql;
        let address = self.base.graphql();
        let body = body.to_string().into_bytes();
        let answer = self
            .post(address, &self.graphql_headers, body, limit)
            .await?;
        let place = |error: serde_json::Error| {
            // Its text may quote the answer, which may hold signed addresses.
            nonsense(
                operation,
                format_args!("at line {} column {}", error.line(), error.column()),
            )
        };
        let envelope: Envelope<'_> = serde_json::from_slice(&answer).map_err(place)?;
        let errors = envelope.errors.filter(|errors| match errors {
            Value::Null => false,
            Value::Array(list) => !list.is_empty(),
            _ => true,
        });
        if let Some(errors) = errors {
            let words = messages(&json!({ "errors": errors }));
            let reason = format!("{operation}: {words}");
            return Err(self.discreet(SendError::Rejected {
                status: 200,
                reason,
            }));
        }
        let data = envelope.data.map_or("null", RawValue::get);
        serde_json::from_str(data).map_err(place)
    }
}

/// A list of GraphQL's relay kind.
#[derive(Deserialize)]
pub(crate) struct Edges<T> {
    pub(crate) edges: Vec<Edge<T>>,
}

/// An element of it.
#[derive(Deserialize)]
pub(crate) struct Edge<T> {
    pub(crate) node: T,
}
