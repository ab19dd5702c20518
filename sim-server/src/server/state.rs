//! The state directory: the store, the certificate authority and the admin token, found again or made anew.

use std::path::{Path, PathBuf};

use mdm_protocol::Secret;
use tempfile::TempDir;

use super::{CA_FILE, CA_KEY_FILE, SCEP_FILE, SCEP_KEY_FILE, ServerError, TOKEN_FILE};
use crate::service::{CertificateAuthority, RegistrationAuthority, secret};
use crate::store::{Store, files};

pub(super) fn state_directory(state: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), ServerError> {
    match state {
        Some(path) => {
            files::private_directory(path).map_err(|source| ServerError::File { path: path.to_owned(), source })?;
            let path =
                std::path::absolute(path).map_err(|source| ServerError::File { path: path.to_owned(), source })?;
            Ok((path, None))
        }
        None => {
            let temporary = tempfile::Builder::new()
                .prefix("mdm-sim-server-")
                .tempdir()
                .map_err(|source| ServerError::File { path: std::env::temp_dir(), source })?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

/// Opens the store in a directory that only its owner may enter: there are secrets in it.
pub(super) fn open_store(directory: &Path, ephemeral: bool) -> Result<Store, ServerError> {
    files::private_directory(directory).map_err(|source| ServerError::File { path: directory.to_owned(), source })?;
    Ok(Store::open(directory, ephemeral)?)
}

pub(super) fn load_authority(directory: &Path, now: i64) -> Result<CertificateAuthority, ServerError> {
    let (certificate, key) = (directory.join(CA_FILE), directory.join(CA_KEY_FILE));
    match (read(&certificate)?, read(&key)?) {
        (Some(certificate), Some(key)) => Ok(CertificateAuthority::load(&certificate, &key)?),
        (None, None) => {
            let (authority, key_pem) = CertificateAuthority::create(now)?;
            write(&key, key_pem.as_bytes())?;
            write(&certificate, authority.pem().as_bytes())?;
            Ok(authority)
        }
        _ => Err(ServerError::HalfAuthority(directory.to_owned())),
    }
}

/// What answers SCEP for the authority. Nothing is lost with it but requests under way, so it is made anew when it is
/// not whole.
pub(super) fn load_registration(
    directory: &Path,
    authority: &CertificateAuthority,
    now: i64,
) -> Result<RegistrationAuthority, ServerError> {
    let (certificate, key) = (directory.join(SCEP_FILE), directory.join(SCEP_KEY_FILE));
    if let (Some(certificate), Some(key)) = (read(&certificate)?, read(&key)?) {
        return Ok(RegistrationAuthority::load(&certificate, &key)?);
    }
    let (registration, certificate_pem, key_pem) = RegistrationAuthority::create(authority, now)?;
    write(&key, key_pem.as_bytes())?;
    write(&certificate, certificate_pem.as_bytes())?;
    Ok(registration)
}

/// The admin token: that of the last start, so that scripts go on working, else a new one.
pub(super) fn load_token(directory: &Path) -> Result<Secret, ServerError> {
    let path = directory.join(TOKEN_FILE);
    if let Some(token) = read(&path)?.map(|text| text.trim().to_owned()).filter(|token| token.len() >= 32) {
        return Ok(Secret::new(token));
    }
    let token = secret()?;
    write(&path, format!("{}\n", token.expose()).as_bytes())?;
    Ok(token)
}

fn read(path: &Path) -> Result<Option<String>, ServerError> {
    files::read(path).map_err(|source| ServerError::File { path: path.to_owned(), source })
}

pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), ServerError> {
    files::write_private(path, content).map_err(|source| ServerError::File { path: path.to_owned(), source })
}
