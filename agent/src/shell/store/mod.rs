//! The profile store.
//!
//! [`ProfileStore`] keeps profiles, settings and progress in sled and speaks of nothing else: keys, bytes and sled
//! itself stay behind it (rules T1 and T2). Payloads that were removed are erased from its files when it is closed
//! (rule R4). The daemon does not open it in its own process: sled's threads, once started, live as long as the process
//! and wake every second, so a [`worker`] process opens the store for a piece of work and ends with it (rule T3).

mod blobs;
mod clean;
mod database;
mod failure;
mod mark;
mod payload;
mod place;
mod profile_store;
mod quarantine;
mod record;
mod rewrite;
#[cfg(test)]
mod testing;
pub mod worker;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::place::StorePlace;
pub use self::profile_store::ProfileStore;
use crate::engine::failure::StoreFailure;
use crate::engine::profile::{Changes, Stored};

/// How the store is opened.
#[derive(Debug, Clone)]
pub enum StoreAccess {
    /// In a process of its own, by this program.
    Worker {
        /// The program, which must be `mdm-agent` itself.
        program: PathBuf,
    },
    /// In this process; for programs that end soon, and for tests.
    InProcess,
}

/// A store that is open.
#[derive(Debug)]
pub enum OpenStore {
    /// In a process of its own.
    Worker(worker::StoreWorker),
    /// In this process.
    InProcess(Box<ProfileStore>),
}

/// What was found on opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Everything in the store.
    pub stored: Stored,
    /// Where the damaged store was put, if it had to be begun anew.
    pub quarantined: Option<PathBuf>,
}

/// The log message about a rewrite that failed.
const NOT_ERASED: &str =
    "removed payloads could not be erased from the profile store; this is tried again when it is closed the next time";

impl StoreAccess {
    /// Opens the store, mending or replacing it where it is damaged. Blocks.
    pub fn open(&self, place: &StorePlace, now: i64) -> Result<(OpenStore, Opened), StoreFailure> {
        match self {
            Self::Worker { program } => {
                let (worker, opened) = worker::StoreWorker::start(program, place)?;
                Ok((OpenStore::Worker(worker), opened))
            }
            Self::InProcess => {
                let (store, opened) = ProfileStore::open(place, now)?;
                Ok((OpenStore::InProcess(Box::new(store)), opened))
            }
        }
    }
}

impl OpenStore {
    /// Keeps changes, all or none, so that they survive a power cut. Blocks.
    pub fn keep(&mut self, changes: &Changes) -> Result<(), StoreFailure> {
        match self {
            Self::Worker(worker) => worker.keep(changes),
            Self::InProcess(store) => store.keep(changes),
        }
    }
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> StoreFailure {
    StoreFailure::Unusable(format!("{}: {error}", path.display()))
}
