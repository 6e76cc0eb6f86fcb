//! The way to a value: names from the top of a nested dict to a leaf.
//!
//! In W&B's records a path of one name stands in `key`; a longer one stands in `nested_key` from the first name on, and `key` is
//! empty. Records of the released client give `nested_key` for all paths, so readers take `nested_key` when it is there.

use wandbd_proto::v1;

use crate::error::BadValue;

/// How many names a path may have.
pub const MAX_NAMES: usize = 60;

/// The names of a field's path.
pub fn of_field(field: &v1::Field) -> Vec<&str> {
    let mut names = Vec::with_capacity(1 + field.nested.len());
    names.push(field.key.as_str());
    names.extend(field.nested.iter().map(String::as_str));
    names
}

/// The names of a W&B item's path.
pub fn of_item<'a>(key: &'a str, nested: &'a [String]) -> Vec<&'a str> {
    if nested.is_empty() {
        vec![key]
    } else {
        nested.iter().map(String::as_str).collect()
    }
}

/// `key` and `nested_key` of a W&B item.
pub fn to_item(mut names: Vec<String>) -> (String, Vec<String>) {
    match names.pop() {
        Some(only) if names.is_empty() => (only, names),
        Some(last) => {
            names.push(last);
            (String::new(), names)
        }
        None => (String::new(), names),
    }
}

/// Checks that the names lead somewhere and not too deep.
/// # Errors
/// [`BadValue::Unnamed`] or [`BadValue::Deep`].
pub fn check(names: &[impl AsRef<str>]) -> Result<(), BadValue> {
    match names {
        [] => Err(BadValue::Unnamed),
        [first, ..] if names.len() > MAX_NAMES => Err(BadValue::Deep {
            name: first.as_ref().to_owned(),
            names: names.len(),
        }),
        _ => Ok(()),
    }
}
