//! Passwords: kept as salted, iterated hashes only, and tested outside the tenant.
//!
//! Hashing is slow on purpose, so it is no method of the tenant, which callers keep behind a lock: they take a
//! [`PasswordTest`] out of it, run it, and come back with the [`PasswordProof`].

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use mdm_protocol::soap::Security;
use mdm_protocol::{Secret, base64};
use serde::{Deserialize, Serialize};

use super::user::user_key;
use super::{AdminError, Authentication, Tenant};

const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");
const HASH_BYTES: usize = 32;

/// A password as it is kept; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    salt: String,
    iterations: NonZeroU32,
    hash: String,
}

/// The test of a password that somebody presented.
pub struct PasswordTest {
    /// The user's key; `None` if nobody has the name, which must take as long to find out as a wrong password.
    user: Option<String>,
    expected: PasswordHash,
    presented: Secret,
}

/// The proof that somebody knows a user's password.
pub struct PasswordProof {
    user: String,
    hash: PasswordHash,
}

impl PasswordHash {
    /// Hashes a new password with a fresh random salt. This is slow.
    pub fn new(password: &Secret, salt: [u8; 16]) -> Result<Self, AdminError> {
        if password.is_empty() {
            return Err(AdminError::Invalid("a user needs a password".to_owned()));
        }
        let mut hash = [0; HASH_BYTES];
        let secret = password.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, &salt, secret, &mut hash);
        Ok(Self { salt: base64::encode(salt), iterations: ITERATIONS, hash: base64::encode(hash) })
    }

    /// What takes as long to verify as a real one.
    fn of_nobody() -> Self {
        Self { salt: base64::encode([0; 16]), iterations: ITERATIONS, hash: base64::encode([0; HASH_BYTES]) }
    }

    fn verify(&self, password: &Secret) -> bool {
        let (Ok(salt), Ok(hash)) = (base64::decode(&self.salt), base64::decode(&self.hash)) else { return false };
        let secret = password.expose().as_bytes();
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, self.iterations, &salt, secret, &hash).is_ok()
    }
}

impl PasswordTest {
    /// Runs the test. This is slow.
    pub fn run(self) -> Option<PasswordProof> {
        let is_right = self.expected.verify(&self.presented);
        self.user.filter(|_| is_right).map(|user| PasswordProof { user, hash: self.expected })
    }
}

impl Tenant {
    /// The test that credentials call for; `None` if no password was presented, or if it could open nothing anyway.
    pub fn password_test(&self, security: Option<&Security>) -> Option<PasswordTest> {
        let Some(Security::UsernameToken { username, password }) = security else { return None };
        if self.settings.auth == Authentication::Federated || self.check_open().is_err() {
            return None;
        }
        let key = user_key(username);
        let found = self.users.get(&key);
        Some(PasswordTest {
            expected: found.map_or_else(PasswordHash::of_nobody, |user| user.password.clone()),
            user: found.map(|_| key),
            presented: password.clone(),
        })
    }

    /// The key of the user whom a proof is of, unless the user or the password changed since.
    pub(super) fn proved_user(&self, proof: Option<&PasswordProof>) -> Option<String> {
        let proof = proof?;
        let user = self.users.get(&proof.user)?;
        (user.password == proof.hash).then(|| proof.user.clone())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

impl fmt::Debug for PasswordTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordTest").field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for PasswordProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordProof").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::test_support::{PASSWORD, USER, fresh_tenant, new_user, password, tenant};

    #[test]
    fn a_proof_is_worth_nothing_once_the_user_is_gone_or_has_another_password() {
        let mut tenant = tenant();
        let proof = tenant.password_test(Some(&password())).unwrap().run().unwrap();
        assert_eq!(tenant.proved_user(Some(&proof)).as_deref(), Some(USER));
        tenant.remove_user(USER).unwrap();
        assert_eq!(tenant.proved_user(Some(&proof)), None);
        let other = PasswordHash::new(&Secret::new("another"), [8; 16]).unwrap();
        tenant.add_user(crate::tenant::NewUser { password: other, ..new_user(USER, PASSWORD) }).unwrap();
        assert_eq!(tenant.proved_user(Some(&proof)), None);
    }

    #[test]
    fn an_unknown_name_is_tested_as_thoroughly_as_a_wrong_password() {
        let nobody = Security::UsernameToken { username: "nobody".to_owned(), password: Secret::new("x") };
        let test = tenant().password_test(Some(&nobody)).unwrap();
        assert_eq!(test.expected.iterations, ITERATIONS);
        assert_eq!(base64::decode(&test.expected.hash).unwrap().len(), HASH_BYTES);
        assert!(test.run().is_none());
    }

    #[test]
    fn no_work_is_done_for_a_tenant_that_nobody_can_enrol_in() {
        assert!(fresh_tenant().password_test(Some(&password())).is_none());
    }
}
