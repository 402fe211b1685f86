//! From where it is known how much of what was requested is really used.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Period;

/// A Prometheus that has the metrics of the cluster's containers. `docs/utilisation.md` has the formula.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.tokenFrom) || self.url.startsWith('https://')")
    .message("a token is sent over https alone; give an https:// address, or leave tokenFrom out"))]
pub struct Utilisation {
    /// The address below which `/api/v1/query` is, such as `https://prometheus.monitoring.svc:9090`.
    #[schemars(length(min = 1, max = 2000))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^@?#[:space:]]+$')")
        .message("url is the http:// or https:// address of a Prometheus, without a user, a query or a fragment; a token is named by tokenFrom"))]
    pub url: String,
    /// The Secret in the operator's namespace that holds the bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_from: Option<TokenReference>,
    /// Over how long use is looked at. What is younger is not judged.
    #[serde(default = "a_week")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10s') && duration(self) <= duration('2160h')")
        .message("window is between 10s and 2160h (90 days), and Prometheus must keep its data for as long"))]
    pub window: Period,
    /// Below this share of the requested CPU, in percent, infrastructure counts as idle.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 50))]
    pub threshold_percent: i32,
    /// How often Prometheus is asked.
    #[serde(default = "ten_minutes")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("every is between 1s and 24h; a few minutes are enough, because use is looked at over a long time"))]
    pub every: Period,
    /// Labels that tell this cluster's metrics from others in the same Prometheus, such as `cluster: national`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::common::texts::<8, 253>")]
    #[x_kube(validation = Rule::new("self.all(name, name.matches('^[a-zA-Z_][a-zA-Z0-9_]*$') && !(name in ['namespace', 'pod', 'container']))")
        .message("matchLabels are labels of metrics, letters, digits and _, other than namespace, pod and container"))]
    pub match_labels: BTreeMap<String, String>,
}

/// A token in a Secret of the operator's namespace: of others, whoever writes this could have any Secret sent anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenReference {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Under which key the token is.
    #[serde(default = "token")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn token() -> String {
    "token".to_owned()
}

fn a_week() -> Period {
    Period::hours(168)
}

fn five() -> i32 {
    5
}

fn ten_minutes() -> Period {
    Period::from("10m")
}
