//! Sends a notice over HTTPS, once.

use std::time::Duration;

use govcloud_crds::permit::notice::{CONTENT_TYPE, Notice};
use jiff::Timestamp;
use reqwest::{
    Certificate,
    header::{CONTENT_TYPE as CONTENT_TYPE_HEADER, RETRY_AFTER},
};

use super::{backoff::retry_after, error::NotifyError, signature::Key};
use crate::outgoing::{Outgoing, why};

/// How long a receiver may take for one notice.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends notices, over https alone.
pub struct Sender(Outgoing);

impl Sender {
    /// One that trusts what this machine trusts, and these authorities.
    pub fn new(authorities: Vec<Certificate>) -> Self {
        Self(Outgoing::new(authorities, |client| client.timeout(TIMEOUT).https_only(true)))
    }

    /// Sends a notice, signed if there is a key. `Ok` means that the receiver has it.
    pub async fn send(&self, url: &str, key: Option<&Key>, notice: &Notice, now: Timestamp) -> Result<(), NotifyError> {
        let body = serde_json::to_vec(notice)
            .map_err(|source| crate::error::Error::Build { what: format!("notice {}", notice.id), source })?;
        let timestamp = now.as_second();
        let mut request = self
            .0
            .client()
            .map_err(NotifyError::Tls)?
            .post(url)
            .header(CONTENT_TYPE_HEADER, CONTENT_TYPE)
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", timestamp);
        if let Some(key) = key {
            request = request.header("webhook-signature", key.sign(&notice.id, timestamp, &body));
        }
        let answer = request.body(body).send().await.map_err(|error| NotifyError::Unreachable(why(&error, TIMEOUT)))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let asked = answer.headers().get(RETRY_AFTER).and_then(|header| retry_after(header.to_str().ok()?, now));
        Err(NotifyError::Answered { status: answer.status(), retry_after: asked })
    }
}
