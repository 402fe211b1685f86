//! What the operator writes of a permit.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Assessment, Phase, ReviewVerdict, Target};
use crate::{Resources, class::Approval};

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingPermitStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What it is now.
    #[serde(default)]
    pub phase: Phase,
    /// Its number, unique and never reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// SHA-256 of the canonical request: what a reviewer saw and pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The rules it is judged by, as they were when it was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PinnedPolicy>,
    /// Its place among the requests that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Whether a shared service already offers this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// Every review in the order in which it was judged, and whether it counts. What stands here is not judged again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 400))]
    pub reviews: Vec<CountedReview>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Its targets as they were approved: what was asked for, narrowed by the reviewers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub granted: Vec<Target>,
    /// The uid of the namespace it became active in. It opens no slot in another one of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_uid: Option<String>,
    /// Since when it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Time>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// When it was over: its end, the last revocation, or when the operator saw that it was withdrawn or taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// The number of the permit that took over from it, or that answers what it was returned for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// The spare capacity that is shared under it, and who asks for some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<SharingStatus>,
    /// What happened to it, one after the other; the latest 64 are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub history: Vec<Change>,
    /// The sequence of the last change that was announced to where the GovernmentCloud says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notified: Option<i64>,
    /// Ready, Assessed, Duplicate, QuorumMet, CapacityReserved, Active, Overdue, Expiring, Suspended, Draining, Compliant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// The rules a permit is judged by. A later change of the class changes no past decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedPolicy {
    /// The class.
    pub class: String,
    /// The generation of the class.
    pub generation: i64,
    /// The class's approval block at that generation.
    pub approval: Approval,
    /// The uid of the project that it was asked for; one of the same name that is made later is another project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_uid: Option<String>,
    /// The group of the authority that answers for the agency's security regime, if its review is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime_reviewers: Option<String>,
    /// The permit that it refers to, as it was when this one was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<PinnedPrior>,
    /// Since when it stands in the queue: an answer keeps the place of what it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_since: Option<Time>,
    /// Why it needs fewer reviewers than its class says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Automatic>,
    /// Why the class's rule for approvals without a person could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic_error: Option<String>,
}

/// The permit that another refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedPrior {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Who decided it, and those who decided what it appealed against: they do not decide an appeal against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 400))]
    pub deciders: Vec<String>,
}

/// Why a request needs fewer reviewers than its class says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Automatic {
    /// What it waives.
    pub waives: Waiver,
    /// Why, in words for the record.
    pub reason: String,
    /// It ends then at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}

/// Which reviews are not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Waiver {
    /// Those of the class, by its own rule; the authority of the agency's security regime must still approve.
    ClassQuorum,
    /// All: it asks for no more than an active permit allows already, and for no longer.
    Everything,
}

/// One thing that happened to a permit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Counts the changes of this permit from 1.
    pub sequence: i64,
    /// What happened: the phase that it came into, or `Overdue`, `Expiring`, `ReviewAfterwards`, `GraceOver`.
    #[schemars(length(max = 63))]
    pub what: String,
    /// What it was from then on.
    pub phase: Phase,
    /// When.
    pub at: Time,
    /// In words for the agency.
    pub message: String,
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// 1 is next.
    pub position: i32,
    /// When a decision is due; after that the request is overdue.
    pub due_by: Time,
}

/// A review as the operator counted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedReview {
    /// The PermitReview.
    pub name: String,
    /// Who gave it.
    pub reviewer: String,
    /// In which group.
    pub group: String,
    /// What it says.
    pub verdict: ReviewVerdict,
    /// Whether it counts.
    pub counted: bool,
    /// Why it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Approve, Deny or Return.
    pub verdict: ReviewVerdict,
    /// When: the time of the review that decided it.
    pub at: Time,
    /// What was granted in all, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub capacity: Resources,
    /// Why.
    pub reason: String,
}

/// Spare capacity that is shared under a permit. It stands in the home of the agency that shares, so others cannot read who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharingStatus {
    /// The SharedService that offers it.
    #[schemars(length(max = 63))]
    pub service: String,
    /// Claims of it, those that wait for an answer first, and of these the oldest; the first 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub requests: Vec<SharingRequest>,
}

/// A claim of shared spare capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharingRequest {
    /// The claim's uid, by which it is agreed to.
    pub claim: String,
    /// The claim's name.
    pub name: String,
    /// The agency that asks.
    pub agency: String,
    /// Its project.
    pub project: String,
    /// The plan.
    pub plan: String,
    /// What for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Whether the agency that shares has agreed.
    pub agreed: bool,
}
