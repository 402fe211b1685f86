//! Replays a history and checks every state of it.
//!
//! What must hold in every state: the ledger gives no more than the budget, and no ResourceQuota says or enforces more than
//! its namespace's entry. What pods use follows from that but for the native quota's own error, which is measured:
//!
//! - The API server charges a ResourceQuota before it stores a pod, and refuses what does not fit. So what is stored and
//!   what is charged but not stored yet (*in flight*) never exceeds what is charged, were it not for recounts.
//! - The quota controller recounts from its own store. What that does not show yet it forgets, and as much may be admitted
//!   twice. A recount tells itself from a charge by who wrote the figure; so what each one forgot is known: stored and in
//!   flight, less what it wrote.
//!
//! Hence the bound: a namespace never uses more than its entry and the most that a recount of its quota forgot. It is also
//! what the ledger can rely on, because a reduction is released by the same figure.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use govcloud_crds::{Quantity, Resources};
use serde_json::Value;

use super::{Event, History, Kind};

/// Who writes a ResourceQuota's use when it recounts.
const RECOUNTS: &str = "kube-controller-manager";

/// What a history shows.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Watched states of the ledger.
    pub ledger_revisions: usize,
    /// Watched states of ResourceQuotas.
    pub quota_revisions: usize,
    /// Pods that were stored.
    pub pods_stored: usize,
    /// Pods that went.
    pub pods_gone: usize,
    /// Recounts that changed a figure.
    pub recounts: usize,
    /// Everything that must not be, each with the version at which it was.
    pub wrong: Vec<String>,
    /// The most that the ledger gave at once, in thousandths.
    pub most_allocated: i64,
    /// The most that pods used at once, in thousandths.
    pub most_used: i64,
    /// The most that all pods used beyond all that was allocated, in thousandths.
    pub most_over: i64,
    /// The most that pods used beyond their own namespaces' entries, summed over namespaces, in thousandths.
    pub most_over_entries: i64,
    /// What the worst recounts forgot, summed over the namespaces there were at once: the bound of the two above, in
    /// thousandths.
    pub bound: i64,
    /// The most that was forgotten at one time, by the latest recounts alone, in thousandths.
    pub most_forgotten: i64,
    /// Charged in namespaces that are there, and never stored, in thousandths.
    pub never_stored: i64,
    /// States of the ledger in which an entry was lowered below what its namespace's pods used.
    pub released_early: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} states of the ledger, {} of ResourceQuotas; {} pods stored, {} gone; {} recounts",
            self.ledger_revisions, self.quota_revisions, self.pods_stored, self.pods_gone, self.recounts
        )?;
        writeln!(
            out,
            "most allocated {}, most used {} (thousandths); over what is allocated {}, over single entries {}, bound {}; forgotten at one time {}, charged and never stored {}; entries lowered below the use of their pods: {}",
            self.most_allocated,
            self.most_used,
            self.most_over,
            self.most_over_entries,
            self.bound,
            self.most_forgotten,
            self.never_stored,
            self.released_early
        )
    }
}

/// Replays a history; `key` is what pods are counted in, such as `requests.cpu`.
pub fn replay(history: &History, key: &str) -> Report {
    let mut state = State { key: key.to_owned(), ..State::default() };
    let mut report = Report::default();
    for event in &history.events {
        state.take(event, &mut report);
        if event.version > history.start {
            state.check(event, &mut report);
        }
    }
    report
}

#[derive(Default)]
struct State {
    key: String,
    budget: Resources,
    entries: HashMap<String, Entry>,
    places: BTreeMap<String, Place>,
}

struct Entry {
    uid: String,
    hard: Resources,
}

/// A namespace; figures in thousandths.
#[derive(Default)]
struct Place {
    uid: String,
    hard: Resources,
    enforced: Resources,
    pods: HashMap<String, i64>,
    stored: i64,
    in_flight: i64,
    counted: i64,
    forgets: i64,
    forgotten: i64,
}

impl State {
    fn take(&mut self, event: &Event, report: &mut Report) {
        match (event.kind, &event.object) {
            (Kind::Ledger, ledger) => self.ledger(ledger.as_ref(), report),
            (Kind::Namespace, Some(namespace)) => {
                self.place(&event.namespace).uid = text(&namespace["metadata"]["uid"]);
            }
            (Kind::Namespace, None) => {
                self.places.remove(&event.namespace);
            }
            (Kind::Quota, quota) => self.quota(&event.namespace, quota.as_ref(), report),
            (Kind::Pod, pod) => {
                let uses = pod.as_ref().map(|pod| uses(pod, &self.key));
                self.place(&event.namespace).pod(&event.name, uses, report);
            }
        }
    }

    fn place(&mut self, namespace: &str) -> &mut Place {
        self.places.entry(namespace.to_owned()).or_default()
    }

    fn ledger(&mut self, ledger: Option<&Value>, report: &mut Report) {
        report.ledger_revisions += 1;
        let nothing = Value::Null;
        let ledger = ledger.unwrap_or(&nothing);
        let status = &ledger["status"];
        self.budget =
            resources(&ledger["spec"]["guaranteed"]).plus(&resources(&status["borrowed"])).minus(&resources(&status["lent"]));
        let before = std::mem::take(&mut self.entries);
        for entry in status["allocations"].as_array().into_iter().flatten() {
            let entry_of = Entry { uid: text(&entry["uid"]), hard: resources(&entry["hard"]) };
            let namespace = text(&entry["namespace"]);
            let used = self.places.get(&namespace).map_or(0, |place| place.stored);
            let (was, is) = (before.get(&namespace).map_or(0, |e| amount(&e.hard, &self.key)), amount(&entry_of.hard, &self.key));
            report.released_early += usize::from(is < was && is < used);
            self.entries.insert(namespace, entry_of);
        }
    }

    fn quota(&mut self, namespace: &str, quota: Option<&Value>, report: &mut Report) {
        report.quota_revisions += 1;
        let key = self.key.clone();
        let place = self.place(namespace);
        let nothing = Value::Null;
        let quota = quota.unwrap_or(&nothing);
        (place.hard, place.enforced) = (resources(&quota["spec"]["hard"]), resources(&quota["status"]["hard"]));
        let counted = amount(&resources(&quota["status"]["used"]), &key);
        if counted == place.counted {
            return;
        }
        if counted > place.counted && writer_of_use(quota, &key) != Some(RECOUNTS) {
            place.in_flight += counted - place.counted;
        } else {
            report.recounts += 1;
            place.forgets = place.stored + place.in_flight - counted;
            place.forgotten = place.forgotten.max(place.forgets);
        }
        place.counted = counted;
    }

    fn check(&self, event: &Event, report: &mut Report) {
        let mut wrong = Vec::new();
        match event.kind {
            Kind::Ledger => {
                wrong.extend(self.over_budget());
                wrong.extend(self.places.iter().filter_map(|(name, place)| self.beyond_entry(name, place)));
            }
            Kind::Quota => {
                let place = self.places.get(&event.namespace);
                wrong.extend(place.and_then(|place| self.beyond_entry(&event.namespace, place)));
            }
            Kind::Namespace | Kind::Pod => {}
        }
        wrong.extend(self.use_beyond_bound(report));
        report.wrong.extend(wrong.into_iter().map(|what| format!("at {}: {what}", event.version)));
    }

    fn given(&self) -> Resources {
        self.entries.values().map(|entry| &entry.hard).sum()
    }

    fn over_budget(&self) -> Option<String> {
        let given = self.given();
        let key = given.exceeds(&self.budget)?;
        Some(format!("the ledger gives {} {key} of {}", given.get(key), self.budget.get(key)))
    }

    fn entry(&self, name: &str, place: &Place) -> Resources {
        // An entry of a namespace that had this name before gives this one nothing.
        self.entries.get(name).filter(|entry| entry.uid == place.uid).map(|entry| entry.hard.clone()).unwrap_or_default()
    }

    fn beyond_entry(&self, name: &str, place: &Place) -> Option<String> {
        let entry = self.entry(name, place);
        let beyond = |what: &str, hard: &Resources| {
            hard.exceeds(&entry).map(|key| format!("{name}: {what} {} {key}, its entry {}", hard.get(key), entry.get(key)))
        };
        beyond("spec.hard", &place.hard).or_else(|| beyond("status.hard", &place.enforced))
    }

    fn use_beyond_bound(&self, report: &mut Report) -> Option<String> {
        let (mut used, mut over, mut bound, mut wrong) = (0, 0, 0, None);
        for (name, place) in &self.places {
            let entry = amount(&self.entry(name, place), &self.key);
            let beyond = (place.stored - entry).max(0);
            (used, over, bound) = (used + place.stored, over + beyond, bound + place.forgotten);
            if beyond > place.forgotten {
                wrong = Some(format!(
                    "{name}: pods use {} of {entry}, and no recount forgot more than {}",
                    place.stored, place.forgotten
                ));
            }
        }
        let given = amount(&self.given(), &self.key);
        report.never_stored = self.places.values().map(|place| place.in_flight).sum();
        report.most_forgotten = report.most_forgotten.max(self.places.values().map(|place| place.forgets.max(0)).sum());
        report.most_allocated = report.most_allocated.max(given);
        report.most_used = report.most_used.max(used);
        report.most_over = report.most_over.max(used - given);
        report.most_over_entries = report.most_over_entries.max(over);
        report.bound = report.bound.max(bound);
        wrong
    }
}

impl Place {
    fn pod(&mut self, name: &str, uses: Option<i64>, report: &mut Report) {
        let before = match uses {
            Some(uses) => self.pods.insert(name.to_owned(), uses),
            None => self.pods.remove(name),
        };
        self.stored += uses.unwrap_or_default() - before.unwrap_or_default();
        match (before, uses) {
            (None, Some(uses)) => {
                self.in_flight -= uses;
                report.pods_stored += 1;
            }
            (Some(_), None) => report.pods_gone += 1,
            _ => {}
        }
    }
}

/// Who wrote a ResourceQuota's use of a key last.
fn writer_of_use<'a>(quota: &'a Value, key: &str) -> Option<&'a str> {
    let (of_key, entries) = (format!("f:{key}"), quota["metadata"]["managedFields"].as_array()?);
    let writer = entries.iter().find(|entry| !entry["fieldsV1"]["f:status"]["f:used"][&of_key].is_null())?;
    writer["manager"].as_str()
}

/// What a pod counts for, in thousandths: nothing once it has ended.
fn uses(pod: &Value, key: &str) -> i64 {
    if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
        return 0;
    }
    let name = key.trim_start_matches("requests.");
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.map(|container| amount(&resources(&container["resources"]["requests"]), name)).sum()
}

fn amount(resources: &Resources, key: &str) -> i64 {
    resources.get(key).times(1000).divide_up(Quantity::from_units(1)).expect("a part of one is not zero")
}

fn resources(value: &Value) -> Resources {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(version: u64, kind: Kind, name: &str, object: Value) -> Event {
        let namespace = if kind == Kind::Ledger { "" } else { "tax--a" };
        let object = Some(object).filter(|object| !object.is_null());
        Event { version, kind, namespace: namespace.to_owned(), name: name.to_owned(), object }
    }

    fn ledger(version: u64, hard: &str) -> Event {
        let entry = json!({"namespace": "tax--a", "uid": "1", "hard": {"requests.cpu": hard}});
        event(
            version,
            Kind::Ledger,
            "tax",
            json!({"spec": {"guaranteed": {"requests.cpu": "3"}}, "status": {"allocations": [entry]}}),
        )
    }

    fn quota(version: u64, hard: &str, used: &str, writer: &str) -> Event {
        let fields = json!([{"manager": writer, "fieldsV1": {"f:status": {"f:used": {"f:requests.cpu": {}}}}}]);
        let hard = json!({"requests.cpu": hard});
        let status = json!({"hard": hard, "used": {"requests.cpu": used}});
        event(
            version,
            Kind::Quota,
            "govcloud",
            json!({"metadata": {"managedFields": fields}, "spec": {"hard": hard}, "status": status}),
        )
    }

    fn pod(version: u64, name: &str) -> Event {
        event(version, Kind::Pod, name, json!({"spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}}))
    }

    fn wrong(events: Vec<Event>) -> Vec<String> {
        let mut all = vec![event(1, Kind::Namespace, "tax--a", json!({"metadata": {"uid": "1"}}))];
        all.extend(events);
        replay(&History { start: 1, events: all }, "requests.cpu").wrong
    }

    #[test]
    fn what_keeps_to_the_order_is_right() {
        let charged = |version, used| quota(version, "2", used, "kube-apiserver");
        assert_eq!(wrong(vec![ledger(2, "2"), charged(3, "1"), pod(4, "p"), charged(5, "2"), pod(6, "q")]), Vec::<String>::new());
    }

    #[test]
    fn a_ledger_above_the_budget_is_wrong() {
        assert_eq!(wrong(vec![ledger(2, "4")]), ["at 2: the ledger gives 4 requests.cpu of 3"]);
    }

    #[test]
    fn a_quota_before_its_ledger_is_wrong() {
        let early = wrong(vec![ledger(2, "1"), quota(3, "2", "0", ""), ledger(4, "2")]);
        assert_eq!(early, ["at 3: tax--a: spec.hard 2 requests.cpu, its entry 1"]);
    }

    #[test]
    fn an_entry_of_another_namespace_of_the_name_gives_nothing() {
        let other = event(3, Kind::Namespace, "tax--a", json!({"metadata": {"uid": "2"}}));
        assert_eq!(wrong(vec![ledger(2, "1"), other, quota(4, "1", "0", "")]).len(), 1);
    }

    #[test]
    fn a_recount_explains_what_it_forgot_and_no_more() {
        let forgot = quota(4, "1", "0", RECOUNTS);
        let again = quota(5, "1", "1", "kube-apiserver");
        let start = [ledger(2, "1"), quota(3, "1", "1", "kube-apiserver")];
        let explained = [start.to_vec(), vec![forgot, again, pod(6, "p"), pod(7, "q")]].concat();
        assert_eq!(wrong(explained.clone()), Vec::<String>::new());
        assert_eq!(wrong([explained, vec![pod(8, "r")]].concat()).len(), 1);
    }
}
