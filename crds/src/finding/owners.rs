//! Where an object is counted: at the topmost classified object that it belongs to, never twice.

use std::collections::HashMap;

use super::{observed::Observed, part::Part};

/// Longer chains of owners than this are not followed; Kubernetes has none.
const LONGEST_CHAIN: usize = 16;
/// The group of Strimzi's kinds, which mark what they make by a label beside owners.
const STRIMZI: &str = "kafka.strimzi.io";

/// Where the use of a pod is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<'a> {
    /// At this object, which is of a class.
    At(&'a Observed),
    /// At nothing of a class.
    Nowhere,
    /// It belongs to something that is not known, which may itself belong to anything.
    Unknown,
}

/// All observed objects by what links them.
pub struct Owners<'a> {
    by_uid: HashMap<&'a str, &'a Observed>,
    /// Classified objects of Strimzi's kinds, by namespace and cluster.
    clusters: HashMap<(&'a str, &'a str), &'a Observed>,
}

impl<'a> Owners<'a> {
    /// The links among `all`.
    pub fn new(all: impl IntoIterator<Item = &'a Observed>) -> Self {
        let mut owners = Self { by_uid: HashMap::new(), clusters: HashMap::new() };
        for one in all {
            owners.by_uid.insert(&one.uid, one);
            if one.object.group != STRIMZI || one.classified().is_none() {
                continue;
            }
            let is_the_cluster = one.object.resource == "kafkas";
            let cluster = if is_the_cluster { Some(&one.object.name) } else { one.cluster.as_ref() };
            let Some(cluster) = cluster else { continue };
            let entry = owners.clusters.entry((&one.object.namespace, cluster)).or_insert(one);
            // The cluster itself before its pools, and these in the order of their names.
            if is_the_cluster || (entry.object.resource != "kafkas" && one.object < entry.object) {
                *entry = one;
            }
        }
        owners
    }

    /// The topmost classified object that `one` belongs to, if it is another than itself.
    ///
    /// An object of a controlled kind follows its controlling owners alone: admission asks it for a slot of its own, whatever
    /// its labels say, and so do the findings.
    pub fn counted_at(&self, one: &Observed) -> Option<&'a Observed> {
        let mut top = None;
        let mut next = self.owner(one);
        for _ in 0..LONGEST_CHAIN {
            let Some(owner) = next else { break };
            if owner.uid == one.uid {
                break; // a circle
            }
            if owner.classified().is_some() {
                top = Some(owner);
            }
            next = self.owner(owner);
        }
        top.or_else(|| self.by_label(one))
    }

    /// Where the use of a pod is counted; `parts` has what is not among the observed objects by its uid.
    pub fn counted_of(&self, pod: &Part, parts: &HashMap<&str, &Part>) -> Counted<'a> {
        let (mut top, mut is_known) = (None, true);
        let mut next = Some(pod.uid.as_str());
        for _ in 0..LONGEST_CHAIN {
            let Some(uid) = next else { break };
            if let Some(one) = self.by_uid.get(uid).filter(|one| is_of(pod, &one.object.namespace)) {
                top = one.classified().map(|_| *one).or(top);
                next = one.owner.as_deref();
            } else if let Some(part) = parts.get(uid).filter(|part| is_of(pod, &part.namespace)) {
                next = part.owner.as_deref();
            } else {
                is_known = false;
                break;
            }
        }
        let by_label = || self.clusters.get(&(pod.namespace.as_str(), pod.cluster.as_deref()?)).copied();
        match top.or_else(by_label) {
            Some(top) => Counted::At(self.counted_at(top).unwrap_or(top)),
            None if is_known => Counted::Nowhere,
            None => Counted::Unknown,
        }
    }

    fn owner(&self, one: &Observed) -> Option<&'a Observed> {
        let owner = self.by_uid.get(one.owner.as_deref()?)?;
        // An owner elsewhere is no owner: Kubernetes would delete the object.
        (owner.object.namespace.is_empty() || owner.object.namespace == one.object.namespace).then_some(owner)
    }

    fn by_label(&self, one: &Observed) -> Option<&'a Observed> {
        if one.classified().is_some_and(|c| !c.by_image) {
            return None;
        }
        self.clusters.get(&(one.object.namespace.as_str(), one.cluster.as_deref()?)).copied()
    }
}

/// Whether a pod can belong to something that is here, or in no namespace.
fn is_of(pod: &Part, namespace: &str) -> bool {
    namespace.is_empty() || namespace == pod.namespace
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{
        ObjectReference,
        observed::{Classified, Generic, What},
    };
    use proptest::prelude::*;
    use rstest::rstest;

    fn object(resource: &str, name: &str, owner: Option<&str>, classified: Option<bool>) -> Observed {
        let group = if resource.starts_with("kafka") { STRIMZI } else { "" };
        Observed {
            object: ObjectReference {
                group: group.into(),
                resource: resource.into(),
                namespace: "t--a".into(),
                name: name.into(),
            },
            uid: name.to_owned(),
            owner: owner.map(str::to_owned),
            created: None,
            cluster: None,
            release: None,
            what: match classified {
                Some(by_image) => What::Classified(Classified {
                    class: "broker".into(),
                    by_image,
                    size: Ok(crate::class::measure::Size::default()),
                }),
                None => What::Generic(Generic::default()),
            },
        }
    }

    fn of(cluster: &str, object: Observed) -> Observed {
        Observed { cluster: Some(cluster.to_owned()), ..object }
    }

    fn counted(all: &[Observed]) -> Option<String> {
        Owners::new(all).counted_at(&all[0]).map(|o| o.object.name.clone())
    }

    #[rstest]
    #[case::alone(&[object("pods", "p", None, Some(true))], None)]
    #[case::owner(&[object("pods", "p", Some("k"), Some(true)), object("kafkas", "k", None, Some(false))], Some("k"))]
    #[case::the_topmost(&[object("pods", "p", Some("n"), None), object("kafkanodepools", "n", Some("k"), Some(false)), object("kafkas", "k", None, Some(false))], Some("k"))]
    #[case::over_what_is_not_classified(&[object("pods", "p", Some("s"), Some(true)), object("statefulsets", "s", Some("k"), None), object("kafkas", "k", None, Some(false))], Some("k"))]
    #[case::unclassified_owner(&[object("pods", "p", Some("s"), Some(true)), object("statefulsets", "s", None, None)], None)]
    #[case::label(&[of("c", object("pods", "p", Some("unknown"), Some(true))), object("kafkas", "c", None, Some(false))], Some("c"))]
    #[case::label_of_a_pool(&[of("c", object("pods", "p", None, Some(true))), of("c", object("kafkanodepools", "n", None, Some(false)))], Some("n"))]
    #[case::label_of_another(&[of("d", object("pods", "p", None, Some(true))), object("kafkas", "c", None, Some(false))], None)]
    #[case::a_pool_is_held_to_its_own_slot(&[of("c", object("kafkanodepools", "n", None, Some(false))), object("kafkas", "c", None, Some(false))], None)]
    #[case::a_circle(&[object("pods", "p", Some("q"), Some(true)), object("pods", "q", Some("p"), None)], None)]
    fn an_object_is_counted_at_its_topmost_owner(#[case] all: &[Observed], #[case] at: Option<&str>) {
        assert_eq!(counted(all).as_deref(), at);
    }

    #[test]
    fn an_owner_in_another_namespace_is_none() {
        let mut elsewhere = object("kafkas", "k", None, Some(false));
        elsewhere.object.namespace = "t--b".to_owned();
        assert_eq!(counted(&[object("pods", "p", Some("k"), Some(true)), elsewhere]), None);
    }

    proptest! {
        /// Whatever the links: it ends, it is classified, and what counts somewhere is counted there and nowhere else.
        #[test]
        fn counting_never_goes_on(links in prop::collection::vec((prop::option::of(0..12_usize), any::<bool>()), 12)) {
            let all: Vec<_> = links.iter().enumerate().map(|(i, (owner, classified))| {
                object("pods", &i.to_string(), owner.map(|o| o.to_string()).as_deref(), classified.then_some(true))
            }).collect();
            let owners = Owners::new(&all);
            let has_circle = |one: &Observed| {
                let mut next = Some(one);
                for _ in 0..13 { next = next.and_then(|o| owners.owner(o)); }
                next.is_some()
            };
            for one in &all {
                let Some(top) = owners.counted_at(one) else { continue };
                prop_assert!(top.classified().is_some() && top.uid != one.uid);
                prop_assert!(has_circle(one) || owners.counted_at(top).is_none(), "{} at {}", one.uid, top.uid);
            }
        }
    }
}
