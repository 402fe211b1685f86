//! Customs has an active permit under which it shares, and what is asked of the cloud about that.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::permit,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_REQUESTER, TAX_ADMIN},
};
use serde_json::{Value, json};

pub const BORDER: &str = "customs--border";
pub const ANALYTICS: &str = "tax-administration--analytics";

pub struct Stage {
    pub cloud: Cloud,
    /// The service's name.
    pub name: String,
}

impl Stage {
    /// Customs may run two brokers, and would share both; it also offers more storage than it has, and what it does not have at all.
    pub async fn set(cloud: Cloud) -> Self {
        cloud.project("customs", CUSTOMS_ADMIN, "border", "10").await;
        cloud.project("tax-administration", TAX_ADMIN, "analytics", "10").await;
        let mut events = permit("customs", "events", "requester@customs", "border", &[("broker", 2, "1Ti")]);
        events["spec"]["sharingOffer"] = json!({"brokers": "2", "storage": "9Ti", "gpus": "8"});
        events["spec"]["dataClassification"] = json!("Restricted");
        cloud.permit(CUSTOMS_REQUESTER, &events).await;
        let number =
            cloud.json(ADMIN, &["get", "permit", "events", "-n", "agency-customs", "-o", "json"]).await["status"]["number"]
                .clone();
        let name = format!("shared-{}", number.as_str().expect("a number").to_lowercase());
        cloud.wait_for("ssvc", "", &name, "Ready").await;
        Self { cloud, name }
    }

    pub async fn get(&self, kind: &str, name: &str, namespace: &str) -> Value {
        self.cloud.json(ADMIN, &["get", kind, name, "-n", namespace, "-o", "json"]).await
    }

    pub async fn service(&self) -> Value {
        self.get("ssvc", &self.name, "default").await
    }

    /// The tax administration claims a part of it.
    pub async fn claim(&self, name: &str) {
        let claim = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": ANALYTICS, "name": name},
            "spec": {"sharedService": self.name, "plan": "part", "purpose": "A peak in spring"},
        });
        self.cloud.apply_json(TAX_ADMIN, &claim).await.succeeds();
    }

    pub async fn uid(&self, claim: &str) -> String {
        self.get("claim", claim, ANALYTICS).await["metadata"]["uid"].as_str().expect("a uid").to_owned()
    }

    /// Waits until a condition of a claim has this status.
    pub async fn claim_says(&self, name: &str, kind: &str, status: &str) {
        eventually(&format!("claim {name}: {kind} is {status}"), || async {
            let claim = self.get("claim", name, ANALYTICS).await;
            let conditions = claim["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is_so = conditions.iter().any(|c| c["type"] == kind && c["status"] == status);
            if is_so { Ok(()) } else { Err(format!("{}\n{}", claim["status"], self.service().await["status"])) }
        })
        .await;
    }

    /// Waits until the permit shows a claim, and whether it was agreed to.
    pub async fn request_shown(&self, claim: &str, agreed: bool) -> Value {
        eventually(&format!("the permit shows {claim}: {agreed}"), || async {
            let permit = self.get("permit", "events", "agency-customs").await;
            let requests = permit["status"]["sharing"]["requests"].as_array().cloned().unwrap_or_default();
            let found = requests.into_iter().find(|r| r["name"] == claim && r["agreed"] == agreed);
            found.ok_or_else(|| permit["status"]["sharing"].to_string())
        })
        .await
    }

    pub async fn patch(&self, who: &str, change: &Value) {
        let change = change.to_string();
        self.cloud.kubectl(who, &["patch", "ssvc", &self.name, "--type=merge", "-p", &change]).await.succeeds();
    }

    pub async fn refused(&self, who: &str, change: &Value, words: &str) {
        let text = change.to_string();
        let said = self.cloud.kubectl(who, &["patch", "ssvc", &self.name, "--type=merge", "-p", &text]).await;
        assert!(!said.ok && said.err.contains(words), "{who}, {text}: not {words:?} but {said:?}");
    }

    /// What a third agency is offered instead of brokers of its own.
    pub async fn offers_to_land(&self) -> Vec<Value> {
        let member = |group: &str| json!([{"kind": "Group", "name": group}]);
        let agency = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": "land"},
            "spec": {"displayName": "Land Agency", "securityRegime": "NonInfrastructure", "dataClassification": "Restricted",
                "members": {"admins": member("customs:admins"), "requesters": [{"kind": "User", "name": "requester@customs"}]}},
        });
        let quota = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": "land"},
            "spec": {"agency": "land", "pool": "national", "guaranteed": {"requests.cpu": "4", "requests.memory": "32Gi", "requests.storage": "200Gi"}},
        });
        self.cloud.apply_json(CLOUD_OPERATOR, &agency).await.succeeds();
        self.cloud.apply_json(CLOUD_OPERATOR, &quota).await.succeeds();
        self.cloud.wait_for("agency", "", "land", "Ready").await;
        self.cloud.project("land", CUSTOMS_ADMIN, "maps", "1").await;
        let request = permit("land", "maps", "requester@customs", "maps", &[("maps", 1, "100Gi")]);
        self.cloud.apply_json(CUSTOMS_REQUESTER, &request).await.succeeds();
        eventually("the request is assessed", || async {
            let found = self.get("permit", "maps", "agency-land").await;
            found["status"]["assessment"]["offers"].as_array().cloned().ok_or_else(|| found["status"].to_string())
        })
        .await
    }

    /// Customs gives its permit up.
    pub async fn withdraw(&self) {
        let patch = ["patch", "permit", "events", "-n", "agency-customs", "--type=merge", "-p", r#"{"spec":{"withdrawn":true}}"#];
        self.cloud.kubectl(CUSTOMS_REQUESTER, &patch).await.succeeds();
    }

    /// Waits until the service is not there any more.
    pub async fn gone(&self) {
        eventually("the service goes", || async {
            let service = self.service().await;
            if service.is_null() { Ok(()) } else { Err(format!("{service}\n{}", self.cloud.operator_log())) }
        })
        .await;
    }
}
