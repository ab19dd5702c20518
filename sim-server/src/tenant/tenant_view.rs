//! The tenant's settings as the administrator sees them, with what follows from them and what should be heeded.

use serde::Serialize;

use super::life::TenantMode;
use super::{Admin, AdminError, Settings, SettingsPatch, Tenant};

/// The tenant as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantView {
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// The authority's name, as people are told it.
    pub authority_name: &'static str,
    /// Whether Intune and Basic Mobility and Security manage devices side by side.
    pub coexistence: bool,
    /// Whether Basic Mobility and Security is provisioned, which it stays once it was.
    pub bms_provisioned: bool,
    /// What the administrator should know.
    pub warnings: Vec<String>,
}

impl Tenant {
    /// The tenant at a glance.
    pub fn tenant_view(&self, now: i64) -> TenantView {
        let mode = self.settings.authority;
        TenantView {
            settings: self.settings.clone(),
            authority_name: mode.name(),
            coexistence: mode == TenantMode::Coexistence,
            bms_provisioned: mode.has_bms(),
            warnings: self.standing_warnings(now),
        }
    }

    /// Changes settings for an administrator; returns what became of them, with warnings.
    pub fn change_settings_as(
        &mut self,
        admin: &Admin,
        patch: SettingsPatch,
        now: i64,
    ) -> Result<TenantView, AdminError> {
        let before = self.settings.authority;
        let mut warnings = Vec::new();
        if patch.authority.is_some() && !admin.licensed {
            let sentence =
                "an administrator who sets the MDM authority should hold an Intune licence, and this one does not";
            if self.settings.strict_licences {
                return Err(AdminError::Forbidden(sentence.to_owned()));
            }
            self.audit(&admin.name, "set the MDM authority without an Intune licence", "warned", now);
            warnings.push(sentence.to_owned());
        }
        if let Some(to) = patch.authority.and_then(|to| before.set(to).ok()).filter(|to| *to != before) {
            warnings.extend(self.warnings_before(to));
        }
        self.change_settings(patch, now)?;
        let after = self.settings.authority;
        if after != before {
            let what = format!("MDM authority: {} to {}", before.name(), after.name());
            self.audit(&admin.name, &what, "done", now);
        }
        let mut view = self.tenant_view(now);
        view.warnings.splice(0..0, warnings);
        Ok(view)
    }
}
