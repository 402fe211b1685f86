//! The write gate: no write leaves the process unless its lease was renewed within the time for which it may be trusted.
//!
//! A process may be stopped between any two instructions, for any time: by its node, or by a debugger. When it goes on it does
//! not know that time has passed until it looks at the clock. So the clock is looked at where writes leave, and not only where
//! the lease is renewed.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{Method, Request};
use tower::{BoxError, Layer, Service};

/// Why a write was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sent: this process does not hold the lease, or has not renewed it in time")]
pub struct Closed;

#[derive(Clone, Copy, Debug)]
enum Until {
    Never,
    Moment(Instant),
    Always,
}

/// Until when this process may write. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Mutex<Until>>);

impl Gate {
    /// One that is open for good: of an operator that is alone.
    pub fn open() -> Self {
        Self(Arc::new(Mutex::new(Until::Always)))
    }

    /// One that is closed until the lease is held.
    pub fn closed() -> Self {
        Self(Arc::new(Mutex::new(Until::Never)))
    }

    /// Lets writes through until then, which may be past already.
    pub fn trust_until(&self, moment: Instant) {
        self.set(Until::Moment(moment));
    }

    /// Lets nothing through any more.
    pub fn close(&self) {
        self.set(Until::Never);
    }

    /// For how long it stays open without another renewal; zero when it is closed.
    pub fn left(&self, now: Instant) -> Duration {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Until::Never => Duration::ZERO,
            Until::Moment(moment) => moment.saturating_duration_since(now),
            Until::Always => Duration::MAX,
        }
    }

    /// Whether writes pass now.
    pub fn is_open(&self) -> bool {
        !self.left(Instant::now()).is_zero()
    }

    fn set(&self, until: Until) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// Puts a client's requests behind a [`Gate`].
#[derive(Clone, Debug)]
pub struct GateLayer(pub Gate);

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.0.clone() }
    }
}

/// A service whose writes are behind a [`Gate`].
#[derive(Clone, Debug)]
pub struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S, B> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>>,
    S::Response: 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    /// The gate is looked at each time the request makes a step, not only at the first: until it is on the wire it may wait
    /// for a token, a connection, or the next of its retries, and the process may be stopped in all of these.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        if !reads && !self.gate.is_open() {
            return Box::pin(async { Err(Closed.into()) });
        }
        let mut answer = Box::pin(self.inner.call(request));
        let gate = self.gate.clone();
        Box::pin(poll_fn(move |context| {
            if reads || gate.is_open() {
                answer.as_mut().poll(context).map_err(Into::into)
            } else {
                Poll::Ready(Err(Closed.into()))
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        future::ready,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use http::Response;
    use rstest::rstest;
    use tokio::sync::Notify;
    use tower::{ServiceExt, service_fn};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn request(method: &Method) -> Request<()> {
        Request::builder().method(method).uri("/api/v1/namespaces").body(()).expect("a request")
    }

    /// Sends a request through a gate; what came of it, and how many requests arrived behind the gate.
    async fn sent(gate: &Gate, method: &Method) -> (Result<(), String>, usize) {
        let arrived = AtomicUsize::new(0);
        let answer = {
            let inner = service_fn(|_: Request<()>| {
                arrived.fetch_add(1, Ordering::SeqCst);
                ready(Ok::<_, Infallible>(Response::new(())))
            });
            GateLayer(gate.clone()).layer(inner).oneshot(request(method)).await
        };
        (answer.map(drop).map_err(|error| error.to_string()), arrived.load(Ordering::SeqCst))
    }

    fn expired() -> Gate {
        let gate = Gate::closed();
        gate.trust_until(Instant::now());
        gate
    }

    fn renewed() -> Gate {
        let gate = Gate::closed();
        gate.trust_until(Instant::now() + MINUTE);
        gate
    }

    #[rstest]
    #[tokio::test]
    async fn no_write_passes_a_closed_gate(
        #[values(Gate::closed(), expired())] gate: Gate,
        #[values(Method::POST, Method::PUT, Method::PATCH, Method::DELETE)] method: Method,
    ) {
        assert_eq!(sent(&gate, &method).await, (Err(Closed.to_string()), 0));
    }

    #[rstest]
    #[tokio::test]
    async fn reads_pass_a_closed_gate(
        #[values(Gate::closed(), expired())] gate: Gate,
        #[values(Method::GET, Method::HEAD)] method: Method,
    ) {
        assert_eq!(sent(&gate, &method).await, (Ok(()), 1));
    }

    #[rstest]
    #[tokio::test]
    async fn writes_pass_while_the_lease_is_trusted_or_nobody_elects(
        #[values(Gate::open(), renewed())] gate: Gate,
        #[values(Method::POST, Method::PUT, Method::PATCH, Method::DELETE)] method: Method,
    ) {
        assert_eq!(sent(&gate, &method).await, (Ok(()), 1));
    }

    #[tokio::test]
    async fn a_renewal_opens_it_again_and_closing_shuts_it() {
        let gate = expired();
        gate.trust_until(Instant::now() + MINUTE);
        assert!(sent(&gate, &Method::PUT).await.0.is_ok());
        gate.close();
        assert!(sent(&gate, &Method::PUT).await.0.is_err());
    }

    /// What a request does that waits for a connection, or for its next try, while the process is stopped.
    #[rstest]
    #[case(Method::PUT, 0)]
    #[case(Method::GET, 1)]
    #[tokio::test]
    async fn a_write_that_waited_past_the_time_does_not_go_on(#[case] method: Method, #[case] on_the_wire: usize) {
        let (gate, connected, wire) = (renewed(), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let inner = service_fn(|_: Request<()>| {
            let (connected, wire) = (connected.clone(), wire.clone());
            async move {
                connected.notified().await;
                wire.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Response::new(()))
            }
        });
        let mut answer = GateLayer(gate.clone()).layer(inner).oneshot(request(&method));
        assert!(futures::poll!(&mut answer).is_pending(), "it waits for its connection");
        gate.trust_until(Instant::now());
        connected.notify_one();
        assert_eq!(answer.await.is_ok(), on_the_wire == 1);
        assert_eq!(wire.load(Ordering::SeqCst), on_the_wire);
    }
}
