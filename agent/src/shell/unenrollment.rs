//! The end of an enrollment on this machine: what the agent made is given back by the ledger, then what is kept of the
//! enrollment goes, the identity last. Each step can be repeated, so that a process that is killed anywhere, or a file that
//! cannot be removed, leaves a machine on which [`finish`] goes on. Refuses to know why an enrollment ends, and tells no
//! server.

use std::path::PathBuf;

use super::compliance;
use super::files::{self, FileError};
use super::identity::{Identity, IdentityError};
use super::paths::Paths;
use crate::engine::application::DriftReport;
use crate::platform::force::{Platform, PlatformError};
use crate::platform::ledger::LedgerError;
use crate::platform::remote::lock::LockError;

/// There from before the first step until after the last one.
const UNFINISHED: &str = "unenrolling";

/// Something of an enrollment that has ended is still on this machine.
#[derive(Debug, thiserror::Error)]
pub enum UnenrollmentError {
    /// The machine could not be unlocked.
    #[error("the machine could not be unlocked: {0}")]
    Locked(#[from] LockError),
    /// The ledger could not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the agent made could not be removed.
    #[error(transparent)]
    Machine(#[from] PlatformError),
    /// The identity or the profile store could not be removed.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file of the state directory could not be removed.
    #[error(transparent)]
    File(#[from] FileError),
}

fn marker(paths: &Paths) -> PathBuf {
    paths.state.join(UNFINISHED)
}

/// Whether an enrollment was ended here, and not to the last step.
pub fn is_unfinished(paths: &Paths) -> bool {
    marker(paths).exists()
}

/// Whether anything of an enrollment is here that [`finish`] would remove, whatever became of its identity.
pub fn has_leftovers(paths: &Paths, platform: &Platform) -> bool {
    // A ledger that cannot be read is no sign of an empty one.
    let is_clean = platform.ledger().is_ok_and(|ledger| ledger.is_empty());
    let is_locked = !platform.lock_state().is_ok_and(|locked| locked.is_none());
    is_unfinished(paths) || paths.identity().exists() || compliance::is_kept(paths) || is_locked || !is_clean
}

/// Removes what is here of an enrollment whose identity is gone, though nobody has ended it: it may come back from a
/// backup, and then counts. Blocks.
pub fn sweep(paths: &Paths, platform: &Platform, drift: &mut Vec<DriftReport>) -> Result<(), UnenrollmentError> {
    platform.clear(drift)?;
    Ok(compliance::forget(paths)?)
}

/// Removes what is here of an enrollment. Where something cannot be removed from the machine, identity and profiles go all
/// the same, and the ledger stays for the next attempt. What others had changed is added to `drift`, for the history.
/// Nobody may have the store open. Blocks.
pub fn finish(paths: &Paths, platform: &Platform, drift: &mut Vec<DriftReport>) -> Result<(), UnenrollmentError> {
    // From here on the device is not enrolled, whatever else is still there of it.
    match files::replace(&marker(paths), b"", 0o600) {
        Err(error) if !error.is_full() => return Err(error.into()),
        // Nothing can be kept before something is removed.
        _ => {}
    }
    // Nobody would be left who could unlock it.
    let unlocked = platform.unlock();
    let cleared = platform.clear(drift);
    let forgotten = compliance::forget(paths);
    Identity::remove(paths)?;
    unlocked?;
    // Where the disk was full there is room now.
    let is_worth_another = |error: &PlatformError| error.is_full() || matches!(error, PlatformError::Left { .. });
    if cleared.as_ref().is_err_and(is_worth_another) { platform.clear(drift) } else { cleared }?;
    forgotten?;
    forget_marker(paths)
}

/// Makes room for a new enrollment: what is left of the former one and cannot be removed now stays in the ledger, by which
/// it is tried again whenever the machine is brought in line.
pub fn make_room(paths: &Paths, platform: &Platform, drift: &mut Vec<DriftReport>) -> Result<(), UnenrollmentError> {
    if is_unfinished(paths) {
        match finish(paths, platform, drift) {
            Ok(()) => return Ok(()),
            // The new server would know nothing of it.
            Err(error @ UnenrollmentError::Locked(_)) => return Err(error),
            Err(error) => tracing::warn!(%error, "files of the former enrollment are left on this machine"),
        }
        Identity::remove(paths)?;
        forget_marker(paths)?;
    }
    Ok(platform.forget_drift()?)
}

fn forget_marker(paths: &Paths) -> Result<(), UnenrollmentError> {
    files::remove_file(&marker(paths))?;
    Ok(files::sync_dir(&paths.state)?)
}
