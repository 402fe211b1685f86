//! The story's check, and the others.

use govcloud_crds::{GovernmentCloud, SharedService, class::compute::thresholds};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{commands::testing, manifests, output::Paint};

/// The classes of the story.
pub fn classes() -> BTreeMap<String, ProcessingClass> {
    let broker = json!({
        "displayName": "Message broker", "dimensions": [{"name": "brokers"}, {"name": "storage"}],
        "controls": [{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "version": "v1", "replicas": "object.spec.replicas",
            "perReplica": {"brokers": "1", "storage": "quantity(object.spec.storage.size).asInteger()"}}],
        "workloads": {"images": ["(^|/)rabbitmq([:@]|$)"], "countsAs": "brokers"},
        "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]},
    });
    let gpu = json!({
        "displayName": "GPU training", "dimensions": [{"name": "gpus"}],
        "controls": [{"group": "kubeflow.org", "resource": "pytorchjobs", "version": "v1", "perReplica": {"gpus": "object.spec.gpus"}}],
        "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]},
    });
    let class = |name: &str, spec: Value| (name.to_owned(), testing::object("ProcessingClass", "", name, spec, Value::Null));
    [class("message-broker", broker), class("gpu-training", gpu)].into()
}

const POOL: &str = "
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: NAME}
spec: {replicas: 3, storage: {size: SIZE}}
---
";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n";

fn pool(name: &str, size: &str) -> String {
    POOL.replace("NAME", name).replace("SIZE", size)
}

fn needs() -> Needs {
    Needs {
        interface: vec![parse::interface("kafka=>=3.7").expect("valid")],
        zone: vec!["tehran-1".into()],
        classification: Some(Classification::Restricted),
    }
}

fn check(text: &str, needs: &Needs, services: &[SharedService], only: Option<&str>) -> (Report, String) {
    let manifests = manifests::parse("chart.yaml", text).expect("reads");
    let mut report = sort(&manifests, &Plurals::default(), &classes(), &[], only);
    let catalogue = Catalogue::new(classes(), services.to_vec(), [testing::agency()]);
    judge(&mut report, &catalogue.of_agency("tax-administration").expect("there"), needs, testing::now());
    let advice = Advice { from: vec!["-".into()], recursive: false, project: Some("analytics".into()), needs: needs.clone() };
    let text = render(&report, &advice, Paint::default());
    (report, text)
}

#[test]
fn the_story() {
    let text = pool("broker", "1Ti") + &pool("controller", "20Gi") + &OTHER.repeat(7);
    let (report, text) = check(&text, &needs(), &[testing::streaming(), testing::regional()], None);
    insta::assert_snapshot!("check_duplicate", text);
    assert_eq!(exit(&report), Exit::Duplicate);
    let json = serde_json::to_string_pretty(&report).expect("JSON");
    insta::assert_snapshot!("check_duplicate_json", json);
}

#[rstest]
#[case::elsewhere("unique", pool("broker", "1Ti"), Needs { zone: vec!["shiraz".into()], ..needs() }, Exit::Ok)]
#[case::too_much("overlaps", pool("broker", "60Ti"), needs(), Exit::Overlaps)]
#[case::several_claims("several_claims", pool("broker", "10Ti"), needs(), Exit::Duplicate)]
#[case::nothing("nothing", OTHER.repeat(2), needs(), Exit::Ok)]
#[case::empty("empty", String::new(), needs(), Exit::Ok)]
#[case::unmeasured("unmeasured", pool("broker", "1Ti") + &pool("odd", "a lot") + &pool("\"\"", "1Ti"), needs(), Exit::Failure)]
#[case::other_version("other_version", pool("broker", "1Ti").replace("/v1", "/v1beta2"), needs(), Exit::Failure)]
#[case::image("image", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: mq}, spec: {replicas: 2, template: {spec: {containers: [{image: 'rabbitmq:4'}]}}}}".into(), Needs::default(), Exit::Duplicate)]
fn verdicts(#[case] name: &str, #[case] text: String, #[case] needs: Needs, #[case] expected: Exit) {
    let (report, text) = check(&text, &needs, &[testing::streaming(), testing::regional()], None);
    insta::assert_snapshot!(format!("check_{name}"), text);
    assert_eq!(exit(&report), expected);
}

#[test]
fn several_classes_are_told_apart() {
    let job = "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: train}\nspec: {gpus: 16}\n---\n";
    let text = pool("broker", "1Ti") + job + OTHER;
    let (report, said) = check(&text, &needs(), &[testing::streaming()], None);
    insta::assert_snapshot!("check_two_classes", said);
    assert_eq!(exit(&report), Exit::Duplicate);
    let (report, said) = check(&text, &Needs::default(), &[testing::streaming()], Some("gpu-training"));
    insta::assert_snapshot!("check_one_class", said);
    assert_eq!(exit(&report), Exit::Ok);
}

#[test]
fn an_empty_catalogue_makes_everything_unique() {
    let (report, said) = check(&pool("broker", "1Ti"), &Needs::default(), &[], None);
    insta::assert_snapshot!("check_no_offers", said);
    assert_eq!(exit(&report), Exit::Ok);
}

#[test]
fn a_class_that_is_not_there_is_named() {
    let error = known_class(Some("lake"), &classes()).expect_err("unknown");
    assert_eq!(error.render(false), "error: there is no processing class lake\n  There are: gpu-training, message-broker\n");
}

#[test]
fn what_is_larger_than_one_workload_may_be_is_of_class_compute() {
    let authority = json!({"name": "a", "reviewers": "security:a"});
    let spec = json!({
        "authorities": {"NonInfrastructure": authority, "InfrastructureArea": authority, "CriticalInfrastructure": authority},
        "thresholds": {"requests.cpu": "64"},
    });
    let cloud = GovernmentCloud::new("national", serde_json::from_value(spec).expect("valid"));
    let container = json!({"name": "c", "image": "innocent", "resources": {"requests": {"cpu": "16"}}});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "big"},
        "spec": {"replicas": 5, "template": {"spec": {"containers": [container]}}}});
    let manifests = [Manifest { source: "big.yaml".into(), object }];
    let report = sort(&manifests, &Plurals::default(), &classes(), &thresholds(Some(&cloud)).0, None);
    let found: Vec<_> = report.classes.iter().map(|c| (c.class.as_str(), c.demand.to_string())).collect();
    assert_eq!(found, [("compute", "80 cores".to_owned())]);
    assert_eq!(sort(&manifests, &Plurals::default(), &classes(), &[], None).unaffected, 1);
}
