//! Sends a notice over HTTPS, once.

use std::{error::Error as _, fs, path::Path, sync::OnceLock, time::Duration};

use govcloud_crds::permit::notice::{CONTENT_TYPE, Notice};
use jiff::Timestamp;
use reqwest::{
    Certificate, Client,
    header::{CONTENT_TYPE as CONTENT_TYPE_HEADER, RETRY_AFTER},
    redirect,
};

use super::{backoff::retry_after, error::NotifyError, signature::Key};

/// How long a receiver may take for one notice.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The certificates in `ca_file` (PEM), which whoever calls outside trusts beside what this machine trusts.
pub fn authorities(ca_file: Option<&Path>) -> Result<Vec<Certificate>, String> {
    let Some(file) = ca_file else { return Ok(Vec::new()) };
    let pem = fs::read(file).map_err(|error| error.to_string())?;
    let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| root_cause(&error, TIMEOUT))?;
    if authorities.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(authorities) }
}

/// Sends notices.
///
/// It follows no redirection: a decision goes to where the cloud operators said, and nowhere else. A proxy is used if
/// `HTTPS_PROXY` or `ALL_PROXY` names one, and `NO_PROXY` does not except the receiver.
pub struct Sender {
    authorities: Vec<Certificate>,
    client: OnceLock<Client>,
}

impl Sender {
    /// One that trusts what this machine trusts, and these authorities.
    pub fn new(authorities: Vec<Certificate>) -> Self {
        Self { authorities, client: OnceLock::new() }
    }

    /// The certificates in `ca_file`, which other outgoing connections trust as well.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// Sends a notice, signed if there is a key. `Ok` means that the receiver has it.
    pub async fn send(&self, url: &str, key: Option<&Key>, notice: &Notice, now: Timestamp) -> Result<(), NotifyError> {
        let body = serde_json::to_vec(notice)
            .map_err(|source| crate::error::Error::Build { what: format!("notice {}", notice.id), source })?;
        let timestamp = now.as_second();
        let mut request = self
            .client()?
            .post(url)
            .header(CONTENT_TYPE_HEADER, CONTENT_TYPE)
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", timestamp);
        if let Some(key) = key {
            request = request.header("webhook-signature", key.sign(&notice.id, timestamp, &body));
        }
        let answer = request.body(body).send().await.map_err(|error| NotifyError::Unreachable(root_cause(&error, TIMEOUT)))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let asked = answer.headers().get(RETRY_AFTER).and_then(|header| retry_after(header.to_str().ok()?, now));
        Err(NotifyError::Answered { status: answer.status(), retry_after: asked })
    }

    /// It is made when it is first needed: where nothing is announced, nobody needs this machine's certificates.
    fn client(&self) -> Result<&Client, NotifyError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let _ = rustls::crypto::ring::default_provider().install_default(); // another part may have done it
        let client = Client::builder()
            .user_agent(concat!("govcloud-operator/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .https_only(true)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_certs_merge(self.authorities.iter().cloned())
            .build()
            .map_err(|error| NotifyError::Tls(root_cause(&error, TIMEOUT)))?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// What it comes down to. The outer errors repeat the address, which may have a password in it.
pub fn root_cause(error: &reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() {
        return format!("not within {} seconds", timeout.as_secs());
    }
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "the address cannot be used".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_no_ca_file() {
        let file = std::env::temp_dir().join(format!("govcloud-no-ca-{}", std::process::id()));
        std::fs::write(&file, "nothing").expect("a file");
        assert_eq!(authorities(Some(&file)).err().as_deref(), Some("there is no certificate in it"));
        let _ = std::fs::remove_file(&file);
        assert!(authorities(Some(&file)).is_err());
        assert!(authorities(None).is_ok());
    }
}
