//! The kinds of the Government Cloud, and beside each kind the pure rules over it.
//!
//! Nothing in this crate does I/O or reads a clock: rules take what they judge, and `now`, as parameters. The operator
//! and the command line use the same rules, so what `govcloud permit check` says is what the operator will decide.
//!
//! | module | kinds | rules |
//! |---|---|---|
//! | [`cloud`] | [`GovernmentCloud`] | responsible authority, exempt namespaces |
//! | [`agency`] | [`Agency`] | membership, the digitization duty |
//! | [`project`] | [`Project`] | the native quota of its namespace |
//! | [`capacity`] | [`CapacityPool`], [`AgencyQuota`] | shares of a pool, the ledger's arithmetic |
//! | [`class`] | [`ProcessingClass`] | recognising and measuring processing infrastructure |
//! | [`permit`] | [`ProcessingPermit`], [`PermitReview`] | digest, assessment, effective state |
//! | [`grant`] | [`ProcessingGrant`] | compiling active permits into slots |
//! | [`service`] | [`SharedService`], [`ServiceClaim`] | eligibility, capacity, binding |
//! | [`finding`] | [`ProcessingFinding`] | what is wrong with an object, where it is counted, how long it is acknowledged |

pub mod agency;
pub mod capacity;
pub mod class;
pub mod cloud;
pub mod common;
pub mod conditions;
pub mod crd;
pub mod finding;
pub mod grant;
pub mod names;
pub mod permit;
pub mod project;
pub mod quantity;
pub mod resources;
pub mod service;

pub use agency::Agency;
pub use capacity::{AgencyQuota, CapacityPool};
pub use class::ProcessingClass;
pub use cloud::GovernmentCloud;
pub use finding::ProcessingFinding;
pub use grant::ProcessingGrant;
pub use permit::{PermitReview, ProcessingPermit};
pub use project::Project;
pub use quantity::Quantity;
pub use resources::Resources;
pub use service::{ServiceClaim, SharedService};
