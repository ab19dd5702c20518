//! Secrets beside the configuration: in a file of their own that nobody else can read, or given by systemd
//! (`LoadCredential=`, systemd.exec(5)).

use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mdm_protocol::Secret;
use zeroize::Zeroizing;

/// The variable with the directory of the service's credentials.
const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// The largest file with a secret.
const LIMIT: usize = 64 << 10;
/// What anyone but the owner may do with a file.
const OTHERS: u32 = 0o077;

/// A secret that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is no such credential.
    #[error(
        "there is no systemd credential {0} here: give it with LoadCredential= in the unit, or name a file by its whole path"
    )]
    NoDirectory(String),
    /// It is no file.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Others could read the secret.
    #[error("{} can be used by others (mode {mode:o}): chmod 600 it, and change what is in it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The content is none.
    #[error("{} {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; nothing of it is told.
        reason: &'static str,
    },
}

/// User and password in a file of the form `user:password`.
pub(super) fn of_proxy(name: &str) -> Result<(String, Secret), CredentialError> {
    let (path, text) = read(name)?;
    let line = text.lines().next().unwrap_or_default();
    let Some((user, password)) = line.split_once(':').filter(|(user, _)| !user.is_empty()) else {
        return Err(CredentialError::Content { path, reason: "should contain user:password in one line" });
    };
    Ok((user.to_owned(), Secret::new(password)))
}

/// The text of a secret: by the path of a file, or by the name of a systemd credential.
pub fn read(name: &str) -> Result<(PathBuf, Zeroizing<String>), CredentialError> {
    if name.contains('/') {
        return read_file(Path::new(name), true);
    }
    let directory = std::env::var_os(DIRECTORY).ok_or_else(|| CredentialError::NoDirectory(name.to_owned()))?;
    // systemd keeps others out of that directory; the mode of the files in it is its own business.
    read_file(&Path::new(&directory).join(name), false)
}

fn read_file(path: &Path, is_own: bool) -> Result<(PathBuf, Zeroizing<String>), CredentialError> {
    use std::io::Read as _;
    let unreadable = |source| CredentialError::Unreadable { path: path.to_owned(), source };
    // Whatever is there, opening it must not wait.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        return Err(CredentialError::NotAFile(path.to_owned()));
    }
    if is_own && facts.mode() & OTHERS != 0 {
        return Err(CredentialError::Open { path: path.to_owned(), mode: facts.mode() & 0o7777 });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LIMIT as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() > LIMIT {
        return Err(CredentialError::Content { path: path.to_owned(), reason: "is larger than 64 KiB" });
    }
    Ok((path.to_owned(), text))
}
