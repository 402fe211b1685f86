//! Traps: an attack that a remedy stops, and the proof that it is this remedy and no other.
//!
//! [`hold`] shows each attack refused; [`spring`] stops the operator, takes one remedy after the other out and shows that
//! its attack passes; [`repaired`] starts the operator and shows that it repairs all of them. Attacks are server-side dry
//! runs: they go through the whole of admission and leave nothing behind, so they can be tried again until the API server
//! has taken note of a change.

use std::time::Duration;

use serde_json::Value;

use crate::{Cloud, Said, eventually, fixtures::root, people, within};

/// The API server takes note of a change within a second; a loaded machine is given more.
const NOTED: Duration = Duration::from_secs(20);

const POLICY: &str = "validatingadmissionpolicy";
const BINDING: &str = "validatingadmissionpolicybinding";

/// What somebody tries.
#[derive(Clone, Debug)]
pub struct Attack {
    who: &'static str,
    arguments: Vec<String>,
    input: String,
}

impl Attack {
    /// Creates an object.
    pub fn create(who: &'static str, manifest: &Value) -> Self {
        Self::new(who, "create --dry-run=server -f -").with(manifest)
    }

    /// Applies an object over what is there.
    pub fn apply(who: &'static str, manifest: &Value) -> Self {
        Self::new(who, "apply --server-side --force-conflicts --dry-run=server -f -").with(manifest)
    }

    /// Merges a change into an object: `patch` is such as `deployment/kafka -n customs--lab`.
    pub fn patch(who: &'static str, object: &str, change: &Value) -> Self {
        let mut attack = Self::new(who, &format!("patch --dry-run=server --type=merge {object}"));
        attack.arguments.extend(["-p".to_owned(), change.to_string()]);
        attack
    }

    /// Replaces what lies at a path of the API, subresources included.
    pub fn replace_at(who: &'static str, path: &str, object: &Value) -> Self {
        Self::new(who, &format!("replace --raw {path}?dryRun=All -f -")).with(object)
    }

    /// Deletes what lies at a path of the API, with these options.
    pub fn delete_at(who: &'static str, path: &str, options: &Value) -> Self {
        Self::new(who, &format!("delete --raw {path}?dryRun=All -f -")).with(options)
    }

    /// Runs kubectl with these words, and a dry run.
    pub fn kubectl(who: &'static str, words: &str) -> Self {
        Self::new(who, &format!("{words} --dry-run=server"))
    }

    /// The same, in another person's name.
    #[must_use]
    pub fn impersonating(mut self, user: &str) -> Self {
        self.arguments.push(format!("--as={user}"));
        self
    }

    fn new(who: &'static str, words: &str) -> Self {
        Self { who, arguments: words.split_whitespace().map(str::to_owned).collect(), input: String::new() }
    }

    fn with(mut self, input: &Value) -> Self {
        self.input = input.to_string();
        self
    }

    /// Tries it once.
    pub async fn tried(&self, cloud: &Cloud) -> Said {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        cloud.kubectl_with(self.who, &arguments, &self.input).await
    }

    /// Tries it until it passes; the API server needs a moment to take note of a change.
    pub async fn passes(&self, cloud: &Cloud, why: &str) {
        eventually(why, || async {
            let said = self.tried(cloud).await;
            if said.ok { Ok(()) } else { Err(said.err) }
        })
        .await;
    }

    /// Tries it until it is refused with this message.
    pub async fn is_refused(&self, cloud: &Cloud, with: &str) {
        eventually(with, || async {
            let said = self.tried(cloud).await;
            if !said.ok && said.err.contains(with) { Ok(()) } else { Err(format!("{said:?}")) }
        })
        .await;
    }
}

/// What stops an attack, and how it is taken out.
#[derive(Clone, Debug)]
pub enum Remedy {
    /// The bindings of a policy: deleted.
    Bindings(&'static str),
    /// The check of a policy whose message has this text: always true.
    Check(String, &'static str),
    /// A text of a policy and its bindings, and the weaker text in its place.
    Text(String, String, String),
    /// A variable of a policy, and the weaker CEL in its place.
    Variable(String, &'static str, &'static str),
    /// The rules of a definition's schema whose message has this text: gone.
    Schema(&'static str, &'static str),
    /// Several, none of which suffices by itself for the attack to pass.
    All(Vec<Remedy>),
}

impl Remedy {
    /// A check of a policy.
    pub fn check(policy: impl Into<String>, message: &'static str) -> Self {
        Self::Check(policy.into(), message)
    }

    /// A text of a policy.
    pub fn text(policy: impl Into<String>, from: impl Into<String>, to: impl Into<String>) -> Self {
        Self::Text(policy.into(), from.into(), to.into())
    }

    /// Takes it out, as somebody who may change policies can.
    pub async fn take_out(&self, cloud: &Cloud) {
        for part in self.parts() {
            part.take_out_one(cloud).await;
        }
    }

    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::parts).collect(),
            one => vec![one],
        }
    }

    async fn take_out_one(&self, cloud: &Cloud) {
        match self {
            Self::All(_) => unreachable!("its parts are"),
            Self::Bindings(policy) => {
                for name in bindings(cloud, policy).await {
                    cloud.kubectl(people::ADMIN, &["delete", BINDING, &name]).await.succeeds();
                }
            }
            Self::Check(policy, message) => edit(cloud, POLICY, policy, |live| pass_check(live, message)).await,
            Self::Variable(policy, name, cel) => edit(cloud, POLICY, policy, |live| set_variable(live, name, cel)).await,
            Self::Text(policy, from, to) => weaken(cloud, policy, from, to).await,
            Self::Schema(definition, message) => edit(cloud, "crd", definition, |live| drop_rules(live, message)).await,
        }
    }
}

async fn bindings(cloud: &Cloud, policy: &str) -> Vec<String> {
    let all = cloud.json(people::ADMIN, &["get", BINDING, "-o", "json"]).await;
    let of_policy = all["items"].as_array().into_iter().flatten().filter(|b| b["spec"]["policyName"] == policy);
    let names: Vec<_> = of_policy.filter_map(|b| b["metadata"]["name"].as_str()).map(str::to_owned).collect();
    assert!(!names.is_empty(), "{policy} has no bindings");
    names
}

async fn weaken(cloud: &Cloud, policy: &str, from: &str, to: &str) {
    let mut objects = vec![(POLICY, policy.to_owned())];
    objects.extend(bindings(cloud, policy).await.into_iter().map(|name| (BINDING, name)));
    let mut found = false;
    for (kind, name) in objects {
        let live = cloud.json(people::ADMIN, &["get", kind, &name, "-o", "json"]).await;
        let spec = live["spec"].to_string();
        let weaker = spec.replace(from, to);
        if weaker == spec {
            continue;
        }
        found = true;
        edit(cloud, kind, &name, |live| live["spec"] = serde_json::from_str(&weaker).expect("still JSON")).await;
    }
    assert!(found, "{policy} does not say {from:?}");
}

/// Changes a live object; what it changes must be there.
pub async fn edit(cloud: &Cloud, kind: &str, name: &str, change: impl Fn(&mut Value)) {
    eventually(&format!("{kind} {name} is changed"), || async {
        let live = cloud.json(people::ADMIN, &["get", kind, name, "-o", "json"]).await;
        let mut changed = live.clone();
        change(&mut changed);
        assert!(live != changed, "nothing to take out of {kind} {name}");
        // The cluster writes the status of policies and definitions: then it is tried on what they are now.
        let said = cloud.replace_json(people::ADMIN, &changed).await;
        if said.err.contains("Conflict") { Err(said.err) } else { Ok(said.succeeds()) }
    })
    .await;
}

fn pass_check(policy: &mut Value, message: &str) {
    for check in policy["spec"]["validations"].as_array_mut().into_iter().flatten() {
        if check["messageExpression"].as_str().is_some_and(|m| m.contains(message)) {
            check["expression"] = "true".into();
        }
    }
}

fn set_variable(policy: &mut Value, name: &str, cel: &str) {
    for variable in policy["spec"]["variables"].as_array_mut().into_iter().flatten().filter(|v| v["name"] == name) {
        variable["expression"] = cel.into();
    }
}

fn drop_rules(schema: &mut Value, message: &str) {
    match schema {
        Value::Object(fields) => {
            if let Some(rules) = fields.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut) {
                rules.retain(|rule| !rule["message"].as_str().is_some_and(|m| m.contains(message)));
            }
            fields.values_mut().for_each(|field| drop_rules(field, message));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_rules(item, message)),
        _ => {}
    }
}

/// A trap of the design, with the attack that it is about.
#[derive(Clone, Debug)]
pub struct Trap {
    name: &'static str,
    attack: Attack,
    refused_with: &'static str,
    without: Remedy,
}

/// `name` reads as a sentence; the attack is refused with a message that tells the person what to do, but for `without`.
pub fn trap(name: &'static str, attack: Attack, refused_with: &'static str, without: Remedy) -> Trap {
    Trap { name, attack, refused_with, without }
}

/// With all remedies each attack is refused.
pub async fn hold(cloud: &Cloud, traps: &[Trap]) {
    let mut wrong = Vec::new();
    for trap in traps {
        wrong.extend(trap.holds(cloud, "with all remedies").await.err());
    }
    report(&wrong);
}

/// With the operator stopped each attack is still refused, and passes once its own remedy is out.
pub async fn spring(cloud: &Cloud, traps: &[Trap]) {
    cloud.kill_operator().await;
    let mut wrong = Vec::new();
    for trap in traps {
        wrong.extend(trap.holds(cloud, "with the remedies out that come before its own").await.err());
        trap.without.take_out(cloud).await;
        wrong.extend(trap.lets_through(cloud).await.err());
    }
    report(&wrong);
}

/// Says of every trap at once what is wrong with it.
fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} traps:\n{}", wrong.len(), wrong.join("\n"));
}

/// Starts the operator, and shows that every remedy is back and that the interruption is on record.
pub async fn repaired(cloud: &Cloud, traps: &[Trap]) {
    if traps.iter().any(|t| t.without.parts().iter().any(|part| matches!(part, Remedy::Schema(..)))) {
        // The definitions are the chart's, not the operator's.
        let charts = root().join("charts/govcloud-crds/templates");
        cloud
            .kubectl(people::ADMIN, &["apply", "--server-side", "--force-conflicts", "-f", &charts.to_string_lossy()])
            .await
            .succeeds();
    }
    cloud.start_operator().await;
    for trap in traps {
        trap.attack.is_refused(cloud, trap.refused_with).await;
    }
    on_record(cloud).await;
}

/// Waits until the national picture says that enforcement was interrupted, and is whole again.
pub async fn on_record(cloud: &Cloud) {
    let national = eventually("the interruption is on record", || async {
        let national = cloud.json(people::ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        let conditions = national["status"]["conditions"].as_array().into_iter().flatten();
        let intact = conditions.clone().find(|c| c["type"] == "EnforcementIntact").cloned().unwrap_or_default();
        let is_repaired = intact["status"] == "True" && intact["reason"] == "Repaired";
        if is_repaired { Ok(national.clone()) } else { Err(intact.to_string()) }
    })
    .await;
    assert!(national["status"]["interruptions"].as_array().is_some_and(|all| !all.is_empty()), "{}", national["status"]);
}

impl Trap {
    async fn holds(&self, cloud: &Cloud, when: &str) -> Result<(), String> {
        let said = self.attack.tried(cloud).await;
        match (said.ok, said.err.contains(self.refused_with)) {
            (true, _) => Err(format!("{}: not refused {when}: {}", self.name, said.out)),
            (false, false) => Err(format!("{}: refused {when}, but not with {:?}: {}", self.name, self.refused_with, said.err)),
            (false, true) => Ok(()),
        }
    }

    async fn lets_through(&self, cloud: &Cloud) -> Result<(), String> {
        let passes = within(NOTED, || async {
            let said = self.attack.tried(cloud).await;
            if said.ok { Ok(()) } else { Err(said.err) }
        });
        passes.await.map_err(|error| format!("{}: does not pass without its remedy: {error}", self.name))
    }
}
