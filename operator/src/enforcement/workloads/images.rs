//! CEL over the images of a pod.

use std::collections::BTreeMap;

use govcloud_crds::ProcessingClass;

use crate::enforcement::cel::literal;

/// The images that classes know.
pub(super) struct Images {
    /// One pattern of all classes.
    pub(super) pattern: String,
    /// Each class that knows images, with its own pattern.
    by_class: Vec<(String, String)>,
    /// The accounts of the operators that run what classes control.
    pub(super) accounts: Vec<String>,
}

impl Images {
    pub(super) fn of(classes: &BTreeMap<String, ProcessingClass>) -> Option<Self> {
        let known = |class: &ProcessingClass| Some(one_pattern(&class.spec.workloads.as_ref()?.images)).filter(|p| !p.is_empty());
        let by_class: Vec<_> = classes.iter().filter_map(|(name, class)| Some((name.clone(), known(class)?))).collect();
        let mut accounts: Vec<_> = classes.values().flat_map(|c| &c.spec.controls).flat_map(|c| c.controllers.clone()).collect();
        accounts.sort();
        accounts.dedup();
        let pattern = by_class.iter().map(|(_, pattern)| pattern.as_str()).collect::<Vec<_>>().join("|");
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

    /// CEL: whether every class of which something runs now was run by the object before too. Swapping one class's image
    /// for another's at equal replicas is growth, because nothing of the other class was there.
    pub(super) fn kept(&self) -> String {
        let kept = self.by_class.iter().map(|(_, pattern)| {
            let pattern = literal(pattern);
            format!("(!variables.found.exists(i, i.matches({pattern})) || variables.foundBefore.exists(i, i.matches({pattern})))")
        });
        format!("request.operation == 'UPDATE' && {}", kept.collect::<Vec<_>>().join(" && "))
    }

    /// CEL: whether all processing software that runs is of the slot `s`'s class.
    pub(super) fn of_class_of_slot(&self) -> String {
        let case =
            |(class, pattern): &(String, String)| format!("s.class == {} ? i.matches({}) : ", literal(class), literal(pattern));
        let cases: Vec<_> = self.by_class.iter().map(case).collect();
        format!("variables.found.all(i, {}false)", cases.concat())
    }
}

/// The patterns as one. Each can be read: the definition of the class asks the API server, whose expressions these are.
fn one_pattern(patterns: &[String]) -> String {
    patterns.iter().map(|p| format!("({p})")).collect::<Vec<_>>().join("|")
}
