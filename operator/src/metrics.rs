//! Prometheus metrics. Labels are bounded: controllers, outcomes, phases, agencies and the resources that they are promised,
//! published services; never names that agencies choose.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use govcloud_crds::{
    capacity::{AgencyQuotaSpec, AgencyQuotaStatus},
    finding::FindingRule,
    service::{health::Outcome as Probed, obligation::DutyState},
};
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

/// Which rule.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RuleLabel {
    /// A finding's rule.
    pub rule: String,
}

/// What the scanner sees.
#[derive(Debug)]
pub struct ScanMetrics {
    findings: Family<RuleLabel, Gauge>,
    objects: Gauge,
    seconds: Histogram,
}

impl ScanMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let metrics = Self { findings: Family::default(), objects: Gauge::default(), seconds };
        registry.register("findings", "Findings by rule, acknowledged ones included", Family::clone(&metrics.findings));
        registry.register("scanned_objects", "Objects that the scanner keeps something of", metrics.objects.clone());
        registry.register("scan_seconds", "Seconds that a pass of the scanner took, with what it wrote", metrics.seconds.clone());
        metrics
    }

    /// How many findings of a rule there are.
    pub fn found(&self, rule: FindingRule, count: usize) {
        let label = RuleLabel { rule: rule.to_string() };
        self.findings.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Of how many objects something is kept.
    pub fn saw(&self, objects: usize) {
        self.objects.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// A pass that took so long.
    pub fn took(&self, time: std::time::Duration) {
        self.seconds.observe(time.as_secs_f64());
    }
}

/// Which service.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ServiceLabel {
    /// Its name; cloud operators publish services, so there are as many as they say.
    pub service: String,
}

/// Which service, and what a probe of it found.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ProbeLabel {
    /// Its name.
    pub service: String,
    /// One of [`Probed::LABELS`].
    pub result: &'static str,
}

/// What probes of services found.
#[derive(Debug)]
pub struct HealthMetrics {
    healthy: Family<ServiceLabel, Gauge>,
    probes: Family<ProbeLabel, Counter>,
    seconds: Histogram,
}

impl HealthMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let metrics = Self { healthy: Family::default(), probes: Family::default(), seconds };
        let help = "1 while a service's condition Healthy is True, 0 while it is False; services that are not probed have none";
        registry.register("service_healthy", help, Family::clone(&metrics.healthy));
        registry.register("service_probes", "Probes of a service by what they found", Family::clone(&metrics.probes));
        registry.register("service_probe_seconds", "Seconds that a probe took", metrics.seconds.clone());
        metrics
    }

    /// A probe found this, and the service's condition says so much now.
    pub fn probed(&self, service: &str, outcome: &Probed, took: std::time::Duration, healthy: Option<bool>) {
        let label = ProbeLabel { service: service.to_owned(), result: outcome.label() };
        self.probes.get_or_create(&label).inc();
        self.seconds.observe(took.as_secs_f64());
        if let Some(healthy) = healthy {
            self.healthy.get_or_create(&ServiceLabel { service: service.to_owned() }).set(healthy.into());
        }
    }

    /// Takes a service's figures away once it is gone, or is not probed any more.
    pub fn forget(&self, service: &str) {
        self.healthy.remove(&ServiceLabel { service: service.to_owned() });
        for result in Probed::LABELS {
            self.probes.remove(&ProbeLabel { service: service.to_owned(), result });
        }
    }
}

/// How a delivery ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct NoticeOutcome {
    /// `delivered`, or the class of the error.
    pub outcome: &'static str,
}

/// Which call of which service's provisioner, and how it ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ProvisionerLabel {
    /// The service, which a cloud operator names.
    pub service: String,
    /// `make`, `retire` or `revoke`.
    pub call: &'static str,
    /// `ok`, or the class of the error.
    pub result: &'static str,
}

/// What provisioners answer, and how fast.
#[derive(Debug)]
pub struct ProvisionerMetrics {
    calls: Family<ProvisionerLabel, Counter>,
    seconds: Family<ServiceLabel, Histogram, fn() -> Histogram>,
}

impl ProvisionerMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.005, 2.0, 14));
        let metrics = Self { calls: Family::default(), seconds: Family::new_with_constructor(histogram) };
        registry.register("provisioner_calls", "Calls of services' provisioners, by result", Family::clone(&metrics.calls));
        registry.register("provisioner_seconds", "Seconds that a provisioner took to answer", Family::clone(&metrics.seconds));
        metrics
    }

    /// A call that took so long and ended like this.
    pub fn called(&self, service: &str, call: &'static str, result: &'static str, time: std::time::Duration) {
        self.calls.get_or_create(&ProvisionerLabel { service: service.to_owned(), call, result }).inc();
        self.seconds.get_or_create(&ServiceLabel { service: service.to_owned() }).observe(time.as_secs_f64());
    }
}

/// How agencies stand with which service that they must use.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DutyLabel {
    /// The service, which a cloud operator names.
    pub service: String,
    /// `met`, `due` or `behind`.
    pub state: &'static str,
}

/// How agencies stand with the yearly duty to automate services.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DigitizationLabel {
    /// `on_track` or `behind`.
    pub state: &'static str,
}

/// How agencies stand with their duties.
#[derive(Debug, Default)]
pub struct DutyMetrics {
    obligations: Family<DutyLabel, Gauge>,
    digitization: Family<DigitizationLabel, Gauge>,
    /// What is shown.
    shown: Mutex<BTreeSet<(String, DutyState)>>,
}

impl DutyMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Agencies that must use a shared service, by whether they do";
        registry.register("obligations", help, Family::clone(&metrics.obligations));
        let help = "Agencies that must automate services, by whether they are on track this year";
        registry.register("digitization_agencies", help, Family::clone(&metrics.digitization));
        metrics
    }

    /// Shows how many agencies stand how with which service, and takes away what is of no other.
    pub fn show(&self, figures: &BTreeMap<(String, DutyState), i64>) {
        let label = |(service, state): &(String, DutyState)| DutyLabel { service: service.clone(), state: state.as_str() };
        for (of, count) in figures {
            self.obligations.get_or_create(&label(of)).set(*count);
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in shown.iter().filter(|of| !figures.contains_key(*of)) {
            self.obligations.remove(&label(gone));
        }
        *shown = figures.keys().cloned().collect();
    }

    /// Shows how many agencies are on track and behind with the services to automate.
    pub fn digitization(&self, on_track: i64, behind: i64) {
        for (state, count) in [("on_track", on_track), ("behind", behind)] {
            self.digitization.get_or_create(&DigitizationLabel { state }).set(count);
        }
    }
}

/// Which agency's, of which resource.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct QuotaLabel {
    /// The agency.
    pub agency: String,
    /// The pool.
    pub pool: String,
    /// The quota key, such as `requests.cpu`.
    pub resource: String,
}

/// Amounts by agency, pool and resource, in cores, bytes and pieces.
type Amounts = Family<QuotaLabel, Gauge<f64, AtomicU64>>;

/// What agencies are promised, were given, use, borrow and lend.
#[derive(Debug, Default)]
pub struct QuotaMetrics {
    guaranteed: Amounts,
    allocated: Amounts,
    used: Amounts,
    borrowed: Amounts,
    lent: Amounts,
}

impl QuotaMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for (name, help, family) in [
            ("guaranteed", "What an agency is promised of a pool", &metrics.guaranteed),
            ("allocated", "What an agency's projects were given", &metrics.allocated),
            ("used", "What an agency's projects use", &metrics.used),
            ("borrowed", "What an agency holds of others' loans", &metrics.borrowed),
            ("lent", "What an agency lent to others", &metrics.lent),
        ] {
            registry.register(format!("quota_{name}"), help, Family::clone(family));
        }
        metrics
    }

    /// Shows the ledger of a quota as it is now decided.
    pub fn show(&self, spec: &AgencyQuotaSpec, status: &AgencyQuotaStatus) {
        let all = [
            (&self.guaranteed, &spec.guaranteed),
            (&self.allocated, &status.allocated),
            (&self.used, &status.used),
            (&self.borrowed, &status.borrowed),
            (&self.lent, &status.lent),
        ];
        // Only what the agency is promised, or borrowed: agencies choose the other keys, and labels are to be bounded.
        let keys: BTreeSet<_> = spec.guaranteed.0.keys().chain(status.borrowed.0.keys()).collect();
        for (family, amounts) in all {
            for key in &keys {
                let label = QuotaLabel { agency: spec.agency.clone(), pool: spec.pool.clone(), resource: (*key).clone() };
                family.get_or_create(&label).set(amounts.get(key).as_f64());
            }
        }
    }

    /// Takes a quota's figures away once it is gone.
    pub fn forget(&self, spec: &AgencyQuotaSpec, status: &AgencyQuotaStatus) {
        for key in spec.guaranteed.0.keys().chain(status.borrowed.0.keys()) {
            let label = QuotaLabel { agency: spec.agency.clone(), pool: spec.pool.clone(), resource: key.clone() };
            for family in [&self.guaranteed, &self.allocated, &self.used, &self.borrowed, &self.lent] {
                family.remove(&label);
            }
        }
    }
}

/// The operator's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// 1 while this process leads.
    pub leader: Gauge,
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
    /// Agencies' shares.
    pub quotas: QuotaMetrics,
    /// Namespaces whose use was counted again before some of it was given on.
    pub recounts: Counter,
    /// Attempts to announce a change of a permit, by outcome.
    pub notifications: Family<NoticeOutcome, Counter>,
    /// Changes of permits that are still to be announced.
    pub notifications_due: Gauge,
    /// What the scanner sees.
    pub scan: ScanMetrics,
    /// What probes of services found.
    pub health: HealthMetrics,
    /// How agencies stand with their duties.
    pub duties: DutyMetrics,
    /// What provisioners answer.
    pub provisioners: ProvisionerMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("govcloud");
        let leader = Gauge::default();
        registry.register("leader", "1 while this process leads, 0 while it stands by", leader.clone());
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
        let (quotas, recounts) = (QuotaMetrics::registered(&mut registry), Counter::default());
        let help = "Namespaces whose use was counted at the API server before some of their quota was given on";
        registry.register("quota_recounts", help, recounts.clone());
        let (notifications, notifications_due) = (Family::default(), Gauge::default());
        let help = "Attempts to announce a change of a permit, by outcome";
        registry.register("notifications", help, Family::clone(&notifications));
        registry.register("notifications_due", "Changes of permits that are still to be announced", notifications_due.clone());
        let (scan, health) = (ScanMetrics::registered(&mut registry), HealthMetrics::registered(&mut registry));
        let duties = DutyMetrics::registered(&mut registry);
        let provisioners = ProvisionerMetrics::registered(&mut registry);
        Self {
            registry,
            leader,
            reconciles,
            duration,
            repairs,
            intact,
            permits,
            quotas,
            recounts,
            notifications,
            notifications_due,
            scan,
            health,
            duties,
            provisioners,
        }
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
