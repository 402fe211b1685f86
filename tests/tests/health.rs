//! Services are probed for their health over real HTTPS; whoever is unhealthy is no alternative to building one's own.

#[path = "health/stage.rs"]
mod stage;

use axum::http::StatusCode;
use govcloud_tests::{audit_log, receiver::Answer};
use serde_json::json;

use stage::{Crowd, Stage, health};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_as_healthy_as_its_address_says() {
    let stage = Stage::set().await;
    first_probes_decide_at_once(&stage).await;
    nothing_is_written_while_nothing_changes(&stage).await;
    drafts_are_not_probed(&stage).await;
    an_unhealthy_service_is_no_alternative(&stage).await;
    what_is_gone_leaves_no_figures(&stage).await;
}

async fn first_probes_decide_at_once(stage: &Stage) {
    let closed = format!("http://{}/", stage::nobodys_address());
    for (name, url, status, reason, words) in [
        ("sound", Some(stage.receiver.url("sound")), "True", "Healthy", "It answers."),
        ("stranger", Some(stage.stranger.url("stranger")), "False", "Unreachable", "No secure connection"),
        ("closed", Some(closed), "False", "Unreachable", "cannot be reached"),
        ("silent", None, "Unknown", "NotProbed", "set spec.health"),
    ] {
        stage.service(name, url.as_deref().map(health)).await;
        stage.healthy(name, status, reason, words).await;
    }
}

/// Probe after probe finds the same, and the API server hears nothing of it.
async fn nothing_is_written_while_nothing_changes(stage: &Stage) {
    let writes = || {
        let all = audit_log(&stage.cloud);
        let of_services =
            |event: &&serde_json::Value| event["objectRef"]["resource"] == "sharedservices" && event["verb"] == "update";
        all.iter().filter(of_services).filter(|event| event["objectRef"]["name"] == "sound").count()
    };
    let (written, asked) = (writes(), stage.asked("/sound"));
    stage.until_asked("/sound", asked + 3).await;
    assert_eq!(writes(), written, "a probe that found nothing new was written");
}

/// Not before they are published.
async fn drafts_are_not_probed(stage: &Stage) {
    let mut draft = stage::manifest("draft", Some(health(&stage.receiver.url("draft"))));
    draft["spec"]["stage"] = json!("Draft");
    stage.apply(&draft).await;
    stage.healthy("draft", "Unknown", "NotProbed", "drafts are not probed").await;
    assert_eq!(stage.asked("/draft"), 0);
    stage.apply(&stage::manifest("draft", Some(health(&stage.receiver.url("draft"))))).await;
    stage.healthy("draft", "True", "Healthy", "It answers.").await;
}

/// After several failures in a row, and not for longer than until the first success.
async fn an_unhealthy_service_is_no_alternative(stage: &Stage) {
    stage.receiver.answer(Answer::With(StatusCode::INTERNAL_SERVER_ERROR));
    let asked = stage.asked("/sound");
    stage.healthy("sound", "False", "Unreachable", "answers 500").await;
    assert!(stage.asked("/sound") >= asked + 3, "fewer than three failures made it unhealthy");
    let offer = stage.offer_to("while-down").await;
    assert_eq!(offer["result"], "Unknown", "{offer}");
    assert!(offer.to_string().contains("it does not answer at present"), "{offer}");

    stage.receiver.answer(Answer::Silence);
    stage.healthy("sound", "False", "Unreachable", "does not answer within 5 seconds").await;
    stage.receiver.answer(Answer::Redirect);
    stage.healthy("sound", "False", "Unreachable", "answers 307").await;
    assert_eq!(stage.asked("/elsewhere"), 0, "a redirection was followed");

    stage.receiver.answer(Answer::With(StatusCode::NO_CONTENT));
    stage.healthy("sound", "True", "Healthy", "It answers.").await;
    let offer = stage.offer_to("when-up").await;
    assert_eq!(offer["result"], "Fits", "{offer}");
}

async fn what_is_gone_leaves_no_figures(stage: &Stage) {
    stage.figures("govcloud_service_healthy{service=\"sound\"} 1", true).await;
    stage.figures("govcloud_service_probes_total{service=\"sound\",result=\"bad_status\"}", true).await;
    stage.figures("govcloud_service_healthy{service=\"closed\"} 0", true).await;
    stage.delete("sound").await;
    stage.figures("service=\"sound\"", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_services_are_not_asked_at_once() {
    const SERVICES: usize = 100;
    let stage = Stage::set().await;
    let crowd = Crowd::gather().await;
    for i in 0..SERVICES {
        stage.service(&format!("crowd-{i}"), Some(health(&crowd.url()))).await;
    }
    for i in 0..SERVICES {
        stage.healthy(&format!("crowd-{i}"), "False", "Unreachable", "does not answer within").await;
    }
    // 32 are asked at the same time; that one has gone is known a moment later.
    assert!(crowd.most() <= 48, "{} of {SERVICES} were asked at the same time", crowd.most());
    assert!(crowd.most() > 1, "they were asked one after the other");
}
