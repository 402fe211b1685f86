//! What looks like processing infrastructure in disguise.

use super::{FindingRule, ObjectReference, ProcessingFindingSpec, observed::Generic, rules::found};
use crate::{
    Resources,
    names::{GROUP, home_namespace},
};

/// Ports on which processing software listens unless it is told otherwise.
const PORTS: [(u16, &str); 24] = [
    (1521, "Oracle"),
    (2181, "ZooKeeper"),
    (3306, "MySQL"),
    (4222, "NATS"),
    (5432, "PostgreSQL"),
    (5672, "RabbitMQ"),
    (6123, "Flink"),
    (6379, "Redis"),
    (6650, "Pulsar"),
    (7077, "Spark"),
    (7474, "Neo4j"),
    (8020, "HDFS"),
    (8086, "InfluxDB"),
    (8123, "ClickHouse"),
    (8983, "Solr"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (9870, "HDFS"),
    (10000, "Hive"),
    (10001, "Ray"),
    (19530, "Milvus"),
    (26257, "CockroachDB"),
    (27017, "MongoDB"),
];

/// Charts of processing software, by a word that their releases are called after.
const CHARTS: [&str; 28] = [
    "airflow",
    "cassandra",
    "clickhouse",
    "cockroachdb",
    "elasticsearch",
    "flink",
    "hadoop",
    "influxdb",
    "kafka",
    "mariadb",
    "milvus",
    "minio",
    "mongodb",
    "mysql",
    "nats",
    "neo4j",
    "opensearch",
    "postgres",
    "pulsar",
    "rabbitmq",
    "redis",
    "redpanda",
    "solr",
    "spark",
    "strimzi",
    "timescaledb",
    "trino",
    "zookeeper",
];

/// The type of the Secrets in which Helm keeps its releases.
pub const HELM_SECRET: &str = "sh.helm.release.v1.";

/// The software that a port is known for.
pub fn software(port: u16) -> Option<&'static str> {
    PORTS.iter().find(|(known, _)| *known == port).map(|(_, software)| *software)
}

/// An ordinary workload that listens where processing software does, with an image that no class knows.
pub fn listens(object: &ObjectReference, generic: &Generic) -> Option<ProcessingFindingSpec> {
    let ports: Vec<_> = generic.ports.iter().filter_map(|port| Some(format!("{port} ({})", software(*port)?))).collect();
    let message = format!(
        "Listens on port {} with an image that no class knows: {}. If it is processing infrastructure, request a permit (govcloud permit request); if not, tell the ministry, which acknowledges this.",
        ports.join(", "),
        generic.images.join(", ")
    );
    (!ports.is_empty()).then(|| found(FindingRule::Suspicious, object, message))
}

/// A Helm release, by the name of the Secret that keeps one revision of it: the Secret's data is never read.
pub fn release_of(secret: &str) -> Option<&str> {
    let (release, revision) = secret.strip_prefix(HELM_SECRET)?.rsplit_once(".v")?;
    (!release.is_empty() && !revision.is_empty() && revision.bytes().all(|b| b.is_ascii_digit())).then_some(release)
}

/// The chart that a release is called after, if it is one of processing software.
pub fn chart_of(release: &str) -> Option<&'static str> {
    let mut words = release.split(['-', '.', '_']);
    words.find_map(|word| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        CHARTS.into_iter().find(|chart| *chart == word || (*chart == "postgres" && word == "postgresql"))
    })
}

/// A Helm release that is called after processing software, and none of whose objects a class knows.
pub fn release(namespace: &str, release: &str) -> Option<ProcessingFindingSpec> {
    let chart = chart_of(release)?;
    let object = ObjectReference {
        group: String::new(),
        resource: "secrets".to_owned(),
        namespace: namespace.to_owned(),
        name: format!("{HELM_SECRET}{release}"),
    };
    let message = format!(
        "The Helm release {release} is called after {chart}, and no class knows what it runs. If it is processing infrastructure, request a permit (govcloud permit request); if not, tell the ministry, which acknowledges this."
    );
    Some(found(FindingRule::Suspicious, &object, message))
}

/// A project whose ordinary workloads request more in sum than one workload may.
pub fn too_much(agency: &str, project: &str, requests: &Resources, thresholds: &Resources) -> Option<ProcessingFindingSpec> {
    let above: Resources = thresholds
        .0
        .iter()
        .filter(|(key, most)| requests.get(key) > **most)
        .map(|(key, _)| (key.clone(), requests.get(key)))
        .collect();
    if above.is_empty() {
        return None;
    }
    let object = ObjectReference {
        group: GROUP.to_owned(),
        resource: "projects".to_owned(),
        namespace: home_namespace(agency),
        name: project.to_owned(),
    };
    let limits: Vec<_> = above.0.keys().map(|key| format!("{} {key}", thresholds.get(key))).collect();
    let message = format!(
        "Its ordinary workloads request {above} in sum; above {} one needs a permit. Say what they compute: request a permit (govcloud permit request), or reduce them.",
        limits.join(", ")
    );
    Some(ProcessingFindingSpec { capacity: above, ..found(FindingRule::Suspicious, &object, message) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sh.helm.release.v1.my-kafka.v12", Some("my-kafka"))]
    #[case("sh.helm.release.v1.a.v1.v2", Some("a.v1"))]
    #[case("sh.helm.release.v1..v1", None)]
    #[case("sh.helm.release.v1.kafka", None)]
    #[case("sh.helm.release.v1.kafka.vx", None)]
    #[case("kafka", None)]
    fn a_release_is_read_from_its_secrets_name(#[case] secret: &str, #[case] release: Option<&str>) {
        assert_eq!(release_of(secret), release);
    }

    #[rstest]
    #[case("kafka", Some("kafka"))]
    #[case("filing-kafka-2", Some("kafka"))]
    #[case("postgresql", Some("postgres"))]
    #[case("redis7", Some("redis"))]
    #[case("kafkaesque", None)]
    #[case("sparkling-water", None)]
    #[case("web", None)]
    fn a_release_is_called_after_a_chart_by_whole_words(#[case] release: &str, #[case] chart: Option<&str>) {
        assert_eq!(chart_of(release), chart);
    }

    fn amounts(pairs: &[(&str, &str)]) -> Resources {
        pairs.iter().map(|(key, amount)| ((*key).to_owned(), amount.parse().expect("a quantity"))).collect()
    }

    #[rstest]
    #[case::at_the_threshold(&[("requests.cpu", "64")], None)]
    #[case::above(&[("requests.cpu", "64001m"), ("requests.memory", "1Gi")], Some("requests.cpu"))]
    #[case::of_what_has_no_threshold(&[("requests.storage", "900Ti")], None)]
    fn a_project_is_held_against_the_thresholds(#[case] requests: &[(&str, &str)], #[case] above: Option<&str>) {
        let found = too_much("tax", "a", &amounts(requests), &amounts(&[("requests.cpu", "64"), ("requests.memory", "256Gi")]));
        assert_eq!(found.as_ref().and_then(|f| f.capacity.0.keys().next()).map(String::as_str), above);
        assert_eq!(found.map(|f| f.object.namespace), above.map(|_| "agency-tax".to_owned()));
    }

    #[test]
    fn what_listens_says_where_and_with_what() {
        let object = ObjectReference {
            group: "apps".into(),
            resource: "deployments".into(),
            namespace: "t--a".into(),
            name: "web".into(),
        };
        let generic = Generic { ports: vec![5432, 9092], images: vec!["registry/own:1".into()], ..Generic::default() };
        let found = listens(&object, &generic).expect("suspicious");
        assert!(
            found.message.starts_with(
                "Listens on port 5432 (PostgreSQL), 9092 (Kafka) with an image that no class knows: registry/own:1."
            )
        );
        assert_eq!(listens(&object, &Generic::default()), None);
    }

    #[test]
    fn ports_are_listed_once() {
        assert!(PORTS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
