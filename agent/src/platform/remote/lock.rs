//! A machine that is locked: nobody but root can sign in (pam_nologin, which holds for directory users, too), and whoever
//! is signed in can do nothing.
//!
//! That it is locked, and how it can be unlocked, is in a file of the state directory before anything is done, so a
//! restart goes on with it. `/etc/nologin` outlasts a start of the machine; one that was there first stays.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::code;
use super::host::Host;
use crate::engine::remote::{Attempts, LockTerms};
use crate::platform::consumer::Consumer;
use crate::platform::desired::DesiredFile;
use crate::platform::path::MachinePath;
use crate::platform::root::{Found, Root, RootError};
use crate::shell::files::{self, FileError};

/// Where it is written down that the machine is locked.
pub const FILE: &str = "lock.json";
/// Files whose being there keeps everybody but root from signing in: the first one outlasts a start of the machine, the
/// second is for systems on which `/etc` cannot be written to.
const NOLOGIN: [&str; 2] = ["/etc/nologin", "/run/nologin"];
const MAX_FILE: u64 = 64 << 10;
/// The longest code that is looked at, in bytes.
const MAX_CODE: usize = 128;

/// That the machine is locked, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockState {
    /// The message, and what the code is known by.
    pub terms: LockTerms,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// Wrong codes so far.
    #[serde(default)]
    pub attempts: Attempts,
    /// The file that keeps people from signing in, if the agent made it.
    #[serde(default)]
    pub nologin: Option<String>,
}

/// Why a machine could not be locked or unlocked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The state directory.
    #[error(transparent)]
    File(#[from] FileError),
    /// The machine's own files.
    #[error(transparent)]
    Root(#[from] RootError),
    /// What was written down cannot be read.
    #[error("{path} is damaged: {reason}; the server can lock the machine again, or unlock it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Sessions.
    #[error("new logins are refused, but who is signed in already was not locked out: {0}")]
    Sessions(String),
    /// There is nothing to unlock.
    #[error("the machine is not locked")]
    NotLocked,
    /// Only the server can do it.
    #[error("this lock has no code; only the administrator can undo it, over the network")]
    NoCode,
    /// It is not the code.
    #[error("that is not the code")]
    WrongCode,
    /// Too many wrong codes.
    #[error("too many wrong codes; the next one is looked at in {0} s")]
    Wait(i64),
}

/// How the machine is locked, if it is.
pub fn read(state: &Path) -> Result<Option<LockState>, LockError> {
    let path = state.join(FILE);
    let Some(content) = files::read_bounded(&path, MAX_FILE)? else { return Ok(None) };
    serde_json::from_slice(&content).map(Some).map_err(|error| LockError::Damaged { path, reason: error.to_string() })
}

fn write(state: &Path, locked: &LockState) -> Result<(), LockError> {
    files::create_private_dir(state)?;
    let content = serde_json::to_vec(locked).expect("text and numbers can always be written");
    Ok(files::replace(&state.join(FILE), &content, 0o600)?)
}

/// Locks the machine; says what was done. A lock that is there already gets the new terms.
pub(super) fn engage(
    root: &Root,
    state: &Path,
    host: &dyn Host,
    terms: &LockTerms,
    now: i64,
) -> Result<String, LockError> {
    // A damaged one tells nothing that a new lock would need, but for a file that may be ours.
    let before = read(state).unwrap_or_default();
    let mut locked = LockState {
        terms: terms.clone(),
        since: before.as_ref().map_or(now, |before| before.since),
        attempts: before
            .as_ref()
            .filter(|before| before.terms == *terms)
            .map(|before| before.attempts)
            .unwrap_or_default(),
        nologin: before.and_then(|before| before.nologin),
    };
    write(state, &locked)?;
    keep_out(root, state, &mut locked)?;
    // Whatever becomes of the sessions, whoever has the code is to find where to give it.
    host.ask_for_code(&locked.terms);
    let sessions = host.lock_sessions().map_err(LockError::Sessions)?;
    let foreign = if locked.nologin.is_none() { " (by a file that was there first)" } else { "" };
    Ok(format!("new logins are refused{foreign}; {sessions}"))
}

/// Makes the file that keeps people from signing in, unless there is one.
fn keep_out(root: &Root, state: &Path, locked: &mut LockState) -> Result<(), LockError> {
    let place = NOLOGIN.iter().find(|path| !root.is_read_only(MachinePath::new(**path).directory()));
    let path = MachinePath::new(*place.unwrap_or(&NOLOGIN[0]));
    let is_ours = locked.nologin.as_deref() == Some(path.as_str());
    if !is_ours && root.look(&path, None)? != Found::Nothing {
        return Ok(());
    }
    locked.nologin = Some(path.as_str().to_owned());
    write(state, locked)?;
    for directory in root.missing_directories(&path) {
        root.make_directory(&directory)?;
    }
    root.stage(&path, &DesiredFile::public(notice(&locked.terms), Consumer::Nobody))?;
    Ok(root.put_in_place(&path, is_ours)?)
}

/// What is shown to whoever tries to sign in.
fn notice(terms: &LockTerms) -> String {
    let message = if terms.message.is_empty() { String::new() } else { format!("{}\n", terms.message) };
    format!("This machine is locked by its administrator.\n{message}")
}

/// Unlocks the machine; says what was done.
pub(super) fn release(root: &Root, state: &Path, host: &dyn Host) -> Result<String, LockError> {
    let locked = match read(state) {
        Ok(Some(locked)) => locked,
        Ok(None) => return Ok("the machine was not locked".to_owned()),
        // Whose file it is cannot be told any more, but nobody else says what is in it.
        Err(LockError::Damaged { .. }) => LockState {
            terms: LockTerms::default(),
            since: 0,
            attempts: Attempts::default(),
            nologin: NOLOGIN.iter().find(|path| is_notice(root, path)).map(|path| (*path).to_owned()),
        },
        Err(error) => return Err(error),
    };
    if let Some(path) = &locked.nologin {
        root.remove(&MachinePath::new(path.as_str()))?;
    }
    host.release_sessions().map_err(LockError::Sessions)?;
    files::remove_file(&state.join(FILE))?;
    Ok("logins are accepted again".to_owned())
}

fn is_notice(root: &Root, path: &str) -> bool {
    root.read_text(path).is_some_and(|text| text.starts_with(notice(&LockTerms::default()).trim_end()))
}

/// Unlocks the machine if this is its code. Wrong codes cost time; that one was tried is written down before it is
/// looked at, so that ending the process in between gains nothing.
pub(super) fn unlock_with(
    root: &Root,
    state: &Path,
    host: &dyn Host,
    code: &str,
    now: i64,
) -> Result<String, LockError> {
    let mut locked = read(state)?.ok_or(LockError::NotLocked)?;
    let verifier = locked.terms.verifier.clone().ok_or(LockError::NoCode)?;
    let wait = locked.attempts.wait(now);
    if wait > 0 {
        return Err(LockError::Wait(wait));
    }
    locked.attempts.fail(now);
    write(state, &locked)?;
    if code.len() > MAX_CODE || !code::is_right(code, &verifier) {
        return Err(LockError::WrongCode);
    }
    release(root, state, host)
}
