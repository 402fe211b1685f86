//! One reconciler per kind: gather from the stores, decide by the rules, apply what differs, report in the status.

pub mod agency;
pub mod capacity;
pub mod claim;
pub mod class;
pub mod cloud;
pub mod duties;
pub mod enforcement;
pub mod entitlement;
pub mod keeping;
pub mod openreports;
pub mod permit;
pub mod project;
pub mod service;
pub mod sharing;
