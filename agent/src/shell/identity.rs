//! Who the device is: private key, certificate and account, in files of their own (rule I1). Knows how an identity
//! comes, is renewed, is recovered and goes, each in a way that a crash cannot leave half done; refuses to know when.

mod slots;

use std::path::{Path, PathBuf};

use mdm_protocol::base64;
use zeroize::Zeroizing;

use super::files::{self, FileError};
use super::paths::Paths;
use super::store::StorePlace;
use crate::engine::Account;
use crate::engine::account::ACCOUNT_VERSION;
use crate::engine::certificates::Certificates;
use crate::engine::enrolment::Installation;
use slots::{ACTIVE, CERTIFICATE, KEY, OUTGOING, PENDING, PENDING_NEW};
pub use slots::{Slot, SlotError};

const ACCOUNT: &str = "account.json";
/// An identity that is being put together; once it has changed places with the present one, the former identity.
const NEW: &str = "identity.new";
/// An identity that is being removed.
const OLD: &str = "identity.old";
/// An identity that makes room for its recovery, where the file system cannot exchange the two.
const REPLACED: &str = "identity.replaced";
const FILE_LIMIT: u64 = 4 << 20;

/// An identity that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is missing although others are there.
    #[error("{} is missing; restore it from a backup, or remove {} and enrol again", path.display(), directory.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The whole identity.
        directory: PathBuf,
    },
    /// A file has not the content that it should have.
    #[error("{} cannot be used: {reason}; restore it from a backup, or remove {} and enrol again", path.display(), directory.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The whole identity.
        directory: PathBuf,
    },
}

/// Who the device is.
pub struct Identity {
    /// The key and certificate in use.
    pub active: Slot,
    /// Those of a renewal that has not proved itself yet.
    pub pending: Option<Slot>,
    /// The account.
    pub account: Account,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Identity({})", self.account.device_id)
    }
}

impl Identity {
    /// Reads the identity; `None` if the device is not enrolled.
    pub fn load(paths: &Paths) -> Result<Option<Self>, IdentityError> {
        let directory = paths.identity();
        let account_path = directory.join(ACCOUNT);
        let active = directory.join(ACTIVE);
        let missing = |path: PathBuf| IdentityError::Missing { path, directory: directory.clone() };
        let Some(account) = files::read_bounded(&account_path, FILE_LIMIT)? else {
            // A key without its account is no machine that was never enrolled.
            return if active.exists() { Err(missing(account_path)) } else { Ok(None) };
        };
        let damaged = |reason: String| IdentityError::Damaged {
            path: account_path.clone(),
            reason,
            directory: directory.clone(),
        };
        let required = |name: &str| {
            let path = active.join(name);
            files::read_bounded(&path, FILE_LIMIT)?.ok_or_else(|| missing(path))
        };
        let account: Account = serde_json::from_slice(&account).map_err(|error| damaged(error.to_string()))?;
        if account.version > ACCOUNT_VERSION {
            return Err(damaged("it was written by a newer version of the agent".to_owned()));
        }
        let slot = Slot { private_key: Zeroizing::new(required(KEY)?), certificates: required(CERTIFICATE)? };
        Ok(Some(Self { active: slot, pending: slots::pending(&directory), account }))
    }

    /// The terms of both slots' certificates.
    pub fn certificates(&self) -> Certificates {
        Certificates {
            active: self.active.terms().ok(),
            pending: self.pending.as_ref().and_then(|slot| slot.terms().ok()),
        }
    }

    /// Puts a new identity in place, all of it or nothing: the directory gets its name only when it is complete.
    pub fn install(
        paths: &Paths,
        private_key: &Zeroizing<String>,
        installation: &Installation,
    ) -> Result<(), IdentityError> {
        let building = paths.state.join(NEW);
        let installed = Self::build(&building, None, private_key, installation).and_then(|()| {
            // A store that an earlier enrolment left behind must be gone before it could be taken for this one's.
            StorePlace::of(paths).remove()?;
            files::remove_dir(&paths.scep())?;
            let directory = paths.identity();
            std::fs::rename(&building, &directory).map_err(FileError::of("put in place", &directory))?;
            Ok(files::sync_dir(&paths.state)?)
        });
        if installed.is_err() {
            // The key belongs to nothing. What cannot be removed now is removed by the next start.
            let _ = files::remove_dir(&building);
        }
        installed
    }

    /// An identity with a new key and certificate, in use at once or, where there is one in use, waiting beside it.
    fn build(
        building: &Path,
        in_use: Option<&Slot>,
        private_key: &Zeroizing<String>,
        installation: &Installation,
    ) -> Result<(), IdentityError> {
        files::remove_dir(building)?;
        files::create_private_dir(building)?;
        if let Some(slot) = in_use {
            slots::copy(&building.join(ACTIVE), slot)?;
        }
        let new = building.join(if in_use.is_some() { PENDING } else { ACTIVE });
        slots::write(&new, private_key, &installation.certificate, &installation.intermediates)?;
        files::write_new(&building.join(ACCOUNT), &encode(&installation.account), 0o600)?;
        Ok(files::sync_dir(building)?)
    }

    /// Puts the identity of a recovery (rule I3) in the present one's place, all of it or nothing. The store stays, and so
    /// does the key and certificate in use, until a session has completed with the new ones: the server may refuse them.
    pub fn restore(
        paths: &Paths,
        private_key: &Zeroizing<String>,
        installation: &Installation,
    ) -> Result<(), IdentityError> {
        let [building, replaced] = [NEW, REPLACED].map(|name| paths.state.join(name));
        let directory = paths.identity();
        let in_use = Slot::read_usable(&directory.join(ACTIVE));
        let restored = Self::build(&building, in_use.as_ref(), private_key, installation).and_then(|()| {
            match files::exchange(&building, &directory) {
                Err(error) if files::exchange_is_unknown(&error) => {
                    files::remove_dir(&replaced)?;
                    files::rename(&directory, &replaced)?;
                    files::sync_dir(&paths.state)?;
                    files::rename(&building, &directory)?;
                }
                done => done?,
            }
            Ok(files::sync_dir(&paths.state)?)
        });
        // Either the identity that came to nothing or the one that is replaced; what cannot be removed now is removed
        // by the next start.
        let _ = Self::finish_restoring(paths);
        restored
    }

    fn finish_restoring(paths: &Paths) -> Result<(), IdentityError> {
        let [building, replaced] = [NEW, REPLACED].map(|name| paths.state.join(name));
        let directory = paths.identity();
        if replaced.exists() && !directory.exists() {
            // The present one makes room only once the new one is complete and on the disk.
            let heir = if building.exists() { &building } else { &replaced };
            files::rename(heir, &directory)?;
            files::sync_dir(&paths.state)?;
        }
        files::remove_dir(&building)?;
        Ok(files::remove_dir(&replaced)?)
    }

    /// Puts the outcome of a renewal beside the identity in use, in place of an earlier one that has not proved itself.
    pub fn install_pending(
        paths: &Paths,
        private_key: &Zeroizing<String>,
        certificate: &[u8],
        intermediates: &[Vec<u8>],
    ) -> Result<(), IdentityError> {
        let directory = paths.identity();
        let [building, pending] = [PENDING_NEW, PENDING].map(|name| directory.join(name));
        files::remove_dir(&building)?;
        slots::withdraw(&directory)?;
        let installed = slots::write(&building, private_key, certificate, intermediates).and_then(|()| {
            files::remove_dir(&pending)?;
            files::rename(&building, &pending)?;
            files::sync_dir(&directory)
        });
        if installed.is_err() {
            let _ = files::remove_dir(&building);
        }
        Ok(installed?)
    }

    /// Makes the pending key and certificate the active ones: a session has completed with them (rule I2).
    pub fn promote(paths: &Paths) -> Result<(), IdentityError> {
        slots::promote(&paths.identity())
    }

    /// Gives a renewal up.
    pub fn discard_pending(paths: &Paths) -> Result<(), IdentityError> {
        slots::withdraw(&paths.identity())?;
        files::remove_dir(&paths.identity().join(PENDING))?;
        Ok(files::sync_dir(&paths.identity())?)
    }

    /// Keeps a changed account.
    pub fn save_account(paths: &Paths, account: &Account) -> Result<(), IdentityError> {
        Ok(files::replace(&paths.identity().join(ACCOUNT), &encode(account), 0o600)?)
    }

    /// Removes the identity and all that the device holds by it. Nobody may have the store open.
    pub fn remove(paths: &Paths) -> Result<(), IdentityError> {
        let directory = paths.identity();
        let doomed = paths.state.join(OLD);
        // One that was put aside must not come back in the place of the removed one.
        for leftover in [&doomed, &paths.state.join(REPLACED), &paths.state.join(NEW)] {
            files::remove_dir(leftover)?;
        }
        // One rename, so that a crash leaves a whole identity or none.
        match std::fs::rename(&directory, &doomed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::of("remove", &directory)(error).into());
            }
            _ => files::sync_dir(&paths.state)?,
        }
        Self::remove_rest(paths)
    }

    /// The directory with the old identity goes last: as long as it is there, a removal has not come to its end.
    fn remove_rest(paths: &Paths) -> Result<(), IdentityError> {
        let doomed = paths.state.join(OLD);
        for slot in [ACTIVE, PENDING, PENDING_NEW, OUTGOING] {
            files::remove_dir(&doomed.join(slot))?;
        }
        StorePlace::of(paths).remove()?;
        files::remove_dir(&paths.scep())?;
        files::sync_dir(&paths.state)?;
        Ok(files::remove_dir(&doomed)?)
    }

    /// Removes what an interrupted installation, renewal or recovery left behind or brings it to its end, and brings
    /// an interrupted removal to its end.
    pub fn clean_up(paths: &Paths) -> Result<(), IdentityError> {
        Self::finish_restoring(paths)?;
        if paths.identity().exists() {
            slots::tidy(&paths.identity())?;
        }
        if paths.state.join(OLD).exists() { Self::remove_rest(paths) } else { Ok(()) }
    }
}

fn encode(account: &Account) -> Vec<u8> {
    serde_json::to_vec_pretty(account).expect("an account has only text and numbers")
}

/// DER in PEM.
pub fn pem(label: &str, der: &[u8]) -> String {
    let encoded = base64::encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests;
