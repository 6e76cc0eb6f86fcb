//! `define_metric`.

use wandbd_proto::v1::{self, metric::Aggregate};
use wandbd_proto::wandb::{MetricControl, MetricOptions, MetricRecord, MetricSummary};

use crate::error::BadRecord;

/// The definition of a metric, or of all metrics whose names a glob fits.
/// # Errors
/// [`BadRecord`] unless exactly one of name and glob is set, and the glob's only star is at its end.
pub fn metric_record(metric: &v1::Metric) -> Result<MetricRecord, BadRecord> {
    if metric.name.is_empty() == metric.glob.is_empty() {
        return Err(BadRecord::MetricName);
    }
    if !metric.glob.is_empty() && glob_prefix(&metric.glob).is_none() {
        return Err(BadRecord::Glob(metric.glob.clone()));
    }
    let stepped = !metric.step_metric.is_empty();
    Ok(MetricRecord {
        name: metric.name.clone(),
        glob_name: metric.glob.clone(),
        step_metric: metric.step_metric.clone(),
        options: Some(MetricOptions {
            step_sync: metric.step_sync.unwrap_or(stepped),
            hidden: metric.hidden,
            defined: true,
        }),
        summary: summary(metric),
        control: metric
            .overwrite
            .then_some(MetricControl { overwrite: true }),
        ..MetricRecord::default()
    })
}

fn summary(metric: &v1::Metric) -> Option<MetricSummary> {
    let mut out = MetricSummary::default();
    let mut any = false;
    for aggregate in metric.summary() {
        any = true;
        match aggregate {
            Aggregate::Unspecified => {}
            Aggregate::Min => out.min = true,
            Aggregate::Max => out.max = true,
            Aggregate::Mean => out.mean = true,
            Aggregate::Last => out.last = true,
            Aggregate::None => out.none = true,
            Aggregate::Copy => out.copy = true,
            Aggregate::First => out.first = true,
        }
    }
    any.then_some(out)
}

/// What stands before the star of a glob; nothing when the star is elsewhere than at its end, or there is none.
pub fn glob_prefix(glob: &str) -> Option<&str> {
    glob.strip_suffix('*')
        .filter(|prefix| !prefix.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_with_a_step_metric_is_synced_to_it_by_default() {
        let metric = v1::Metric {
            name: "acc".into(),
            step_metric: "epoch".into(),
            summary: vec![Aggregate::Max.into()],
            ..v1::Metric::default()
        };

        let record = metric_record(&metric).unwrap();

        let options = record.options.unwrap();
        assert!(options.step_sync && options.defined && !options.hidden);
        assert!(record.summary.unwrap().max);
        let told = v1::Metric {
            step_sync: Some(false),
            ..metric
        };
        assert!(!metric_record(&told).unwrap().options.unwrap().step_sync);
    }

    #[test]
    fn a_metric_needs_a_name_or_a_glob_with_one_star_at_its_end() {
        let glob = |glob: &str| {
            metric_record(&v1::Metric {
                glob: glob.into(),
                ..v1::Metric::default()
            })
        };

        assert_eq!(glob("val/*").unwrap().glob_name, "val/*");
        assert_eq!(glob(""), Err(BadRecord::MetricName));
        for bad in ["val", "*/x", "a*b*"] {
            assert_eq!(glob(bad), Err(BadRecord::Glob(bad.into())));
        }
    }
}
