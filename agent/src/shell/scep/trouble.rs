//! Why a step brought no certificate, and whether another try is worth it.

use super::authority::AuthorityError;
use super::client::TransportFailure;
use super::message::{AnswerError, MessageError};
use super::state::DamagedState;
use super::{ScepOutcome, code};
use crate::shell::cms::signed::SignedError;

/// Why a server brought no certificate.
#[derive(Debug)]
pub(super) struct Trouble {
    code: u32,
    reason: String,
    pub(super) is_final: bool,
}

impl Trouble {
    pub(super) fn final_one(code: u32, reason: impl ToString) -> Self {
        Self { code, reason: reason.to_string(), is_final: true }
    }

    pub(super) fn passing(code: u32, reason: impl ToString) -> Self {
        Self { code, reason: reason.to_string(), is_final: false }
    }

    pub(super) fn answer(error: &AnswerError) -> Self {
        let hint = match error {
            AnswerError::Signed(SignedError::Weak) => {
                "; where the machine's configuration has [certificates] legacy-scep = true it is"
            }
            _ => "",
        };
        Self { code: code::ANSWER, reason: format!("{error}{hint}"), is_final: error.is_final() }
    }

    pub(super) fn outcome(self) -> ScepOutcome {
        let Self { code, reason, is_final } = self;
        if is_final { ScepOutcome::Failed { code, reason } } else { ScepOutcome::Unanswered { code, reason } }
    }
}

impl From<DamagedState> for Trouble {
    fn from(error: DamagedState) -> Self {
        Self::final_one(code::LOCAL, error)
    }
}

impl From<MessageError> for Trouble {
    fn from(error: MessageError) -> Self {
        Self::final_one(code::LOCAL, error)
    }
}

impl From<TransportFailure> for Trouble {
    fn from(failure: TransportFailure) -> Self {
        Self::passing(code::UNANSWERED, failure)
    }
}

impl From<AuthorityError> for Trouble {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Malformed(_) => Self::passing(code::ANSWER, error),
            other => Self::final_one(code::AUTHORITY, other),
        }
    }
}
