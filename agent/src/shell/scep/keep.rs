//! Keeps an enrolment in a file of its own, so that a process that is killed between a request and its answer goes on
//! with the same key. One file for each certificate that is ordered, mode 0600, replaced whole.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::state::{ScepState, VERSION};
use crate::shell::files::{self, FileError};
use crate::shell::paths::Paths;

const LIMIT: u64 = 1 << 20;
const MAX_NAME: usize = 100;

/// A state that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has not the content that it should have. Says no more, for there are secrets in it.
    #[error("{} cannot be used: {reason}; remove it, and order the certificate again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The place of one enrolment.
#[derive(Debug, Clone)]
pub struct Keeper {
    directory: PathBuf,
    path: PathBuf,
}

impl Keeper {
    /// The place of the enrolment with this name, which may have any characters.
    pub fn new(paths: &Paths, name: &str) -> Self {
        let directory = paths.scep();
        Self { path: directory.join(format!("{}.json", file_name(name))), directory }
    }

    /// The file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The enrolment that has begun; `None` if none has.
    pub fn load(&self) -> Result<Option<ScepState>, KeepError> {
        let Some(content) = files::read_bounded(&self.path, LIMIT)?.map(Zeroizing::new) else { return Ok(None) };
        let damaged = |reason: String| KeepError::Damaged { path: self.path.clone(), reason };
        let state: ScepState = serde_json::from_slice(&content)
            .map_err(|error| damaged(format!("line {}, column {}", error.line(), error.column())))?;
        if state.version > VERSION {
            return Err(damaged("it was written by a newer version of the agent".to_owned()));
        }
        Ok(Some(state))
    }

    /// Keeps a state; when it returns, the state outlasts a power cut.
    pub fn save(&self, state: &ScepState) -> Result<(), KeepError> {
        files::create_private_dir(&self.directory)?;
        let content = Zeroizing::new(serde_json::to_vec(state).expect("a state has only text and numbers"));
        Ok(files::replace(&self.path, &content, 0o600)?)
    }

    /// Forgets the enrolment: its certificate is where it belongs, or it came to nothing.
    pub fn discard(&self) -> Result<(), KeepError> {
        files::remove_file(&self.path)?;
        if self.directory.exists() {
            files::sync_dir(&self.directory)?;
        }
        Ok(())
    }
}

/// Never a path, never hidden, never too long, and another one for every name.
fn file_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let escaped: String = name
        .bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if !escaped.is_empty() && escaped.len() <= MAX_NAME {
        return escaped;
    }
    // The tilde is in no escaped name.
    Sha256::digest(name).iter().fold("~".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_file_of_its_own_inside_the_directory() {
        let long = "x".repeat(300);
        let names = ["", ".", "..", "a/b", "a%2Fb", "../../etc/passwd", "wifi", "WIFI", "~", &long, &long[1..], "ä"];
        let mut files: Vec<String> = names.iter().map(|name| file_name(name)).collect();
        assert!(files.iter().all(|file| !file.contains(['/', '.']) && !file.is_empty() && file.len() <= 100));
        files.sort();
        files.dedup();
        assert_eq!(files.len(), names.len());
    }
}
