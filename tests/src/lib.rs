//! What the tests stand on: a real control plane with the kinds, the operator as its own process, and a credential for
//! each persona.
//!
//! A test binary starts one [`Cloud`] and shares it; tests that stop the operator or take a remedy out start their own.

#![allow(clippy::missing_panics_doc, reason = "what helps a test fails by panicking")]

mod audit;
mod binaries;
pub mod catalogue;
pub mod claims;
mod cloud;
pub mod figures;
pub mod fixtures;
mod gate;
mod go_tool;
pub mod helm;
mod kubectl;
pub mod kubelet;
pub mod ledger_watch;
pub mod objects;
mod operator_process;
pub mod people;
pub mod postgres;
pub mod prometheus;
pub mod provisioner;
pub mod receiver;
pub mod remedy;
pub mod tenant;
mod wait;

pub use audit::audit_log;
pub use binaries::folder as programs;
pub use cloud::{Cloud, Setup};
pub use gate::{Gate, Held, Waiting};
pub use kubectl::Said;
pub use operator_process::OperatorProcess;
pub use wait::{eventually, eventually_for, within};
