//! A provisioner, as docs/provisioners.md asks for one: it makes credentials for claims, and misbehaves where it is told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::postgres::{Postgres, secret_word};

const LARGEST_BODY: usize = 1 << 20;

/// What a provisioner does with what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// What it should.
    Well,
    /// It does it, and answers only when it is told something else.
    Silent,
    /// It does it, and answers this status.
    Status(StatusCode),
    /// It does nothing, and answers this.
    Says(String),
    /// It sends elsewhere.
    Redirects(String),
    /// It does nothing, and answers an endless body.
    Endless,
    /// It makes what it should, and ends nothing: whoever asks for that is answered this.
    Keeps(StatusCode),
}

/// A call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

type Credentials = BTreeMap<String, String>;

#[derive(Default)]
struct Known {
    /// Credentials that can be used, by claim and number.
    live: BTreeMap<String, BTreeMap<i32, Credentials>>,
    /// How many sets were ever made for each claim and number.
    made: BTreeMap<(String, i32), usize>,
    /// Every secret word that was ever given to anybody.
    words: BTreeSet<String>,
    calls: Vec<Call>,
}

struct Shared {
    known: Mutex<Known>,
    behaviour: watch::Sender<Behaviour>,
    token: String,
    postgres: Option<Arc<Postgres>>,
    /// One call at a time does anything.
    turn: tokio::sync::Mutex<()>,
}

/// A provisioner. It ends with the value.
pub struct Provisioner {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl Provisioner {
    /// Starts one that makes words up, or a database and roles of a server.
    pub async fn start(postgres: Option<Arc<Postgres>>) -> Self {
        let shared = Shared {
            known: Mutex::default(),
            behaviour: watch::Sender::new(Behaviour::Well),
            token: secret_word(),
            postgres,
            turn: tokio::sync::Mutex::default(),
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut provisioner = Self { address, shared: Arc::new(shared), server: None };
        provisioner.up().await;
        provisioner
    }

    /// Where it is called.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What it must be shown.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// Behaves like this from now on; whoever waits for an answer gets this one.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    /// Every call that arrived, in that order.
    pub fn calls(&self) -> Vec<Call> {
        self.known().calls.clone()
    }

    /// Everything secret that it ever gave away, and its token.
    pub fn words(&self) -> BTreeSet<String> {
        let mut words = self.known().words.clone();
        words.insert(self.shared.token.clone());
        words
    }

    /// The numbers of a claim's credentials that can be used.
    pub fn live(&self, claim: &str) -> Vec<i32> {
        self.known().live.get(claim).into_iter().flat_map(BTreeMap::keys).copied().collect()
    }

    /// How many sets were ever made for the claim and number for which most were.
    pub fn most_made(&self) -> usize {
        self.known().made.values().copied().max().unwrap_or_default()
    }

    /// Ends: nobody listens there any more.
    pub async fn down(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await; // it was aborted
        }
    }

    /// Listens where it listened before.
    pub async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the address is free");
        self.address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(receive).with_state(self.shared.clone());
        self.server = Some(tokio::spawn(async move {
            let _ = axum::serve(listener, router).await; // it ends with the provisioner
        }));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known()
    }
}

impl Drop for Provisioner {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked for, done: the answer.
    async fn done(&self, method: &Method, path: &str, query: Option<&str>) -> Response {
        let parts: Vec<_> = path.trim_start_matches("/v1/").split('/').collect();
        match (method, parts.as_slice()) {
            (&Method::PUT, ["claims", uid, "credentials", number]) => {
                let number = number.parse().expect("a number");
                (StatusCode::CREATED, json!({"credentials": self.make(uid, number).await}).to_string()).into_response()
            }
            (&Method::DELETE, ["claims", uid, "credentials"]) => {
                let before = query.and_then(|query| query.strip_prefix("before=")?.parse().ok()).expect("a number");
                self.end(uid, before).await;
                StatusCode::NO_CONTENT.into_response()
            }
            (&Method::DELETE, ["claims", uid]) => {
                self.end(uid, i32::MAX).await;
                if let Some(postgres) = &self.postgres {
                    let (database, owner) = (format!("c_{}", short(uid)), format!("o_{}", short(uid)));
                    let sql = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE);\nDROP ROLE IF EXISTS {owner}");
                    postgres.admin("postgres", &sql).await.succeeds();
                }
                let was = self.known().live.remove(*uid).is_some();
                if was { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }.into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// The same for the same number.
    async fn make(&self, uid: &str, number: i32) -> Credentials {
        if let Some(credentials) = self.known().live.get(uid).and_then(|its| its.get(&number)) {
            return credentials.clone();
        }
        let (user, password) = (format!("r_{}_{number}", short(uid)), secret_word());
        let mut credentials = Credentials::from([
            ("username".to_owned(), user.clone()),
            ("password".to_owned(), password.clone()),
            ("generation".to_owned(), number.to_string()),
        ]);
        if let Some(postgres) = &self.postgres {
            let database = open(postgres, uid, &user, &password).await;
            let port = postgres.port();
            credentials.extend([
                ("host".to_owned(), "127.0.0.1".to_owned()),
                ("port".to_owned(), port.to_string()),
                ("uri".to_owned(), format!("postgresql://{user}:{password}@127.0.0.1:{port}/{database}")),
                ("database".to_owned(), database),
            ]);
        }
        let mut known = self.known();
        known.words.insert(password);
        *known.made.entry((uid.to_owned(), number)).or_default() += 1;
        known.live.entry(uid.to_owned()).or_default().insert(number, credentials.clone());
        credentials
    }

    async fn end(&self, uid: &str, before: i32) {
        let numbers: Vec<_> = {
            let known = self.known();
            known.live.get(uid).into_iter().flat_map(BTreeMap::keys).copied().filter(|number| *number < before).collect()
        };
        for number in numbers {
            if let Some(postgres) = &self.postgres {
                let user = format!("r_{}_{number}", short(uid));
                let sql = format!(
                    "ALTER ROLE {user} NOLOGIN;\nSELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}';\nDROP ROLE {user}"
                );
                postgres.admin("postgres", &sql).await.succeeds();
            }
            if let Some(its) = self.known().live.get_mut(uid) {
                its.remove(&number);
            }
        }
    }
}

/// A database of the claim's own, to which nobody else can connect, and a role that may. What it makes there belongs to a
/// role that stays when this one is dropped.
async fn open(postgres: &Postgres, uid: &str, user: &str, password: &str) -> String {
    let (database, owner) = (format!("c_{}", short(uid)), format!("o_{}", short(uid)));
    let is_there =
        postgres.admin("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{database}'")).await.succeeds();
    if is_there.trim().is_empty() {
        let sql = format!(
            "CREATE ROLE {owner} NOLOGIN;\nCREATE DATABASE {database} OWNER {owner};\nREVOKE ALL ON DATABASE {database} FROM PUBLIC"
        );
        postgres.admin("postgres", &sql).await.succeeds();
    }
    let sql = format!("CREATE ROLE {user} LOGIN PASSWORD '{password}' IN ROLE {owner};\nALTER ROLE {user} SET role = '{owner}'");
    postgres.admin("postgres", &sql).await.succeeds();
    database
}

fn short(uid: &str) -> String {
    uid.replace('-', "")
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.expect("a body");
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let is_known = parts
        .headers
        .get(header::AUTHORIZATION)
        .is_some_and(|shown| shown.as_bytes() == format!("Bearer {}", shared.token).as_bytes());
    shared.known().calls.push(Call { method: parts.method.clone(), path, headers: parts.headers, body });
    if !is_known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut told = shared.behaviour.subscribe();
    let behaviour = told.borrow_and_update().clone();
    match behaviour {
        Behaviour::Says(text) => return (StatusCode::OK, text).into_response(),
        Behaviour::Redirects(to) => return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Behaviour::Endless => return endless(),
        Behaviour::Keeps(status) if parts.method == Method::DELETE => return status.into_response(),
        Behaviour::Keeps(_) | Behaviour::Well | Behaviour::Silent | Behaviour::Status(_) => {}
    }
    // It goes on with what it has begun also if nobody waits for the answer any more.
    let working = tokio::spawn({
        let (shared, method, uri) = (shared.clone(), parts.method, parts.uri);
        async move {
            let _turn = shared.turn.lock().await;
            shared.done(&method, uri.path(), uri.query()).await
        }
    });
    let answer = working.await.expect("it is done");
    match behaviour {
        Behaviour::Status(status) => status.into_response(),
        Behaviour::Silent => {
            let _ = told.wait_for(|behaviour| *behaviour != Behaviour::Silent).await; // it ends with the provisioner
            answer
        }
        _ => answer,
    }
}

fn endless() -> Response {
    let chunk = Bytes::from(vec![b' '; 16 * 1024]);
    let chunks = futures::stream::unfold(chunk, |chunk| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Some((Ok::<_, std::io::Error>(chunk.clone()), chunk))
    });
    axum::body::Body::from_stream(chunks).into_response()
}

/// A service whose credentials a provisioner makes, with room for so many claims; its token is in a Secret where shared
/// services run.
pub fn service(name: &str, provisioner: &Provisioner, timeout: &str, room: i64) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name},
        "spec": {
            "displayName": "National PostgreSQL", "provider": "ito", "processingClass": "relational-database",
            "interfaces": [{"name": "postgresql", "version": "15"}],
            "plans": [{"name": "small", "capacity": {"instances": "1"}}], "capacity": {"instances": room.to_string()},
            "binding": {"type": "postgresql", "provisioner": {"url": provisioner.url(), "timeout": timeout,
                "tokenFrom": {"namespace": "shared-streaming", "name": format!("{name}-token")}}},
        },
    })
}

/// The Secret with the token of such a service.
pub fn token(name: &str, provisioner: &Provisioner) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "shared-streaming", "name": format!("{name}-token"), "labels": {"govcloud.dev/bindable": "true"}},
        "stringData": {"token": provisioner.token()},
    })
}
