//! Asks Prometheus: one query per metric for the whole cluster, each a single moment.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use govcloud_crds::{
    cloud::Utilisation,
    finding::idle::{Answer, Use},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Certificate, StatusCode};
use serde::Deserialize;

use crate::outgoing::{Outgoing, why};

/// How long one query may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read: some hundred thousand pods.
const LARGEST_ANSWER: usize = 32 << 20;
/// Into so many steps the window is divided, to see in how many of them there are samples.
const STEPS: i64 = 60;
/// Of how much of the window there must be samples of anything.
const SEEN: f64 = 0.9;
/// How much of what Prometheus says about a refusal is repeated.
const LONGEST_REASON: usize = 300;

/// Why it is not known how much is used.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    /// There is no answer.
    #[error("Prometheus does not answer: {0}")]
    Unreachable(String),
    /// It refuses the query.
    #[error("Prometheus answered {0}{1}")]
    Refused(StatusCode, String),
    /// The answer is not one of the documented API.
    #[error("what answers is not the API of Prometheus: {0}")]
    BadAnswer(String),
    /// There is nothing about containers, or not for long enough.
    #[error("{0}")]
    NoData(String),
    /// The token is not there.
    #[error("{0}")]
    NoToken(String),
}

impl QueryError {
    /// The reason as a condition has it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "Unreachable",
            Self::Refused(..) => "Refused",
            Self::BadAnswer(_) => "BadAnswer",
            Self::NoData(_) => "NoData",
            Self::NoToken(_) => "NoToken",
        }
    }
}

/// Asks Prometheus.
pub struct Source(Outgoing);

/// A series at one moment.
#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    metric: Labels,
    value: (f64, String),
}

#[derive(Debug, Default, Deserialize)]
struct Labels {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    pod: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Body {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error: String,
}

impl Source {
    /// One that trusts what this machine trusts, and these.
    pub fn new(authorities: Vec<Certificate>) -> Self {
        Self(Outgoing::new(authorities, |client| client.timeout(TIMEOUT)))
    }

    /// How much every pod of a project used in the window before `now`.
    pub(super) async fn ask(&self, of: &Utilisation, token: Option<&str>, now: Timestamp) -> Result<Answer, QueryError> {
        let queries = Queries::new(of);
        let ask = async |query: &str| self.query(&of.url, token, query, now).await;
        is_kept_long_enough(&ask(&queries.kept).await?, &queries)?;
        let mut pods: BTreeMap<_, Use> = BTreeMap::new();
        for series in ask(&queries.cpu).await? {
            let (key, seconds) = series.read()?;
            pods.entry(key).or_default().cpu_seconds += seconds;
        }
        if pods.is_empty() {
            let message = format!("there is nothing about pods of projects: {}", queries.cpu);
            return Err(QueryError::NoData(message));
        }
        for series in ask(&queries.seen).await? {
            let (key, steps) = series.read()?;
            if let Some(pod) = pods.get_mut(&key) {
                pod.seen_seconds = steps * queries.step.as_secs_f64();
            }
        }
        for series in ask(&queries.memory).await? {
            let (key, bytes) = series.read()?;
            if let Some(pod) = pods.get_mut(&key) {
                pod.memory = Some(bytes);
            }
        }
        Ok(Answer { until: now, window: queries.window, step: queries.step, pods })
    }

    async fn query(&self, url: &str, token: Option<&str>, query: &str, now: Timestamp) -> Result<Vec<Series>, QueryError> {
        // Thanos would else leave out what it cannot reach, and what is left out looks unused. Prometheus does not mind.
        let form = [("query", query), ("time", &now.as_second().to_string()), ("partial_response", "false")];
        let client = self.0.client().map_err(QueryError::Unreachable)?;
        let request = client.post(format!("{}/api/v1/query", url.trim_end_matches('/'))).form(&form);
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let mut answer = request.send().await.map_err(|error| QueryError::Unreachable(why(&error, TIMEOUT)))?;
        let status = answer.status();
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| QueryError::Unreachable(why(&error, TIMEOUT)))? {
            text.extend_from_slice(&chunk);
            if text.len() > LARGEST_ANSWER {
                return Err(QueryError::BadAnswer(format!("more than {LARGEST_ANSWER} bytes")));
            }
        }
        read(status, &text)
    }
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
struct Queries {
    window: SignedDuration,
    step: SignedDuration,
    /// In how many steps there are samples of anything.
    kept: String,
    cpu: String,
    seen: String,
    memory: String,
}

impl Queries {
    fn new(of: &Utilisation) -> Self {
        let window = of.window.duration();
        let step = SignedDuration::from_secs((window.as_secs() / STEPS).max(1));
        let (over, every) = (window.as_secs(), step.as_secs());
        let anything = selector(of, r#"container!="""#);
        let pods = selector(of, r#"container!="",container!="POD",pod!="",namespace=~".+--.+""#);
        let by = "sum by (namespace, pod)";
        Self {
            window,
            step,
            kept: format!("count_over_time(count(container_cpu_usage_seconds_total{anything})[{over}s:{every}s])"),
            cpu: format!("{by} (increase(container_cpu_usage_seconds_total{pods}[{over}s]))"),
            seen: format!("count_over_time(({by} (container_cpu_usage_seconds_total{pods}))[{over}s:{every}s])"),
            memory: format!("{by} (avg_over_time(container_memory_working_set_bytes{pods}[{over}s]))"),
        }
    }
}

fn selector(of: &Utilisation, fixed: &str) -> String {
    let mut selector = format!("{{{fixed}");
    for (name, value) in &of.match_labels {
        // A JSON string is a PromQL string.
        let _ = write!(selector, ",{name}={}", serde_json::Value::from(value.as_str())); // writing to a String cannot fail
    }
    selector.push('}');
    selector
}

fn is_kept_long_enough(kept: &[Series], queries: &Queries) -> Result<(), QueryError> {
    let Some(series) = kept.first() else {
        return Err(QueryError::NoData(format!("there is nothing about containers in the whole window: {}", queries.kept)));
    };
    let (_, steps) = series.read()?;
    let (step, window) = (queries.step.as_secs_f64(), queries.window.as_secs_f64());
    if (steps + 2.0) * step < SEEN * window {
        let share = (steps * step / window * 100.0).round();
        return Err(QueryError::NoData(format!("there are samples for {share} % of the window only; wait, or make it shorter")));
    }
    Ok(())
}

fn read(status: StatusCode, text: &[u8]) -> Result<Vec<Series>, QueryError> {
    let body: Result<Body, _> = serde_json::from_slice(text);
    if !status.is_success() {
        let said = body.map(|body| body.error).unwrap_or_default();
        let said: String = said.chars().take(LONGEST_REASON).collect();
        return Err(QueryError::Refused(status, if said.is_empty() { said } else { format!(": {said}") }));
    }
    let data = body.map_err(|error| QueryError::BadAnswer(error.to_string()))?;
    let data =
        data.data.filter(|_| data.status == "success").ok_or_else(|| QueryError::BadAnswer("it has no data".to_owned()))?;
    if data.result_type != "vector" {
        return Err(QueryError::BadAnswer("its result is not a vector".to_owned()));
    }
    serde_json::from_value(data.result).map_err(|error| QueryError::BadAnswer(error.to_string()))
}

impl Series {
    /// Namespace and pod, and the number. What is no number is no answer: left out, it would look unused.
    fn read(&self) -> Result<((String, String), f64), QueryError> {
        let number: Option<f64> = self.value.1.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        let Some(number) = number else {
            let Labels { namespace, pod } = &self.metric;
            return Err(QueryError::BadAnswer(format!("{:?} of pod {namespace}/{pod} is no amount", self.value.1)));
        };
        Ok(((self.metric.namespace.clone(), self.metric.pod.clone()), number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn of(change: serde_json::Value) -> Utilisation {
        let mut of = json!({"url": "https://prometheus:9090"});
        for (key, value) in change.as_object().expect("an object") {
            of[key] = value.clone();
        }
        serde_json::from_value(of).expect("valid")
    }

    #[test]
    fn a_week_is_looked_at_in_sixty_steps() {
        let queries = Queries::new(&of(json!({"matchLabels": {"cluster": "a\"b\\c"}})));
        assert_eq!((queries.window.as_hours(), queries.step.as_secs()), (168, 10_080));
        let labels = r#"{container!="",container!="POD",pod!="",namespace=~".+--.+",cluster="a\"b\\c"}"#;
        assert_eq!(
            queries.cpu,
            format!("sum by (namespace, pod) (increase(container_cpu_usage_seconds_total{labels}[604800s]))")
        );
        assert!(queries.seen.ends_with(")[604800s:10080s])"), "{}", queries.seen);
        assert_eq!(Queries::new(&of(json!({"window": "20s"}))).step.as_secs(), 1);
    }

    #[rstest]
    #[case::good(200, r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"namespace":"t--a","pod":"p"},"value":[1,"0.5"]}]}}"#, "t--a/p 0.5")]
    #[case::nothing(200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#, "")]
    #[case::no_number(
        200,
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}}"#,
        "BadAnswer"
    )]
    #[case::less_than_nothing(
        200,
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"-1"]}]}}"#,
        "BadAnswer"
    )]
    #[case::a_matrix(200, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, "BadAnswer")]
    #[case::a_page(200, "<html>", "BadAnswer")]
    #[case::an_error(200, r#"{"status":"error","error":"x"}"#, "BadAnswer")]
    #[case::refused(422, r#"{"status":"error","errorType":"execution","error":"too many samples"}"#, "Refused")]
    #[case::elsewhere(302, "", "Refused")]
    #[case::forbidden(403, "no", "Refused")]
    fn an_answer_is_read_or_named(#[case] status: u16, #[case] text: &str, #[case] expected: &str) {
        let found = read(StatusCode::from_u16(status).expect("a status"), text.as_bytes());
        let words = found.and_then(|all| {
            let words = all.iter().map(|one| one.read().map(|((namespace, pod), number)| format!("{namespace}/{pod} {number}")));
            words.collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(words.map_or_else(|error| error.reason().to_owned(), |words| words.join(", ")), expected);
    }

    #[test]
    fn what_is_not_kept_for_the_window_is_no_data() {
        let queries = Queries::new(&of(json!({})));
        let kept = |steps: &str| [Series { metric: Labels::default(), value: (0.0, steps.to_owned()) }];
        assert!(is_kept_long_enough(&kept("60"), &queries).is_ok());
        assert!(is_kept_long_enough(&kept("52"), &queries).is_ok());
        let error = is_kept_long_enough(&kept("30"), &queries).expect_err("half of it");
        assert_eq!(error.to_string(), "there are samples for 50 % of the window only; wait, or make it shorter");
        assert_eq!(is_kept_long_enough(&[], &queries).expect_err("nothing").reason(), "NoData");
    }
}
