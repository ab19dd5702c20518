//! Counts over time and over spans, that merge with others of their kind in any order.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::time::{DAY_MS, MINUTE_MS, Moment};

/// Counts by the minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerMinute(pub Vec<u64>);

impl PerMinute {
    /// Counts one.
    pub fn count(&mut self, at: Moment) {
        let minute = usize::try_from(at / MINUTE_MS).unwrap_or(usize::MAX);
        if minute >= self.0.len() {
            self.0.resize((minute + 1).next_multiple_of(1440), 0);
        }
        self.0[minute] += 1;
    }

    /// The minute with the most, and how many; the first of several.
    pub fn peak(&self) -> (usize, u64) {
        let busiest = self.0.iter().enumerate().max_by_key(|(minute, count)| (**count, usize::MAX - minute));
        busiest.map_or((0, 0), |(minute, count)| (minute, *count))
    }

    /// Takes up what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(own, count)| *own += count);
    }
}

/// A histogram with three significant digits, with its exact least and greatest.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    histogram: Histogram<u64>,
    least: u64,
    greatest: u64,
}

impl Eq for Spread {}

impl Default for Spread {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, 4000 * DAY_MS, 3).expect("the bounds are constants that fit");
        Self { histogram, least: u64::MAX, greatest: 0 }
    }
}

impl Spread {
    /// Counts one.
    pub fn record(&mut self, ms: u64) {
        self.histogram.saturating_record(ms);
        self.least = self.least.min(ms);
        self.greatest = self.greatest.max(ms);
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// The least, if there is one.
    pub fn least(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.least)
    }

    /// The greatest, if there is one.
    pub fn greatest(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.greatest)
    }

    /// What so many percent do not exceed.
    pub fn percentile(&self, percent: f64) -> u64 {
        self.histogram.value_at_percentile(percent).min(self.greatest)
    }

    /// Takes up what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("all have the same bounds");
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        (self.least, self.greatest, counts.collect::<Vec<_>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (least, greatest, counts) = <(u64, u64, Vec<(u64, u64)>)>::deserialize(deserializer)?;
        let mut spread = Self { least, greatest, ..Self::default() };
        counts.into_iter().for_each(|(value, count)| spread.histogram.saturating_record_n(value, count));
        Ok(spread)
    }
}
