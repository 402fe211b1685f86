//! A thousand pods that want to run at once, in fifty projects of an agency whose budget is too small for them, while
//! projects come, go and change their size and the operator is killed again and again: the ledger never gives more than
//! there is, and in the end everything runs that fits.

#[path = "load/clients.rs"]
mod clients;
#[path = "load/troubles.rs"]
mod troubles;

use std::{sync::Arc, time::Instant};

use clients::Clients;
use govcloud_tests::{
    Cloud, Setup, eventually,
    ledger_watch::{Kind, LedgerWatch, replay},
    people,
    tenant::{Tenant, remove_pods},
};
use kube::Client;
use troubles::{PROJECTS, Troubles, project};

const AGENCY: &str = "load";
const BUDGET: i64 = 300;
/// What every project wants in the end; together more than the budget.
const WISH: i64 = 8;
const CPU: &str = "requests.cpu";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pods_never_get_more_than_the_budget() {
    let cloud = Cloud::start(Setup::Government).await;
    let watch = Arc::new(LedgerWatch::start(cloud.client(people::ADMIN).await, AGENCY, AGENCY).await);
    let tenant = Tenant::open(&cloud, AGENCY, BUDGET).await;
    let began = Instant::now();
    let developer = cloud.client(people::CUSTOMS_DEVELOPER).await;
    let troubles = Troubles { cloud: &cloud, tenant: &tenant, watch: &watch, developer: developer.clone() };
    troubles.found(PROJECTS * 4 / 5).await;
    let clients = Clients::start(developer.clone(), watch.clone());
    let moves = troubles.run().await;
    println!("{moves:?}, after {:?}", began.elapsed());
    troubles.settle(WISH).await;
    let tidied = until_full(&developer, &watch, &tenant).await;
    println!("full after {:?}; {} refusals, {tidied} pods too many or miscounted removed", began.elapsed(), clients.stop().await);
    let report = replay(&watch.history().await, CPU);
    println!("{report}");
    assert!(report.wrong.is_empty(), "{} of {}:\n{}", report.wrong.len(), report.ledger_revisions, report.wrong.join("\n"));
    assert_eq!(report.most_allocated, BUDGET * 1000, "the budget was given out");
    assert!(moves.killed == 10 && moves.deleted > 0 && moves.resized > 0, "{moves:?}");
}

/// How a namespace stands: what its quota allows and counts, and what is there.
#[derive(Debug, PartialEq)]
struct Standing {
    namespace: String,
    allowed: i64,
    counted: i64,
    pods: Vec<String>,
}

fn standings(watch: &LedgerWatch, tenant: &Tenant) -> Vec<Standing> {
    let standing = |number| {
        let namespace = tenant.namespace(&project(number));
        let figure = |pointer: &str| {
            watch.see(Kind::Quota, &namespace, "govcloud", |q| q.pointer(pointer)?.as_str()?.parse().ok()).flatten().unwrap_or(0)
        };
        let (allowed, counted) = (figure("/status/hard/requests.cpu"), figure("/status/used/requests.cpu"));
        Standing { allowed, counted, pods: watch.names(Kind::Pod, &namespace), namespace }
    };
    (0..PROJECTS).map(standing).collect()
}

/// Waits until every quota is used up and all together are the budget; how many pods had to be removed for it.
///
/// The native quota may have let too many in, or count ones that are gone until the next pod goes; nobody runs here who
/// would notice. So what is too much is removed, and where a figure stays wrong one pod is, which makes it count anew.
async fn until_full(developer: &Client, watch: &LedgerWatch, tenant: &Tenant) -> usize {
    let (tidied, before) = (tokio::sync::Mutex::new(0), tokio::sync::Mutex::new(Vec::new()));
    eventually("everything runs that fits", || async {
        let now = standings(watch, tenant);
        let full = |s: &Standing| i64::try_from(s.pods.len()) == Ok(s.allowed) && s.counted == s.allowed;
        if now.iter().all(full) && now.iter().map(|s| s.allowed).sum::<i64>() == BUDGET {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let mut before = before.lock().await;
        for (stuck, _) in now.iter().zip(before.iter()).filter(|(now, before)| now == before && !full(now)) {
            let there = i64::try_from(stuck.pods.len()).expect("few");
            let remove = usize::try_from((there - stuck.allowed).max(i64::from(there != stuck.counted))).expect("not negative");
            let names: Vec<_> = stuck.pods.iter().take(remove).cloned().collect();
            *tidied.lock().await += names.len();
            remove_pods(developer, &stuck.namespace, &names).await;
        }
        let wrong: Vec<_> = now
            .iter()
            .filter(|s| !full(s))
            .map(|s| format!("{}: {} of {} allowed, {} counted", s.namespace, s.pods.len(), s.allowed, s.counted))
            .collect();
        let allowed: i64 = now.iter().map(|s| s.allowed).sum();
        *before = now;
        Err(format!("{allowed} of {BUDGET} are allowed; {}", wrong.join("; ")))
    })
    .await;
    tidied.into_inner()
}
