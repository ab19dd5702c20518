//! Users and their passwords, which are kept as salted, iterated hashes only.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use mdm_protocol::{Secret, base64};
use serde::{Deserialize, Serialize};

use super::record::RecordKind;
use super::{AdminError, Tenant};

const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");
const HASH_BYTES: usize = 32;

/// A user who may enrol devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) licensed: bool,
    password: PasswordHash,
}

/// What an administrator says of a new user.
#[derive(Debug)]
pub struct NewUser {
    /// The name, mail-like or any other.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// Whether the user has a licence for device management.
    pub licensed: bool,
    /// Fresh random bytes.
    pub salt: [u8; 16],
}

/// A user as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserView {
    /// The name.
    pub name: String,
    /// Whether the user has a licence.
    pub licensed: bool,
    /// The ids of the user's devices.
    pub devices: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct PasswordHash {
    salt: String,
    iterations: NonZeroU32,
    hash: String,
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    fn new(password: &Secret, salt: &[u8]) -> Self {
        let mut hash = [0; HASH_BYTES];
        let secret = password.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, secret, &mut hash);
        Self { salt: base64::encode(salt), iterations: ITERATIONS, hash: base64::encode(hash) }
    }

    fn verify(&self, password: &Secret) -> bool {
        let (Ok(salt), Ok(hash)) = (base64::decode(&self.salt), base64::decode(&self.hash)) else { return false };
        let secret = password.expose().as_bytes();
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, self.iterations, &salt, secret, &hash).is_ok()
    }
}

/// The key of a user: names are compared without regard to case, as mail-like names are.
pub(super) fn user_key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Tenant {
    /// Adds a user.
    pub fn add_user(&mut self, new: &NewUser) -> Result<UserView, AdminError> {
        let name = new.name.trim();
        let length = name.chars().count();
        if !(1..=256).contains(&length) || name.chars().any(|c| c.is_control() || c == '/' || c == ':') {
            return Err(AdminError::Invalid(
                "a user's name must have 1 to 256 characters, without control characters, slashes or colons".to_owned(),
            ));
        }
        if new.password.is_empty() {
            return Err(AdminError::Invalid("a user needs a password".to_owned()));
        }
        let key = user_key(name);
        if self.users.contains_key(&key) {
            return Err(AdminError::Conflict(format!("there is a user {name:?} already")));
        }
        let password = PasswordHash::new(&new.password, &new.salt);
        self.users.insert(key.clone(), User { name: name.to_owned(), licensed: new.licensed, password });
        self.note(RecordKind::User, key.clone());
        self.user_view(&key)
    }

    /// Removes a user who has no devices left, with the user's tokens and assignments.
    pub fn remove_user(&mut self, name: &str) -> Result<(), AdminError> {
        let view = self.user_view(&user_key(name))?;
        if !view.devices.is_empty() {
            let count = view.devices.len();
            return Err(AdminError::Conflict(format!(
                "{name:?} still has {count} enrolled device(s); remove them first"
            )));
        }
        let key = user_key(name);
        self.users.remove(&key);
        self.note(RecordKind::User, key.clone());
        self.remove_tokens_of(&key);
        self.unassign_user(&key);
        Ok(())
    }

    /// All users.
    pub fn users(&self) -> Vec<UserView> {
        self.users.keys().filter_map(|key| self.user_view(key).ok()).collect()
    }

    fn user_view(&self, key: &str) -> Result<UserView, AdminError> {
        let user = self.users.get(key).ok_or_else(|| AdminError::no_such("user", key))?;
        let devices = self.devices_of(key).map(str::to_owned).collect();
        Ok(UserView { name: user.name.clone(), licensed: user.licensed, devices })
    }

    pub(super) fn devices_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a str> {
        let owned = self.devices.values().filter(move |device| device.user.as_deref() == Some(user));
        owned.map(|device| device.id.as_str())
    }

    /// The key of the user with this name and password. An unknown name takes as long as a wrong password.
    pub(super) fn check_password(&self, name: &str, password: &Secret) -> Option<String> {
        let key = user_key(name);
        match self.users.get(&key) {
            Some(user) => user.password.verify(password).then_some(key),
            None => {
                let _ = PasswordHash::new(password, &[0; 16]);
                None
            }
        }
    }
}
