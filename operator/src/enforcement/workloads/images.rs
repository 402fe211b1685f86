//! CEL over the images of a pod.

use std::collections::BTreeMap;

use govcloud_crds::{ProcessingClass, class::compute::Threshold};

use super::large::Large;
use crate::enforcement::{cel::literal, controllers};

/// The images that classes know.
pub(super) struct Images {
    /// One pattern of all classes.
    pub(super) pattern: String,
    /// Each class that knows images.
    by_class: Vec<Known>,
    /// The accounts of the operators that run what classes control.
    pub(super) accounts: Vec<String>,
    /// What is processing infrastructure by its size alone.
    pub(super) large: Large,
}

/// Matches no image.
const NOTHING: &str = r"[^\s\S]";

impl Images {
    pub(super) fn of(classes: &BTreeMap<String, ProcessingClass>, thresholds: &[Threshold]) -> Option<Self> {
        let by_class: Vec<_> = classes.iter().filter_map(|(name, class)| Known::of(name, class)).collect();
        let accounts = controllers(classes);
        let patterns: Vec<_> = by_class.iter().map(|known| known.pattern.as_str()).collect();
        let pattern = if patterns.is_empty() { NOTHING.to_owned() } else { patterns.join("|") };
        let large = Large(thresholds.to_vec());
        (!by_class.is_empty() || !thresholds.is_empty()).then_some(Self { pattern, by_class, accounts, large })
    }

    /// CEL: whether a container or a volume of `pod`, the CEL of a pod's spec, has one of the images.
    pub(super) fn run_by(&self, pod: &str) -> String {
        let pattern = literal(&self.pattern);
        let any =
            |field: &str| format!("(has({pod}.{field}) && {pod}.{field}.exists(c, has(c.image) && c.image.matches({pattern})))");
        let mounted = format!(
            "(has({pod}.volumes) && {pod}.volumes.exists(v, has(v.image) && has(v.image.reference) && v.image.reference.matches({pattern})))"
        );
        format!("{} || {} || {} || {mounted}", any("containers"), any("initContainers"), any("ephemeralContainers"))
    }

    /// CEL: the images of the pod in `variables.{pod}` that are processing software, as four lists by what runs at the same
    /// time: of the main containers; of sidecars and ephemeral ones, which run beside all others; of the initial ones, which
    /// run one after another and are over before the main ones start; of volumes. [`peak`] counts them.
    pub(super) fn found_in(&self, pod: &str) -> String {
        let of = |field: &str, which: &str| {
            format!(
                "(has(variables.{pod}.{field}) ? variables.{pod}.{field}.filter(c, has(c.image){which}).map(c, dyn(c.image)) : [])"
            )
        };
        let sidecar = "has(c.restartPolicy) && c.restartPolicy == 'Always'";
        let lists = [
            of("containers", ""),
            format!("{} + {}", of("initContainers", &format!(" && {sidecar}")), of("ephemeralContainers", "")),
            of("initContainers", &format!(" && !({sidecar})")),
            format!(
                "(has(variables.{pod}.volumes) ? variables.{pod}.volumes.filter(v, has(v.image) && has(v.image.reference)).map(v, dyn(v.image.reference)) : [])"
            ),
        ];
        format!("[{}].map(images, images.filter(i, i.matches({})))", lists.join(", "), literal(&self.pattern))
    }

    /// CEL: whether of every class no more containers run now than the object ran before. Swapping one class's image for
    /// another's at equal replicas is growth, and so is a second container of the same.
    pub(super) fn kept(&self) -> String {
        let kept = self.by_class.iter().map(|known| {
            let of_class = format!("i.matches({})", literal(&known.pattern));
            format!("{} <= {}", peak("found", &of_class), peak("foundBefore", &of_class))
        });
        let kept = kept.chain(self.large.kept());
        std::iter::once("request.operation == 'UPDATE'".to_owned()).chain(kept).collect::<Vec<_>>().join(" && ")
    }

    /// CEL: whether the slot `s` allows as many containers per replica as run; one if it does not say.
    pub(super) fn enough_in_slot(&self) -> String {
        let run = peak("found", "true");
        let case = |known: &Known| {
            let (class, unit) = (literal(&known.class), literal(&known.counts_as));
            let allowed =
                format!("(has(s.perReplica) && {unit} in s.perReplica ? quantity(string(s.perReplica[{unit}])) : quantity('1'))");
            format!("s.class == {class} ? !quantity(string({run})).isGreaterThan({allowed}) : ")
        };
        let cases: Vec<_> = self.by_class.iter().map(case).collect();
        format!("{}{}", cases.concat(), self.large.fits_in_slot())
    }

    /// CEL: whether all processing software that runs is of this class.
    pub(super) fn only_of(&self, class: &str) -> String {
        let known = self.by_class.iter().find(|known| known.class == class);
        let of_class = known.map_or_else(|| "false".to_owned(), |known| format!("i.matches({})", literal(&known.pattern)));
        format!("variables.found.all(images, images.all(i, {of_class}))")
    }

    /// CEL: whether all processing software that runs is of the slot `s`'s class.
    pub(super) fn of_class_of_slot(&self) -> String {
        let case = |known: &Known| format!("s.class == {} ? i.matches({}) : ", literal(&known.class), literal(&known.pattern));
        let cases: Vec<_> = self.by_class.iter().map(case).collect();
        format!("variables.found.all(images, images.all(i, {}false))", cases.concat())
    }
}

/// CEL: the most containers that run at a time of those in `variables.{found}` whose image `i` is `counted`. An image that
/// is only mounted is started by some other container, which no image shows: one.
fn peak(found: &str, counted: &str) -> String {
    format!(
        "[variables.{found}.map(images, images.filter(i, {counted}).size())].map(n, [n[1] + n[0], n[2] > 0 ? n[1] + 1 : 0, n[3] > 0 ? 1 : 0].max())[0]"
    )
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
