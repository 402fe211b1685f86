//! One kubeconfig file with a context per persona, everything embedded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::certificates::Credential;
use crate::error::Error;

/// The name of the cluster in the kubeconfig.
pub const CLUSTER: &str = "govcloud";

/// The context that always exists, is current, and may do everything.
pub const ADMIN: &str = "admin";

/// Somebody who uses the cluster, with a credential of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// The name of the context in the kubeconfig; anything but [`ADMIN`].
    pub name: String,
    /// The user that the API server sees. It may be a service account, such as
    /// `system:serviceaccount:govcloud-system:govcloud-operator`.
    pub user: String,
    /// The groups that the API server sees, besides `system:authenticated`.
    pub groups: Vec<String>,
    /// The namespace that commands use if none is given; `None` means `default`.
    pub namespace: Option<String>,
}

impl Persona {
    /// A persona without groups.
    pub fn new(name: impl Into<String>, user: impl Into<String>) -> Self {
        Self { name: name.into(), user: user.into(), groups: Vec::new(), namespace: None }
    }

    /// Adds groups.
    #[must_use]
    pub fn in_groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// Sets the namespace that commands use if none is given.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }
}

/// Fails if a persona wants the context that always exists.
pub(crate) fn reject_reserved(personas: &[Persona]) -> Result<(), Error> {
    if personas.iter().any(|persona| persona.name == ADMIN) {
        return Err(Error::ReservedPersona);
    }
    Ok(())
}

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Kubeconfig {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    clusters: Vec<NamedCluster>,
    contexts: Vec<NamedContext>,
    users: Vec<NamedUser>,
    current_context: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Context {
    cluster: String,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    namespace: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: String,
    client_key_data: String,
}

impl Kubeconfig {
    /// A document without any context. `authority` is a certificate in PEM.
    pub(crate) fn new(server: &str, authority: &str, current: &str) -> Self {
        let cluster = Cluster { server: server.to_owned(), certificate_authority_data: BASE64.encode(authority) };
        Self {
            api_version: "v1".to_owned(),
            kind: "Config".to_owned(),
            clusters: vec![NamedCluster { name: CLUSTER.to_owned(), cluster }],
            contexts: Vec::new(),
            users: Vec::new(),
            current_context: current.to_owned(),
        }
    }

    /// Adds a context and its user, both called `name`, or replaces those of that name.
    pub(crate) fn set(&mut self, name: &str, namespace: Option<&str>, credential: &Credential) {
        self.contexts.retain(|context| context.name != name);
        self.users.retain(|user| user.name != name);
        let context = Context { cluster: CLUSTER.to_owned(), user: name.to_owned(), namespace: namespace.map(str::to_owned) };
        self.contexts.push(NamedContext { name: name.to_owned(), context });
        let user = User {
            client_certificate_data: BASE64.encode(credential.certificate()),
            client_key_data: BASE64.encode(credential.key()),
        };
        self.users.push(NamedUser { name: name.to_owned(), user });
    }

    /// Parses YAML.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }

    /// Writes YAML.
    pub(crate) fn to_yaml(&self) -> Result<String, String> {
        serde_yaml::to_string(self).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::Authority;
    use crate::layout::Layout;

    fn credential() -> Credential {
        let dir = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(dir.path().to_owned());
        layout.create().expect("folders");
        let groups = ["one", "two", "three"].map(String::from);
        Authority::create(&layout).expect("made").client("jane", &groups).expect("issued")
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut config = Kubeconfig::new("https://127.0.0.1:1", "ca", ADMIN);
        config.set(ADMIN, None, &credential());
        config.set("true", Some("123"), &credential());
        let yaml = config.to_yaml().expect("written");
        assert_eq!(Kubeconfig::parse(&yaml).expect("read"), config, "{yaml}");
        assert!(yaml.contains("current-context: admin"), "{yaml}");
        assert!(yaml.contains("certificate-authority-data: Y2E="), "{yaml}");
    }

    #[test]
    fn a_name_is_kept_once() {
        let mut config = Kubeconfig::new("https://127.0.0.1:1", "ca", ADMIN);
        config.set("jane", None, &credential());
        config.set("jane", Some("there"), &credential());
        assert_eq!((config.contexts.len(), config.users.len()), (1, 1));
        assert_eq!(config.contexts[0].context.namespace.as_deref(), Some("there"));
    }

    #[test]
    fn fields_that_kubectl_adds_do_no_harm() {
        let config = Kubeconfig::new("https://127.0.0.1:1", "ca", ADMIN);
        let yaml = config.to_yaml().expect("written") + "preferences: {}\n";
        assert_eq!(Kubeconfig::parse(&yaml).expect("read"), config);
    }
}
