//! An attempt as data: who tries what, which layer stops it, and what is seen then.

use std::{fmt, time::Duration};

use futures::{StreamExt, stream};
use govcloud_tests::{people::ADMIN, within};
use serde_json::Value;

use crate::call::{Answer, Call, Wires};

/// As many at a time.
const AT_ONCE: usize = 8;
/// The operator judges a review in a moment; a loaded machine is given more.
const SEEN: Duration = Duration::from_mins(1);

/// What stops an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Roles do not have it.
    Rbac,
    /// The schema of our kinds, and the rules in it.
    Schema,
    /// Admission of named objects: no slot, or not so large.
    Slots,
    /// The native quota of the project.
    Quota,
    /// Admission that says who may write what.
    Guards,
    /// It is stored, and the operator does not count it.
    Operator,
    /// Kubernetes itself does not take it.
    ApiServer,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rbac => "roles",
            Self::Schema => "schema",
            Self::Slots => "named slots",
            Self::Quota => "quota",
            Self::Guards => "guards",
            Self::Operator => "operator",
            Self::ApiServer => "Kubernetes",
        })
    }
}

impl Layer {
    /// The layer whose words these are.
    fn of(said: &str) -> Self {
        let policy = said.split_once("ValidatingAdmissionPolicy '").map(|(_, rest)| rest);
        let by_roles = (said.contains(" cannot ") && said.contains(" resource ")) || said.contains("attempting to grant RBAC");
        match policy {
            Some(policy) if policy.starts_with("govcloud-guard-") => Self::Guards,
            Some(policy) if policy.starts_with("govcloud-") => Self::Slots,
            _ if said.contains("exceeded quota") => Self::Quota,
            _ if by_roles => Self::Rbac,
            _ if said.contains(".govcloud.dev \"") && said.contains("is invalid") => Self::Schema,
            _ => Self::ApiServer,
        }
    }
}

/// An attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What is tried, as a sentence.
    pub name: &'static str,
    /// What stops it.
    pub layer: Layer,
    calls: Vec<Call>,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Outcome {
    /// It is refused with this text.
    Refused(&'static str),
    /// It is taken, and this is seen then.
    Seen(Sight),
}

/// What is seen at a path.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Where one looks.
    pub path: String,
    /// At what.
    pub look: fn(&Value) -> Value,
    /// What is there.
    pub is: Value,
}

/// An attempt that is refused with a text, by a layer.
pub fn refused(name: &'static str, call: Call, layer: Layer, text: &'static str) -> Attempt {
    Attempt { name, layer, calls: vec![call], outcome: Outcome::Refused(text) }
}

/// An attempt that is taken, step by step, and changes nothing of what is seen.
pub fn without_effect(name: &'static str, calls: Vec<Call>, layer: Layer, sight: Sight) -> Attempt {
    Attempt { name, layer, calls, outcome: Outcome::Seen(sight) }
}

/// What is legitimate, so that a refusal beside it is not for a slip of the pen.
#[derive(Clone, Debug)]
pub struct Control {
    /// What is done.
    pub name: &'static str,
    /// How.
    pub call: Call,
}

/// What belongs together.
pub struct Theme {
    /// Its title.
    pub title: &'static str,
    /// At least one thing that passes.
    pub controls: Vec<Control>,
    /// What does not.
    pub attempts: Vec<Attempt>,
}

impl Attempt {
    /// Who tries it.
    pub fn who(&self) -> &'static str {
        self.calls[0].who
    }

    fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused(_))
    }

    /// Tries it; what is wrong, if anything is.
    async fn tried(&self, wires: &Wires) -> Result<(), String> {
        match &self.outcome {
            Outcome::Refused(text) => self.judge(text, &wires.send(&self.calls[0]).await),
            Outcome::Seen(sight) => {
                for call in &self.calls {
                    let answer = wires.send(call).await;
                    if !answer.ok {
                        return Err(format!("{}: refused, and not without effect: {}", self.name, answer.said));
                    }
                }
                within(SEEN, || sight.holds(wires)).await.map_err(|error| format!("{}: {error}", self.name))
            }
        }
    }

    fn judge(&self, text: &str, answer: &Answer) -> Result<(), String> {
        let Answer { ok, said } = answer;
        match Layer::of(said) {
            _ if *ok => Err(format!("{}: not refused", self.name)),
            _ if !said.contains(text) => Err(format!("{}: refused, but not with {text:?}: {said}", self.name)),
            layer if layer != self.layer => Err(format!("{}: stopped by {layer}, not by {}: {said}", self.name, self.layer)),
            _ => Ok(()),
        }
    }
}

impl Sight {
    async fn holds(&self, wires: &Wires) -> Result<(), String> {
        let found = wires.get(ADMIN, &self.path).await;
        let seen = (self.look)(&found);
        if seen == self.is { Ok(()) } else { Err(format!("{seen} and not {}: {}", self.is, found["status"])) }
    }
}

/// Everything that is legitimate passes.
pub async fn controls_pass(wires: &Wires, themes: &[Theme]) {
    let controls: Vec<_> = themes.iter().flat_map(|theme| &theme.controls).collect();
    let tried = |control: &Control| {
        let control = control.clone();
        async move {
            let answer = wires.send(&control.call).await;
            if answer.ok { None } else { Some(format!("{}: {}", control.name, answer.said)) }
        }
    };
    report(stream::iter(controls).map(tried).buffered(AT_ONCE).collect().await);
}

/// Every attempt is stopped by its layer.
pub async fn all_stopped(wires: &Wires, themes: &[Theme]) {
    stopped(wires, themes, |_| true).await;
}

/// Every attempt that is refused is refused whatever the operator does.
pub async fn all_refused(wires: &Wires, themes: &[Theme]) {
    stopped(wires, themes, Attempt::is_refused).await;
}

async fn stopped(wires: &Wires, themes: &[Theme], of: fn(&Attempt) -> bool) {
    let attempts: Vec<_> = themes.iter().flat_map(|theme| &theme.attempts).filter(|attempt| of(attempt)).collect();
    let tried = |attempt: &Attempt| {
        let attempt = attempt.clone();
        async move { attempt.tried(wires).await.err() }
    };
    report(stream::iter(attempts).map(tried).buffered(AT_ONCE).collect().await);
}

/// What was without effect is so still, after all that happened since.
pub async fn still_without_effect(wires: &Wires, themes: &[Theme]) {
    let mut wrong = Vec::new();
    for attempt in themes.iter().flat_map(|theme| &theme.attempts) {
        if let Outcome::Seen(sight) = &attempt.outcome {
            wrong.push(sight.holds(wires).await.err().map(|error| format!("{}: {error}", attempt.name)));
        }
    }
    report(wrong);
}

/// Says of all at once what is wrong.
fn report(wrong: Vec<Option<String>>) {
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} attempts:\n{}", wrong.len(), wrong.join("\n"));
}
