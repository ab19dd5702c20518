//! Failures of sled and of files, as the engine distinguishes them.

use std::io::{self, ErrorKind};

use crate::engine::failure::StoreFailure;
use crate::shell::files::FileError;

/// Why a store could not be read.
pub(super) enum OpenError {
    /// Nothing is wrong with the store; it cannot be opened now.
    Refused(StoreFailure),
    /// The store is damaged.
    Damaged(String),
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        Self::Refused(refuse_file(&error))
    }
}

impl From<sled::Error> for OpenError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(_) => Self::Refused(refuse(&error)),
            _ => Self::Damaged(error.to_string()),
        }
    }
}

impl From<OpenError> for StoreFailure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused(failure) => failure,
            OpenError::Damaged(reason) => Self::Unusable(reason),
        }
    }
}

pub(super) fn refuse(error: &sled::Error) -> StoreFailure {
    match error {
        sled::Error::Io(error) => refuse_io(error),
        error => StoreFailure::Unusable(error.to_string()),
    }
}

pub(super) fn refuse_io(error: &io::Error) -> StoreFailure {
    failure(error.kind(), error.to_string())
}

pub(super) fn refuse_file(error: &FileError) -> StoreFailure {
    failure(error.source.kind(), error.to_string())
}

fn failure(kind: ErrorKind, reason: String) -> StoreFailure {
    if kind == ErrorKind::StorageFull { StoreFailure::Full(reason) } else { StoreFailure::Unusable(reason) }
}
