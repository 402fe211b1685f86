//! Decisions: reviews that are taken and kept, and that the operator does not count. Each is really given, on a request of
//! its own.

use govcloud_tests::people::*;
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::Operator, Sight, Theme, without_effect},
    call::Call,
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    let deny = stage.review(HOME, "asked", ("reviewer-2@ministry", MINISTRY), "Deny");
    Theme {
        title: "Decisions",
        controls: vec![Control { name: "A reviewer denies", call: Call::create(REVIEWER_2, &deny) }],
        attempts: [persons(stage), pins(stage), times(stage), wider(stage)].concat(),
    }
}

/// Phase, what is still needed, and why which reviews do not count.
fn judged(permit: &Value) -> Value {
    let status = &permit["status"];
    let reviews = status["reviews"].as_array().cloned().unwrap_or_default();
    let because: Vec<_> = reviews.iter().filter(|r| r["counted"] == false).map(|r| r["because"].clone()).collect();
    json!([status["phase"], reviews.len(), because])
}

/// What `judged` gives of a request under review whose only review does not count.
fn uncounted(permit: &str, because: &str) -> Sight {
    Sight { path: permit_at(permit), look: judged, is: json!(["UnderReview", 1, [because]]) }
}

/// Phase, how many reviews there are, and how many approvals are still needed in all. Of which group depends on the order of
/// the reviews, and two of the same second have none.
fn still_needed(permit: &Value) -> Value {
    let conditions = permit["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let message = conditions.iter().find(|c| c["type"] == "Ready").and_then(|c| c["message"].as_str()).unwrap_or_default();
    let groups =
        message.split_once("Still needed: ").map(|(_, groups)| groups.split_once('.').map_or(groups, |(first, _)| first));
    let needed: i64 =
        groups.into_iter().flat_map(|groups| groups.split(", ")).filter_map(|g| g.split(' ').next()?.parse::<i64>().ok()).sum();
    json!([permit["status"]["phase"], permit["status"]["reviews"].as_array().map(Vec::len), needed])
}

fn persons(stage: &Stage) -> Vec<Attempt> {
    let hat = |group| Call::create(TWO_HATS, &stage.review(TAX, "two-hats", ("two-hats@state", group), "Approve")).really();
    let again = || {
        let mut review = stage.review(HOME, "duplicate", ("reviewer-1@ministry", MINISTRY), "Approve");
        review["spec"]["overrideDuplicate"] = json!(true);
        Call::create(REVIEWER_1, &review).really()
    };
    let of_other = stage.review(HOME, "no-say", ("reviewer@ito", "security:ito"), "Approve");
    let own = stage.review(HOME, "moved", ("admin@customs", MINISTRY), "Approve");
    vec![
        without_effect(
            "One person approves for two authorities",
            vec![hat(MINISTRY), hat(SMC)],
            Operator,
            Sight { path: ours(TAX, "processingpermits", "two-hats"), look: still_needed, is: json!(["UnderReview", 2, 1]) },
        ),
        without_effect(
            "One person approves a duplicate twice, where two persons must",
            vec![again(), again()],
            Operator,
            Sight { path: permit_at("duplicate"), look: still_needed, is: json!(["UnderReview", 2, 1]) },
        ),
        without_effect(
            "Somebody approves what they asked for before they joined the ministry",
            vec![Call::create(MOVED, &own).really()],
            Operator,
            uncounted("moved", "nobody reviews their own request"),
        ),
        without_effect(
            "The authority of another security regime approves",
            vec![Call::create(ITO_REVIEWER, &of_other).really()],
            Operator,
            uncounted("no-say", "security:ito has no say in this request"),
        ),
    ]
}

fn pins(stage: &Stage) -> Vec<Attempt> {
    let review = |name: &str, field: &str, value: Value| {
        let mut review = stage.review(HOME, name, ("reviewer-1@ministry", MINISTRY), "Approve");
        review["spec"]["permit"][field] = value;
        vec![Call::create(REVIEWER_1, &review).really()]
    };
    let other = stage.review(HOME, "asked", ("", ""), "")["spec"]["permit"]["uid"].clone();
    let another = "it pins another request than this one";
    vec![
        without_effect(
            "An approval of what the request never said",
            review("other-digest", "digest", json!("0".repeat(64))),
            Operator,
            uncounted("other-digest", another),
        ),
        without_effect(
            "An approval of another request is counted for this one",
            review("other-uid", "uid", other),
            Operator,
            uncounted("other-uid", another),
        ),
    ]
}

fn times(stage: &Stage) -> Vec<Attempt> {
    let review = |name: &str, verdict: &str| {
        vec![Call::create(REVIEWER_1, &stage.review(HOME, name, ("reviewer-1@ministry", MINISTRY), verdict)).really()]
    };
    let after =
        |name: &str, phase: &str, because: &str| Sight { path: permit_at(name), look: judged, is: json!([phase, 2, [because]]) };
    vec![
        without_effect(
            "A request that was denied is approved by somebody else",
            review("denied", "Approve"),
            Operator,
            after("denied", "Denied", "the request was decided before (Deny)"),
        ),
        without_effect(
            "A request that was returned is approved as it is",
            review("reviewed", "Approve"),
            Operator,
            after("reviewed", "Returned", "the request was decided before (Return)"),
        ),
        without_effect(
            "A request that nobody approved is resumed",
            review("too-early", "Resume"),
            Operator,
            uncounted("too-early", "the request was not approved"),
        ),
        without_effect(
            "A permit that was revoked is resumed",
            review("taken", "Resume"),
            Operator,
            Sight { path: permit_at("taken"), look: judged, is: json!(["Revoked", 3, ["the permit is revoked already"]]) },
        ),
    ]
}

fn wider(stage: &Stage) -> Vec<Attempt> {
    let mut review = stage.review(HOME, "wide", ("reviewer-1@ministry", MINISTRY), "Approve");
    let wide = json!({"name": "wide", "replicas": 300, "perReplica": {"storage": "900Ti", "brokers": "9"}});
    let more = json!({"name": "more", "replicas": 300});
    review["spec"]["narrow"] = json!({"targets": [wide, more]});
    vec![without_effect(
        "A reviewer narrows a request to more than it asked for",
        vec![Call::create(REVIEWER_1, &review).really()],
        Operator,
        Sight {
            path: permit_at("wide"),
            look: |p| json!([p["status"]["phase"], p["status"]["granted"]]),
            is: json!(["Active", [{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "wide",
                "replicas": 3, "perReplica": {"brokers": "1", "storage": "1Ti"}}]]),
        },
    )]
}
