//! The catalogue of classes in the chart: every class can be used, no resource is in two of them, and the samples of every
//! kind are as large as is written beside them.

#[path = "catalogue/page.rs"]
mod page;
#[path = "catalogue/samples.rs"]
mod samples;
#[path = "catalogue/survey.rs"]
mod survey;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use govcloud_crds::class::{
    controlled::{class_of, controlled},
    measure::{check, measure},
    recognise::matches,
};
use rstest::rstest;
use samples::{Samples, catalogue};

#[test]
fn every_class_can_be_used() {
    let classes = catalogue();
    for (name, class) in &classes {
        let dimensions: BTreeSet<_> = class.spec.dimensions.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(dimensions.len(), class.spec.dimensions.len(), "{name}: a dimension twice");
        let named = class.spec.controls.iter().flat_map(|c| c.per_replica.keys()).chain(class.spec.gated_quota.keys());
        let unknown: Vec<_> = named.filter(|d| !dimensions.contains(d.as_str())).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?} are not dimensions");
        let parent = class.spec.parent.as_ref();
        assert!(parent.is_none_or(|p| classes.contains_key(p)), "{name}: no class {parent:?}");
        assert!(class.spec.controls.is_empty() || class.spec.workloads.is_some(), "{name}: raw workloads are not recognised");
        for control in &class.spec.controls {
            check(control).unwrap_or_else(|e| panic!("{name}, {}: {e}", control.resource));
            assert!(!control.controllers.is_empty(), "{name}, {}: no controller", control.resource);
            let lengths = control.per_replica.values().map(|e| (e.len(), 2000)).chain([(control.replicas.len(), 1000)]);
            assert!(lengths.into_iter().all(|(is, most)| is <= most), "{name}, {}: an expression is too long", control.resource);
        }
    }
}

#[test]
fn a_resource_is_in_one_class_only() {
    let classes = catalogue();
    let named: usize = classes.values().map(|c| c.spec.controls.len()).sum();
    assert_eq!(controlled(&classes).len(), named);
}

#[test]
fn every_kind_has_a_minimal_and_a_full_sample_of_the_size_that_is_written_there() {
    let classes = catalogue();
    let mut wrong = Vec::new();
    for found in controlled(&classes) {
        let samples = Samples::of(found.control);
        assert!(samples.samples.len() >= 2, "{}: fewer than two samples", found.key());
        for (i, sample) in samples.samples.iter().enumerate() {
            let object = samples.object(found.control, i);
            match measure(found.control, &object) {
                Ok(size) if size == sample.size() => {}
                Ok(size) => wrong.push(format!("{} #{i}: {} × {}", found.key(), size.replicas, size.per_replica)),
                Err(error) => wrong.push(format!("{} #{i}: {error}", found.key())),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_sample_is_of_a_kind_in_the_catalogue() {
    let keys: BTreeSet<_> = controlled(&catalogue()).iter().map(|c| Samples::file_name(c.control)).collect();
    let files = fs::read_dir(samples::folder()).expect("the samples");
    let names = files.map(|f| f.expect("a file").file_name().to_string_lossy().into_owned());
    let yaml = |name: &String| Path::new(name).extension().is_some_and(|e| e == "yaml");
    assert_eq!(names.filter(yaml).collect::<BTreeSet<_>>(), keys);
}

/// The classes whose patterns match an image.
fn classes_of(image: &str) -> Vec<String> {
    let workloads = |name: String, images: Vec<String>| matches(&images, &[image]).then_some(name);
    let all = catalogue().into_iter();
    all.filter_map(|(name, class)| workloads(name, class.spec.workloads?.images)).collect()
}

#[rstest]
#[case("message-broker", &["quay.io/strimzi/kafka:0.45.0-kafka-3.9.0", "confluentinc/cp-kafka:7.9.0", "apache/kafka-native:4.0", "rabbitmq:4-management", "apachepulsar/pulsar:4.0"])]
#[case("relational-database", &["postgres:17", "docker.io/bitnami/postgresql:16", "ghcr.io/cloudnative-pg/postgresql:17.5", "ghcr.io/zalando/spilo-17:4.0", "registry.developers.crunchydata.com/crunchydata/crunchy-postgres:ubi9-17.5", "mysql:8", "mariadb@sha256:0"])]
#[case("document-database", &["mongo:8", "mongodb/mongodb-community-server:8.0-ubi8", "percona/percona-server-mongodb:8.0"])]
#[case("wide-column-database", &["cassandra:5", "k8ssandra/cass-management-api:5.0"])]
#[case("cache", &["redis", "quay.io/opstree/redis:v7.2", "valkey/valkey:8"])]
#[case("object-storage", &["quay.io/minio/minio:RELEASE.2025", "quay.io/ceph/ceph:v19"])]
#[case("data-warehouse", &["clickhouse/clickhouse-server:25.8", "trinodb/trino:476", "starrocks/be-ubuntu:3.5", "oci.stackable.tech/sdp/hadoop:3.4.1"])]
#[case("search", &["docker.elastic.co/elasticsearch/elasticsearch:9.1.0", "opensearchproject/opensearch:3", "milvusdb/milvus:v2.6"])]
#[case("identity", &["quay.io/keycloak/keycloak:26.3"])]
#[case("api-gateway", &["kong:3.9", "kong/kong-gateway:3.11"])]
#[case("batch", &["spark:4.0", "docker.io/apache/spark:4.0.4", "apache/spark-py:v3.4", "rayproject/ray:2.52.0", "rayproject/ray-ml:2.9", "ghcr.io/dask/dask:2025"])]
#[case("stream-processing", &["flink:2.0"])]
#[case("inference", &["vllm/vllm-openai:v0.10", "kserve/huggingfaceserver:v0.15", "tensorflow/serving:2.19", "seldonio/mlserver:1.7"])]
#[case("gpu-training", &["pytorch/pytorch:2.8", "nvcr.io/nvidia/nemo:25.07", "tensorflow/tensorflow:2.19-gpu"])]
#[case("virtual-machines", &["quay.io/kubevirt/virt-launcher:v1.6"])]
#[case("data-centre", &["rancher/k3s:v1.33", "ghcr.io/loft-sh/vcluster-pro:0.27", "registry.k8s.io/kube-apiserver:v1.34"])]
fn well_known_images_are_of_one_class(#[case] class: &str, #[case] images: &[&str]) {
    for image in images {
        assert_eq!(classes_of(image), [class], "{image}");
    }
}

#[rstest]
#[case("my-kafka-client:1")]
#[case("kafkaesque:1")]
#[case("danielqsj/kafka-exporter:v1.9")]
#[case("provectuslabs/kafka-ui:latest")]
#[case("prometheuscommunity/postgres-exporter:v0.17")]
#[case("crunchydata/crunchy-postgres-exporter:ubi9")]
#[case("oliver006/redis_exporter:v1")]
#[case("minio/mc:latest")]
#[case("dpage/pgadmin4:9")]
#[case("mysqld-exporter:1")]
#[case("registry.gov.internal/redis/app:1")]
#[case("registry.gov.internal/kafka-team/website:1")]
#[case("rayfish:1")]
#[case("nginx:1.29")]
#[case("registry.k8s.io/pause:3.10")]
fn other_images_are_of_none(#[case] image: &str) {
    assert_eq!(classes_of(image), Vec::<String>::new());
}

#[test]
fn the_rows_of_the_survey_are_classified() {
    let classes = catalogue();
    let survey: BTreeMap<&str, &[&str]> = survey::SURVEY.iter().copied().collect();
    for (group, resources) in survey {
        for resource in resources {
            assert!(class_of(group, resource, &classes).is_some(), "{resource}.{group} is in no class");
        }
    }
}

#[test]
fn the_page_is_of_this_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/classes.md");
    let page = page::page(&catalogue());
    if std::env::var_os("GOVCLOUD_WRITE_DOCS").is_some() {
        fs::write(&path, &page).expect("it can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/classes.md is of another catalogue; write it again with GOVCLOUD_WRITE_DOCS=1");
}
