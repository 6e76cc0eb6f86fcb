//! Extended JSON objects laid over each other: the summary of several rows, or of several writers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::extjson::entries;

/// Objects laid over each other: for each top-level key the last value counts.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    values: BTreeMap<String, String>,
}

impl Merged {
    pub(crate) fn add(&mut self, text: &str) {
        for (key, raw) in entries(text) {
            if let Some(value) = self.values.get_mut(key.as_ref()) {
                raw.clone_into(value);
            } else {
                self.values.insert(key.into_owned(), raw.to_owned());
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        let parts: Vec<String> = self
            .values
            .iter()
            .map(|(key, raw)| format!("{}:{raw}", Value::from(key.as_str())))
            .collect();
        format!("{{{}}}", parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_each_key_counts() {
        let mut whole = Merged::default();

        whole.add(r#"{"a": 1, "b": {"x": NaN}}"#);
        whole.add(r#"{"c/\"d\"": "t", "a": Infinity}"#);

        assert_eq!(
            whole.text(),
            r#"{"a":Infinity,"b":{"x": NaN},"c/\"d\"":"t"}"#
        );
    }
}
