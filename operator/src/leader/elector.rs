//! Reads and writes the lease.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Gate, LEASE, Lost,
    rules::{self, Observed, RENEW, RETRY, TRUST, Verdict},
};
use crate::clock;

/// An attempt that takes longer is given up: two of them fit into [`TRUST`].
const ATTEMPT: Duration = Duration::from_secs(3);

/// Waits for the lease, and keeps it.
pub struct Elector {
    leases: Api<Lease>,
    identity: String,
    gate: Gate,
    observed: Observed,
}

impl Elector {
    /// `client` writes the lease, so it must not be behind `gate`, which opens and closes with the lease.
    pub fn new(client: Client, namespace: &str, identity: &str, gate: Gate) -> Self {
        Self { leases: Api::namespaced(client, namespace), identity: identity.to_owned(), gate, observed: Observed::default() }
    }

    /// Waits until this process holds the lease, which it keeps from then on.
    pub async fn lead(mut self) -> Term {
        let mut said = None;
        loop {
            let sent = Instant::now();
            let pause = match timeout(ATTEMPT, self.attempt()).await {
                Ok(Ok(Attempt::Taken(lease))) => {
                    self.gate.trust_until(sent + TRUST);
                    tracing::info!(identity = self.identity, "holds the lease; leads");
                    return Term::begin(Holder { leases: self.leases, lease: *lease, gate: self.gate });
                }
                Ok(Ok(Attempt::Held { holder, left })) => {
                    if said.as_ref() != Some(&holder) {
                        tracing::info!(identity = self.identity, holder, "stands by");
                        said = Some(holder);
                    }
                    rules::pause(left, spread())
                }
                Ok(Err(error)) if code(&error) == Some(409) => rules::jitter(RETRY, spread()), // somebody else was first
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot take the lease; tried again");
                    rules::jitter(RENEW, spread())
                }
                Err(_) => rules::jitter(RETRY, spread()),
            };
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self) -> Result<Attempt, kube::Error> {
        let sent = Instant::now();
        let params = PostParams::default();
        let Some(lease) = self.leases.get_opt(LEASE).await? else {
            let metadata = ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() };
            let spec = rules::taken(&LeaseSpec::default(), &self.identity, clock::precisely_now());
            let created = self.leases.create(&params, &Lease { metadata, spec: Some(spec) }).await?;
            return Ok(Attempt::Taken(Box::new(created)));
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let unchanged = self.observed.look(&spec, sent, Instant::now());
        match rules::judge(&spec, unchanged) {
            Verdict::Wait(left) => Ok(Attempt::Held { holder: spec.holder_identity.unwrap_or_default(), left }),
            Verdict::Take => {
                // It carries the version that was read: of several who take it, one succeeds, and none if it was renewed.
                let spec = Some(rules::taken(&spec, &self.identity, clock::precisely_now()));
                let written = self.leases.replace(LEASE, &params, &Lease { spec, ..lease }).await?;
                Ok(Attempt::Taken(Box::new(written)))
            }
        }
    }
}

enum Attempt {
    Taken(Box<Lease>),
    Held { holder: String, left: Duration },
}

/// The time during which this process leads.
pub struct Term {
    /// `None` for an operator that is alone.
    keeping: Option<JoinHandle<Option<Lost>>>,
    end: CancellationToken,
}

impl Term {
    /// That of an operator that is alone: it is never lost.
    pub fn alone() -> Self {
        Self { keeping: None, end: CancellationToken::new() }
    }

    fn begin(holder: Holder) -> Self {
        let end = CancellationToken::new();
        Self { keeping: Some(tokio::spawn(holder.keep(end.clone()))), end }
    }

    /// Waits until the lease is lost; the term is over then. Forever if this operator is alone.
    pub async fn lost(&mut self) -> Lost {
        let Some(keeping) = &mut self.keeping else { return std::future::pending().await };
        let ended = keeping.await;
        self.keeping = None;
        ended.ok().flatten().unwrap_or_else(|| Lost::Late { wrong: "the task that renews it ended".to_owned() })
    }

    /// Gives the lease to whoever is next, and lets no write through from then on. A lease that cannot be released runs out.
    pub async fn release(self) {
        self.end.cancel();
        if let Some(keeping) = self.keeping {
            let _ = keeping.await; // what became of it is logged there
        }
    }
}

/// Whoever holds the lease.
struct Holder {
    leases: Api<Lease>,
    /// As it was written last by this process.
    lease: Lease,
    gate: Gate,
}

/// Why a renewal did not succeed.
enum Failure {
    Lost(Lost),
    /// It may succeed when it is tried again.
    Passing(String),
}

impl Holder {
    /// Renews the lease until it is lost, or until `end`, when it is released.
    async fn keep(mut self, end: CancellationToken) -> Option<Lost> {
        let (mut pause, mut wrong) = (RENEW, "the process stood still".to_owned());
        loop {
            tokio::select! {
                () = end.cancelled() => {
                    self.release().await;
                    return None;
                }
                () = sleep(pause.min(self.gate.left(Instant::now()))) => {}
            }
            // Looked at before anything is sent: a process that was stopped must not win back what it lost meanwhile.
            let (sent, left) = (Instant::now(), self.gate.left(Instant::now()));
            if left.is_zero() {
                return Some(Lost::Late { wrong });
            }
            match timeout(ATTEMPT.min(left), self.renew()).await {
                Ok(Ok(())) => {
                    self.gate.trust_until(sent + TRUST);
                    (pause, wrong) = (RENEW, "the process stood still".to_owned());
                    continue;
                }
                Ok(Err(Failure::Lost(lost))) => {
                    self.gate.close();
                    return Some(lost);
                }
                Ok(Err(Failure::Passing(error))) => wrong = error,
                Err(_) => wrong = format!("no answer within {:.1} s", ATTEMPT.min(left).as_secs_f64()),
            }
            tracing::warn!(error = wrong, "the lease is not renewed; tried again");
            pause = rules::jitter(RETRY, spread());
        }
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        self.write(rules::renewed(&self.mine(), clock::precisely_now())).await
    }

    async fn release(&mut self) {
        self.gate.close();
        let releasing = async {
            // Once more if the lease was changed without being taken, such as by an annotation.
            match self.write(rules::released(&self.mine(), clock::precisely_now())).await {
                Err(Failure::Passing(_)) => self.write(rules::released(&self.mine(), clock::precisely_now())).await,
                other => other,
            }
        };
        let wrong = match timeout(ATTEMPT, releasing).await {
            Ok(Ok(())) => return tracing::info!("released the lease"),
            Ok(Err(Failure::Lost(lost))) => lost.to_string(),
            Ok(Err(Failure::Passing(error))) => error,
            Err(_) => format!("no answer within {ATTEMPT:?}"),
        };
        tracing::warn!(error = wrong, "cannot release the lease; it runs out");
    }

    /// Writes the lease over the version that this process knows. If that is not the newest, this process learns the newest
    /// one, provided that it is still of the same term.
    async fn write(&mut self, spec: LeaseSpec) -> Result<(), Failure> {
        let lease = Lease { spec: Some(spec), ..self.lease.clone() };
        let error = match self.leases.replace(LEASE, &PostParams::default(), &lease).await {
            Ok(written) => {
                self.lease = written;
                return Ok(());
            }
            Err(error) => error,
        };
        match code(&error) {
            Some(404) => Err(Failure::Lost(Lost::Gone)),
            Some(409) => self.learn().await,
            _ => Err(Failure::Passing(error.to_string())),
        }
    }

    async fn learn(&mut self) -> Result<(), Failure> {
        let found = self.leases.get_opt(LEASE).await.map_err(|error| Failure::Passing(error.to_string()))?;
        let Some(found) = found else { return Err(Failure::Lost(Lost::Gone)) };
        let spec = found.spec.clone().unwrap_or_default();
        if rules::is_same_term(&spec, &self.mine()) {
            self.lease = found;
            return Err(Failure::Passing("it was changed in the meantime".to_owned()));
        }
        let holder = spec.holder_identity.unwrap_or_default();
        Err(Failure::Lost(if holder.is_empty() { Lost::Gone } else { Lost::Taken(holder) }))
    }

    fn mine(&self) -> LeaseSpec {
        self.lease.spec.clone().unwrap_or_default()
    }
}

fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error { Some(status.code) } else { None }
}

/// Another number each time: every `RandomState` has other keys.
fn spread() -> u32 {
    u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default()
}
