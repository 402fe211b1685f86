//! Calls a provisioner over HTTP, once.

use std::time::Duration;

use govcloud_crds::service::Provisioner;
use reqwest::{
    Certificate, Method, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;

use super::{
    answer::{self, Entries},
    error::ProvisionError,
};
use crate::{
    notify::retry_after,
    outgoing::{Outgoing, root_cause},
};

/// An answer is waited for at most so long, whatever the service says.
const LONGEST: Duration = Duration::from_mins(1);
/// And so long if the service says nothing that can be used.
const USUAL: Duration = Duration::from_secs(10);

/// What a provisioner is told of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The service's name.
    pub service: String,
    /// The plan that the claim holds.
    pub plan: String,
    /// The agency whose claim it is.
    pub agency: String,
    /// Its project; `None` where the agency has the service in every project.
    pub project: Option<String>,
    /// The claim's name.
    pub claim: String,
    /// What it is used for.
    pub purpose: String,
}

/// Where a provisioner is, and how it is called.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    token: Option<HeaderValue>,
    timeout: Duration,
}

impl Endpoint {
    /// That of a service, which is shown a token if it has one.
    pub fn new(provisioner: &Provisioner, token: Option<HeaderValue>) -> Result<Self, ProvisionError> {
        let url = Url::parse(&provisioner.url).ok().filter(|url| !url.cannot_be_a_base() && url.host().is_some());
        let said = Duration::try_from(provisioner.timeout.duration()).unwrap_or_default();
        let timeout = if said.is_zero() { USUAL } else { said.min(LONGEST) };
        Ok(Self { url: url.ok_or(ProvisionError::NoAddress)?, token, timeout })
    }

    /// An address below its own.
    fn below(&self, path: &[&str]) -> Result<Url, ProvisionError> {
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| ProvisionError::NoAddress)?.pop_if_empty().extend(path);
        Ok(url)
    }
}

/// Calls provisioners.
pub struct Caller(Outgoing);

impl Caller {
    /// One that trusts these authorities beside those that this machine trusts.
    pub fn new(authorities: Vec<Certificate>) -> Self {
        Self(Outgoing::new(authorities, |client| client)) // each call has the timeout of its service
    }

    /// Has a claim's credentials of a number made. For the same number they are the same, however often it is called.
    pub async fn make(&self, to: &Endpoint, uid: &str, rotation: i32, request: &Request) -> Result<Entries, ProvisionError> {
        let number = rotation.to_string();
        let url = to.below(&["claims", uid, "credentials", &number])?;
        let put = self.request(to, Method::PUT, url)?.header("idempotency-key", format!("{uid}/{number}")).json(request);
        let answer = send(put, to).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => answer::credentials(&body(answer, to).await?),
            status if status.is_success() => Err(ProvisionError::BadAnswer(format!("{status} brings no credentials"))),
            _ => Err(refusal(&answer)),
        }
    }

    /// Has a claim's credentials of all lower numbers ended.
    pub async fn retire(&self, to: &Endpoint, uid: &str, before: i32) -> Result<(), ProvisionError> {
        let mut url = to.below(&["claims", uid, "credentials"])?;
        url.query_pairs_mut().append_pair("before", &before.to_string());
        self.delete(to, url).await
    }

    /// Has all of a claim's credentials ended.
    pub async fn revoke(&self, to: &Endpoint, uid: &str) -> Result<(), ProvisionError> {
        self.delete(to, to.below(&["claims", uid])?).await
    }

    /// What is not there any more is deleted. An answer that it was only taken note of is none: what could still be used
    /// would count as ended.
    async fn delete(&self, to: &Endpoint, url: Url) -> Result<(), ProvisionError> {
        let answer = send(self.request(to, Method::DELETE, url)?, to).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::NO_CONTENT | StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status if status.is_success() => Err(ProvisionError::Failing { status, retry_after: asked(&answer) }),
            _ => Err(refusal(&answer)),
        }
    }

    fn request(&self, to: &Endpoint, method: Method, url: Url) -> Result<RequestBuilder, ProvisionError> {
        let request = self.0.client().map_err(ProvisionError::Tls)?.request(method, url).timeout(to.timeout);
        Ok(match &to.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        })
    }
}

async fn send(request: RequestBuilder, to: &Endpoint) -> Result<Response, ProvisionError> {
    request.send().await.map_err(|error| failed(&error, to))
}

/// A body that is not larger than an answer may be; what is beyond is not read.
async fn body(mut answer: Response, to: &Endpoint) -> Result<Vec<u8>, ProvisionError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error, to))? {
        if body.len() + chunk.len() > answer::LARGEST {
            return Err(ProvisionError::BadAnswer(format!("it is larger than {} KiB", answer::LARGEST / 1024)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: &reqwest::Error, to: &Endpoint) -> ProvisionError {
    if error.is_timeout() { ProvisionError::TimedOut(to.timeout) } else { ProvisionError::Unreachable(root_cause(error)) }
}

fn refusal(answer: &Response) -> ProvisionError {
    let status = answer.status();
    let for_now = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_EARLY].contains(&status);
    if status.is_redirection() {
        ProvisionError::Redirected(status)
    } else if status.is_server_error() || for_now {
        ProvisionError::Failing { status, retry_after: asked(answer) }
    } else {
        ProvisionError::Refused(status)
    }
}

fn asked(answer: &Response) -> Option<Duration> {
    let header = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    retry_after(header, crate::clock::now())
}

#[cfg(test)]
mod tests {
    use govcloud_crds::common::Period;
    use rstest::rstest;

    use super::*;

    fn endpoint(url: &str, timeout: &str) -> Result<Endpoint, ProvisionError> {
        Endpoint::new(&Provisioner { url: url.to_owned(), token_from: None, timeout: Period::from(timeout) }, None)
    }

    #[rstest]
    #[case("https://p.example", "https://p.example/claims/u/credentials/0")]
    #[case("https://p.example/", "https://p.example/claims/u/credentials/0")]
    #[case("https://p.example/v1/", "https://p.example/v1/claims/u/credentials/0")]
    #[case("http://p.example:8080/v1?pool=2", "http://p.example:8080/v1/claims/u/credentials/0?pool=2")]
    fn what_is_called_is_below_the_address(#[case] url: &str, #[case] called: &str) {
        let called_at = endpoint(url, "10s").expect("an address").below(&["claims", "u", "credentials", "0"]);
        assert_eq!(called_at.expect("an address").as_str(), called);
    }

    #[rstest]
    #[case("https://")]
    #[case("https:// /")]
    #[case("mailto:somebody@example.com")]
    fn what_is_no_address_is_said_to_be_none(#[case] url: &str) {
        assert_eq!(endpoint(url, "10s").err(), Some(ProvisionError::NoAddress));
    }

    #[rstest]
    #[case("3s", 3)]
    #[case("1h", 60)]
    #[case("0s", 10)]
    #[case("-5s", 10)]
    fn an_answer_is_waited_for_at_most_a_minute(#[case] said: &str, #[case] seconds: u64) {
        assert_eq!(endpoint("https://p.example", said).expect("an address").timeout, Duration::from_secs(seconds));
    }
}
