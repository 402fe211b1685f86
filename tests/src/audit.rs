//! The API server's audit log: every write, by whom, and what became of it.

use std::fs;

use serde_json::Value;

use crate::Cloud;

/// All of it so far, oldest first.
pub fn audit_log(cloud: &Cloud) -> Vec<Value> {
    let log = fs::read_to_string(cloud.plane.audit_log()).expect("an audit log");
    log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
