//! One kubeconfig file with a context per persona, everything embedded.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of an entry.
pub(crate) type Fields = Map<String, Value>;

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

/// The document. Clusters and users are kept as they are written: those of others have fields that nobody here reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Kubeconfig {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    users: Vec<NamedUser>,
    #[serde(default)]
    current_context: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Fields,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NamedUser {
    name: String,
    user: Fields,
}

/// A cluster, as in a kubeconfig. `authority` is a certificate in PEM.
pub(crate) fn cluster(server: &str, authority: &str) -> Fields {
    fields([("server", server.into()), ("certificate-authority-data", BASE64.encode(authority).into())])
}

/// A user with a certificate, as in a kubeconfig.
pub(crate) fn user(credential: &Credential) -> Fields {
    fields([
        ("client-certificate-data", BASE64.encode(credential.certificate()).into()),
        ("client-key-data", BASE64.encode(credential.key()).into()),
    ])
}

/// The user of a persona for whom somebody else vouches, by impersonation.
pub(crate) fn impersonated(by: &Fields, persona: &Persona) -> Fields {
    let mut user = by.clone();
    user.extend(fields([("as", persona.user.as_str().into()), ("as-groups", persona.groups.clone().into())]));
    user
}

fn fields<const N: usize>(named: [(&str, Value); N]) -> Fields {
    named.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn make_absolute(entry: &mut Fields, paths: &[&str], folder: &Path) {
    for field in paths {
        if let Some(Value::String(path)) = entry.get_mut(*field) {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    }
}

impl Kubeconfig {
    /// A document without any context.
    pub(crate) fn new(cluster: Fields, current: &str) -> Self {
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
    pub(crate) fn set(&mut self, name: &str, namespace: Option<&str>, user: Fields) {
        self.contexts.retain(|context| context.name != name);
        self.users.retain(|user| user.name != name);
        let context = Context { cluster: CLUSTER.to_owned(), user: name.to_owned(), namespace: namespace.map(str::to_owned) };
        self.contexts.push(NamedContext { name: name.to_owned(), context });
        self.users.push(NamedUser { name: name.to_owned(), user });
    }

    /// The cluster and the user of a context; without a name, of the current one. Paths in them are relative to `folder`,
    /// where the document is, and become absolute.
    pub(crate) fn of_context(&self, name: Option<&str>, folder: &Path) -> Result<(Fields, Fields), String> {
        let name = name.unwrap_or(&self.current_context);
        if name.is_empty() {
            return Err("it has no current context; name one with --context".to_owned());
        }
        let context = self.contexts.iter().find(|c| c.name == name).ok_or_else(|| self.no_context(name))?;
        let (cluster, user) = (&context.context.cluster, &context.context.user);
        let missing = |what: &str, of: &str| format!("its context {name} names the {what} {of}, which it does not have");
        let mut found = (
            self.clusters.iter().find(|c| c.name == *cluster).ok_or_else(|| missing("cluster", cluster))?.cluster.clone(),
            self.users.iter().find(|u| u.name == *user).ok_or_else(|| missing("user", user))?.user.clone(),
        );
        make_absolute(&mut found.0, &["certificate-authority"], folder);
        make_absolute(&mut found.1, &["client-certificate", "client-key", "tokenFile"], folder);
        match found.1.get_mut("exec").and_then(Value::as_object_mut) {
            // As for kubectl: one without a folder is on the PATH.
            Some(exec) if exec.get("command").and_then(Value::as_str).is_some_and(|c| c.contains('/')) => {
                make_absolute(exec, &["command"], folder);
            }
            _ => {}
        }
        Ok(found)
    }

    fn no_context(&self, name: &str) -> String {
        let names: Vec<_> = self.contexts.iter().map(|c| c.name.as_str()).collect();
        format!("it has no context {name}; it has: {}", names.join(", "))
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
        let mut config = Kubeconfig::new(cluster("https://127.0.0.1:1", "ca"), ADMIN);
        config.set(ADMIN, None, user(&credential()));
        config.set("true", Some("123"), user(&credential()));
        let yaml = config.to_yaml().expect("written");
        assert_eq!(Kubeconfig::parse(&yaml).expect("read"), config, "{yaml}");
        assert!(yaml.contains("current-context: admin"), "{yaml}");
        assert!(yaml.contains("certificate-authority-data: Y2E="), "{yaml}");
    }

    #[test]
    fn a_name_is_kept_once() {
        let mut config = Kubeconfig::new(cluster("https://127.0.0.1:1", "ca"), ADMIN);
        config.set("jane", None, user(&credential()));
        config.set("jane", Some("there"), user(&credential()));
        assert_eq!((config.contexts.len(), config.users.len()), (1, 1));
        assert_eq!(config.contexts[0].context.namespace.as_deref(), Some("there"));
    }

    #[test]
    fn what_others_wrote_is_kept_and_found_by_its_context() {
        let theirs = r"
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://c', certificate-authority: pki/ca.crt, tls-server-name: x}}]
contexts: [{name: there, context: {cluster: c, user: u, extensions: []}}, {name: broken, context: {cluster: c, user: who}}]
users: [{name: u, user: {client-key: /etc/u.key, exec: {command: login}}}]
preferences: {}
";
        let config = Kubeconfig::parse(theirs).expect("read");
        let (cluster, user) = config.of_context(Some("there"), Path::new("/home/u")).expect("found");
        assert_eq!(cluster["certificate-authority"], "/home/u/pki/ca.crt");
        assert_eq!((&user["client-key"], &user["exec"]["command"]), (&Value::from("/etc/u.key"), &Value::from("login")));
        assert_eq!(cluster["tls-server-name"], "x");
        for (context, why) in [
            (None, "no current context"),
            (Some("here"), "no context here; it has: there, broken"),
            (Some("broken"), "names the user who, which it does not have"),
        ] {
            let said = config.of_context(context, Path::new("/")).expect_err(why);
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_persona_is_impersonated_by_whoever_may() {
        let by = fields([("token", "t".into())]);
        let jane = impersonated(&by, &Persona::new("jane", "jane@tax").in_groups(["tax"]));
        assert_eq!([&jane["token"], &jane["as"], &jane["as-groups"][0]], ["t", "jane@tax", "tax"]);
    }

    #[test]
    fn fields_that_kubectl_adds_do_no_harm() {
        let config = Kubeconfig::new(cluster("https://127.0.0.1:1", "ca"), ADMIN);
        let yaml = config.to_yaml().expect("written") + "preferences: {}\n";
        assert_eq!(Kubeconfig::parse(&yaml).expect("read"), config);
    }
}
