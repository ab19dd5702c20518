//! Credentials inside the session: proof, challenge and nonce (OMA-DM security section 5).

use mdm_protocol::syncml::{Challenge, Command, Credentials, CredentialsKind, Message, Status, StatusCode};

use super::AccountCredentials;
use crate::engine::failure::SessionFailure;

/// How often in a row a challenge is answered before the credentials count as refused.
const MAX_CHALLENGES: u32 = 3;

/// What a message says about our credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are accepted, or were not asked for.
    Accepted,
    /// The last package must be sent again, with a proof.
    Challenged,
}

#[derive(Debug)]
pub(super) struct Authentication {
    credentials: Option<AccountCredentials>,
    /// Whether a proof goes out with the next message.
    proving: bool,
    challenges: u32,
}

impl Authentication {
    pub(super) fn new(credentials: Option<AccountCredentials>) -> Self {
        let proving =
            credentials.as_ref().is_some_and(|known| known.kind == CredentialsKind::Basic || known.nonce.is_some());
        Self { credentials, proving, challenges: 0 }
    }

    /// The proof for the next message.
    pub(super) fn proof(&self) -> Option<Credentials> {
        let known = self.credentials.as_ref().filter(|_| self.proving)?;
        Some(match known.kind {
            CredentialsKind::Basic => Credentials::basic(&known.name, &known.secret),
            CredentialsKind::Md5 => {
                Credentials::md5(&known.name, &known.secret, known.nonce.as_deref().unwrap_or_default())
            }
        })
    }

    pub(super) fn nonce(&self) -> Option<&[u8]> {
        self.credentials.as_ref()?.nonce.as_deref()
    }

    /// Reads the server's verdict from the status of our header.
    pub(super) fn judge(&mut self, message: &Message) -> Result<Verdict, SessionFailure> {
        let verdict = message.commands.iter().find_map(|command| match command {
            Command::Status(status) if status.command == "SyncHdr" || status.command_ref.0 == "0" => Some(status),
            _ => None,
        });
        let Some(status) = verdict else { return Ok(Verdict::Accepted) };
        self.take_nonce(status.challenge.as_ref());
        if matches!(status.code, StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS) {
            return self.challenged(status);
        }
        // Nonces may run out in the middle of a long session: only challenges in a row count as a refusal.
        self.challenges = 0;
        self.proving &= status.code != StatusCode::AUTHENTICATED;
        Ok(Verdict::Accepted)
    }

    fn challenged(&mut self, status: &Status) -> Result<Verdict, SessionFailure> {
        let Some(known) = &mut self.credentials else { return Err(SessionFailure::CredentialsMissing) };
        self.challenges += 1;
        if self.challenges > MAX_CHALLENGES {
            return Err(SessionFailure::CredentialsRefused);
        }
        if let Some(challenge) = &status.challenge {
            known.kind = challenge.kind;
        }
        self.proving = true;
        Ok(Verdict::Challenged)
    }

    fn take_nonce(&mut self, challenge: Option<&Challenge>) {
        if let (Some(known), Some(nonce)) =
            (&mut self.credentials, challenge.and_then(|challenge| challenge.nonce.clone()))
        {
            known.nonce = Some(nonce);
        }
    }
}
