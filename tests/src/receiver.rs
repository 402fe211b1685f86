//! A receiver of notices: an HTTPS server with a certificate of its own authority, which records what it is sent and answers
//! what it is told to.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

const LARGEST_BODY: usize = 1 << 20;

/// What a receiver does with what it is sent. It is recorded in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answers with this status.
    With(StatusCode),
    /// It sends elsewhere: to another path of its own.
    Redirect,
    /// It does not answer before it is told something else.
    Silence,
}

/// A notice as it arrived, and what the receiver answered.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path that it was sent to.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte by byte.
    pub body: Bytes,
    /// Whether the answer was that it was taken.
    pub taken: bool,
}

impl Received {
    /// The event in it.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("an event in JSON")
    }

    /// The id of the event.
    pub fn id(&self) -> String {
        self.event()["id"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Clone)]
struct Shared {
    received: Arc<Mutex<Vec<Received>>>,
    answer: watch::Sender<Answer>,
}

/// A receiver. It ends with the value.
pub struct Receiver {
    address: SocketAddr,
    ca_file: PathBuf,
    tls: TlsAcceptor,
    shared: Shared,
    server: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one that takes everything; its authority's certificate is written into a folder.
    pub async fn start(folder: &Path) -> Self {
        let (tls, ca) = tls();
        let ca_file = folder.join("receiver-ca.pem");
        std::fs::write(&ca_file, ca).expect("a file");
        let shared = Shared { received: Arc::default(), answer: watch::Sender::new(Answer::With(StatusCode::OK)) };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut receiver = Self { address: any, ca_file, tls, shared, server: None };
        receiver.up().await;
        receiver
    }

    /// Where notices are to be sent.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}/{path}", self.address)
    }

    /// The certificate of its authority.
    pub fn ca_file(&self) -> String {
        self.ca_file.to_string_lossy().into_owned()
    }

    /// Answers like this from now on; whoever waits for an answer gets this one.
    pub fn answer(&self, answer: Answer) {
        self.shared.answer.send_replace(answer);
    }

    /// Everything that arrived, in that order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// What arrived and was taken.
    pub fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.taken).collect()
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
        let listener = Tls { listener, acceptor: self.tls.clone() };
        let router = Router::new().fallback(receive).with_state(self.shared.clone());
        self.server = Some(tokio::spawn(async move {
            let _ = axum::serve(listener, router).await; // it ends with the receiver
        }));
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}

async fn receive(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.expect("a body");
    let mut told = shared.answer.subscribe();
    let index = {
        let mut received = lock(&shared.received);
        received.push(Received { path: parts.uri.path().to_owned(), headers: parts.headers, body, taken: false });
        received.len() - 1
    };
    let answer = told.wait_for(|answer| *answer != Answer::Silence).await.map_or(Answer::Silence, |answer| *answer);
    // A connection of its own for each: no connection outlives the receiver that is down.
    let close = (header::CONNECTION, "close");
    match answer {
        Answer::With(status) => {
            lock(&shared.received)[index].taken = status.is_success();
            (status, [close]).into_response()
        }
        Answer::Redirect => (StatusCode::TEMPORARY_REDIRECT, [close, (header::LOCATION, "/elsewhere")]).into_response(),
        Answer::Silence => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server for 127.0.0.1, and the certificate of the authority that vouches for it, in PEM.
fn tls() -> (TlsAcceptor, String) {
    let Identity { certificate, key, authority } = Identity::new();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).expect("a configuration");
    (TlsAcceptor::from(Arc::new(config)), authority)
}

/// What a server on 127.0.0.1 shows who it is with, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The certificate of the authority that vouches for it.
    pub authority: String,
}

impl Identity {
    /// A new one, of a new authority.
    #[allow(clippy::new_without_default, reason = "it makes keys, which nobody expects of a default")]
    pub fn new() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key).expect("a certificate").pem();
        let issuer = Issuer::from_ca_cert_pem(&authority, ca_key).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let certificate = server.signed_by(&key, &issuer).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem(), authority }
    }
}

/// Connections that have agreed on TLS; one that does not is dropped.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
