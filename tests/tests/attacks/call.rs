//! One request to the API server with somebody's own credential, byte for byte as it is written down.
//!
//! Not by kubectl: it would check, complete and convert what is sent, and an attacker need not use it.

use std::collections::BTreeMap;

use axum::http::{Method, Request, header::CONTENT_TYPE};
use govcloud_tests::Cloud;
use kube::{Client, Error};
use serde_json::{Value, json};

/// A request. Unless it is [`Call::really`] made, it goes through the whole of admission and leaves nothing behind.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose credential it carries.
    pub who: &'static str,
    method: Method,
    path: String,
    content: &'static str,
    body: Vec<u8>,
    headers: Vec<(&'static str, &'static str)>,
    is_kept: bool,
}

/// The four ways in which the API server takes a patch.
#[derive(Clone, Copy, Debug)]
pub enum Patch {
    /// RFC 7386.
    Merge,
    /// RFC 6902.
    Json,
    /// Kubernetes' own.
    Strategic,
    /// Server-side apply, by force.
    Apply,
}

impl Patch {
    fn content(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

impl Call {
    fn new(who: &'static str, method: Method, path: impl Into<String>, body: Vec<u8>) -> Self {
        let (path, content) = (path.into(), "application/json");
        Self { who, method, path, content, body, headers: Vec::new(), is_kept: false }
    }

    /// Creates an object.
    pub fn create(who: &'static str, manifest: &Value) -> Self {
        Self::post(who, collection_of(manifest), manifest.to_string())
    }

    /// Posts these bytes.
    pub fn post(who: &'static str, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new(who, Method::POST, path, body.into())
    }

    /// Replaces what is at a path.
    pub fn put(who: &'static str, path: impl Into<String>, object: &Value) -> Self {
        Self::new(who, Method::PUT, path, object.to_string().into())
    }

    /// Changes what is at a path.
    pub fn patch(who: &'static str, by: Patch, path: impl Into<String>, change: &Value) -> Self {
        Self { content: by.content(), ..Self::new(who, Method::PATCH, path, change.to_string().into()) }
    }

    /// Merges a change into what is at a path.
    pub fn merge(who: &'static str, path: impl Into<String>, change: &Value) -> Self {
        Self::patch(who, Patch::Merge, path, change)
    }

    /// Applies a manifest by force, whether it is there or not.
    pub fn apply(who: &'static str, manifest: &Value) -> Self {
        Self::patch(who, Patch::Apply, path_of(manifest), manifest)
    }

    /// Deletes what is at a path, with these options.
    pub fn delete(who: &'static str, path: impl Into<String>, options: &Value) -> Self {
        let mut options = options.clone();
        options["dryRun"] = json!(["All"]); // options in the body put those in the query out of force
        Self::new(who, Method::DELETE, path, options.to_string().into())
    }

    /// In another media type.
    pub fn written_in(self, content: &'static str) -> Self {
        Self { content, ..self }
    }

    /// In the name of another user, and of groups.
    pub fn acting_as(mut self, user: &'static str, groups: &[&'static str]) -> Self {
        self.headers.push(("Impersonate-User", user));
        self.headers.extend(groups.iter().map(|group| ("Impersonate-Group", *group)));
        self
    }

    /// Not only as a dry run.
    pub fn really(self) -> Self {
        Self { is_kept: true, ..self }
    }

    fn request(&self) -> Request<Vec<u8>> {
        let force = if self.content == Patch::Apply.content() { "force=true&fieldManager=attacker&" } else { "" };
        let dry_run = if self.is_kept { "" } else { "dryRun=All" };
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("{}?{force}{dry_run}", self.path))
            .header(CONTENT_TYPE, self.content);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        request.body(self.body.clone()).expect("a request")
    }
}

/// The path of a manifest's kind, in its namespace.
fn collection_of(manifest: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&manifest["apiVersion"]), text(&manifest["kind"]).to_lowercase());
    let root = if version.contains('/') { "apis" } else { "api" };
    let namespace = manifest["metadata"]["namespace"].as_str().map(|n| format!("/namespaces/{n}")).unwrap_or_default();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    format!("/{root}/{version}{namespace}/{plural}")
}

fn path_of(manifest: &Value) -> String {
    format!("{}/{}", collection_of(manifest), manifest["metadata"]["name"].as_str().unwrap_or_default())
}

/// What the API server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether it did what was asked.
    pub ok: bool,
    /// The object, or why not.
    pub said: String,
}

/// A connection for each persona.
pub struct Wires(BTreeMap<String, Client>);

impl Wires {
    /// Opens them.
    pub async fn open(cloud: &Cloud, personas: &[&str]) -> Self {
        let mut wires = BTreeMap::new();
        for persona in personas {
            wires.insert((*persona).to_owned(), cloud.client(persona).await);
        }
        Self(wires)
    }

    /// Makes a request.
    pub async fn send(&self, call: &Call) -> Answer {
        let client = self.0.get(call.who).unwrap_or_else(|| panic!("no wire for {}", call.who));
        match client.request_text(call.request()).await {
            Ok(said) => Answer { ok: true, said },
            Err(Error::Api(status)) => Answer { ok: false, said: status.message.clone() },
            Err(error) => panic!("{call:?}: {error}"),
        }
    }

    /// What is at a path; null if nothing is.
    pub async fn get(&self, who: &'static str, path: &str) -> Value {
        let answer = self.send(&Call::new(who, Method::GET, path, Vec::new()).really()).await;
        if answer.ok { serde_json::from_str(&answer.said).expect("JSON") } else { Value::Null }
    }
}
