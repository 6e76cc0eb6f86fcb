//! A record of system metrics to its line.

use wandbd_record::convert::seconds;
use wandbd_record::json::{number, push_f64, push_str};
use wandbd_record::wandb::StatsRecord;

use crate::opened::Opened;

/// The line of one sample; nothing when it has no numbers. `_runtime` counts from `start_time` (Unix seconds).
pub(crate) fn line(record: &StatsRecord, start_time: f64, opened: &Opened) -> Option<String> {
    let at = record.timestamp.as_ref().map_or(0.0, seconds);
    let mut out = String::with_capacity(record.item.len() * 40 + 80);
    out.push_str("{\"_wandb\":true,\"_timestamp\":");
    push_f64(&mut out, at);
    out.push_str(",\"_runtime\":");
    push_f64(&mut out, (at - start_time).max(0.0) + opened.runtime_base);
    let mut any = false;
    let mut key = String::new();
    for item in &record.item {
        if !number(&item.value_json).is_some_and(f64::is_finite) {
            continue;
        }
        any = true;
        key.clear();
        key.push_str("system.");
        key.push_str(&item.key);
        out.push(',');
        push_str(&mut out, &key);
        out.push(':');
        out.push_str(&item.value_json);
    }
    out.push('}');
    any.then_some(out)
}
