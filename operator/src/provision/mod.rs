//! Credentials that a provisioner makes for each claim, over HTTP.

use govcloud_crds::{SharedService, conditions::Verdict};

use crate::context::Context;

/// Revokes all credentials of a claim.
///
/// # Errors
/// What the provisioner did not confirm; the claim's capacity stays taken, and it is asked again.
#[allow(clippy::unused_async, reason = "whoever asks a provisioner waits")]
pub async fn revoke(_service: &SharedService, _uid: &str, _context: &Context) -> Result<(), Verdict> {
    Err(Verdict::unknown("Revoked", "NotAsked", "This version of the operator asks no provisioner."))
}
