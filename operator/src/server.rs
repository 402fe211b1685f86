//! `/livez`, `/readyz` and `/metrics`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// How far the operator is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Another process leads, and this one is there to take over. Kubernetes calls that ready: a rolling update waits until
    /// the new process is, and the old one leads until then.
    #[default]
    Standby,
    /// It leads, and its stores are being filled.
    Filling,
    /// It leads, and its controllers run.
    Leading,
    /// Its controllers end.
    Stopping,
}

/// What the endpoints look at. Clones are the same.
#[derive(Clone, Default)]
pub struct Health {
    phase: Arc<Mutex<Phase>>,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
}

impl Health {
    /// Says how far the operator is, from now on.
    pub fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.metrics.leader.set(i64::from(matches!(phase, Phase::Filling | Phase::Leading)));
    }

    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    match health.phase() {
        Phase::Standby => (StatusCode::OK, "standby"),
        Phase::Filling => (StatusCode::SERVICE_UNAVAILABLE, "the stores are not filled yet"),
        Phase::Leading => (StatusCode::OK, "ok"),
        Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    match health.metrics.text() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
