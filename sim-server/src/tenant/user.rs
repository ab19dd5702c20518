//! Users: who they are, and what goes with them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::life::UserStanding;
use super::record::RecordKind;
use super::{AdminError, Authority, Licence, PasswordHash, Tenant, UserPatch, is_addressable};

/// A user who may enrol devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) name: String,
    #[serde(default)]
    pub(super) licences: BTreeSet<Licence>,
    #[serde(default)]
    pub(super) co_managed: bool,
    /// What an older server noted instead of licences.
    #[serde(default, skip_serializing)]
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
    /// The licences.
    pub licences: BTreeSet<Licence>,
    /// Whether the user is co-managed.
    pub co_managed: bool,
}

/// A user as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserView {
    /// The name.
    pub name: String,
    /// Whether the user has a licence for Intune.
    pub licensed: bool,
    /// All licences that the user holds.
    pub licences: BTreeSet<Licence>,
    /// Whether the user is co-managed.
    pub co_managed: bool,
    /// The authority of the user's devices; `None` as long as the tenant has none.
    pub authority: Option<Authority>,
    /// The ids of the user's devices.
    pub devices: Vec<String>,
}

/// The key of a user: names are compared without regard to case, as mail-like names are.
pub(super) fn user_key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl User {
    fn standing(&self) -> UserStanding {
        self.standing_after(&UserPatch::default())
    }

    /// What counts of the user once licenses or management were changed so.
    pub(super) fn standing_after(&self, patch: &UserPatch) -> UserStanding {
        let licences = patch.licences.as_ref().unwrap_or(&self.licences);
        let entitled = licences.iter().any(|licence| licence.entitles_to_intune());
        UserStanding { entitled, co_managed: patch.co_managed.unwrap_or(self.co_managed) }
    }

    /// Makes of an older server's record what this one would have noted.
    pub(super) fn complete(&mut self) {
        if std::mem::take(&mut self.licensed) {
            self.licences.insert(Licence::Intune);
        }
    }
}

impl Tenant {
    /// Adds a user.
    pub fn add_user(&mut self, new: NewUser) -> Result<UserView, AdminError> {
        let name = new.name.clone();
        let name = name.trim();
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
        self.check_licences(new.licences.iter())?;
        let NewUser { licences, co_managed, password, .. } = new;
        let user = User { name: name.to_owned(), licences, co_managed, licensed: false, password };
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
        self.leave_groups(&key);
        Ok(())
    }

    /// All users.
    pub fn users(&self) -> Vec<UserView> {
        self.users.keys().filter_map(|key| self.user_view(key).ok()).collect()
    }

    pub(super) fn user_view(&self, key: &str) -> Result<UserView, AdminError> {
        let user = self.users.get(key).ok_or_else(|| AdminError::no_such("user", key))?;
        let devices = self.devices_of(key).map(str::to_owned).collect();
        let standing = user.standing();
        Ok(UserView {
            name: user.name.clone(),
            licensed: standing.entitled,
            licences: user.licences.clone(),
            co_managed: user.co_managed,
            authority: self.settings.authority.authority_of(standing),
            devices,
        })
    }

    /// What counts of a user when it is decided who manages the user's devices.
    pub(super) fn standing(&self, user: &str) -> Option<UserStanding> {
        self.users.get(user).map(User::standing)
    }

    pub(super) fn devices_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a str> {
        let owned = self.devices.values().filter(move |device| device.user.as_deref() == Some(user));
        owned.map(|device| device.id.as_str())
    }
}
