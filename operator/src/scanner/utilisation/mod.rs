//! Knows how much of what pods request is really used, from Prometheus.
//!
//! What could not be asked is a condition of the GovernmentCloud and no finding: what was found before stays as it is.

mod query;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use govcloud_crds::{
    GovernmentCloud, cloud::Utilisation, conditions::Verdict, finding::idle::Answer, names::service_account_user,
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use tokio_util::sync::CancellationToken;

use self::query::QueryError;
use crate::context::Context;

pub use query::Source;

/// What failed is tried again after this, or sooner if it is asked more often anyway.
const RETRY: Duration = Duration::from_mins(1);

/// Where a Secret with the token of a ServiceAccount says whose it is.
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// What is known about use.
#[derive(Debug, Default)]
pub struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What was asked for.
    of: Option<Utilisation>,
    /// The answer, or why there is none: reason and message. `None` before the first.
    answer: Option<Result<Arc<Answer>, (&'static str, String)>>,
}

impl Known {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last answer, if the last question was answered and is still the one that is asked.
    pub(super) fn answer(&self, of: &Utilisation) -> Option<Arc<Answer>> {
        let state = self.state();
        state.answer.as_ref().filter(|_| state.of.as_ref() == Some(of))?.as_ref().ok().cloned()
    }

    /// The condition, if utilisation is configured.
    pub fn verdict(&self, cloud: &GovernmentCloud) -> Option<Verdict> {
        const KIND: &str = "Utilisation";
        let of = cloud.spec.utilisation.as_ref()?;
        let state = self.state();
        let answer = state.answer.as_ref().filter(|_| state.of.as_ref() == Some(of));
        Some(match answer {
            None => Verdict::unknown(KIND, "Asking", "Prometheus was not asked yet."),
            Some(Ok(_)) => {
                Verdict::yes(KIND, "Known", format!("How much is used is known from {} for the last {}.", of.url, of.window))
            }
            Some(Err((reason, why))) => {
                let message = format!(
                    "It is not known how much is used: {why}. Findings of rule Idle stay as they are; it is asked again. See spec.utilisation."
                );
                Verdict::no(KIND, reason, message)
            }
        })
    }

    /// Keeps what came of a question; whether the condition may be another one now.
    fn keep(&self, of: &Utilisation, answer: Result<Answer, QueryError>) -> bool {
        let answer = answer.map(Arc::new).map_err(|error| (error.reason(), error.to_string()));
        let mut state = self.state();
        let is_known = |answer: &Option<Result<_, _>>| answer.as_ref().map(Result::is_ok);
        let is_news = state.of.as_ref() != Some(of) || is_known(&state.answer) != Some(answer.is_ok()) || answer.is_err();
        *state = State { of: Some(of.clone()), answer: Some(answer) };
        is_news
    }
}

/// Asks again and again until `stop`.
pub(super) async fn run(context: Arc<Context>, source: Source, stop: CancellationToken) {
    loop {
        let of = context.stores.cloud().and_then(|cloud| cloud.spec.utilisation.clone());
        let wait = match &of {
            None => {
                *context.scanner.used.state() = State::default();
                None
            }
            Some(of) => Some(tokio::select! {
                wait = look(&context, &source, of) => wait,
                () = stop.cancelled() => return,
            }),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.queues.utilisation.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

/// For ever, if there is nothing to wait for.
async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// Asks once; after how long to ask again.
async fn look(context: &Context, source: &Source, of: &Utilisation) -> Duration {
    let answer = match token(context, of).await {
        Ok(token) => source.ask(of, token.as_deref(), context.now()).await,
        Err(error) => Err(error),
    };
    let every = Duration::try_from(of.every.duration()).unwrap_or(RETRY);
    let wait = match &answer {
        Ok(answer) => {
            tracing::debug!(pods = answer.pods.len(), "known how much is used");
            every
        }
        Err(error) => {
            tracing::warn!(%error, reason = error.reason(), "not known how much is used; asked again");
            every.min(RETRY)
        }
    };
    if context.scanner.used.keep(of, answer) {
        context.queues.the_cloud();
    }
    context.queues.scan.notify_one();
    // Between nine tenths of it and all: several operators do not ask at the same moment for ever.
    let spread = f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    wait.mul_f64(0.9 + spread / 10.0)
}

/// The token as it is now.
async fn token(context: &Context, of: &Utilisation) -> Result<Option<String>, QueryError> {
    let Some(from) = &of.token_from else { return Ok(None) };
    let name = format!("{}/{}", context.operator_namespace, from.name);
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &context.operator_namespace);
    let failed = |error: kube::Error| QueryError::NoToken(format!("Secret {name} cannot be read: {error}"));
    let found = secrets.get_opt(&from.name).await.map_err(failed)?.unwrap_or_default();
    let account = found.annotations().get(ACCOUNT).map(|account| service_account_user(&context.operator_namespace, account));
    if account.as_ref() == Some(&context.operator_user) {
        let message =
            format!("Secret {name} is the operator's own token, which it gives to nobody; make an account for Prometheus");
        return Err(QueryError::NoToken(message));
    }
    let Some(value) = found.data.and_then(|mut data| data.remove(&from.key)) else {
        return Err(QueryError::NoToken(format!("there is no Secret {name} with a key {}", from.key)));
    };
    // What no header can hold would be an error that repeats it.
    let text = String::from_utf8(value.0).map(|text| text.trim().to_owned()).ok();
    let text = text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
    text.map(Some).ok_or_else(|| QueryError::NoToken(format!("what Secret {name} has under {} is no bearer token", from.key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use govcloud_crds::cloud::GovernmentCloudSpec;
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    fn cloud(url: Option<&str>) -> GovernmentCloud {
        let authority = json!({"name": "a", "reviewers": "security:a"});
        let spec: GovernmentCloudSpec = serde_json::from_value(json!({
            "authorities": {"NonInfrastructure": authority, "InfrastructureArea": authority, "CriticalInfrastructure": authority},
            "utilisation": url.map(|url| json!({"url": url})),
        }))
        .expect("valid");
        GovernmentCloud::new("national", spec)
    }

    fn answer() -> Answer {
        let (window, step) = (SignedDuration::from_hours(1), SignedDuration::from_mins(1));
        Answer { until: Timestamp::UNIX_EPOCH, window, step, pods: std::collections::BTreeMap::new() }
    }

    #[test]
    fn an_answer_holds_until_the_next_question_fails_or_another_is_asked() {
        let (known, cloud, other) = (Known::default(), cloud(Some("https://p")), cloud(Some("https://q")));
        let of = cloud.spec.utilisation.clone().expect("set");
        let word = |cloud: &GovernmentCloud| known.verdict(cloud).map(|verdict| verdict.reason);
        assert_eq!(word(&cloud), Some("Asking"));
        assert!(known.keep(&of, Ok(answer())), "the condition is new");
        assert!(!known.keep(&of, Ok(answer())), "it says the same");
        assert_eq!((word(&cloud), known.answer(&of).is_some()), (Some("Known"), true));
        assert_eq!((word(&other), known.answer(&other.spec.utilisation.clone().expect("set"))), (Some("Asking"), None));
        assert!(known.keep(&of, Err(QueryError::Unreachable("refused".into()))));
        assert_eq!((word(&cloud), known.answer(&of)), (Some("Unreachable"), None));
        assert_eq!(word(&self::cloud(None)), None);
    }
}
