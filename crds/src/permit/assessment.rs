//! What an assessment found: the result, and for every offer the evidence.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

/// Whether a shared service already offers what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// Unique, Overlaps or Duplicate.
    pub result: AssessmentResult,
    /// When it was judged.
    pub assessed_at: Time,
    /// What was asked for in all, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub demand: Resources,
    /// What the agency and its relatives asked for in this class within a year, this request included: what they have, what
    /// was approved or is under review, and what ended in that time.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub year_demand: Resources,
    /// Every offer that was looked at, the best first; at most 32 are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub offers: Vec<OfferAssessment>,
}

/// Whether a request duplicates what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AssessmentResult {
    /// Every offer has a decisive mismatch.
    Unique,
    /// Part of it fits an offer, or something is not known.
    Overlaps,
    /// An offer has room for all of it.
    Duplicate,
}

impl std::fmt::Display for AssessmentResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// One offer, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferAssessment {
    /// `<shared service>/<plan>`.
    pub offer: String,
    /// Fits, Partly, Unknown or Mismatch.
    pub result: OfferResult,
    /// Each aspect that was tested.
    #[schemars(length(max = 16))]
    pub predicates: Vec<Predicate>,
    /// If it fits: what of the offer's spare capacity the request would take. Anyone can check it.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub packing: Resources,
    /// How many claims of the plan hold the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<i32>,
    /// Until when this capacity is kept for the requester: others cannot claim it, and nobody else is sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_until: Option<Time>,
}

/// How well one offer fits, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum OfferResult {
    /// It has room for all of it.
    Fits,
    /// It has room for part of it.
    Partly,
    /// Something decisive is not known.
    Unknown,
    /// Something decisive is different.
    Mismatch,
}

/// One aspect of an offer, tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Predicate {
    /// Class, Interface, Data, Regime, Eligibility, Zone, Health, Freshness or Capacity.
    pub name: String,
    /// True, False or Unknown.
    pub result: Truth,
    /// Why, in words a reviewer can quote.
    pub message: String,
}

/// Three-valued logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told.
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}
