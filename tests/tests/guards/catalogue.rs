//! Attacks on the catalogue: who drafts, who publishes, who agrees to share.

use govcloud_tests::{
    Cloud,
    claims::claim,
    eventually,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER},
    remedy::{Attack, Remedy, Trap, trap},
};
use serde_json::{Value, json};

use super::{HOME, LAB};

const GUARD: &str = "govcloud-guard-catalogue";
const CONSENTS: &str = "govcloud-guard-consents";
const DRAFTS: &str = "A cloud operator publishes a draft";

fn service(name: &str, provider: &str, stage: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name},
        "spec": {"displayName": name, "provider": provider, "processingClass": "message-broker", "stage": stage,
            "plans": [{"name": "one"}], "capacity": {}, "binding": {"type": "kafka"}},
    })
}

/// An agency's admins make, change and delete drafts of their own agency's; nobody else of it does.
pub async fn an_agency_drafts_its_own_services(cloud: &Cloud) {
    let create = |who, name: &str| Attack::create(who, &service(name, "customs", "Draft"));
    create(CUSTOMS_DEVELOPER, "draft").is_refused(cloud, "orbidden").await;
    cloud.create_json(CUSTOMS_ADMIN, &service("gone", "customs", "Draft")).await.succeeds();
    cloud.kubectl(CUSTOMS_ADMIN, &["delete", "ssvc", "gone"]).await.succeeds();
    cloud.create_json(CUSTOMS_ADMIN, &service("draft", "customs", "Draft")).await.succeeds();
    let change = |spec: Value| Attack::patch(CUSTOMS_ADMIN, "ssvc/draft", &json!({"spec": spec}));
    change(json!({"description": "Tariffs"})).passes(cloud, "a draft is worked on").await;
    change(json!({"provider": "ito"})).is_refused(cloud, DRAFTS).await;
    Attack::create(CUSTOMS_ADMIN, &service("mine", "customs", "Published")).is_refused(cloud, DRAFTS).await;
    Attack::kubectl(CUSTOMS_ADMIN, "delete ssvc/national-streaming").is_refused(cloud, DRAFTS).await;
    Attack::patch(CLOUD_OPERATOR, "ssvc/draft", &json!({"spec": {"stage": "Published"}})).passes(cloud, "they publish").await;
}

/// Its provisioner does not answer; the claim is in the ledger all the same.
pub async fn a_provisioned_service_serves_a_claim(cloud: &Cloud) {
    let mut provisioned = service("provisioned", "ito", "Published");
    provisioned["spec"]["binding"]["provisioner"] = json!({"url": "http://127.0.0.1:9/v1"});
    cloud.create_json(CLOUD_OPERATOR, &provisioned).await.succeeds();
    cloud.create_json(CUSTOMS_ADMIN, &claim(LAB, "database", "provisioned", "one")).await.succeeds();
    eventually("the claim is in the ledger", || async {
        let service = cloud.json(ADMIN, &["get", "ssvc", "provisioned", "-o", "json"]).await;
        if service["status"]["claims"] == 1 { Ok(()) } else { Err(service["status"].to_string()) }
    })
    .await;
}

/// It is a deletion that its provisioner never hears of.
pub async fn it_goes_when_that_is_meant(cloud: &Cloud) {
    let meant = ["annotate", "sharedservice", "provisioned", "govcloud.dev/confirm-deletion=provisioned"];
    cloud.kubectl(CLOUD_OPERATOR, &meant).await.succeeds();
    cloud.kubectl(CLOUD_OPERATOR, &["delete", "sharedservice", "provisioned"]).await.succeeds();
}

/// `shared` is the service that shares under a permit of customs.
pub fn traps(shared: &str) -> Vec<Trap> {
    [of_drafts(), of_sharing(shared), vec![of_homes()]].concat()
}

fn of_drafts() -> Vec<Trap> {
    vec![
        trap(
            "an agency publishes its own draft",
            Attack::patch(CUSTOMS_ADMIN, "ssvc/draft", &json!({"spec": {"stage": "Published"}})),
            DRAFTS,
            Remedy::text(GUARD, "(object.spec.stage == 'Draft'", "(true"),
        ),
        trap(
            "a draft in another agency's name",
            Attack::create(CUSTOMS_ADMIN, &service("theirs", "ito", "Draft")),
            DRAFTS,
            Remedy::Variable(GUARD.to_owned(), "provides", "true"),
        ),
        trap(
            "a published service is deleted by its provider",
            Attack::kubectl(CUSTOMS_ADMIN, "delete ssvc/national-streaming"),
            DRAFTS,
            Remedy::text(GUARD, "(oldObject.spec.stage == 'Draft'", "(true"),
        ),
        trap(
            "a service is deleted whose credentials nobody would end",
            Attack::kubectl(CLOUD_OPERATOR, "delete ssvc/provisioned"),
            "its provisioner would never be asked",
            Remedy::check(GUARD, "its provisioner would never be asked"),
        ),
    ]
}

fn of_sharing(shared: &str) -> Vec<Trap> {
    let named = service("shared-gc-2026-900000", "customs", "Published");
    let mut forged = service("forged", "customs", "Published");
    forged["spec"]["sharing"] = json!({"permit": "GC-2026-900000"});
    let object = format!("ssvc/{shared}");
    let consent = |by: &str| json!({"spec": {"consents": [{"claim": "somebody", "by": by}]}});
    vec![
        trap(
            "whoever shares changes more than the consents",
            Attack::patch(CUSTOMS_ADMIN, &object, &json!({"spec": {"capacity": {"brokers": "99"}}})),
            DRAFTS,
            Remedy::text(GUARD, "f == 'consents' ||", "true ||"),
        ),
        trap(
            "a service is named as if it were shared",
            Attack::create(CLOUD_OPERATOR, &named),
            "names such as",
            Remedy::check(GUARD, "names such as"),
        ),
        trap(
            "a service is shared in another's name",
            Attack::create(CLOUD_OPERATOR, &forged),
            "by the sharingOffer of its permit",
            Remedy::check(GUARD, "by the sharingOffer of its permit"),
        ),
        trap(
            "a consent in another's name",
            Attack::patch(CUSTOMS_ADMIN, &object, &consent("another@customs")),
            "a consent carries your own user name",
            Remedy::check(CONSENTS, "carries your own user name"),
        ),
        trap(
            "those who run the cloud agree in an agency's place",
            Attack::patch(CLOUD_OPERATOR, &object, &consent("operator@ito")),
            "nobody agrees in their place",
            Remedy::check(CONSENTS, "nobody agrees in their place"),
        ),
    ]
}

fn of_homes() -> Trap {
    let claim = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim",
        "metadata": {"namespace": HOME, "name": "mine", "labels": {"govcloud.dev/entitled": "true", "app.kubernetes.io/managed-by": "govcloud"}},
        "spec": {"sharedService": "national-streaming", "plan": "standard"},
    });
    trap(
        "an entitlement is made by hand",
        Attack::create(ADMIN, &claim),
        "made and withdrawn by the operator",
        Remedy::Bindings("govcloud-guard-home-claims"),
    )
}
