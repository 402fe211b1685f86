//! A catalogue in a folder says the same as that of the cluster.

use govcloud_crds::permit::{
    AssessmentResult,
    assess::{Request, assess},
};
use serde_json::{Value, json};

use super::*;
use crate::commands::{permit::check::tests::classes, testing};

fn written(objects: &[Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("below")).expect("created");
    for (i, object) in objects.iter().enumerate() {
        let place = if i % 2 == 0 { format!("{i}.json") } else { format!("below/{i}.json") };
        std::fs::write(folder.path().join(place), object.to_string()).expect("written");
    }
    folder
}

fn objects() -> Vec<Value> {
    let mut all: Vec<_> = classes().values().map(|class| json!(class)).collect();
    all.extend([
        json!(testing::agency()),
        json!(testing::streaming()),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}),
    ]);
    all
}

fn result(catalogue: &Catalogue, brokers: i64) -> (AssessmentResult, Resources) {
    let view = catalogue.of_agency("tax-administration").expect("there");
    let demand: Resources = serde_json::from_value(json!({"brokers": brokers})).expect("valid");
    let request = Request {
        agency: view.agency,
        family: view.family.clone(),
        class: "message-broker",
        demand,
        granted: view.granted("message-broker", testing::now()),
        interfaces: &[],
        classification: govcloud_crds::common::Classification::Internal,
        zones: &[],
    };
    let found = assess(&request, view.services, &view.kept(testing::now()), view.classes, testing::now());
    (found.result, found.year_demand)
}

#[test]
fn a_folder_is_a_catalogue() {
    let folder = written(&objects());
    let catalogue = Catalogue::of_folder(folder.path()).expect("reads");
    assert_eq!(catalogue.only_agency().as_deref(), Some("tax-administration"));
    assert_eq!(result(&catalogue, 3).0, AssessmentResult::Duplicate);
}

#[test]
fn what_services_keep_for_others_is_not_free() {
    let mut all = objects();
    let service = all.iter_mut().find(|o| o["kind"] == "SharedService").expect("there");
    service["status"]["kept"] = json!({"brokers": "39", "storage": "158Ti"});
    let folder = written(&all);
    let catalogue = Catalogue::of_folder(folder.path()).expect("reads");
    assert_eq!(result(&catalogue, 3).0, AssessmentResult::Overlaps, "one broker is free, and not three");
}

#[test]
fn permits_in_the_folder_are_the_year() {
    let mut all = objects();
    let spec = json!({"requestedBy": "r", "processingClass": "message-broker", "project": "a", "justification": "It is needed.",
                      "targets": [{"resource": "x", "name": "x", "perReplica": {"brokers": 5}}]});
    all.push(json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
                    "metadata": {"name": "p", "namespace": "agency-tax-administration"}, "spec": spec, "status": {"phase": "Active"}}));
    let folder = written(&all);
    let catalogue = Catalogue::of_folder(folder.path()).expect("reads");
    assert_eq!(result(&catalogue, 3).1.to_string(), "8 brokers");
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let said = |objects: &[Value]| Catalogue::of_folder(written(objects).path()).expect_err("refused").render(false);
    let none = said(&[json!({"apiVersion": "v1", "kind": "ConfigMap"})]);
    assert!(none.contains("holds no ProcessingClass"), "{none}");
    assert!(said(&[json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "spec": {}})]).contains("is not valid"));
    let folder = written(&objects());
    let unknown = Catalogue::of_folder(folder.path()).expect("reads").of_agency("nobody").map(|_| ()).expect_err("unknown");
    assert!(unknown.render(false).contains("There are: tax-administration"));
}
