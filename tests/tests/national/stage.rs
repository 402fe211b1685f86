//! The stage: the examples applied in their order, and the people who play.

use govcloud_controlplane::Persona;
use govcloud_tests::{
    Cloud, Said, Setup, eventually,
    fixtures::example,
    people::{ADMIN, CLOUD_OPERATOR, REVIEWER_1},
};
use serde_json::Value;

/// Leads the land agency's part; the land agency is an infrastructure area.
pub const LAND_ADMIN: &str = "land-admin";
/// Asks for permits at the land agency.
pub const LAND_REQUESTER: &str = "land-requester";
/// Leads the power grid's part; the grid is critical infrastructure.
pub const GRID_ADMIN: &str = "grid-admin";
/// Leads a licensed service operator.
pub const DESK_ADMIN: &str = "desk-admin";
/// Asks for permits at the service operator.
pub const DESK_REQUESTER: &str = "desk-requester";
/// Runs workloads at the service operator.
pub const DESK_DEVELOPER: &str = "desk-developer";
/// Leads a private partner.
pub const PARCEL_ADMIN: &str = "parcel-admin";

/// Every service of the examples.
const SERVICES: [&str; 10] = [
    "company-register",
    "government-cloud",
    "identity-verification",
    "land-management",
    "licence-window",
    "national-exchange",
    "national-exchange-private",
    "national-gpu",
    "national-streaming",
    "services-window",
];

/// Every agency of the national examples, with its project and who leads it.
const AGENCIES: [(&str, &str, &str); 4] = [
    ("land-agency", "e-land", LAND_ADMIN),
    ("power-grid", "control", GRID_ADMIN),
    ("citizen-desk", "counter", DESK_ADMIN),
    ("parcel-startup", "maps", PARCEL_ADMIN),
];

/// The cloud with the national examples.
pub struct Stage {
    /// The cloud.
    pub cloud: Cloud,
}

impl Stage {
    /// Applies the examples, each by the person whose work it is.
    pub async fn set() -> Self {
        let cloud = Cloud::start(Setup::Government).await;
        let person = |name: &str, user: &str, group: &str| Persona::new(name, user).in_groups([group]);
        for persona in [
            person(LAND_ADMIN, "admin@land", "land:admins"),
            person(LAND_REQUESTER, "requester@land", "land:staff"),
            person(GRID_ADMIN, "admin@grid", "grid:admins"),
            person(DESK_ADMIN, "admin@desk", "desk:admins"),
            person(DESK_REQUESTER, "requester@desk", "desk:staff"),
            person(DESK_DEVELOPER, "developer@desk", "desk:developers"),
            person(PARCEL_ADMIN, "admin@parcel", "parcel:admins"),
        ] {
            cloud.plane.issue(&persona).expect("a credential");
        }
        let stage = Self { cloud };
        stage.applied(REVIEWER_1, "1-classes").await;
        for file in ["2-agencies", "3-exchange", "4-platforms", "5-land"] {
            stage.applied(CLOUD_OPERATOR, file).await;
        }
        for (agency, project, admin) in AGENCIES {
            stage.cloud.wait_for("agency", "", agency, "Ready").await;
            let all = example("07-national/7-projects.yaml");
            let own = all.split("---\n").find(|text| text.contains(&format!("agency-{agency},"))).expect("its project");
            stage.cloud.apply(admin, own).await.succeeds();
            stage.cloud.wait_for("project", &format!("agency-{agency}"), project, "Ready").await;
        }
        stage
    }

    async fn applied(&self, who: &str, file: &str) {
        let said = self.cloud.apply(who, &example(&format!("07-national/{file}.yaml"))).await;
        assert!(said.ok && said.err.is_empty(), "{file} as {who}: {said:?}");
    }

    /// Every service can be claimed, and every class is enforced.
    pub async fn everything_is_ready(&self) {
        for service in SERVICES {
            self.cloud.wait_for("sharedservice", "", service, "Ready").await;
        }
        self.cloud.enforced().await;
    }

    /// Runs `govcloud` as a persona for an agency, and panics unless it ends with this code and says all of these words.
    pub async fn says(&self, who: &str, agency: &str, line: &str, code: i32, words: &[&str]) -> Said {
        let mut arguments = vec!["--agency", agency];
        arguments.extend(line.split_whitespace());
        let said = self.cloud.govcloud(who, &arguments).await;
        let all = format!("{}{}", said.out, said.err);
        assert_eq!(said.code, code, "{who}: {line}: {all}");
        for word in words {
            assert!(all.contains(word), "{who}: {line}: {word:?} is not in\n{all}");
        }
        said
    }

    /// An object as it is.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        self.cloud.json(ADMIN, &["get", kind, name, "-n", namespace, "-o", "json"]).await
    }

    /// Waits until a claim is in a phase for a reason.
    pub async fn until(&self, namespace: &str, claim: &str, phase: &str, reason: &str) -> Value {
        eventually(&format!("claim {claim} is {phase}, {reason}"), || async {
            let claim = self.get("serviceclaim", namespace, claim).await;
            let is = claim["status"]["phase"] == phase && condition(&claim, "Ready")["reason"] == reason;
            if is { Ok(claim) } else { Err(claim["status"].to_string()) }
        })
        .await
    }

    /// Waits until an object is gone.
    pub async fn until_gone(&self, kind: &str, namespace: &str, name: &str) {
        eventually(&format!("{kind} {name} is gone"), || async {
            let said = self.cloud.kubectl(ADMIN, &["get", kind, name, "-n", namespace]).await;
            if said.err.contains("NotFound") { Ok(()) } else { Err(format!("{said:?}")) }
        })
        .await;
    }
}

/// The condition of an object; null if it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
}

/// A claim, as YAML that somebody would apply with kubectl.
pub fn claim(namespace: &str, name: &str, service: &str, plan: &str, purpose: &str) -> Value {
    serde_json::json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": namespace, "name": name},
        "spec": {"sharedService": service, "plan": plan, "purpose": purpose},
    })
}
