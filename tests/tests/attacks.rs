//! The attack suite: what somebody tries who has a credential, and the layer that stops it.
//!
//! Each attempt is data: a sentence, a request byte for byte, who makes it, the layer that stops it and in which words. What
//! is refused is a dry run and is tried again with the operator stopped; what is taken and without effect is really done.
//! `docs/attacks.md` is the list.

#[path = "attacks/again.rs"]
mod again;
#[path = "attacks/attempt.rs"]
mod attempt;
#[path = "attacks/call.rs"]
mod call;
#[path = "attacks/cluster.rs"]
mod cluster;
#[path = "attacks/document.rs"]
mod document;
#[path = "attacks/input.rs"]
mod input;
#[path = "attacks/lifetime.rs"]
mod lifetime;
#[path = "slots_workloads/objects.rs"]
#[expect(dead_code, reason = "another test uses the rest of them")]
mod objects;
#[path = "attacks/paperwork.rs"]
mod paperwork;
#[path = "attacks/people.rs"]
mod people;
#[path = "attacks/reviews.rs"]
mod reviews;
#[path = "attacks/slots.rs"]
mod slots;
#[path = "attacks/stage.rs"]
mod stage;
#[path = "attacks/workloads.rs"]
mod workloads;

use govcloud_tests::{Cloud, Setup};

use stage::Stage;

/// At least so many attempts.
const ENOUGH: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_tries_is_stopped_by_the_layer_that_is_named() {
    let cloud = Cloud::start(Setup::Government).await;
    let stage = Box::pin(Stage::set(&cloud)).await;
    let themes = [
        people::theme(&stage),
        paperwork::theme(&stage),
        reviews::theme(&stage),
        slots::theme(&stage),
        workloads::theme(&stage),
        lifetime::theme(&stage),
        cluster::theme(&stage),
        input::theme(&stage),
    ];
    let count: usize = themes.iter().map(|theme| theme.attempts.len()).sum();
    assert!(count >= ENOUGH && themes.iter().all(|theme| !theme.controls.is_empty()), "{count} attempts");
    attempt::controls_pass(&stage.wires, &themes).await;
    attempt::all_stopped(&stage.wires, &themes).await;
    cloud.kill_operator().await;
    attempt::all_refused(&stage.wires, &themes).await;
    attempt::controls_pass(&stage.wires, &themes).await;
    attempt::still_without_effect(&stage.wires, &themes).await;
    document::document(&themes);
}
