use serde_json::{Value, json};

use super::{
    super::{compliance_view, tests::*},
    *,
};
use crate::commands::testing::now;
use rstest::rstest;

#[test]
fn acknowledged_findings_stand_apart() {
    let report = compliance(&national(), now());
    let of = |agency: &str| report.agencies.iter().find(|a| a.agency == agency).expect("is there");
    assert_eq!((of("customs").open(), of("customs").acknowledged_findings), (3, Some(0)));
    assert_eq!((of("tax-administration").open(), of("tax-administration").acknowledged_findings), (1, Some(2)));
    assert_eq!(of("").open_findings.as_ref().expect("some")["Unclassified"], 1);
    assert_eq!((of("customs").active_permits, of("tax-administration").ended_permits), (Some(1), Some(1)));
    // An acknowledgement that has ended counts no more.
    let later = compliance(&national(), "2027-04-01T00:00:00Z".parse().expect("valid"));
    assert_eq!(later.agencies[2].open(), 3);
}

#[rstest]
#[case::draining(json!({"phase": "Expired", "policy": policy(), "validFrom": "2025-01-01T00:00:00Z", "endedAt": "2026-11-20T00:00:00Z"}), Some(Late::Draining))]
#[case::must_be_gone(json!({"phase": "Revoked", "policy": policy(), "validFrom": "2025-01-01T00:00:00Z", "endedAt": "2026-09-20T00:00:00Z"}), Some(Late::Ended))]
#[case::has_a_successor(json!({"phase": "Expired", "policy": policy(), "validFrom": "2025-01-01T00:00:00Z", "endedAt": "2026-09-20T00:00:00Z", "supersededBy": "GC-2026-000009"}), None)]
#[case::never_was_active(json!({"phase": "Revoked", "policy": policy(), "endedAt": "2026-09-20T00:00:00Z"}), None)]
#[case::overdue(json!({"phase": "UnderReview", "policy": policy()}), Some(Late::Overdue))]
#[case::active(json!({"phase": "Active", "policy": policy()}), None)]
#[case::unknown(Value::Null, None)]
fn what_is_late(#[case] status: Value, #[case] late: Option<Late>) {
    assert_eq!(late_permit(&permit("customs", "p", 1, status), now()).map(|permit| permit.late), late);
}

#[test]
fn nothing_is_said_of_mandatory_services_where_nobody_counts_them() {
    let mut gathered = national();
    let columns = |gathered: &Gathered| compliance_view::part(&compliance(gathered, now())).sheets[0].columns.len();
    let with = columns(&gathered);
    for agency in gathered.agencies.iter_mut().flatten() {
        if let Some(status) = agency.status.as_mut() {
            status.obligations = None;
        }
    }
    assert_eq!(columns(&gathered), with - 1);
    assert!(!serde_json::to_string(&compliance(&gathered, now())).expect("JSON").contains("obligations"));
}
