//! Many more claims than places, all at once.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, stream};
use govcloud_crds::{
    ServiceClaim,
    conditions::find,
    service::{ClaimPhase, ServiceClaimSpec},
};
use govcloud_tests::{Cloud, audit_log, eventually, eventually_for, people};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};

use super::{
    ledger::Watched,
    steps::{PROJECT, condition, get, publish, service},
};

const CLAIMS: usize = 500;
const PLACES: usize = 100;
const AT_ONCE: usize = 50;
const LIMIT: Duration = Duration::from_mins(2);

/// Exactly as many are bound as there are places, others say why they are not, and each place that is given back is given
/// on, until everybody was served.
pub async fn a_hundred_places_go_round(cloud: &Cloud) {
    publish(cloud, &service("hundred", 100, &[("one", 1)])).await;
    let watched = Watched::start(cloud.client(people::ADMIN).await, "hundred").await;
    let claims: Api<ServiceClaim> = Api::namespaced(cloud.client(people::TAX_ADMIN).await, PROJECT);
    let making = stream::iter(0..CLAIMS).for_each_concurrent(AT_ONCE, |number| make(&claims, number));
    tokio::join!(making, async {
        eventually("some are listed", || async { if watched.listed() > PLACES / 4 { Ok(()) } else { Err(String::new()) } }).await;
        cloud.kill_operator().await;
        cloud.start_operator().await;
    });
    let mut served = settled(&claims, CLAIMS).await;
    let full = until_waiting(cloud, CLAIMS - PLACES).await;
    let exhausted = condition(&full, "Exhausted");
    assert_eq!(exhausted["status"], "True");
    assert!(exhausted["message"].to_string().contains("400 claims wait."), "{exhausted}");
    say_what_it_cost(cloud, &watched);
    for left in (0..CLAIMS).step_by(PLACES).rev() {
        let bound = bound(&claims).await;
        stream::iter(&bound).for_each_concurrent(AT_ONCE, |name| delete(&claims, name)).await;
        served.extend(settled(&claims, left).await);
    }
    assert_eq!(served.len(), CLAIMS, "everybody was served once");
    until_waiting(cloud, 0).await;
    watched.check();
}

async fn make(claims: &Api<ServiceClaim>, number: usize) {
    let spec = ServiceClaimSpec { shared_service: "hundred".into(), plan: "one".into(), purpose: String::new(), rotation: 0 };
    let claim = ServiceClaim::new(&format!("c{number:03}"), spec);
    claims.create(&PostParams::default(), &claim).await.expect("the claim is taken");
}

async fn delete(claims: &Api<ServiceClaim>, name: &str) {
    claims.delete(name, &DeleteParams::default()).await.expect("the claim is deleted");
}

async fn bound(claims: &Api<ServiceClaim>) -> Vec<String> {
    let all = claims.list(&ListParams::default()).await.expect("claims");
    let bound = all.iter().filter(|c| c.status.as_ref().is_some_and(|s| s.phase == ClaimPhase::Bound));
    bound.map(ResourceExt::name_any).collect()
}

/// Waits until each of so many claims is bound or says why it is not; those that are bound, which are as many as there are
/// places for.
async fn settled(claims: &Api<ServiceClaim>, count: usize) -> BTreeSet<String> {
    eventually_for(LIMIT, &format!("{count} claims are bound or told why not"), || async {
        let all = claims.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let (bound, others): (Vec<_>, Vec<_>) =
            all.items.iter().partition(|c| c.status.as_ref().is_some_and(|s| s.phase == ClaimPhase::Bound));
        assert!(bound.len() <= PLACES, "{} are bound", bound.len());
        let told = others.iter().filter(|claim| says_why(claim)).count();
        if all.items.len() == count && bound.len() == PLACES.min(count) && bound.len() + told == count {
            Ok(bound.iter().map(|claim| claim.name_any()).collect())
        } else {
            Err(format!("{} claims, {} bound, {told} told why not", all.items.len(), bound.len()))
        }
    })
    .await
}

fn says_why(claim: &ServiceClaim) -> bool {
    let conditions = claim.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    find(conditions, "Ready").is_some_and(|c| c.reason == "NoCapacity" && c.message.contains("it is served when there is"))
}

async fn until_waiting(cloud: &Cloud, count: usize) -> serde_json::Value {
    eventually(&format!("{count} claims wait"), || async {
        let service = get(cloud, "ssvc", "hundred").await;
        if service["status"]["waiting"] == count { Ok(service) } else { Err(service["status"]["waiting"].to_string()) }
    })
    .await
}

/// A ledger that is written for each claim would be written hundreds of times.
fn say_what_it_cost(cloud: &Cloud, watched: &Watched) {
    let (states, changes) = watched.check();
    let writes = |resource: &str| {
        let all = audit_log(cloud);
        let is = |event: &&serde_json::Value| {
            event["verb"] == "update"
                && event["objectRef"]["resource"] == resource
                && event["objectRef"]["subresource"] == "status"
        };
        let codes: Vec<_> = all.iter().filter(is).map(|event| event["responseStatus"]["code"].clone()).collect();
        (codes.len(), codes.iter().filter(|code| **code == 409).count())
    };
    let (services, claims) = (writes("sharedservices"), writes("serviceclaims"));
    println!(
        "the ledger had {states} states, {changes} of them with other claims; status writes: of services {} ({} refused), of claims {} ({} refused)",
        services.0, services.1, claims.0, claims.1
    );
    assert!(states < CLAIMS / 2, "the ledger had {states} states for {CLAIMS} claims");
}
