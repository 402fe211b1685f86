//! Create, delete and update against a handful of slots on two API servers at once: however fast, never more than the slots.
//!
//! A quota that counts objects does not hold here, because it recounts from a cache that lags; a slot names its object, and
//! etcd keeps one object per name. Somebody who is not part of it watches what is stored. The ordinary test makes
//! some creations; `cargo test -p govcloud-tests --test churn -- --ignored --nocapture` goes on for a minute and 5,000 of them.

#[path = "churn/crowd.rs"]
mod crowd;
#[path = "churn/observer.rs"]
mod observer;

use std::time::{Duration, Instant};

use crowd::{Crowd, PERMITTED, Tally, pools};
use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{node_pool, permit},
    people::{CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER},
};
use kube::{Client, api::PostParams};
use observer::Observer;

const LAB: &str = "customs--lab";
const CREATIONS: usize = 500;
/// The watch of the observer ends after five minutes.
const LONGEST: Duration = Duration::from_secs(270);

#[tokio::test(flavor = "multi_thread")]
async fn there_are_never_more_objects_than_slots() {
    let cloud = stage().await;
    churn(&cloud, CREATIONS, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute and more"]
async fn there_are_never_more_objects_than_slots_for_a_minute_and_five_thousand_creations() {
    let cloud = stage().await;
    churn(&cloud, 5_000, Duration::from_mins(1)).await;
}

/// A project with a permit for each name that may be created.
async fn stage() -> Cloud {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "10").await;
    let targets: Vec<_> = PERMITTED.iter().map(|name| (*name, 1, "1Gi")).collect();
    cloud.permit(CUSTOMS_REQUESTER, &permit("customs", "handful", "requester@customs", "lab", &targets)).await;
    cloud
}

async fn churn(cloud: &Cloud, creations: usize, at_least: Duration) {
    let peer = cloud.plane.start_peer().await.expect("a second API server");
    let servers = [cloud.plane.api_url(), peer];
    let mut clients = Vec::new();
    for server in &servers {
        let client = cloud.client_at(server, CUSTOMS_DEVELOPER).await;
        until_it_admits(&client).await;
        clients.push(client);
    }
    let observer = Observer::start(clients[0].clone(), LAB).await;
    let started = Instant::now();
    let crowd = Crowd::start(&clients, LAB);
    while crowd.created() < creations || started.elapsed() < at_least {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(started.elapsed() < LONGEST, "only {} creations", crowd.created());
    }
    let (took, tally) = (started.elapsed(), crowd.stop().await);
    let seen = observer.finish(&clients[1]).await;
    println!("{took:.0?}, two API servers: {tally}; stored: {seen}");
    judge(&tally, &seen);
}

/// An API server that just started refuses everything that needs a grant, for half a minute: it does not know the kind yet.
async fn until_it_admits(client: &Client) {
    let pool = serde_json::from_value(node_pool(LAB, PERMITTED[0], 1, "1Gi")).expect("a node pool");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the API server admits what is permitted", || async {
        pools(client, LAB).create(&dry_run, &pool).await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
}

fn judge(tally: &Tally, seen: &observer::Seen) {
    assert_eq!(seen.wrong, Vec::<String>::new(), "what is stored is permitted, and no larger");
    assert!(seen.most <= PERMITTED.len(), "{} at a time, with {} slots", seen.most, PERMITTED.len());
    assert_eq!(seen.added, tally.created, "the observer saw every creation that an API server took");
    assert!(tally.refused > 0, "others were tried");
    assert_eq!(tally.strange, Vec::<String>::new(), "whatever was refused, was refused for the permit");
}
