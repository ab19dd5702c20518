//! One-time enrolment tokens: who may use one, and until when. Only their digests are kept.

use mdm_protocol::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::record::RecordKind;
use super::user::user_key;
use super::{AdminError, Tenant};

/// How long a token can be used, in seconds.
const LIFETIME_SECONDS: i64 = 3600;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EnrolmentToken {
    /// The key of the user the device will belong to; `None` for a device without a user.
    pub(super) user: Option<String>,
    pub(super) expires: i64,
    /// The device that the token recovers; `None` for one that enrols a device anew.
    #[serde(default)]
    pub(super) device: Option<String>,
}

/// The digest under which a token is kept.
pub(super) fn token_key(token: &[u8]) -> String {
    hex(&Sha256::digest(token))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Tenant {
    /// Admits a fresh random token for a user, or for a device without one; returns the moment of its expiry.
    pub fn add_token(&mut self, user: Option<&str>, token: &Secret, now: i64) -> Result<i64, AdminError> {
        let user = match user {
            None => None,
            Some(name) => {
                let key = user_key(name);
                Some(key)
                    .filter(|key| self.users.contains_key(key))
                    .ok_or_else(|| AdminError::no_such("user", name))?
                    .into()
            }
        };
        Ok(self.keep_token(token, user, None, LIFETIME_SECONDS, now))
    }

    pub(super) fn keep_token(
        &mut self,
        token: &Secret,
        user: Option<String>,
        device: Option<String>,
        lifetime: i64,
        now: i64,
    ) -> i64 {
        self.drop_expired_tokens(now);
        let key = token_key(token.expose().as_bytes());
        let expires = now.saturating_add(lifetime);
        self.tokens.insert(key.clone(), EnrolmentToken { user, expires, device });
        self.note(RecordKind::Token, key);
        expires
    }

    /// The token's key and what it stands for, if it can be used now.
    pub(super) fn check_token(&self, token: &[u8], now: i64) -> Option<(String, &EnrolmentToken)> {
        let key = token_key(token);
        let found = self.tokens.get(&key).filter(|token| now < token.expires)?;
        Some((key, found))
    }

    pub(super) fn use_up_token(&mut self, key: &str) {
        self.tokens.remove(key);
        self.note(RecordKind::Token, key);
    }

    pub(super) fn remove_tokens_of(&mut self, user: &str) {
        self.drop_tokens(|token| token.user.as_deref() == Some(user));
    }

    fn drop_expired_tokens(&mut self, now: i64) {
        self.drop_tokens(|token| token.expires <= now);
    }

    fn drop_tokens(&mut self, condition: impl Fn(&EnrolmentToken) -> bool) {
        let gone: Vec<String> =
            self.tokens.iter().filter(|(_, token)| condition(token)).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.use_up_token(key));
    }
}
