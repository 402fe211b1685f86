//! Waiting for what the operator does.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Long enough for a loaded machine; a test that waits this long has failed.
const LIMIT: Duration = Duration::from_secs(90);
const STEP: Duration = Duration::from_millis(50);

/// Waits until `check` says yes, and panics with what it said last if it never does.
///
/// `Ok` ends the wait; `Err` carries what is still wrong.
pub async fn eventually<T, F, Fut>(what: &str, check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    eventually_for(LIMIT, what, check).await
}

/// As [`eventually`], for at most `limit`.
pub async fn eventually_for<T, F, Fut>(limit: Duration, what: &str, check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    within(limit, check).await.unwrap_or_else(|wrong| panic!("{what} did not happen within {limit:?}: {wrong}"))
}

/// Waits for at most `limit` until `check` says yes; otherwise what it said last.
pub async fn within<T, F, Fut>(limit: Duration, mut check: F) -> Result<T, String>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        match check().await {
            Err(_) if started.elapsed() < limit => tokio::time::sleep(STEP).await,
            answer => return answer,
        }
    }
}
