//! Rules over agencies.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::{Agency, AgencySpec};
use crate::common::{Member, MemberKind};

impl AgencySpec {
    /// Everyone who belongs to the agency in any role, each once.
    pub fn everyone(&self) -> Vec<&Member> {
        let members = &self.members;
        let mut all: Vec<_> =
            [&members.admins, &members.requesters, &members.developers, &members.viewers].into_iter().flatten().collect();
        all.sort();
        all.dedup();
        all
    }

    /// Whether a person, or one of the groups, belongs to the agency.
    pub fn has_member(&self, user: &str, groups: &[&str]) -> bool {
        self.everyone().into_iter().any(|member| match member.kind {
            MemberKind::User => member.name == user,
            MemberKind::Group => groups.contains(&member.name.as_str()),
        })
    }
}

/// The chain of parents of `agency`, nearest first.
///
/// # Errors
/// The name at which the chain comes back to an agency that is already in it.
pub fn ancestors<'a>(agency: &'a Agency, all: &'a BTreeMap<String, Agency>) -> Result<Vec<&'a str>, String> {
    let start = agency.name_any();
    let mut chain: Vec<&str> = Vec::new();
    let mut next = agency.spec.parent.as_deref();
    while let Some(parent) = next {
        if parent == start || chain.contains(&parent) {
            return Err(parent.to_owned());
        }
        chain.push(parent);
        next = all.get(parent).and_then(|a| a.spec.parent.as_deref());
    }
    Ok(chain)
}

/// The family of an agency: the name at the top of its parents, of which all its relatives have the same.
///
/// A parent that does not exist is a top as well, and of a cycle the first name in the alphabet is: neither makes relatives
/// strangers.
pub fn family(agency: &str, parent_of: impl Fn(&str) -> Option<String>) -> String {
    let mut chain = vec![agency.to_owned()];
    while let Some(parent) = chain.last().and_then(|last| parent_of(last)) {
        if let Some(start) = chain.iter().position(|seen| *seen == parent) {
            return chain.drain(start..).min().unwrap_or(parent);
        }
        chain.push(parent);
    }
    chain.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agency::Members;
    use rstest::rstest;

    fn agency(name: &str, parent: Option<&str>) -> (String, Agency) {
        let spec = serde_json::json!({"displayName": name, "securityRegime": "NonInfrastructure", "parent": parent});
        (name.to_owned(), Agency::new(name, serde_json::from_value(spec).expect("valid")))
    }

    #[test]
    fn ancestors_are_listed_nearest_first() {
        let all = BTreeMap::from([agency("a", Some("b")), agency("b", Some("c")), agency("c", None)]);
        assert_eq!(ancestors(&all["a"], &all), Ok(vec!["b", "c"]));
        assert_eq!(ancestors(&all["c"], &all), Ok(vec![]));
    }

    #[rstest]
    #[case("a")]
    #[case("b")]
    #[case("outside")]
    fn a_cycle_is_named_and_ends(#[case] start: &str) {
        let all = BTreeMap::from([agency("a", Some("b")), agency("b", Some("a")), agency("outside", Some("a"))]);
        assert!(ancestors(&all[start], &all).is_err());
    }

    #[rstest]
    #[case::a_grandchild("c", "a")]
    #[case::the_top("a", "a")]
    #[case::a_parent_that_is_not_there("orphan", "gone")]
    #[case::in_a_cycle("y", "x")]
    #[case::the_other_one("x", "x")]
    #[case::below_a_cycle("below", "x")]
    fn relatives_have_one_family(#[case] of: &str, #[case] top: &str) {
        let parents = [("c", "b"), ("b", "a"), ("orphan", "gone"), ("x", "y"), ("y", "x"), ("below", "y")];
        let parent_of = |name: &str| parents.iter().find(|(child, _)| *child == name).map(|(_, parent)| (*parent).to_owned());
        assert_eq!(family(of, parent_of), top);
    }

    #[test]
    fn membership_is_by_person_or_group() {
        let group = Member { kind: MemberKind::Group, name: "tax:admins".into() };
        let user = Member { kind: MemberKind::User, name: "r@tax".into() };
        let (_, mut tax) = agency("tax", None);
        tax.spec.members = Members { admins: vec![group], viewers: vec![user], ..Members::default() };
        assert!(tax.spec.has_member("r@tax", &[]));
        assert!(tax.spec.has_member("x", &["other", "tax:admins"]));
        assert!(!tax.spec.has_member("tax:admins", &["r@tax"]), "a user is not a group of the same name");
    }
}
