//! Licences: what each entitles to, how many the tenant has, and who holds which.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::life::TenantMode;
use super::record::RecordKind;
use super::user::user_key;
use super::{AdminError, Tenant, UserView};

/// A kind of licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Licence {
    /// Intune alone.
    #[serde(rename = "intune")]
    Intune,
    /// Enterprise Mobility and Security, with Intune.
    #[serde(rename = "ems")]
    Ems,
    /// Microsoft 365 E3, with Intune.
    #[serde(rename = "e3")]
    E3,
    /// Microsoft 365 E5, with Intune.
    #[serde(rename = "e5")]
    E5,
    /// Microsoft 365 Business Premium, with Intune.
    #[serde(rename = "microsoft365-premium")]
    Microsoft365Premium,
    /// Microsoft 365 Business Basic, without Intune.
    #[serde(rename = "microsoft365-basic")]
    Microsoft365Basic,
    /// Microsoft 365 Business Standard, without Intune.
    #[serde(rename = "microsoft365-standard")]
    Microsoft365Standard,
}

/// What an administrator changes about a user; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// All licences that the user holds.
    pub licences: Option<BTreeSet<Licence>>,
    /// Whether the user is co-managed.
    pub co_managed: Option<bool>,
}

/// How many licences of a kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LicenceCount {
    /// The kind.
    pub licence: Licence,
    /// Whether it entitles to Intune.
    pub entitles_to_intune: bool,
    /// How many the tenant has.
    pub purchased: u32,
    /// How many are assigned to users.
    pub assigned: u32,
}

impl Licence {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Intune,
        Self::Ems,
        Self::E3,
        Self::E5,
        Self::Microsoft365Premium,
        Self::Microsoft365Basic,
        Self::Microsoft365Standard,
    ];

    /// Whether its holder may be managed by Intune.
    pub fn entitles_to_intune(self) -> bool {
        match self {
            Self::Intune | Self::Ems | Self::E3 | Self::E5 | Self::Microsoft365Premium => true,
            Self::Microsoft365Basic | Self::Microsoft365Standard => false,
        }
    }
}

impl Tenant {
    /// All licences.
    pub fn licences(&self) -> Vec<LicenceCount> {
        let count = |licence: Licence| LicenceCount {
            licence,
            entitles_to_intune: licence.entitles_to_intune(),
            purchased: self.settings.licences.get(&licence).copied().unwrap_or_default(),
            assigned: self.assigned_licences(licence),
        };
        Licence::ALL.into_iter().map(count).collect()
    }

    /// Changes a user's licences and management; the user's devices follow.
    pub fn change_user(&mut self, name: &str, patch: UserPatch, now: i64) -> Result<UserView, AdminError> {
        let key = user_key(name);
        let user = self.users.get(&key).ok_or_else(|| AdminError::no_such("user", name))?;
        if let Some(licences) = &patch.licences {
            self.check_licences(licences.difference(&user.licences))?;
        }
        let Some(user) = self.users.get_mut(&key) else { return Err(AdminError::no_such("user", name)) };
        user.licences = patch.licences.unwrap_or_else(|| std::mem::take(&mut user.licences));
        user.co_managed = patch.co_managed.unwrap_or(user.co_managed);
        self.note(RecordKind::User, key.clone());
        self.reconsider(|device| device.user.as_deref() == Some(&key), now);
        self.user_view(&key)
    }

    /// Whether one more of each licence can be assigned.
    pub(super) fn check_licences<'a>(&self, wanted: impl Iterator<Item = &'a Licence>) -> Result<(), AdminError> {
        for licence in wanted {
            let purchased = self.settings.licences.get(licence).copied().unwrap_or_default();
            let assigned = self.assigned_licences(*licence);
            if assigned >= purchased {
                let name = serde_json::to_string(licence).unwrap_or_default();
                return Err(AdminError::Conflict(format!(
                    "all {purchased} licences of the kind {name} are assigned ({assigned} users hold one); purchase more"
                )));
            }
        }
        Ok(())
    }

    /// Changes how many licences there are; those that are assigned cannot be given back.
    pub(super) fn change_licences(&mut self, counts: Option<BTreeMap<Licence, u32>>) -> Result<(), AdminError> {
        let counts = counts.unwrap_or_default();
        for (licence, count) in &counts {
            let assigned = self.assigned_licences(*licence);
            if *count < assigned {
                return Err(AdminError::Conflict(format!(
                    "{assigned} users hold this licence, so the tenant cannot have only {count}; take it from them first"
                )));
            }
        }
        self.settings.licences.extend(counts);
        Ok(())
    }

    /// Whether the tenant has what a way of managing devices needs.
    pub(super) fn check_mode(
        &self,
        mode: Option<TenantMode>,
        counts: Option<&BTreeMap<Licence, u32>>,
    ) -> Result<(), AdminError> {
        let count = |licence: &Licence| {
            let new = counts.and_then(|counts| counts.get(licence));
            new.or_else(|| self.settings.licences.get(licence)).copied().unwrap_or_default()
        };
        let has_intune = Licence::ALL.iter().any(|licence| licence.entitles_to_intune() && count(licence) > 0);
        let adds_intune = mode == Some(TenantMode::Coexistence) && self.settings.authority == TenantMode::Office365;
        if adds_intune && !has_intune {
            return Err(AdminError::Conflict(
                "Intune needs licences, and the tenant has none; purchase some to start with Intune".to_owned(),
            ));
        }
        Ok(())
    }

    fn assigned_licences(&self, licence: Licence) -> u32 {
        let holders = self.users.values().filter(|user| user.licences.contains(&licence)).count();
        u32::try_from(holders).unwrap_or(u32::MAX)
    }
}
