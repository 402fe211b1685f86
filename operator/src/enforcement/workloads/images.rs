//! CEL over the images of a pod.

use std::collections::BTreeMap;

use govcloud_crds::ProcessingClass;

use crate::enforcement::{cel::literal, controllers};

/// The images that classes know.
pub(super) struct Images {
    /// One pattern of all classes.
    pub(super) pattern: String,
    /// Each class that knows images.
    by_class: Vec<Known>,
    /// The accounts of the operators that run what classes control.
    pub(super) accounts: Vec<String>,
}

impl Images {
    pub(super) fn of(classes: &BTreeMap<String, ProcessingClass>) -> Option<Self> {
        let by_class: Vec<_> = classes.iter().filter_map(|(name, class)| Known::of(name, class)).collect();
        let accounts = controllers(classes);
        let pattern = by_class.iter().map(|known| known.pattern.as_str()).collect::<Vec<_>>().join("|");
        (!by_class.is_empty()).then_some(Self { pattern, by_class, accounts })
    }

    /// CEL: whether a container of the pod in `variables.{pod}` runs one of the images.
    pub(super) fn run_by(&self, pod: &str) -> String {
        let any = |field: &str| {
            format!(
                "(has(variables.{pod}.{field}) && variables.{pod}.{field}.exists(c, has(c.image) && c.image.matches({})))",
                literal(&self.pattern)
            )
        };
        format!("{} || {} || {}", any("containers"), any("initContainers"), any("ephemeralContainers"))
    }

    /// CEL: the images of the pod in `variables.{pod}` that are processing software.
    pub(super) fn found_in(&self, pod: &str) -> String {
        let of = |field: &str| {
            format!("(has(variables.{pod}.{field}) ? variables.{pod}.{field}.filter(c, has(c.image)).map(c, dyn(c.image)) : [])")
        };
        let all = ["containers", "initContainers", "ephemeralContainers"].map(of).join(" + ");
        format!("({all}).filter(i, i.matches({}))", literal(&self.pattern))
    }

    /// CEL: whether of every class no more containers run now than the object ran before. Swapping one class's image for
    /// another's at equal replicas is growth, and so is a second container of the same.
    pub(super) fn kept(&self) -> String {
        let kept = self.by_class.iter().map(|known| {
            let pattern = literal(&known.pattern);
            let count = |found: &str| format!("variables.{found}.filter(i, i.matches({pattern})).size()");
            format!("{} <= {}", count("found"), count("foundBefore"))
        });
        format!("request.operation == 'UPDATE' && {}", kept.collect::<Vec<_>>().join(" && "))
    }

    /// CEL: whether the slot `s` allows as many containers per replica as run; one if it does not say.
    pub(super) fn enough_in_slot(&self) -> String {
        let case = |known: &Known| {
            let (class, unit) = (literal(&known.class), literal(&known.counts_as));
            let allowed =
                format!("(has(s.perReplica) && {unit} in s.perReplica ? quantity(string(s.perReplica[{unit}])) : quantity('1'))");
            format!("s.class == {class} ? !quantity(string(variables.found.size())).isGreaterThan({allowed}) : ")
        };
        let cases: Vec<_> = self.by_class.iter().map(case).collect();
        format!("{}false", cases.concat())
    }

    /// CEL: whether all processing software that runs is of the slot `s`'s class.
    pub(super) fn of_class_of_slot(&self) -> String {
        let case = |known: &Known| format!("s.class == {} ? i.matches({}) : ", literal(&known.class), literal(&known.pattern));
        let cases: Vec<_> = self.by_class.iter().map(case).collect();
        format!("variables.found.all(i, {}false)", cases.concat())
    }
}

/// A class that knows images.
struct Known {
    class: String,
    /// Its patterns as one.
    pattern: String,
    /// The dimension of which each container is one.
    counts_as: String,
}

impl Known {
    fn of(class: &str, spec: &ProcessingClass) -> Option<Self> {
        let workloads = spec.spec.workloads.as_ref().filter(|w| !w.images.is_empty())?;
        Some(Self { class: class.to_owned(), pattern: one_pattern(&workloads.images), counts_as: workloads.counts_as.clone() })
    }
}

/// The patterns as one. Each can be read: the definition of the class asks the API server, whose expressions these are.
fn one_pattern(patterns: &[String]) -> String {
    patterns.iter().map(|p| format!("({p})")).collect::<Vec<_>>().join("|")
}
