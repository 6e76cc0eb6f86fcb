//! What is measured: rows of metrics, and the readings that belong to them.

/// The unit of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Hundredths of a whole; may pass 100 where the whole is a share.
    Percent,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// 2^20 bytes (W&B writes MB).
    Mebibytes,
    /// 2^30 bytes (W&B writes GB).
    Gibibytes,
}

/// How a device's raw value becomes the value of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The reading as it is.
    Now,
    /// The device gives a running total; a target sees its growth since the target's first sample. A total that falls
    /// (reset, device plugged again) is taken as a new base, so a target's value never falls.
    SinceStart,
}

/// One metric: a row of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// W&B's key without `system.`; `{}` stands for the instance (a path, a device's name, an index).
    pub key: &'static str,
    /// Unit of the values.
    pub unit: Unit,
    /// How a raw value becomes a sample's value.
    pub kind: Kind,
    /// What the value says, for people.
    pub doc: &'static str,
}

impl Metric {
    /// The key with `instance` filled in.
    pub fn key(&self, instance: Option<&str>) -> String {
        match instance {
            Some(instance) => self.key.replacen("{}", instance, 1),
            None => self.key.to_owned(),
        }
    }
}

/// A value; it stays the JSON type it was measured as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A number with a fraction. Samples hold only finite ones.
    Float(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl Number {
    /// False for NaN and the infinities.
    pub fn is_finite(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(value) => value.is_finite(),
        }
    }
}

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The row it belongs to.
    pub metric: &'static Metric,
    /// What stands for `{}` in the key.
    pub instance: Option<String>,
    /// The value.
    pub value: Number,
}

/// What a device answers on one tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// True of the whole machine: every due target gets them.
    pub machine: Vec<Reading>,
    /// True of one target, named by its id.
    pub targets: Vec<(u64, Reading)>,
}

impl Readings {
    /// Adds a value of the whole machine.
    pub fn machine(
        &mut self,
        metric: &'static Metric,
        instance: Option<&str>,
        value: impl Into<Number>,
    ) {
        self.machine.push(reading(metric, instance, value.into()));
    }

    /// Adds a value of one target.
    pub fn target(
        &mut self,
        id: u64,
        metric: &'static Metric,
        instance: Option<&str>,
        value: impl Into<Number>,
    ) {
        self.targets
            .push((id, reading(metric, instance, value.into())));
    }
}

fn reading(metric: &'static Metric, instance: Option<&str>, value: Number) -> Reading {
    Reading {
        metric,
        instance: instance.map(str::to_owned),
        value,
    }
}

pub(crate) const MIB: f64 = 1024.0 * 1024.0;
pub(crate) const GIB: f64 = 1024.0 * MIB;

/// For byte and tick counts: exact below 2^53.
#[allow(
    clippy::cast_precision_loss,
    reason = "counts stay far below 2^53, and a sample needs no more digits"
)]
pub(crate) fn as_f64(value: u64) -> f64 {
    value as f64
}

/// `part` of `whole` in percent; `None` when there is no whole.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * as_f64(part) / as_f64(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROW: Metric = Metric {
        key: "disk.{}.usagePercent",
        unit: Unit::Percent,
        kind: Kind::Now,
        doc: "for this test",
    };

    #[test]
    fn the_instance_takes_the_place_of_the_braces() {
        assert_eq!(ROW.key(Some("/")), "disk./.usagePercent");
        assert_eq!(ROW.key(Some("/a{}b")), "disk./a{}b.usagePercent");
    }

    #[test]
    fn nothing_of_nothing_has_no_percentage() {
        assert_eq!(percent(1, 0), None);
        assert_eq!(percent(1, 4), Some(25.0));
    }

    #[test]
    fn a_count_beyond_the_signed_range_is_the_largest_one() {
        assert_eq!(Number::from(u64::MAX), Number::Int(i64::MAX));
    }
}
