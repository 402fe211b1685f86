//! A real service: databases of a PostgreSQL server, each claim's with credentials of its own, which a client finds in the
//! files of its binding and nowhere else.

use std::{fs, path::Path, sync::Arc};

use axum::http::StatusCode;
use govcloud_tests::{
    Cloud, Said, Setup,
    claims::{claim, condition, project, rotate, until, until_provisioned},
    eventually, people,
    postgres::Postgres,
    provisioner::{Behaviour, Provisioner, service, token},
};
use tempfile::TempDir;

const TAX: (&str, &str) = ("tax-administration--filing", "ledger");
const CUSTOMS: (&str, &str) = ("customs--border", "ledger");

/// A client process that knows nothing but its binding's files.
async fn client(postgres: &Postgres, binding: &Path, sql: &str) -> Said {
    let entry = |name: &str| fs::read_to_string(binding.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((entry("type"), entry("provider")), ("postgresql".to_owned(), "postgres".to_owned()));
    let settings =
        [("PGHOST", "host"), ("PGPORT", "port"), ("PGUSER", "username"), ("PGPASSWORD", "password"), ("PGDATABASE", "database")];
    let settings: Vec<_> = settings.into_iter().map(|(setting, name)| (setting, entry(name))).collect();
    postgres.psql(&settings, sql).await
}

struct Stage {
    cloud: Cloud,
    postgres: Arc<Postgres>,
    provisioner: Provisioner,
    /// $SERVICE_BINDING_ROOT of a workload of each agency.
    tax: TempDir,
    customs: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let postgres = Arc::new(Postgres::start().await);
        let provisioner = Provisioner::start(Some(postgres.clone())).await;
        let cloud = Cloud::start(Setup::Government).await;
        cloud.project("tax-administration", people::TAX_ADMIN, "filing", "1").await;
        cloud.project("customs", people::CUSTOMS_ADMIN, "border", "1").await;
        cloud.apply_json(people::ADMIN, &token("postgres", &provisioner)).await.succeeds();
        cloud.apply_json(people::CLOUD_OPERATOR, &service("postgres", &provisioner, "10s", 2)).await.succeeds();
        let (tax, customs) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        Self { cloud, postgres, provisioner, tax, customs }
    }

    /// What a client of tax or customs is told.
    async fn run(&self, root: &TempDir, sql: &str) -> Said {
        client(&self.postgres, &root.path().join("ledger"), sql).await
    }

    async fn bound(&self) {
        for (place, admin, developer, root) in [
            (TAX, people::TAX_ADMIN, people::TAX_DEVELOPER, &self.tax),
            (CUSTOMS, people::CUSTOMS_ADMIN, people::CUSTOMS_DEVELOPER, &self.customs),
        ] {
            self.cloud.apply_json(admin, &claim(place.0, place.1, "postgres", "small")).await.succeeds();
            until_provisioned(&self.cloud, place, 0).await;
            project(&self.cloud, developer, place, root.path()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_agency_has_a_database_of_its_own_as_long_as_it_has_the_claim() {
    let stage = Stage::set().await;
    stage.bound().await;
    neither_reads_what_the_other_wrote(&stage).await;
    after_a_rotation_only_the_new_password_works(&stage).await;
    who_gives_back_has_no_access_and_only_then_another_has_the_place(&stage).await;
}

async fn neither_reads_what_the_other_wrote(stage: &Stage) {
    stage.run(&stage.tax, "CREATE TABLE filings (of text);\nINSERT INTO filings VALUES ('tax, secret')").await.succeeds();
    stage.run(&stage.customs, "CREATE TABLE filings (of text);\nINSERT INTO filings VALUES ('customs')").await.succeeds();
    assert_eq!(stage.run(&stage.tax, "SELECT of FROM filings").await.succeeds().trim(), "tax, secret");
    assert_eq!(stage.run(&stage.customs, "SELECT of FROM filings").await.succeeds().trim(), "customs");
    // With its own password, at the other's database.
    let database = fs::read_to_string(stage.tax.path().join("ledger/database")).expect("a file");
    let own = stage.customs.path().join("ledger/database");
    let kept = fs::read_to_string(&own).expect("a file");
    fs::write(&own, &database).expect("a file");
    stage.run(&stage.customs, "SELECT of FROM filings").await.refused_with("permission denied for database");
    fs::write(&own, kept).expect("a file");
    let role = format!("SET ROLE {}", database.replacen("c_", "o_", 1));
    stage.run(&stage.customs, &role).await.refused_with("permission denied to set role");
}

async fn after_a_rotation_only_the_new_password_works(stage: &Stage) {
    let old = TempDir::new().expect("a folder");
    project(&stage.cloud, people::TAX_DEVELOPER, TAX, old.path()).await;
    rotate(&stage.cloud, people::TAX_ADMIN, TAX, 1).await;
    until_provisioned(&stage.cloud, TAX, 1).await;
    project(&stage.cloud, people::TAX_DEVELOPER, TAX, stage.tax.path()).await;
    stage.run(&old, "SELECT 1").await.refused_with("password authentication failed");
    assert_eq!(stage.run(&stage.tax, "SELECT of FROM filings").await.succeeds().trim(), "tax, secret", "the data stays");
    stage.run(&stage.tax, "ALTER TABLE filings ADD COLUMN more text").await.succeeds();
}

/// A third claim waits for a place; it is not given while the credentials of who gave it back may still be used.
async fn who_gives_back_has_no_access_and_only_then_another_has_the_place(stage: &Stage) {
    let cloud = &stage.cloud;
    let next = (CUSTOMS.0, "next");
    cloud.apply_json(people::CUSTOMS_ADMIN, &claim(next.0, next.1, "postgres", "small")).await.succeeds();
    until(cloud, next, "there is no room", |claim| condition(claim, "CapacityReserved")["reason"] == "NoCapacity").await;
    let before = stage.provisioner.calls().len();
    stage.provisioner.behave(Behaviour::Keeps(StatusCode::SERVICE_UNAVAILABLE));
    cloud.kubectl(people::TAX_ADMIN, &["delete", "claim", TAX.1, "-n", TAX.0]).await.succeeds();
    eventually("the provisioner was asked to revoke", || async {
        let asked = stage.provisioner.calls().len() > before;
        if asked { Ok(()) } else { Err(cloud.operator_log()) }
    })
    .await;
    let service = cloud.json(people::ADMIN, &["get", "ssvc", "postgres", "-o", "json"]).await;
    assert_eq!(service["status"]["reservations"].as_array().map(Vec::len), Some(2), "{}", service["status"]);
    assert_eq!(condition(&govcloud_tests::claims::get(cloud, next.0, next.1).await, "CapacityReserved")["reason"], "NoCapacity");
    stage.run(&stage.tax, "SELECT 1").await.succeeds();
    stage.provisioner.behave(Behaviour::Well);
    until_provisioned(cloud, next, 0).await;
    let said = stage.run(&stage.tax, "SELECT of FROM filings").await;
    assert!(!said.ok, "access is lost: {}", said.out);
    assert_eq!(stage.run(&stage.customs, "SELECT of FROM filings").await.succeeds().trim(), "customs");
    assert_eq!(stage.provisioner.most_made(), 1);
}
