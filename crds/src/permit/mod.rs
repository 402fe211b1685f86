//! [`ProcessingPermit`] and [`PermitReview`]: a request for named infrastructure, the verdicts, and what became of it.

pub mod activation;
pub mod assess;
mod assessment;
pub mod certificate;
pub mod digest;
pub mod effective;
pub mod keeping;
pub mod notice;
mod phase;
mod pin;
mod predicates;
pub mod review;
pub mod states;
mod status;
pub mod succession;
pub mod validate;
pub mod warning;
pub mod year;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Resources,
    common::{Classification, Interface, Period},
};

pub use assessment::{Assessment, AssessmentResult, OfferAssessment, OfferResult, Predicate, Truth};
pub use phase::{Phase, TRANSITIONS, Transition};
pub use pin::{Circumstances, auto_approve_error, pin};
pub use review::{PermitReference, PermitReview, PermitReviewSpec, ReviewVerdict};
pub use status::{
    Automatic, Change, CountedReview, Decision, PinnedPolicy, PinnedPrior, ProcessingPermitStatus, Queue, SharingRequest,
    SharingStatus, Waiver,
};

/// An agency's request for named processing infrastructure, and what became of it.
///
/// The request never changes after it is made, except that it can be withdrawn; a renewal or an amendment is a new
/// permit that names the `prior` one. Its uid and digest are what a reviewer pins.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "ProcessingPermit",
    namespaced,
    shortname = "permit",
    category = "govcloud",
    status = "ProcessingPermitStatus",
    derive = "PartialEq",
    doc = "An agency's request to operate named processing infrastructure, and what became of it. Written in the agency's home namespace.",
    printcolumn(name = "Number", type_ = "string", json_path = ".status.number"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.processingClass"),
    printcolumn(name = "Project", type_ = "string", json_path = ".spec.project"),
    printcolumn(name = "Assessment", type_ = "string", json_path = ".status.assessment.result"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.notAfter"),
    printcolumn(name = "Requested By", type_ = "string", json_path = ".spec.requestedBy", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 63").message("a permit's name has at most 63 characters; choose a shorter one")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.requestedBy == oldSelf.requestedBy && self.intent == oldSelf.intent && has(self.prior) == has(oldSelf.prior) && (!has(self.prior) || self.prior == oldSelf.prior) && self.processingClass == oldSelf.processingClass && self.project == oldSelf.project && self.targets == oldSelf.targets && self.dataClassification == oldSelf.dataClassification && self.duration == oldSelf.duration && self.justification == oldSelf.justification")
        .message("a request cannot be changed once it is made, because reviewers pinned what they saw; withdraw it and make a new one"),
    validation = Rule::new("has(self.interfaces) == has(oldSelf.interfaces) && (!has(self.interfaces) || self.interfaces == oldSelf.interfaces) && has(self.zones) == has(oldSelf.zones) && (!has(self.zones) || self.zones == oldSelf.zones) && has(self.legalBasis) == has(oldSelf.legalBasis) && (!has(self.legalBasis) || self.legalBasis == oldSelf.legalBasis) && has(self.alternatives) == has(oldSelf.alternatives) && (!has(self.alternatives) || self.alternatives == oldSelf.alternatives) && has(self.evidence) == has(oldSelf.evidence) && (!has(self.evidence) || self.evidence == oldSelf.evidence) && has(self.sharingOffer) == has(oldSelf.sharingOffer) && (!has(self.sharingOffer) || self.sharingOffer == oldSelf.sharingOffer)")
        .message("a request cannot be changed once it is made, because reviewers pinned what they saw; withdraw it and make a new one"),
    validation = Rule::new("!oldSelf.withdrawn || self.withdrawn").message("a withdrawn request stays withdrawn; make a new one"),
    validation = Rule::new("self.intent == 'New' || self.intent == 'Emergency' || has(self.prior)").message("a renewal, amendment or appeal needs prior: the permit it refers to")
)]
pub struct ProcessingPermitSpec {
    /// Who asks; must be the caller's own user name.
    #[schemars(length(min = 1, max = 253))]
    pub requested_by: String,
    /// What sort of request it is.
    #[serde(default)]
    pub intent: Intent,
    /// The permit that a renewal, amendment, appeal or answer to a return refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub prior: Option<String>,
    /// The ProcessingClass of what is asked for.
    #[schemars(length(min = 1, max = 63))]
    pub processing_class: String,
    /// The project in which it will run.
    #[schemars(length(min = 1, max = 40))]
    pub project: String,
    /// The objects this permit is for.
    #[schemars(length(min = 1, max = 16))]
    pub targets: Vec<Target>,
    /// Protocols it must speak; a shared service that speaks others is no alternative.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub interfaces: Vec<Interface>,
    /// The most sensitive data it will hold.
    #[serde(default)]
    pub data_classification: Classification,
    /// Zones it must stand in; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub zones: Vec<String>,
    /// How long it is needed, from the day it becomes active.
    #[serde(default = "a_year")]
    pub duration: Period,
    /// Why the agency needs it.
    #[schemars(length(min = 10, max = 4000))]
    pub justification: String,
    /// The law it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub legal_basis: Option<String>,
    /// Shared services that were considered, and why they do not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub alternatives: Vec<Alternative>,
    /// Documents that support the request, by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub evidence: Vec<Evidence>,
    /// Spare capacity that the agency would share with others, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub sharing_offer: Resources,
    /// True takes the request back, or gives the permit up. The only field that can be changed, and only to true.
    #[serde(default)]
    pub withdrawn: bool,
}

fn a_year() -> Period {
    Period::hours(8760)
}

/// What sort of request a permit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Intent {
    /// For something new.
    #[default]
    New,
    /// The same for longer.
    Renewal,
    /// Another size or another end.
    Amendment,
    /// Against a denial.
    Appeal,
    /// At once, for at most 72 hours, reviewed afterwards.
    Emergency,
}

/// One object that a permit is for, with its largest size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its API group; empty for the core group.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub group: String,
    /// Its plural resource name, such as `kafkanodepools`.
    #[schemars(length(min = 1, max = 63))]
    pub resource: String,
    /// Its name in the project's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// At most this many replicas.
    #[serde(default = "one_replica")]
    #[schemars(range(min = 1, max = 100_000))]
    pub replicas: i32,
    /// At most this much per replica, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub per_replica: Resources,
}

fn one_replica() -> i32 {
    1
}

impl Target {
    /// The target's key in a grant, such as `kafkanodepools.kafka.strimzi.io`.
    pub fn resource_key(&self) -> String {
        crate::names::resource_key(&self.group, &self.resource)
    }

    /// Whether both name the same object.
    pub fn is_same_object(&self, other: &Self) -> bool {
        (&self.group, &self.resource, &self.name) == (&other.group, &other.resource, &other.name)
    }

    /// What it takes in all.
    pub fn total(&self) -> Resources {
        self.per_replica.times(i64::from(self.replicas))
    }
}

/// What several targets take together, in the class's dimensions.
pub fn demand(targets: &[Target]) -> Resources {
    targets.iter().fold(Resources::default(), |sum, target| sum.plus(&target.total()))
}

/// A shared service that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// Its name.
    #[schemars(length(min = 1, max = 63))]
    pub shared_service: String,
    /// Why it does not do.
    #[schemars(length(min = 1, max = 1000))]
    pub rejected_because: String,
}

/// A document that supports a request; it is kept elsewhere and known here by its digest.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its file name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{64}$')").message("a SHA-256 has 64 hexadecimal digits, as sha256sum prints them"))]
    pub sha256: String,
    /// Where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub uri: Option<String>,
}
