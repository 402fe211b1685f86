//! Prometheus metrics. Labels are bounded: controllers, outcomes and phases, never names of objects.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// Which controller.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Controller {
    /// Its name, such as `permit`.
    pub controller: &'static str,
}

/// Which controller, and how it ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    /// Its name, such as `permit`.
    pub controller: &'static str,
    /// `ok`, or the class of the error.
    pub outcome: &'static str,
}

/// Which phase.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct PhaseLabel {
    /// A permit's phase.
    pub phase: String,
}

/// The operator's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Reconciles by controller and outcome.
    pub reconciles: Family<Outcome, Counter>,
    /// Seconds that a reconcile took.
    pub duration: Family<Controller, Histogram, fn() -> Histogram>,
    /// Enforcement objects that were missing or altered, and put right.
    pub repairs: Counter,
    /// 1 while all enforcement objects are as they should be.
    pub intact: Gauge,
    /// Permits by phase.
    pub permits: Family<PhaseLabel, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("govcloud");
        let reconciles = Family::default();
        let duration =
            Family::new_with_constructor((|| Histogram::new(exponential_buckets(0.001, 2.0, 14))) as fn() -> Histogram);
        let (repairs, intact, permits) = (Counter::default(), Gauge::default(), Family::default());
        registry.register("reconciles", "Reconciles by controller and outcome", Family::clone(&reconciles));
        registry.register("reconcile_seconds", "Seconds that a reconcile took", Family::clone(&duration));
        registry.register(
            "enforcement_repairs",
            "Enforcement objects that were missing or altered, and put right",
            repairs.clone(),
        );
        registry.register("enforcement_intact", "1 while all enforcement objects are as they should be", intact.clone());
        registry.register("permits", "Permits by phase", Family::clone(&permits));
        Self { registry, reconciles, duration, repairs, intact, permits }
    }
}

impl Metrics {
    /// All metrics in the OpenMetrics text format.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
