//! What all connections to the outside have in common: announcements, probes, provisioners, Prometheus.
//!
//! None follows a redirection: what is asked, and the token that it is asked with, goes to where people said and nowhere else.
//! None tries anything again by itself. A proxy is used if `HTTPS_PROXY` or `ALL_PROXY` names one, and `NO_PROXY` does not
//! except the address.

use std::{error::Error as _, fs, path::Path, sync::OnceLock, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, redirect};

/// The certificates in `ca_file` (PEM), which are trusted beside those of this machine; none without a file.
pub fn authorities(ca_file: Option<&Path>) -> Result<Vec<Certificate>, String> {
    let Some(file) = ca_file else { return Ok(Vec::new()) };
    let pem = fs::read(file).map_err(|error| error.to_string())?;
    let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| root_cause(&error))?;
    if authorities.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(authorities) }
}

/// A client that is made when it is first needed: where nothing is called, nobody needs this machine's certificates.
pub struct Outgoing {
    authorities: Vec<Certificate>,
    shape: fn(ClientBuilder) -> ClientBuilder,
    client: OnceLock<Client>,
}

impl Outgoing {
    /// One that trusts what this machine trusts, and these authorities; `shape` says what else is special about it.
    pub fn new(authorities: Vec<Certificate>, shape: fn(ClientBuilder) -> ClientBuilder) -> Self {
        Self { authorities, shape, client: OnceLock::new() }
    }

    /// The client; `Err` says why there can be none.
    pub fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let _ = rustls::crypto::ring::default_provider().install_default(); // another part may have done it
        let usual = Client::builder()
            .user_agent(concat!("govcloud-operator/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .tls_certs_merge(self.authorities.iter().cloned());
        let client = (self.shape)(usual).build().map_err(|error| root_cause(&error))?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// What an error of a request comes down to, whose answer was waited for so long.
pub fn why(error: &reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() { format!("not within {} seconds", timeout.as_secs()) } else { root_cause(error) }
}

/// What it comes down to. The outer errors repeat the address, which may have a password in it.
pub fn root_cause(error: &reqwest::Error) -> String {
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
