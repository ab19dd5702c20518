//! Credentials inside the session: proof, challenge and nonce (OMA-DM security section 5).

use mdm_protocol::syncml::{Challenge, Command, Credentials, CredentialsKind, Message, Status, StatusCode};

use super::AccountCredentials;
use crate::engine::account::CredentialChange;
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
    /// Whether the server has said anything of our credentials.
    was_judged: bool,
    /// Whether the digest of package 1 was challenged.
    first_refused: bool,
    /// When the server last gave a nonce in this session.
    nonce_received: Option<i64>,
    /// The nonce that the server had set in the tree when it was looked at last.
    nonce_in_tree: Option<Vec<u8>>,
}

impl Authentication {
    /// `nonce_in_tree` is what the server had set there before the session.
    pub(super) fn new(credentials: Option<AccountCredentials>, nonce_in_tree: Option<Vec<u8>>) -> Self {
        let proving = credentials.as_ref().is_some_and(|known| {
            known.kind == CredentialsKind::Basic || known.nonce.is_some() && !known.nonce_is_stale
        });
        Self {
            credentials,
            proving,
            challenges: 0,
            was_judged: false,
            first_refused: false,
            nonce_received: None,
            nonce_in_tree,
        }
    }

    /// The proof for the next message, and the name that stands beside it.
    pub(super) fn proof(&self) -> Option<(Credentials, String)> {
        let known = self.credentials.as_ref().filter(|_| self.proving)?;
        let proof = match known.kind {
            CredentialsKind::Basic => Credentials::basic(&known.name, &known.secret),
            CredentialsKind::Md5 => {
                Credentials::md5(&known.name, &known.secret, known.nonce.as_deref().unwrap_or_default())
            }
        };
        Some((proof, known.name.clone()))
    }

    /// The nonce for the next session: what the server set in the tree counts if it gave none since.
    pub(super) fn next_nonce(&self, change: &CredentialChange) -> Option<Vec<u8>> {
        let set = change.nonce.as_ref().filter(|nonce| Some(*nonce) != self.nonce_in_tree.as_ref());
        set.or(self.credentials.as_ref()?.nonce.as_ref()).cloned()
    }

    /// When the server last gave a nonce in this session, seconds.
    pub(super) fn nonce_received(&self) -> Option<i64> {
        self.nonce_received
    }

    /// Whether the server refused the digest of package 1 and accepted a later one: its nonce was too old.
    pub(super) fn found_stale(&self) -> bool {
        self.first_refused && self.challenges == 0
    }

    /// Reads the server's verdict from the status of our header. What the server has set of the credentials since they
    /// were used counts from a challenge on.
    pub(super) fn judge(
        &mut self,
        message: &Message,
        change: impl FnOnce() -> CredentialChange,
        now: i64,
    ) -> Result<Verdict, SessionFailure> {
        let verdict = message.commands.iter().find_map(|command| match command {
            Command::Status(status) if status.command == "SyncHdr" || status.command_ref.0 == "0" => Some(status),
            _ => None,
        });
        let Some(status) = verdict else { return Ok(Verdict::Accepted) };
        let is_first = !std::mem::replace(&mut self.was_judged, true);
        if matches!(status.code, StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS) {
            let is_digest = self.credentials.as_ref().is_some_and(|known| known.kind == CredentialsKind::Md5);
            self.first_refused |= is_first && self.proving && is_digest;
            self.take_change(change());
            self.take_nonce(status.challenge.as_ref(), now);
            return self.challenged(status);
        }
        self.take_nonce(status.challenge.as_ref(), now);
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

    fn take_change(&mut self, change: CredentialChange) {
        let is_news = change.nonce != self.nonce_in_tree;
        self.nonce_in_tree.clone_from(&change.nonce);
        match &mut self.credentials {
            Some(known) => {
                known.name = change.name.unwrap_or_else(|| std::mem::take(&mut known.name));
                known.secret = change.secret.unwrap_or_else(|| known.secret.clone());
                known.nonce = change.nonce.filter(|_| is_news).or(known.nonce.take());
            }
            None => {
                self.credentials = change.secret.map(|secret| AccountCredentials {
                    kind: CredentialsKind::Md5,
                    name: change.name.unwrap_or_default(),
                    secret,
                    nonce: change.nonce,
                    nonce_is_stale: false,
                });
            }
        }
    }

    fn take_nonce(&mut self, challenge: Option<&Challenge>, now: i64) {
        if let (Some(known), Some(nonce)) =
            (&mut self.credentials, challenge.and_then(|challenge| challenge.nonce.clone()))
        {
            known.nonce = Some(nonce);
            self.nonce_received = Some(now);
        }
    }
}
