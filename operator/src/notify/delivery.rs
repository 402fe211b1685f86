//! Delivers what is due of one permit, in order.

use std::sync::Arc;

use govcloud_crds::{
    ProcessingPermit,
    cloud::{Notifications, SecretReference},
    permit::notice::{due, notice},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt, runtime::reflector::ObjectRef};
use tokio_util::sync::CancellationToken;

use super::{
    error::NotifyError,
    sender::Sender,
    signature::{Key, KeyError},
};
use crate::{
    context::Context,
    error::Error,
    metrics::{Metrics, NoticeOutcome},
};

/// The last change that a receiver has, whether or not that stands in the permit yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    uid: String,
    sequence: i64,
}

/// What deliveries need.
#[derive(Clone)]
pub struct Courier {
    /// The operator's.
    pub context: Arc<Context>,
    /// Sends.
    pub sender: Arc<Sender>,
    /// Ends a delivery that waits for an answer.
    pub stop: CancellationToken,
}

impl Courier {
    /// Delivers until nothing is due, or one notice cannot be delivered. After each delivery the permit says so before the
    /// next is sent; `delivered` is what was sent and is not recorded yet, so that only a crash sends something twice.
    pub async fn deliver(&self, permit: &ObjectRef<ProcessingPermit>, delivered: &mut Delivered) -> Result<(), NotifyError> {
        let api: Api<ProcessingPermit> =
            Api::namespaced(self.context.client.clone(), permit.namespace.as_deref().unwrap_or_default());
        while !self.stop.is_cancelled() {
            // Read anew: the store may not show yet what was recorded last, and it would be sent again.
            let read = api.get_opt(&permit.name).await;
            let read = read.map_err(|source| Error::Read { what: permit.to_string(), source: Box::new(source) })?;
            let Some(fresh) = read else { return Ok(()) };
            let uid = fresh.uid().unwrap_or_default();
            if delivered.uid != uid {
                *delivered = Delivered { uid, sequence: 0 };
            }
            if due(&fresh).next().is_some_and(|first| first.sequence > delivered.sequence)
                && !self.send(&fresh, delivered).await?
            {
                return Ok(());
            }
            if due(&fresh).next().is_none() {
                return Ok(());
            }
            self.record(&api, &fresh, delivered.sequence).await?;
        }
        Ok(())
    }

    /// Sends the oldest notice that is due; false if nobody wants it, or the operator is ending.
    async fn send(&self, permit: &ProcessingPermit, delivered: &mut Delivered) -> Result<bool, NotifyError> {
        let (Some(to), Some(change)) = (self.receiver(), due(permit).next()) else { return Ok(false) };
        let key = match &to.secret_ref {
            Some(secret) => Some(self.key(secret).await?),
            None => None,
        };
        let notice = notice(permit, change);
        tokio::select! {
            sent = self.sender.send(&to.url, key.as_ref(), &notice, self.context.now()) => sent?,
            () = self.stop.cancelled() => return Ok(false),
        }
        count(&self.context.metrics, "delivered");
        tracing::debug!(id = notice.id, kind = notice.kind, "notice delivered");
        delivered.sequence = change.sequence;
        Ok(true)
    }

    fn receiver(&self) -> Option<Notifications> {
        self.context.stores.cloud()?.spec.notifications.clone()
    }

    /// The key, as it is now: it may have been changed a moment ago, and nobody is told of that.
    async fn key(&self, secret: &SecretReference) -> Result<Key, NotifyError> {
        let name = format!("{}/{}", secret.namespace, secret.name);
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), &secret.namespace);
        let found = api.get_opt(&secret.name).await;
        let found = found.map_err(|source| Error::Read { what: format!("Secret {name}"), source: Box::new(source) })?;
        let value = found.and_then(|secret| secret.data?.remove("key")).ok_or(KeyError::Missing(name))?;
        Ok(Key::read(&value.0)?)
    }

    /// Writes into the permit what was delivered. If it changed meanwhile, it is read again by the next turn.
    async fn record(&self, api: &Api<ProcessingPermit>, permit: &ProcessingPermit, sequence: i64) -> Result<(), NotifyError> {
        let mut status = permit.status.clone().unwrap_or_default();
        status.notified = Some(sequence);
        let set = |permit: &mut ProcessingPermit, status| permit.status = Some(status);
        match self.context.write_status(api, permit, permit.status.as_ref(), status, set).await {
            Err(error) if !error.is_conflict() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Counts how a delivery ended.
pub fn count(metrics: &Metrics, outcome: &'static str) {
    metrics.notifications.get_or_create(&NoticeOutcome { outcome }).inc();
}
