//! Profiles: SyncML fragments under a name, versioned by their content, and whom they are assigned to.

use std::collections::BTreeSet;
use std::fmt;

use mdm_protocol::syncml::Command;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fragment::{self, FragmentError, Nodes, Purpose};
use super::record::RecordKind;
use super::token::hex;
use super::user::user_key;
use super::{AdminError, Authority, BmsPolicies, Device, Tenant, is_addressable};

/// Whom a profile is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Every device of the tenant.
    #[serde(default)]
    pub all: bool,
    /// The devices of these users.
    #[serde(default)]
    pub users: BTreeSet<String>,
    /// The devices of the users of these groups.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// These devices, by id; they need not be enrolled yet.
    #[serde(default)]
    pub devices: BTreeSet<String>,
}

/// A profile as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ProfileRecord {
    name: String,
    fragment: String,
    version: String,
    updated: i64,
    assignment: Assignment,
    /// The authority that it belongs to; `None` if it belongs to whichever there is.
    #[serde(default)]
    authority: Option<Authority>,
}

/// A profile with what its fragment says.
pub(super) struct Profile {
    record: ProfileRecord,
    commands: Vec<Command>,
    nodes: Nodes,
    is_for_user: bool,
}

/// A profile as the administrator sees it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ProfileView {
    /// Its name.
    pub name: String,
    /// The digest of its content.
    pub version: String,
    /// When it was last changed, in seconds since 1970.
    pub updated: i64,
    /// Whom it is for.
    pub assignment: Assignment,
    /// The authority that it belongs to; `None` if it belongs to whichever there is.
    pub authority: Option<Authority>,
    /// The nodes that it sets up, and that are removed with it.
    pub roots: Vec<String>,
    /// Its content; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<String>,
}

// No `Debug` here shows a fragment: it may hold passwords and keys.

impl fmt::Debug for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProfileRecord { name, version, .. } = &self.record;
        formatter.debug_struct("Profile").field("name", name).field("version", version).finish_non_exhaustive()
    }
}

impl fmt::Debug for ProfileView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, .. } = self;
        formatter.debug_struct("ProfileView").field("name", name).field("version", version).finish_non_exhaustive()
    }
}

impl Profile {
    pub(super) fn from_record(record: ProfileRecord) -> Result<Self, FragmentError> {
        let commands = fragment::parse(&record.fragment, Purpose::Profile)?;
        Ok(Self { nodes: fragment::nodes(&commands), is_for_user: fragment::is_for_user(&commands), commands, record })
    }

    pub(super) fn record(&self) -> &ProfileRecord {
        &self.record
    }

    pub(super) fn version(&self) -> &str {
        &self.record.version
    }

    pub(super) fn commands(&self) -> &[Command] {
        &self.commands
    }

    pub(super) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Whether it can be sent only while the enrolled user is signed in.
    pub(super) fn is_for_user(&self) -> bool {
        self.is_for_user
    }

    pub(super) fn authority(&self) -> Option<Authority> {
        self.record.authority
    }

    pub(super) fn assignment(&self) -> &Assignment {
        &self.record.assignment
    }

    fn view(&self, with_fragment: bool) -> ProfileView {
        ProfileView {
            name: self.record.name.clone(),
            version: self.record.version.clone(),
            updated: self.record.updated,
            assignment: self.record.assignment.clone(),
            authority: self.record.authority,
            roots: self.nodes.roots.iter().cloned().collect(),
            fragment: with_fragment.then(|| self.record.fragment.clone()),
        }
    }
}

impl Tenant {
    /// Whether a device should have a profile from the authority that serves it.
    pub(super) fn is_for(&self, profile: &Profile, device: &Device) -> bool {
        self.is_for_under(profile, device, device.server())
    }

    /// Whether a device would have a profile if this authority served it.
    pub(super) fn is_for_under(&self, profile: &Profile, device: &Device, server: Authority) -> bool {
        let is_off = server == Authority::Office365 && self.settings.bms_policies == BmsPolicies::Off;
        let has = |user: &String| {
            let groups = || profile.assignment().groups.iter().filter_map(|group| self.groups.get(group));
            profile.assignment().users.contains(user) || groups().any(|group| group.members.contains(user))
        };
        // A profile in the user's tree has no place on a device without a user.
        let has_place = device.user.is_some() || !profile.is_for_user();
        has_place
            && profile.authority().is_none_or(|authority| authority == server && !is_off)
            && (profile.assignment().all
                || profile.assignment().devices.contains(&device.id)
                || device.user.as_ref().is_some_and(has))
    }

    /// Creates a profile or gives it new content; its assignment stays, and so does its authority unless it is said.
    /// A new one belongs to the authority under which devices enrol.
    pub fn put_profile(
        &mut self,
        name: &str,
        text: &str,
        authority: Option<Authority>,
        now: i64,
    ) -> Result<ProfileView, AdminError> {
        if name.chars().count() > 128 || !is_addressable(name) {
            return Err(AdminError::Invalid(
                "a profile's name must have 1 to 128 characters, without control characters and slashes".to_owned(),
            ));
        }
        let fragment = text.trim().to_owned();
        let version = hex(&Sha256::digest(fragment.as_bytes()));
        let old = self.profiles.get(name).map(|profile| &profile.record);
        let assignment = old.map(|record| record.assignment.clone()).unwrap_or_default();
        let updated = old.filter(|record| record.version == version).map_or(now, |record| record.updated);
        let default = || old.map_or_else(|| self.settings.authority.enrols_under(None), |record| record.authority);
        let authority = authority.or_else(default);
        let record = ProfileRecord { name: name.to_owned(), fragment, version, updated, assignment, authority };
        let profile = Profile::from_record(record).map_err(|error| AdminError::Invalid(error.to_string()))?;
        let view = profile.view(true);
        self.profiles.insert(name.to_owned(), profile);
        self.note(RecordKind::Profile, name);
        Ok(view)
    }

    /// Says anew whom a profile is for.
    pub fn assign_profile(&mut self, name: &str, assignment: Assignment) -> Result<ProfileView, AdminError> {
        let users: BTreeSet<String> = assignment.users.iter().map(|user| user_key(user)).collect();
        if let Some(unknown) = users.iter().find(|user| !self.users.contains_key(*user)) {
            return Err(AdminError::no_such("user", unknown));
        }
        if let Some(unknown) = assignment.groups.iter().find(|group| !self.groups.contains_key(*group)) {
            return Err(AdminError::no_such("group", unknown));
        }
        let profile = self.profiles.get_mut(name).ok_or_else(|| AdminError::no_such("profile", name))?;
        profile.record.assignment = Assignment { users, ..assignment };
        let view = profile.view(false);
        self.note(RecordKind::Profile, name);
        Ok(view)
    }

    /// Removes a profile; devices that have it lose it in their next session.
    pub fn remove_profile(&mut self, name: &str) -> Result<(), AdminError> {
        self.profiles.remove(name).ok_or_else(|| AdminError::no_such("profile", name))?;
        self.note(RecordKind::Profile, name);
        Ok(())
    }

    /// All profiles, without their content.
    pub fn profiles(&self) -> Vec<ProfileView> {
        self.profiles.values().map(|profile| profile.view(false)).collect()
    }

    /// One profile with its content.
    pub fn profile(&self, name: &str) -> Result<ProfileView, AdminError> {
        self.profiles.get(name).map(|profile| profile.view(true)).ok_or_else(|| AdminError::no_such("profile", name))
    }

    pub(super) fn unassign_group(&mut self, group: &str) {
        let mut changed = Vec::new();
        for (name, profile) in &mut self.profiles {
            if profile.record.assignment.groups.remove(group) {
                changed.push(name.clone());
            }
        }
        changed.into_iter().for_each(|name| self.note(RecordKind::Profile, name));
    }

    pub(super) fn unassign_user(&mut self, user: &str) {
        let mut changed = Vec::new();
        for (name, profile) in &mut self.profiles {
            if profile.record.assignment.users.remove(user) {
                changed.push(name.clone());
            }
        }
        changed.into_iter().for_each(|name| self.note(RecordKind::Profile, name));
    }
}
