//! The last values that this process logged itself, for when the daemon cannot be asked.
//!
//! `log` must not pay for this: the encoded fields of the last call are kept as they are, one copy per *shape* (the names of a call in
//! their order), and only decoded when somebody asks.

use std::collections::HashMap;

use prost::Message as _;
use wandbd_proto::v1;

/// Larger calls are not remembered.
const CALL_MAX: usize = 64 << 10;
/// With more shapes than this the older ones are forgotten: names made up call by call are no summary.
const SHAPES_MAX: usize = 512;

#[derive(Default)]
pub(crate) struct Recent {
    shape: u64,
    last: Vec<u8>,
    others: HashMap<u64, (u64, Vec<u8>)>,
    calls: u64,
}

impl Recent {
    /// Remembers one call.
    pub(crate) fn note(&mut self, shape: u64, fields: &[u8]) {
        if fields.is_empty() || fields.len() > CALL_MAX {
            return;
        }
        self.calls += 1;
        if shape != self.shape && !self.last.is_empty() {
            if self.others.len() >= SHAPES_MAX {
                self.others.clear();
            }
            let last = std::mem::take(&mut self.last);
            self.others.insert(self.shape, (self.calls - 1, last));
            self.others.remove(&shape);
        }
        self.shape = shape;
        self.last.clear();
        self.last.extend_from_slice(fields);
    }

    /// The last value of every leaf.
    pub(crate) fn values(&self) -> Vec<v1::Field> {
        let mut calls: Vec<(u64, &[u8])> = self
            .others
            .values()
            .map(|(at, fields)| (*at, fields.as_slice()))
            .collect();
        calls.push((self.calls, &self.last));
        calls.sort_by_key(|(at, _)| *at);
        let mut order: Vec<v1::Field> = Vec::new();
        let mut places: HashMap<(String, Vec<String>), usize> = HashMap::new();
        for field in calls
            .iter()
            .filter_map(|(_, fields)| v1::Row::decode(*fields).ok())
            .flat_map(|row| row.field)
        {
            let name = (field.key.clone(), field.nested.clone());
            let place = *places.entry(name).or_insert(order.len());
            if let Some(known) = order.get_mut(place) {
                *known = field;
            } else {
                order.push(field);
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fields;

    #[test]
    fn the_last_value_of_each_name_wins_over_calls_of_different_shapes() {
        let mut recent = Recent::default();
        let mut call = |pairs: &[(&str, f64)]| {
            let mut fields = Fields::new();
            for (name, value) in pairs {
                let mark = fields.enter(name);
                fields.number(*value);
                fields.leave(mark);
            }
            recent.note(fields.shape(), fields.bytes());
        };
        call(&[("loss", 3.0), ("acc", 0.1)]);
        call(&[("loss", 2.0), ("acc", 0.2)]);
        call(&[("val", 9.0)]);
        call(&[("loss", 1.0)]);
        call(&[("val", 8.0)]);
        let values: HashMap<_, _> = recent
            .values()
            .into_iter()
            .map(|field| (field.key, field.value))
            .collect();
        let number = |value| Some(v1::field::Value::Number(value));
        assert_eq!(values.len(), 3);
        assert_eq!(values["loss"], number(1.0));
        assert_eq!(values["acc"], number(0.2));
        assert_eq!(values["val"], number(8.0));
    }
}
