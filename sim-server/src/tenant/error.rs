//! Refusals of administrative requests.

/// Why an administrative request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// What the request speaks of does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request contradicts the present state.
    #[error("{0}")]
    Conflict(String),
    /// The administrator may not make it.
    #[error("{0}")]
    Forbidden(String),
    /// The request itself is not acceptable.
    #[error("{0}")]
    Invalid(String),
}

impl AdminError {
    pub(super) fn no_such(what: &str, name: &str) -> Self {
        Self::NotFound(format!("there is no {what} {name:?}"))
    }
}
