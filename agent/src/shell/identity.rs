//! Who the device is: private key, certificate and account, in files of their own (rule I1).

use std::path::{Path, PathBuf};

use mdm_protocol::base64;
use zeroize::Zeroizing;

use super::files::{self, FileError};
use super::paths::Paths;
use crate::engine::Account;
use crate::engine::account::ACCOUNT_VERSION;
use crate::engine::enrolment::Installation;

const KEY: &str = "key.pem";
const CERTIFICATE: &str = "certificate.pem";
const ACCOUNT: &str = "account.json";
/// The slot in use; renewal puts its candidate beside it.
const ACTIVE: &str = "active";
/// An identity that is being put together.
const NEW: &str = "identity.new";
/// An identity that is being removed.
const OLD: &str = "identity.old";
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
    /// The private key, PKCS#8 in PEM.
    pub private_key: Zeroizing<Vec<u8>>,
    /// The certificate and its intermediates in PEM.
    pub certificates: Vec<u8>,
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
        Ok(Some(Self { private_key: Zeroizing::new(required(KEY)?), certificates: required(CERTIFICATE)?, account }))
    }

    /// Puts a new identity in place, all of it or nothing: the directory gets its name only when it is complete.
    pub fn install(
        paths: &Paths,
        private_key: &Zeroizing<String>,
        installation: &Installation,
    ) -> Result<(), IdentityError> {
        let building = paths.state.join(NEW);
        let installed = Self::build(&building, private_key, installation).and_then(|()| {
            // A store that an earlier enrolment left behind must be gone before it could be taken for this one's.
            files::remove_dir(&paths.store())?;
            files::remove_dir(&paths.quarantine())?;
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

    fn build(
        building: &Path,
        private_key: &Zeroizing<String>,
        installation: &Installation,
    ) -> Result<(), IdentityError> {
        files::remove_dir(building)?;
        let active = building.join(ACTIVE);
        files::create_private_dir(&active)?;
        files::write_new(&active.join(KEY), private_key.as_bytes(), 0o600)?;
        let chain: String = std::iter::once(&installation.certificate)
            .chain(&installation.intermediates)
            .map(|der| pem("CERTIFICATE", der))
            .collect();
        files::write_new(&active.join(CERTIFICATE), chain.as_bytes(), 0o600)?;
        let account = serde_json::to_vec_pretty(&installation.account).expect("an account has only text and numbers");
        files::write_new(&building.join(ACCOUNT), &account, 0o600)?;
        files::sync_dir(&active)?;
        Ok(files::sync_dir(building)?)
    }

    /// Removes the identity and all that the device holds by it. Nobody may have the store open.
    pub fn remove(paths: &Paths) -> Result<(), IdentityError> {
        let directory = paths.identity();
        let doomed = paths.state.join(OLD);
        files::remove_dir(&doomed)?;
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
        for directory in [doomed.join(ACTIVE), paths.store(), paths.quarantine()] {
            files::remove_dir(&directory)?;
        }
        files::sync_dir(&paths.state)?;
        Ok(files::remove_dir(&doomed)?)
    }

    /// Removes what an interrupted installation left behind, and brings an interrupted removal to its end.
    pub fn clean_up(paths: &Paths) -> Result<(), IdentityError> {
        files::remove_dir(&paths.state.join(NEW))?;
        if paths.state.join(OLD).exists() { Self::remove_rest(paths) } else { Ok(()) }
    }
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
