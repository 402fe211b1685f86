//! A way to the API server on which a write can be held back.
//!
//! An operator that is given [`Gate::kubeconfig`] reaches the API server through here, with the operator's own credential.
//! A write that is held is one that its sender has decided on and sent, and that nobody has received yet: what becomes of
//! it when it arrives late is then a question that a test can ask every time, not only when it is lucky.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use kube::Client;
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{Cloud, people};

const LARGEST_BODY: usize = 16 << 20;

/// A way to the API server for one operator.
pub struct Gate {
    kubeconfig: PathBuf,
    next: Arc<Mutex<Option<Trap>>>,
    server: JoinHandle<()>,
}

/// What is held back: the first write of this method whose path has this text.
struct Trap {
    method: Method,
    path: String,
    caught: oneshot::Sender<Caught>,
}

/// A write on its way.
struct Caught {
    released: oneshot::Sender<()>,
    answered: oneshot::Receiver<StatusCode>,
}

/// A write that will be held back, once it is sent.
pub struct Waiting(oneshot::Receiver<Caught>);

/// A write that is held back.
pub struct Held(Caught);

#[derive(Clone)]
struct Way {
    client: Client,
    name: HeaderValue,
    next: Arc<Mutex<Option<Trap>>>,
}

impl Gate {
    /// Opens one; what passes it says `name` as its user agent, by which the audit log tells it from others.
    pub async fn open(cloud: &Cloud, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let next = Arc::new(Mutex::new(None));
        let name_header = HeaderValue::from_str(name).expect("a name");
        let way = Way { client: cloud.client(people::OPERATOR).await, name: name_header, next: next.clone() };
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, Router::new().fallback(pass).with_state(way)).await; // it ends with the gate
        });
        let kubeconfig = cloud.plane.dir().join(format!("kubeconfig-{name}"));
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": people::OPERATOR,
            "clusters": [{"name": "gate", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": people::OPERATOR, "user": {}}],
            "contexts": [{"name": people::OPERATOR, "context": {"cluster": "gate", "user": people::OPERATOR}}],
        });
        std::fs::write(&kubeconfig, content.to_string()).expect("a kubeconfig");
        Self { kubeconfig, next, server }
    }

    /// The kubeconfig that leads here.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Holds back the next write of this method whose path has this text.
    pub fn hold(&self, method: Method, path: &str) -> Waiting {
        let (caught, waiting) = oneshot::channel();
        let trap = Trap { method, path: path.to_owned(), caught };
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(trap);
        Waiting(waiting)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Waiting {
    /// Waits until such a write is sent.
    pub async fn caught(self) -> Held {
        Held(self.0.await.expect("the gate is open"))
    }
}

impl Held {
    /// Lets it pass; what the API server answers.
    pub async fn release(self) -> u16 {
        let _ = self.0.released.send(()); // its sender may have gone
        self.0.answered.await.map_or(0, |status| status.as_u16())
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    let trap = {
        let mut next = way.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.take_if(|trap| trap.method == request.method() && request.uri().path().contains(&trap.path))
    };
    let Some(trap) = trap else { return forward(&way, request).await };
    let (released, release) = oneshot::channel();
    let (answer, answered) = oneshot::channel();
    let _ = trap.caught.send(Caught { released, answered }); // if nobody waits for it, it is released at once
    let _ = release.await;
    // Whoever sent it may give up meanwhile; what was sent arrives nevertheless.
    let forwarded = tokio::spawn(async move { forward(&way, request).await });
    let response = forwarded.await.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response());
    let _ = answer.send(response.status());
    response
}

async fn forward(way: &Way, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(header::HOST);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::USER_AGENT, way.name.clone());
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let request = Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    match way.client.send(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
