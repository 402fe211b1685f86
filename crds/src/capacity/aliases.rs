//! The several quota keys under which Kubernetes counts one device, and the one that a ledger holds it under.
//!
//! A DeviceClass `D` of Dynamic Resource Allocation with `extendedResourceName: X` is counted as
//! `D.deviceclass.resource.k8s.io/devices` (claims), as `requests.deviceclass.resource.kubernetes.io/D` (claims, and pods that
//! name the class), and as `requests.X` (claims, and pods that name `X`). A limit under one of them says nothing about the
//! others, so an amount that is meant for the device has to stand under all of them.

use std::{borrow::Cow, collections::BTreeMap};

use super::{AgencyQuota, CapacityPool};
use crate::Resources;

/// What follows the name of a DeviceClass in the quota key that counts the devices of its claims.
const CLAIMED: &str = ".deviceclass.resource.k8s.io/devices";
/// What precedes the name of a DeviceClass where a container asks for its devices without an extended name.
const IMPLICIT: &str = "deviceclass.resource.kubernetes.io/";
/// What precedes a container's resource in a quota key.
const REQUESTS: &str = "requests.";
/// Keys of a ResourceQuota that count the same as a longer one.
const SHORT: [(&str, &str); 3] =
    [("cpu", "requests.cpu"), ("memory", "requests.memory"), ("ephemeral-storage", "requests.ephemeral-storage")];

/// Which quota keys stand for the same thing, as the cluster's DeviceClasses say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    /// The extended name of each DeviceClass, if it has one that counts.
    classes: BTreeMap<String, Option<String>>,
    /// Every other key of a device, and its canonical key.
    canonical: BTreeMap<String, String>,
    /// Every canonical key of a device, and its other keys.
    others: BTreeMap<String, Vec<String>>,
}

impl Aliases {
    /// From the name and the `extendedResourceName` of every DeviceClass.
    ///
    /// An extended name of the form that Kubernetes keeps for itself (`deviceclass.resource.kubernetes.io/…`) is passed
    /// over; the API server accepts none.
    pub fn new<N: Into<String>, X: Into<String>>(device_classes: impl IntoIterator<Item = (N, Option<X>)>) -> Self {
        let mut aliases = Self::default();
        for (name, extended) in device_classes {
            let extended = extended.map(Into::into).filter(|x: &String| !x.is_empty() && !x.contains(IMPLICIT));
            aliases.classes.insert(name.into(), extended.filter(|x| !x.ends_with(CLAIMED)));
        }
        for (name, extended) in aliases.classes.clone() {
            let claimed = format!("{name}{CLAIMED}");
            let canonical = extended.map_or_else(|| claimed.clone(), |x| format!("{REQUESTS}{x}"));
            let others = [claimed, format!("{REQUESTS}{IMPLICIT}{name}")].into_iter().filter(|key| *key != canonical);
            for other in others {
                aliases.canonical.insert(other.clone(), canonical.clone());
                aliases.others.entry(canonical.clone()).or_default().push(other);
            }
        }
        aliases
    }

    /// The key that stands for all that count the same as `key`: `requests.X` for a device whose class has the extended
    /// name `X`, else `D.deviceclass.resource.k8s.io/devices`; `requests.cpu` for `cpu`. A key without aliases is its own.
    pub fn canonical_key<'a>(&'a self, key: &'a str) -> &'a str {
        let short = SHORT.iter().find(|(short, _)| *short == key).map(|(_, long)| *long);
        short.or_else(|| self.canonical.get(key).map(String::as_str)).unwrap_or(key)
    }

    /// The same amounts under canonical keys alone; of several aliases of one thing the largest.
    #[must_use]
    pub fn canonical(&self, resources: &Resources) -> Resources {
        let mut canonical = Resources::default();
        for (key, amount) in &resources.0 {
            let held = canonical.0.entry(self.canonical_key(key).to_owned()).or_insert(*amount);
            *held = (*held).max(*amount);
        }
        canonical
    }

    /// Whether every key is its own canonical one.
    pub fn is_canonical(&self, resources: &Resources) -> bool {
        resources.0.keys().all(|key| self.canonical_key(key) == key)
    }

    /// What a ResourceQuota must say so that these amounts hold under whatever name a device is asked for: each canonical
    /// key's amount under every other key of the device too. CPU and memory keep one key, because Kubernetes counts both
    /// of their keys alike.
    ///
    /// Meant for amounts under canonical keys, as [`Aliases::canonical`] gives them.
    #[must_use]
    pub fn expand(&self, resources: &Resources) -> Resources {
        let mut expanded = resources.clone();
        for (key, amount) in &resources.0 {
            let others = self.others.get(key).into_iter().flatten();
            expanded.0.extend(others.map(|other| (other.clone(), *amount)));
        }
        expanded
    }

    /// A quota whose amounts stand under canonical keys, also those on record: what a device is called may have changed since.
    pub fn of_quota<'a>(&self, quota: &'a AgencyQuota) -> Cow<'a, AgencyQuota> {
        if amounts(quota).all(|amounts| self.is_canonical(amounts)) {
            return Cow::Borrowed(quota);
        }
        let mut quota = quota.clone();
        let rename = |amounts: &mut Resources| *amounts = self.canonical(amounts);
        [&mut quota.spec.guaranteed, &mut quota.spec.borrowing_limit, &mut quota.spec.lending_limit].into_iter().for_each(rename);
        if let Some(status) = &mut quota.status {
            rename(&mut status.requested);
            status.allocations.iter_mut().flat_map(|a| [&mut a.hard].into_iter().chain(&mut a.lowering_to)).for_each(rename);
            status.loans.iter_mut().flat_map(|l| [&mut l.hard].into_iter().chain(&mut l.lowering_to)).for_each(rename);
            status.share.iter_mut().map(|share| &mut share.hard).for_each(rename);
            status.borrowings.iter_mut().map(|borrowing| &mut borrowing.hard).for_each(rename);
        }
        Cow::Owned(quota)
    }

    /// A pool whose capacity and shares stand under canonical keys.
    #[must_use]
    pub fn of_pool(&self, pool: &CapacityPool) -> CapacityPool {
        let mut pool = pool.clone();
        let rename = |amounts: &mut Resources| *amounts = self.canonical(amounts);
        let shares = pool.status.iter_mut().flat_map(|status| &mut status.shares);
        shares.flat_map(|share| [&mut share.hard].into_iter().chain(&mut share.lowering_to)).for_each(rename);
        pool.spec.capacity.iter_mut().for_each(rename);
        pool
    }

    /// The DeviceClasses whose devices one of these quota keys counts, under whichever of their names.
    pub fn classes_under<'a>(&'a self, keys: &[String]) -> Vec<&'a str> {
        let held: Vec<_> = keys.iter().map(|key| self.canonical_key(key)).collect();
        let counts = |name: &str| {
            let claimed = format!("{name}{CLAIMED}");
            held.contains(&self.canonical_key(&claimed))
        };
        self.classes.keys().map(String::as_str).filter(|name| counts(name)).collect()
    }

    /// What containers may call the devices that one of these quota keys counts: `example.com/gpu` for
    /// `requests.example.com/gpu`, and the names of the DeviceClasses that are the same device; sorted, each once.
    pub fn names_in_containers(&self, keys: &[String]) -> Vec<String> {
        let plain = keys.iter().filter_map(|key| key.strip_prefix(REQUESTS)).map(str::to_owned);
        let of_classes = self.classes_under(keys).into_iter().flat_map(|name| {
            let extended = self.classes.get(name).cloned().flatten();
            extended.into_iter().chain([format!("{IMPLICIT}{name}")])
        });
        let mut names: Vec<_> = plain.chain(of_classes).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What a quota is promised, gave and holds.
fn amounts(quota: &AgencyQuota) -> impl Iterator<Item = &Resources> {
    let (spec, status) = (&quota.spec, quota.status.iter());
    let given = status.clone().flat_map(|s| s.allocations.iter().map(|a| &a.hard).chain(s.loans.iter().map(|l| &l.hard)));
    let held = status.flat_map(|s| s.share.iter().map(|h| &h.hard).chain(s.borrowings.iter().map(|b| &b.hard)));
    [&spec.guaranteed, &spec.borrowing_limit, &spec.lending_limit].into_iter().chain(given).chain(held)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::Quantity;

    const X: &str = "requests.nvidia.com/gpu";

    /// `gpu` is also `nvidia.com/gpu`, and so is its successor; `fpga` has no other name.
    fn aliases() -> Aliases {
        Aliases::new([("gpu", Some("nvidia.com/gpu")), ("gpu-next", Some("nvidia.com/gpu")), ("fpga", None)])
    }

    fn resources(pairs: &[(&str, &str)]) -> Resources {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.parse().expect(v))).collect()
    }

    #[rstest]
    #[case(X, X)]
    #[case("gpu.deviceclass.resource.k8s.io/devices", X)]
    #[case("gpu-next.deviceclass.resource.k8s.io/devices", X)]
    #[case("requests.deviceclass.resource.kubernetes.io/gpu", X)]
    #[case("requests.deviceclass.resource.kubernetes.io/fpga", "fpga.deviceclass.resource.k8s.io/devices")]
    #[case("fpga.deviceclass.resource.k8s.io/devices", "fpga.deviceclass.resource.k8s.io/devices")]
    #[case("other.deviceclass.resource.k8s.io/devices", "other.deviceclass.resource.k8s.io/devices")]
    #[case("cpu", "requests.cpu")]
    #[case("memory", "requests.memory")]
    #[case("ephemeral-storage", "requests.ephemeral-storage")]
    #[case("limits.cpu", "limits.cpu")]
    #[case("requests.storage", "requests.storage")]
    fn each_key_has_one_that_stands_for_it(#[case] key: &str, #[case] canonical: &str) {
        assert_eq!(aliases().canonical_key(key), canonical);
    }

    #[test]
    fn of_several_names_the_largest_amount_counts() {
        let known = resources(&[("cpu", "2"), ("requests.cpu", "3"), ("gpu.deviceclass.resource.k8s.io/devices", "4"), (X, "1")]);
        assert_eq!(aliases().canonical(&known), resources(&[("requests.cpu", "3"), (X, "4")]));
    }

    #[test]
    fn a_limit_stands_under_every_name_of_a_device_and_under_no_other_of_cpu() {
        let limits = aliases().expand(&resources(&[("requests.cpu", "3"), (X, "0")]));
        let keys: Vec<_> = limits.0.keys().map(String::as_str).collect();
        let wanted = [
            "gpu-next.deviceclass.resource.k8s.io/devices",
            "gpu.deviceclass.resource.k8s.io/devices",
            "requests.cpu",
            "requests.deviceclass.resource.kubernetes.io/gpu",
            "requests.deviceclass.resource.kubernetes.io/gpu-next",
            X,
        ];
        assert_eq!(keys, wanted);
    }

    #[test]
    fn what_is_not_named_is_not_limited() {
        assert_eq!(aliases().expand(&Resources::default()), Resources::default());
        assert_eq!(Aliases::default().canonical_key("gpu.deviceclass.resource.k8s.io/devices").len(), 39);
    }

    #[rstest]
    #[case(&[X], &["gpu", "gpu-next"], &["deviceclass.resource.kubernetes.io/gpu", "deviceclass.resource.kubernetes.io/gpu-next", "nvidia.com/gpu"])]
    #[case(&["gpu.deviceclass.resource.k8s.io/devices"], &["gpu", "gpu-next"], &["deviceclass.resource.kubernetes.io/gpu", "deviceclass.resource.kubernetes.io/gpu-next", "nvidia.com/gpu"])]
    #[case(&["fpga.deviceclass.resource.k8s.io/devices"], &["fpga"], &["deviceclass.resource.kubernetes.io/fpga"])]
    #[case(&["requests.amd.com/gpu"], &[], &["amd.com/gpu"])]
    #[case(&[], &[], &[])]
    fn a_key_covers_the_classes_that_are_the_same_device(
        #[case] keys: &[&str],
        #[case] classes: &[&str],
        #[case] names: &[&str],
    ) {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(aliases().classes_under(&keys), classes);
        assert_eq!(aliases().names_in_containers(&keys), names);
    }

    /// Names that collide with each other and with what Kubernetes keeps for itself.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c]{1,2}",
            "[a-c]{1,2}".prop_map(|n| format!("{IMPLICIT}{n}")),
            "[a-c]{1,2}".prop_map(|n| format!("{n}{CLAIMED}")),
        ]
    }

    fn key() -> impl Strategy<Value = String> {
        let short = prop_oneof![Just("cpu"), Just("requests.cpu"), Just("memory"), Just("pods")].prop_map(str::to_owned);
        prop_oneof![name(), name().prop_map(|n| format!("{REQUESTS}{n}")), name().prop_map(|n| format!("{n}{CLAIMED}")), short]
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_gained_by_writing_out_all_names(
            classes in prop::collection::vec((name(), prop::option::of(name())), 0..6),
            amounts in prop::collection::btree_map(key(), 0_i64..100, 0..10),
        ) {
            let aliases = Aliases::new(classes);
            let known: Resources = amounts.into_iter().map(|(key, n)| (key, Quantity::from_units(n))).collect();
            let canonical = aliases.canonical(&known);
            prop_assert_eq!(aliases.canonical(&aliases.expand(&canonical)), canonical.clone());
            prop_assert_eq!(aliases.canonical(&canonical), canonical);
        }
    }

    #[test]
    fn what_is_on_record_follows_a_device_that_got_a_name() {
        let claimed = "d.deviceclass.resource.k8s.io/devices";
        let manifest = serde_json::json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": "a"},
            "spec": {"agency": "a", "pool": "p", "guaranteed": {"requests.example.com/d": "8"}},
            "status": {
                "share": {"hard": {claimed: "8"}, "operation": 1},
                "allocations": [{"namespace": "a--b", "uid": "u", "hard": {claimed: "4"}, "phase": "Settled", "operation": 1}],
            },
        });
        let quota: AgencyQuota = serde_json::from_value(manifest).expect("a quota");
        let named = Aliases::new([("d", Some("example.com/d"))]);
        let status = named.of_quota(&quota).into_owned().status.expect("a status");
        assert_eq!(status.allocations[0].hard.to_string(), "4 requests.example.com/d");
        assert_eq!(status.share.expect("a share").hard.to_string(), "8 requests.example.com/d");
        assert!(matches!(Aliases::new([("d", None::<&str>)]).of_quota(&quota), Cow::Borrowed(_)), "nothing to rename");
    }
}
