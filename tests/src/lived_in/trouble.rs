//! What goes wrong under the agent's hands: it is killed, the disk is full, a file cannot be touched.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mdm_agent::platform::root::{Interference, Operation};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Nothing,
    /// After so many changes of the machine the process is killed.
    Kill(usize),
    /// After so many writes the disk is full.
    Full(usize),
    /// One of the agent's files cannot be touched.
    Stuck(usize),
}

/// Trouble under way; the same for every look of one process at its machine.
#[derive(Debug)]
pub(super) struct Spell {
    trouble: Trouble,
    left: AtomicUsize,
    /// The file that cannot be touched.
    stuck: Option<String>,
    /// Whether anything has failed.
    struck: Mutex<bool>,
}

/// Trouble as the root asks for it.
pub(super) struct Cast(pub(super) Arc<Spell>);

impl Spell {
    pub(super) fn new(trouble: Trouble, stuck: Option<String>) -> Arc<Self> {
        let left = match trouble {
            Trouble::Kill(count) | Trouble::Full(count) => count,
            Trouble::Nothing | Trouble::Stuck(_) => usize::MAX,
        };
        Arc::new(Self { trouble, left: AtomicUsize::new(left), stuck, struck: Mutex::new(false) })
    }

    /// Whether anything has failed.
    pub(super) fn has_struck(&self) -> bool {
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process is dead.
    pub(super) fn has_killed(&self) -> bool {
        matches!(self.trouble, Trouble::Kill(_)) && self.has_struck()
    }

    fn strike(&self, error: io::Error) -> io::Result<()> {
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Err(error)
    }

    fn is_spent(&self) -> bool {
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }
}

impl Interference for Cast {
    fn before(&self, operation: &Operation) -> io::Result<()> {
        let spell = &self.0;
        match spell.trouble {
            Trouble::Nothing => Ok(()),
            Trouble::Kill(_) if spell.is_spent() => spell.strike(io::Error::other("the process was killed")),
            Trouble::Full(_) if writes(operation) && spell.is_spent() => {
                spell.strike(io::ErrorKind::StorageFull.into())
            }
            Trouble::Stuck(_) if file_of(operation).is_some_and(|path| spell.stuck.as_deref() == Some(path)) => {
                spell.strike(io::ErrorKind::PermissionDenied.into())
            }
            Trouble::Kill(_) | Trouble::Full(_) | Trouble::Stuck(_) => Ok(()),
        }
    }
}

fn writes(operation: &Operation) -> bool {
    matches!(operation, Operation::Stage(_) | Operation::MakeDirectory(_) | Operation::WriteLedger)
}

fn file_of(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::Stage(path) | Operation::PutInPlace(path) | Operation::Remove(path) => Some(path.as_str()),
        _ => None,
    }
}
