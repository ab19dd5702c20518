//! What a change of the authority would do, told before it is made: who would move, and what would be left without a
//! replacement.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::{ProfileAddress, ProfileKind};
use serde::Serialize;

use super::life::{Authority, TenantMode, UserStanding, effective};
use super::profile::Profile;
use super::user::user_key;
use super::{AdminError, Device, Tenant, UserPatch};

/// How many users and devices a warning names.
const NAMED: usize = 20;

/// What a change of the authority would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// What the tenant would be set to.
    pub to: TenantMode,
    /// The users whose devices would move, with their devices.
    pub users: BTreeMap<String, Vec<String>>,
    /// The devices that would move.
    pub devices: Vec<DevicePreview>,
    /// The devices without a user: they stay where they are until support moves them.
    pub userless: Vec<String>,
    /// How many devices would move that lose something without a replacement.
    pub uncovered: usize,
    /// What should be done first.
    pub warnings: Vec<String>,
}

/// What a change would do to one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePreview {
    /// The device's id.
    pub id: String,
    /// The authority that it leaves.
    pub from: Authority,
    /// The authority that it moves to.
    pub to: Authority,
    /// For each kind of profile that it has, whether the new authority has one of that kind for it.
    pub replaced: BTreeMap<&'static str, bool>,
    /// What becomes of each profile that the authority that it leaves has assigned to it.
    pub profiles: BTreeMap<String, ProfileFate>,
}

/// What becomes of a profile of an authority that a device leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileFate {
    /// The new authority has assigned the same settings: they are replaced in the first session.
    Replaced,
    /// It is deleted in the first session: users are given from one authority to the other.
    Deleted,
    /// It stays for up to seven days after the last check-in with its owner.
    KeptUpToSevenDays,
}

/// What a change of a user's licenses would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserPreview {
    /// The user's name.
    pub name: String,
    /// The authority of the user's devices after the change; `None` as long as the tenant has none.
    pub authority: Option<Authority>,
    /// The devices that would move.
    pub devices: Vec<DevicePreview>,
}

impl DevicePreview {
    /// The kinds of profile that nothing replaces.
    fn lost(&self) -> Vec<&'static str> {
        self.replaced.iter().filter(|(_, replaced)| !**replaced).map(|(kind, _)| *kind).collect()
    }
}

impl Tenant {
    /// What would happen if the tenant was set so.
    pub fn preview(&self, to: TenantMode) -> Result<Preview, AdminError> {
        let to = self.settings.authority.set(to).map_err(|refusal| AdminError::Conflict(refusal.to_string()))?;
        let devices: Vec<_> = self.devices.values().filter_map(|device| self.preview_device(device, to)).collect();
        let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for device in &devices {
            let user = self.devices.get(&device.id).and_then(|device| self.users.get(device.user.as_ref()?));
            users.entry(user.map(|user| user.name.clone()).unwrap_or_default()).or_default().push(device.id.clone());
        }
        let userless = self.devices.values().filter(|device| device.user.is_none());
        Ok(Preview {
            to,
            users,
            userless: userless.map(|device| device.id.clone()).collect(),
            uncovered: devices.iter().filter(|device| !device.lost().is_empty()).count(),
            devices,
            warnings: self.warnings_before(to),
        })
    }

    /// What would happen if a user's licenses or management were changed so.
    pub fn preview_user(&self, name: &str, patch: &UserPatch) -> Result<UserPreview, AdminError> {
        let key = user_key(name);
        let user = self.users.get(&key).ok_or_else(|| AdminError::no_such("user", name))?;
        let standing = user.standing_after(patch);
        let mode = self.settings.authority;
        let owned = self.devices.values().filter(|device| device.user.as_deref() == Some(&key));
        Ok(UserPreview {
            name: user.name.clone(),
            authority: mode.authority_of(standing),
            devices: owned.filter_map(|device| self.preview_move(device, mode, Some(standing))).collect(),
        })
    }

    /// What should be done before the tenant is set so.
    pub(super) fn warnings_before(&self, to: TenantMode) -> Vec<String> {
        let mut warnings = Vec::new();
        if to == TenantMode::Coexistence && self.settings.authority == TenantMode::Office365 {
            let entitled = |key: &&String| self.standing(key).is_some_and(|owner| owner.is_for_intune());
            let users: Vec<_> = self.users.keys().filter(entitled).filter_map(|key| self.users.get(key)).collect();
            let names: Vec<&str> = users.iter().take(NAMED).map(|user| user.name.as_str()).collect();
            if !users.is_empty() {
                warnings.push(format!(
                    "{} users are entitled to Intune already, so their devices switch as soon as coexistence is on: {}",
                    users.len(),
                    names.join(", ")
                ));
            }
        }
        let moving = self.devices.values().filter_map(|device| self.preview_device(device, to));
        let losing = moving.filter(|device| !device.lost().is_empty()).take(NAMED);
        warnings.extend(losing.map(|device| {
            let (id, to, lost) = (&device.id, device.to, device.lost().join(", "));
            format!("the device {id} moves to {to} and loses settings without a replacement: {lost}")
        }));
        warnings
    }

    fn preview_device(&self, device: &Device, mode: TenantMode) -> Option<DevicePreview> {
        self.preview_move(device, mode, self.owner(device))
    }

    fn preview_move(&self, device: &Device, mode: TenantMode, owner: Option<UserStanding>) -> Option<DevicePreview> {
        let from = device.life.authority;
        let to = effective(mode, owner, &device.life);
        if to == from {
            return None;
        }
        let new = self.kinds_for(device, to);
        let replaced = self.kinds_for(device, from).into_iter().map(|kind| (kind.as_str(), new.contains(&kind)));
        let profiles = self.fates(device, from, to, mode);
        Some(DevicePreview { id: device.id.clone(), from, to, replaced: replaced.collect(), profiles })
    }

    /// What becomes of the profiles of the authority that a device leaves.
    fn fates(
        &self,
        device: &Device,
        from: Authority,
        to: Authority,
        mode: TenantMode,
    ) -> BTreeMap<String, ProfileFate> {
        let of =
            |authority| self.profiles.iter().filter(move |(_, profile)| self.is_for_under(profile, device, authority));
        let new: BTreeSet<&String> = of(to).flat_map(|(_, profile)| &profile.nodes().roots).collect();
        let fate = |profile: &Profile| {
            let roots = &profile.nodes().roots;
            match () {
                () if !roots.is_empty() && roots.iter().all(|root| new.contains(root)) => ProfileFate::Replaced,
                () if mode.leaves_nothing_of(from) => ProfileFate::Deleted,
                () => ProfileFate::KeptUpToSevenDays,
            }
        };
        of(from).map(|(name, profile)| (name.clone(), fate(profile))).collect()
    }

    /// The kinds of the profiles that an authority has for a device.
    fn kinds_for(&self, device: &Device, authority: Authority) -> BTreeSet<ProfileKind> {
        let profiles = self.profiles.values().filter(|profile| self.is_for_under(profile, device, authority));
        let roots = profiles.flat_map(|profile| &profile.nodes().roots);
        let kind = |root: &String| Some(ProfileAddress::locate(&LocUri::parse(root).ok()?)?.kind);
        roots.filter_map(kind).collect()
    }
}

#[cfg(test)]
mod tests;
