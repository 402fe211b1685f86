//! Types that several kinds share.

use std::{borrow::Cow, fmt};

use jiff::{SignedDuration, Timestamp};
use kube::{KubeSchema, ResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Sorts objects by age: when it was created, then its name. Of several the oldest is served first.
pub fn age<K: ResourceExt>(object: &K) -> (Option<Timestamp>, String) {
    (object.creation_timestamp().map(|time| time.0), object.name_any())
}

/// How sensitive data is; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Classification {
    /// Anyone may read it.
    Public,
    /// For the agency's own staff.
    #[default]
    Internal,
    /// For named persons.
    Restricted,
    /// Harm to the state if disclosed.
    Secret,
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Which body answers for an agency's cyber-security, from the lightest regime to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SecurityRegime {
    /// Not an infrastructure agency.
    NonInfrastructure,
    /// Runs infrastructure that others depend on.
    InfrastructureArea,
    /// Runs infrastructure that the state depends on.
    CriticalInfrastructure,
}

impl fmt::Display for SecurityRegime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What sort of tenant an agency is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AgencyType {
    /// A body of the state.
    #[default]
    Government,
    /// A licensed company that serves citizens on the state's platforms.
    ServiceOperator,
    /// A start-up or another private partner.
    Partner,
}

impl fmt::Display for AgencyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Which agencies something is for; a list that is empty selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgencySelector {
    /// Types of agencies; empty means every type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub agency_types: Vec<AgencyType>,
    /// Security regimes; empty means every regime.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub security_regimes: Vec<SecurityRegime>,
}

impl AgencySelector {
    /// Whether an agency of this type and regime is selected.
    pub fn selects(&self, agency_type: AgencyType, regime: SecurityRegime) -> bool {
        (self.agency_types.is_empty() || self.agency_types.contains(&agency_type))
            && (self.security_regimes.is_empty() || self.security_regimes.contains(&regime))
    }
}

/// A protocol that a service offers or a permit asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// The protocol's name, such as `kafka`, `s3` or `postgresql`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// In an offer: the version, such as `3.9`. In a request: a requirement, such as `>=3.7`; empty means any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub version: String,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.version.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}", self.name, self.version)
    }
}

/// A length of time as people write it: hours, minutes and seconds, such as `8760h` or `1h30m`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(String);

impl Period {
    /// A period of whole hours.
    pub fn hours(hours: u32) -> Self {
        Self(format!("{hours}h"))
    }

    /// The same as a duration; the schema admits only texts that can be read, anything else counts as zero.
    pub fn duration(&self) -> SignedDuration {
        self.0.parse().unwrap_or(SignedDuration::ZERO)
    }

    /// The moment this long after `start`; the end of time if that is out of range.
    pub fn after(&self, start: Timestamp) -> Timestamp {
        start.checked_add(self.duration()).unwrap_or(Timestamp::MAX)
    }
}

impl From<&str> for Period {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Period {
    /// In days where it comes out even, because that is how people think of a year: `365 d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.duration().as_hours();
        if hours >= 48 && hours % 24 == 0 { write!(f, "{} d", hours / 24) } else { f.write_str(&self.0) }
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 2, "maxLength": 24, "x-kubernetes-validations": [{
            "rule": "self.matches('^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$')",
            "message": "a length of time is given in hours, minutes and seconds, such as 8760h or 1h30m",
        }]})
    }
}

/// The schema of a map of texts with at most `KEYS` entries of at most `LENGTH` characters. CEL rules over a map need
/// both bounds, or the API server takes their cost for unbounded.
pub(crate) fn texts<const KEYS: u32, const LENGTH: u32>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": KEYS, "additionalProperties": {"type": "string", "maxLength": LENGTH}})
}

/// A person or group, as RBAC names them.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// `User` or `Group`.
    pub kind: MemberKind,
    /// The name that the cluster's authentication gives them; never one that begins with `system:`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("!self.startsWith('system:')")
        .message("a member's name must not begin with system:, because those are the cluster's own identities; name the person or group as your identity provider does"))]
    pub name: String,
}

/// What a [`Member`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum MemberKind {
    /// One person.
    User,
    /// Everyone in a group.
    Group,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifications_and_regimes_are_ordered() {
        assert!(Classification::Public < Classification::Internal);
        assert!(Classification::Restricted < Classification::Secret);
        assert!(SecurityRegime::NonInfrastructure < SecurityRegime::CriticalInfrastructure);
    }

    #[test]
    fn a_period_reads_and_prints() {
        assert_eq!(Period::from("1h30m").duration().as_secs(), 5400);
        assert_eq!(Period::from("8760h").to_string(), "365 d");
        assert_eq!(Period::from("36h").to_string(), "36h");
        assert_eq!(Period::from("1h").after(Timestamp::UNIX_EPOCH).as_second(), 3600);
    }

    #[test]
    fn an_empty_selector_selects_all() {
        let all = AgencySelector::default();
        assert!(all.selects(AgencyType::Partner, SecurityRegime::CriticalInfrastructure));
        let some = AgencySelector { agency_types: vec![AgencyType::Government], ..AgencySelector::default() };
        assert!(!some.selects(AgencyType::Partner, SecurityRegime::NonInfrastructure));
    }
}
