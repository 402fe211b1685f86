//! An agency of a test's own, whose projects are made, resized and deleted through the API alone.

use kube::{
    Api, Client, Error,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{Cloud, objects, people};

/// An agency with a share of the national pool.
pub struct Tenant {
    /// Its name, and that of its AgencyQuota.
    pub name: String,
    projects: Api<DynamicObject>,
}

/// Whether a project is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is not.
    Absent,
    /// It is.
    There,
    /// It is being deleted; what is written to it now is lost.
    Leaving,
}

impl Tenant {
    /// Opens an agency that has this many cpu, and waits until its projects can be written. Its people are customs' people.
    pub async fn open(cloud: &Cloud, name: &str, cpu: i64) -> Self {
        let member = |group: &str| json!([{"kind": "Group", "name": group}]);
        let agency = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": name},
            "spec": {"displayName": name, "securityRegime": "NonInfrastructure", "dataClassification": "Restricted",
                "members": {"admins": member("customs:admins"), "developers": member("customs:developers")}},
        });
        let quota = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": name},
            "spec": {"agency": name, "pool": "national", "guaranteed": {"requests.cpu": cpu.to_string(), "requests.memory": "2Ti"}},
        });
        cloud.apply_json(people::CLOUD_OPERATOR, &agency).await.succeeds();
        cloud.apply_json(people::CLOUD_OPERATOR, &quota).await.succeeds();
        cloud.wait_for("agency", "", name, "Ready").await;
        let client = cloud.client(people::CUSTOMS_ADMIN).await;
        Self { name: name.to_owned(), projects: objects::projects(&client, name) }
    }

    /// The namespace of a project.
    pub fn namespace(&self, project: &str) -> String {
        format!("{}--{project}", self.name)
    }

    /// Makes a project of this size, or resizes it.
    pub async fn size(&self, project: &str, cpu: i64) {
        let manifest = self.manifest(project, cpu);
        let params = PatchParams::apply("tenant").force();
        self.projects.patch(project, &params, &Patch::Apply(&manifest)).await.expect("the project is taken");
    }

    /// Deletes a project, if it is there.
    pub async fn delete(&self, project: &str) {
        match self.projects.delete(project, &DeleteParams::default()).await {
            Err(Error::Api(status)) if status.code == 404 => {}
            other => drop(other.expect("the project is deleted")),
        }
    }

    /// Whether a project is there.
    pub async fn presence(&self, project: &str) -> Presence {
        match self.projects.get_opt(project).await.expect("an answer") {
            None => Presence::Absent,
            Some(project) if project.metadata.deletion_timestamp.is_some() => Presence::Leaving,
            Some(_) => Presence::There,
        }
    }

    fn manifest(&self, project: &str, cpu: i64) -> Value {
        json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project",
            "metadata": {"namespace": format!("agency-{}", self.name), "name": project},
            "spec": {"purpose": "A test", "pool": "national", "quota": {"requests.cpu": cpu.to_string(), "requests.memory": "1Gi"}},
        })
    }
}

/// A pod of one cpu in a namespace.
pub fn pod(namespace: &str, name: &str) -> DynamicObject {
    let mut pod = crate::fixtures::pod(namespace, name, "nginx");
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1", "memory": "1Mi"}});
    serde_json::from_value(pod).expect("a pod")
}

/// Deletes pods, if they are there.
pub async fn remove_pods(client: &Client, namespace: &str, names: &[String]) {
    let pods = objects::core_in(client, namespace, "Pod", "pods");
    for name in names {
        match pods.delete(name, &DeleteParams::default()).await {
            Err(Error::Api(status)) if [404, 409].contains(&status.code) => {}
            other => drop(other.expect("the pod is deleted")),
        }
    }
}
