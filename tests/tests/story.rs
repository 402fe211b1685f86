//! The main job, end to end, on a real control plane.

use govcloud_tests::{
    Cloud, Setup,
    fixtures::{node_pool, permit},
    people,
};

#[tokio::test]
async fn a_named_object_runs_only_with_a_permit() {
    let cloud = Cloud::start(Setup::Government).await;
    let namespace = cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
    let pool = |name: &str, replicas, storage: &str| node_pool(&namespace, name, replicas, storage);

    cloud
        .apply_json(people::TAX_DEVELOPER, &pool("broker", 3, "1Ti"))
        .await
        .refused_with("no permit names kafkanodepools/broker");
    cloud
        .permit(
            people::TAX_REQUESTER,
            &permit("tax-administration", "events", "requester@tax", "analytics", &[("broker", 3, "1Ti")]),
        )
        .await;
    cloud.apply_json(people::TAX_DEVELOPER, &pool("broker", 3, "1Ti")).await.succeeds();
    cloud.apply_json(people::TAX_DEVELOPER, &pool("second", 3, "1Ti")).await.refused_with("no permit names");
    cloud.apply_json(people::TAX_DEVELOPER, &pool("broker", 4, "1Ti")).await.refused_with("allows at most 3 replicas");
    cloud.apply_json(people::TAX_DEVELOPER, &pool("broker", 3, "2Ti")).await.refused_with("allows less storage");
    let scale = ["scale", "kafkanodepool/broker", "--replicas=4", "-n", &namespace];
    cloud.kubectl(people::TAX_DEVELOPER, &scale).await.refused_with("allows at most 3 replicas");
}
