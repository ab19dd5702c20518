//! Groups of users, to which profiles are assigned.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::record::RecordKind;
use super::user::user_key;
use super::{AdminError, Tenant, is_addressable};

/// A group as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// The keys of its users.
    pub(super) members: BTreeSet<String>,
}

/// A group as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// The users in it.
    pub members: Vec<String>,
}

impl Tenant {
    /// Creates a group or gives it other members.
    pub fn put_group(&mut self, name: &str, members: &BTreeSet<String>) -> Result<GroupView, AdminError> {
        if name.chars().count() > 128 || !is_addressable(name) {
            return Err(AdminError::Invalid(
                "a group's name must have 1 to 128 characters, without control characters and slashes".to_owned(),
            ));
        }
        let members: BTreeSet<String> = members.iter().map(|user| user_key(user)).collect();
        if let Some(unknown) = members.iter().find(|user| !self.users.contains_key(*user)) {
            return Err(AdminError::no_such("user", unknown));
        }
        self.groups.insert(name.to_owned(), Group { members });
        self.note(RecordKind::Group, name);
        self.group(name)
    }

    /// Removes a group; what was assigned to it is no longer.
    pub fn remove_group(&mut self, name: &str) -> Result<(), AdminError> {
        self.groups.remove(name).ok_or_else(|| AdminError::no_such("group", name))?;
        self.note(RecordKind::Group, name);
        self.unassign_group(name);
        Ok(())
    }

    /// All groups.
    pub fn groups(&self) -> Vec<GroupView> {
        self.groups.keys().filter_map(|name| self.group(name).ok()).collect()
    }

    /// One group.
    pub fn group(&self, name: &str) -> Result<GroupView, AdminError> {
        let group = self.groups.get(name).ok_or_else(|| AdminError::no_such("group", name))?;
        let members = group.members.iter().filter_map(|key| self.users.get(key)).map(|user| user.name.clone());
        Ok(GroupView { name: name.to_owned(), members: members.collect() })
    }

    pub(super) fn leave_groups(&mut self, user: &str) {
        let left: Vec<String> = self
            .groups
            .iter_mut()
            .filter_map(|(name, group)| group.members.remove(user).then(|| name.clone()))
            .collect();
        left.into_iter().for_each(|name| self.note(RecordKind::Group, name));
    }
}
