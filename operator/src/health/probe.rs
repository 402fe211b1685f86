//! Asks one service whether it is healthy.

use std::{error::Error as _, io, time::Duration};

use govcloud_crds::service::health::Outcome;
use reqwest::Certificate;

use crate::outgoing::{Outgoing, root_cause};

/// How long a service may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks services.
///
/// Each time over a new connection, because an old one says nothing about whether a new one would come about. Of an answer
/// only the status is read.
pub struct Probe(Outgoing);

impl Probe {
    /// One that trusts what this machine trusts, and these authorities.
    pub fn new(authorities: Vec<Certificate>) -> Self {
        Self(Outgoing::new(authorities, |client| client.timeout(TIMEOUT).pool_max_idle_per_host(0)))
    }

    /// Asks once.
    pub async fn ask(&self, url: &str) -> Outcome {
        let client = match self.0.client() {
            Ok(client) => client,
            Err(why) => return Outcome::TlsFailed(why),
        };
        match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Healthy,
            Ok(answer) => Outcome::BadStatus(answer.status().as_u16()),
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &reqwest::Error) -> Outcome {
    if error.is_timeout() {
        return Outcome::TimedOut(TIMEOUT.as_secs());
    }
    let why = root_cause(error);
    if is_about_tls(error) { Outcome::TlsFailed(why) } else { Outcome::Unreachable(why) }
}

/// Whether TLS is what failed.
fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(deeper) = cause {
        if deeper.is::<rustls::Error>() || deeper.downcast_ref::<io::Error>().is_some_and(carries_tls) {
            return true;
        }
        cause = deeper.source();
    }
    false
}

/// An I/O error hides what it carries from its sources, and may carry another one.
fn carries_tls(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    inner.is::<rustls::Error>() || inner.downcast_ref::<io::Error>().is_some_and(carries_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_recognised_however_deep_it_lies() {
        let tls = || io::Error::other(rustls::Error::DecryptError);
        assert!(carries_tls(&tls()));
        assert!(carries_tls(&io::Error::other(tls())));
        assert!(!carries_tls(&io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused))));
        assert!(!carries_tls(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
