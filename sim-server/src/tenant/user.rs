//! Users: who they are, and what goes with them.

use serde::{Deserialize, Serialize};

use super::life::UserStanding;
use super::record::RecordKind;
use super::{AdminError, PasswordHash, Tenant, is_addressable};

/// A user who may enrol devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) licensed: bool,
    pub(super) password: PasswordHash,
}

/// What an administrator says of a new user.
#[derive(Debug)]
pub struct NewUser {
    /// The name, mail-like or any other.
    pub name: String,
    /// The password.
    pub password: PasswordHash,
    /// Whether the user has a licence for device management.
    pub licensed: bool,
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

/// The key of a user: names are compared without regard to case, as mail-like names are.
pub(super) fn user_key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Tenant {
    /// Adds a user.
    pub fn add_user(&mut self, new: NewUser) -> Result<UserView, AdminError> {
        let name = new.name.trim();
        let length = name.chars().count();
        let is_allowed = (1..=256).contains(&length) && is_addressable(name) && !name.contains(':');
        if !is_allowed {
            return Err(AdminError::Invalid(
                "a user's name must have 1 to 256 characters, without control characters, slashes or colons".to_owned(),
            ));
        }
        let key = user_key(name);
        if self.users.contains_key(&key) {
            return Err(AdminError::Conflict(format!("there is a user {name:?} already")));
        }
        let user = User { name: name.to_owned(), licensed: new.licensed, password: new.password };
        self.users.insert(key.clone(), user);
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

    /// What counts of a user when it is decided who manages the user's devices.
    pub(super) fn standing(&self, user: &str) -> Option<UserStanding> {
        self.users.get(user).map(|user| UserStanding { entitled: user.licensed, co_managed: false })
    }

    pub(super) fn devices_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a str> {
        let owned = self.devices.values().filter(move |device| device.user.as_deref() == Some(user));
        owned.map(|device| device.id.as_str())
    }
}
