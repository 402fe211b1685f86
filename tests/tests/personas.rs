//! Nobody can do another's job: what each persona tries with a credential of their own, what must work, and what is
//! refused and why.

#[path = "personas/allowed.rs"]
mod allowed;
#[path = "personas/manifests.rs"]
mod manifests;
#[path = "personas/refused.rs"]
mod refused;
#[path = "personas/reviews.rs"]
mod reviews;

use govcloud_controlplane::Persona;
use govcloud_tests::{Cloud, Setup, fixtures::permit, people};
use serde_json::json;

/// A member of the tax administration whom somebody also put into the ministry's group.
const TURNCOAT: &str = "turncoat";
/// An account in a project's namespace.
const ACCOUNT: &str = "project-account";
/// Somebody with a valid credential whom nobody knows.
const STRANGER: &str = "stranger";
/// A reviewer of the authority for another security regime.
const ITO_REVIEWER: &str = "ito-reviewer";

const HOME: &str = "agency-tax-administration";
const PROJECT: &str = "tax-administration--analytics";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_do_anothers_job() {
    let cloud = Cloud::start(Setup::Government).await;
    more_personas(&cloud);
    let setting = manifests::Setting::prepare(&cloud).await;
    allowed::everybody_can_do_their_own_job(&cloud, &setting).await;
    refused::and_nobody_can_do_anothers(&cloud, &setting).await;
    reviews::a_reviewer_without_a_say_does_not_count(&cloud).await;
    reviews::a_review_that_is_counted_decides(&cloud).await;
}

fn more_personas(cloud: &Cloud) {
    let accounts = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{PROJECT}")];
    let personas = [
        Persona::new(TURNCOAT, "turncoat@tax").in_groups(["tax:admins", "ministry:reviewers"]),
        Persona::new(ACCOUNT, format!("system:serviceaccount:{PROJECT}:default")).in_groups(accounts),
        Persona::new(STRANGER, "stranger@nowhere"),
        Persona::new(ITO_REVIEWER, "reviewer@ito").in_groups(["security:ito"]),
    ];
    for persona in &personas {
        cloud.plane.issue(persona).expect("a credential");
    }
}

/// A request of the tax administration.
fn request(name: &str, requester: &str) -> serde_json::Value {
    let mut request = permit("tax-administration", name, requester, "analytics", &[(name, 3, "1Ti")]);
    request["spec"]["justification"] = json!("Needed where no national zone reaches.");
    request
}

#[test]
fn the_personas_of_this_test_are_new() {
    let known: Vec<_> = people::all().into_iter().map(|p| p.name).collect();
    assert!([TURNCOAT, ACCOUNT, STRANGER, ITO_REVIEWER].iter().all(|name| !known.contains(&(*name).to_owned())));
}
