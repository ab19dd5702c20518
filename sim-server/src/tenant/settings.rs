//! What an administrator can set for the whole tenant, and which changes are allowed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compliance::MAX_LAG;
use super::life::{BmsPolicies, TenantMode};
use super::record::RecordKind;
use super::{AdminError, ApnsCertificate, Licence, ScepMode, Tenant};

/// How many licences of each kind a tenant begins with.
const LICENCES: u32 = 10_000;

/// How users prove themselves at enrolment, as discovery announces it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// User name and password, or a token of the administrator's; only the first is announced, unless the client does
    /// not offer it.
    #[default]
    OnPremise,
    /// A token only.
    Federated,
    /// Both: discovery announces the stronger of those that the client offers.
    Any,
}

/// How devices prove themselves inside messages, beside their TLS certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageAuthentication {
    /// Not at all.
    #[default]
    None,
    /// By the MD5 digest of OMA-DM.
    Md5,
}

/// What the server answers when it has nothing more to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndOfSession {
    /// A message with statuses only: every message is answered with one.
    #[default]
    Status,
    /// An empty body at once.
    Empty,
}

/// How enrolment faults are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultStyle {
    /// As SOAP 1.2 has them.
    #[default]
    Proper,
    /// All names and codes in lower case, as several real servers write them.
    Lower,
}

/// The tenant's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The tenant's name, shown to users and put into certificates.
    pub name: String,
    /// Who manages the devices.
    pub authority: TenantMode,
    /// When the authority was last changed, in seconds since 1970; 0 if it never was.
    pub authority_changed: i64,
    /// How many licences of each kind the tenant has.
    pub licences: BTreeMap<Licence, u32>,
    /// Whether only administrators with an Intune licence may set the authority.
    pub strict_licences: bool,
    /// The certificate of Apple's push service, if one was uploaded.
    pub apns_certificate: Option<ApnsCertificate>,
    /// By how many seconds the compliance report lags.
    pub report_lag_seconds: u32,
    /// The most devices that one user may enrol.
    pub device_limit: u32,
    /// How users prove themselves at enrolment.
    pub auth: Authentication,
    /// How devices prove themselves inside messages.
    pub message_authentication: MessageAuthentication,
    /// What ends a session.
    pub end_of_session: EndOfSession,
    /// Whether enrolment is closed for maintenance.
    pub maintenance: bool,
    /// How long device certificates are valid, in days.
    pub certificate_days: u32,
    /// How long before the end of its certificate a device may renew it, in days.
    pub renew_period_days: u32,
    /// How long a token that recovers a device can be used, in hours.
    pub recovery_hours: u32,
    /// Whether the policies of Basic Mobility and Security reach devices.
    pub bms_policies: BmsPolicies,
    /// Over how many seconds devices may spread the sessions that a change of authority rings for.
    pub ring_spread_seconds: u32,
    /// Whether rings get lost, to test what happens then.
    pub lose_rings: bool,
    /// How long devices wait between two attempts to renew, in days.
    pub renew_retry_days: u32,
    /// How enrolment faults are written.
    pub fault_style: FaultStyle,
    /// The HTTP status that enrolment faults travel with, 200 or 500.
    pub fault_http_status: u16,
    /// The most commands that one message to a device carries.
    pub max_commands_per_message: u32,
    /// Who gets a certificate by SCEP.
    pub scep: ScepMode,
    /// Whether what a conforming client would never send is refused, with the rule that it breaks.
    pub strict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "Simulated tenant".to_owned(),
            authority: TenantMode::Unknown,
            authority_changed: 0,
            licences: Licence::ALL.into_iter().map(|licence| (licence, LICENCES)).collect(),
            strict_licences: false,
            apns_certificate: None,
            report_lag_seconds: 0,
            device_limit: 15,
            auth: Authentication::OnPremise,
            message_authentication: MessageAuthentication::None,
            end_of_session: EndOfSession::Status,
            maintenance: false,
            certificate_days: 365,
            renew_period_days: 42,
            renew_retry_days: 4,
            recovery_hours: 24,
            bms_policies: BmsPolicies::On,
            ring_spread_seconds: 0,
            lose_rings: false,
            fault_style: FaultStyle::Proper,
            fault_http_status: 500,
            max_commands_per_message: 50,
            scep: ScepMode::Challenge,
            strict: false,
        }
    }
}

/// A change of settings; what is `None` stays as it is. The fields mean what those of [`Settings`] mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is that of Settings")]
pub struct SettingsPatch {
    pub name: Option<String>,
    pub authority: Option<TenantMode>,
    pub licences: Option<BTreeMap<Licence, u32>>,
    pub strict_licences: Option<bool>,
    pub report_lag_seconds: Option<u32>,
    pub device_limit: Option<u32>,
    pub auth: Option<Authentication>,
    pub message_authentication: Option<MessageAuthentication>,
    pub end_of_session: Option<EndOfSession>,
    pub maintenance: Option<bool>,
    pub certificate_days: Option<u32>,
    pub renew_period_days: Option<u32>,
    pub renew_retry_days: Option<u32>,
    pub recovery_hours: Option<u32>,
    pub bms_policies: Option<BmsPolicies>,
    pub ring_spread_seconds: Option<u32>,
    pub lose_rings: Option<bool>,
    pub fault_style: Option<FaultStyle>,
    pub fault_http_status: Option<u16>,
    pub max_commands_per_message: Option<u32>,
    pub scep: Option<ScepMode>,
    pub strict: Option<bool>,
}

impl Tenant {
    /// Changes settings: all of the patch, or nothing of it.
    pub fn change_settings(&mut self, patch: SettingsPatch, now: i64) -> Result<&Settings, AdminError> {
        let authority = patch.check(&self.settings)?;
        self.check_mode(authority, patch.licences.as_ref())?;
        self.change_licences(patch.licences)?;
        let before = (self.settings.authority, self.settings.bms_policies);
        let settings = &mut self.settings;
        set(&mut settings.name, patch.name.map(|name| name.trim().to_owned()));
        set(&mut settings.authority, authority);
        set(&mut settings.strict_licences, patch.strict_licences);
        set(&mut settings.report_lag_seconds, patch.report_lag_seconds);
        set(&mut settings.device_limit, patch.device_limit);
        set(&mut settings.auth, patch.auth);
        set(&mut settings.message_authentication, patch.message_authentication);
        set(&mut settings.end_of_session, patch.end_of_session);
        set(&mut settings.maintenance, patch.maintenance);
        set(&mut settings.certificate_days, patch.certificate_days);
        set(&mut settings.renew_period_days, patch.renew_period_days);
        set(&mut settings.renew_retry_days, patch.renew_retry_days);
        set(&mut settings.recovery_hours, patch.recovery_hours);
        set(&mut settings.bms_policies, patch.bms_policies);
        set(&mut settings.ring_spread_seconds, patch.ring_spread_seconds);
        set(&mut settings.lose_rings, patch.lose_rings);
        set(&mut settings.fault_style, patch.fault_style);
        set(&mut settings.fault_http_status, patch.fault_http_status);
        set(&mut settings.max_commands_per_message, patch.max_commands_per_message);
        set(&mut settings.scep, patch.scep);
        set(&mut settings.strict, patch.strict);
        self.note(RecordKind::Settings, "");
        if (self.settings.authority, self.settings.bms_policies) != before {
            self.mode_changed(before.0, now);
        }
        Ok(&self.settings)
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

impl SettingsPatch {
    fn check(&self, present: &Settings) -> Result<Option<TenantMode>, AdminError> {
        let invalid = |text: &str| Err(AdminError::Invalid(text.to_owned()));
        let authority = self.authority.map(|to| present.authority.set(to)).transpose();
        let authority = authority.map_err(|refusal| AdminError::Conflict(refusal.to_string()))?;
        // The name goes into XML, which has no way to write a control character.
        let is_name = |name: &str| (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if self.name.as_ref().is_some_and(|name| !is_name(name.trim())) {
            return invalid("the tenant's name must have 1 to 64 characters, without control characters");
        }
        if self.certificate_days.is_some_and(|days| !(1..=3650).contains(&days)) {
            return invalid("certificate_days must be 1 to 3650");
        }
        let period = self.renew_period_days.unwrap_or(present.renew_period_days);
        let retry = self.renew_retry_days.unwrap_or(present.renew_retry_days);
        if !(1..=1000).contains(&period) || !(1..=period).contains(&retry) {
            return invalid("renew_period_days must be 1 to 1000, and renew_retry_days 1 to renew_period_days");
        }
        if self.ring_spread_seconds.is_some_and(|seconds| seconds > 86_400) {
            return invalid("ring_spread_seconds must be 0 to 86400");
        }
        if self.report_lag_seconds.is_some_and(|seconds| seconds > MAX_LAG) {
            return invalid("report_lag_seconds must be 0 to 604800");
        }
        if self.recovery_hours.is_some_and(|hours| !(1..=720).contains(&hours)) {
            return invalid("recovery_hours must be 1 to 720");
        }
        if self.fault_http_status.is_some_and(|status| status != 200 && status != 500) {
            return invalid("fault_http_status must be 200 or 500");
        }
        if self.max_commands_per_message.is_some_and(|count| !(1..=1000).contains(&count)) {
            return invalid("max_commands_per_message must be 1 to 1000");
        }
        Ok(authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s49_the_authority_cannot_go_back_to_unknown() {
        let mut tenant = Tenant::default();
        let patch = |authority| SettingsPatch { authority: Some(authority), ..SettingsPatch::default() };
        tenant.change_settings(patch(TenantMode::Unknown), 0).unwrap();
        tenant.change_settings(patch(TenantMode::Office365), 0).unwrap();
        let refusal = tenant.change_settings(patch(TenantMode::Unknown), 0).unwrap_err();
        assert!(matches!(refusal, AdminError::Conflict(_)));
        assert_eq!(tenant.settings().authority, TenantMode::Office365);
    }

    #[test]
    fn a_record_of_an_older_server_is_completed_with_defaults() {
        let settings: Settings = serde_json::from_str(r#"{"name": "Old", "authority": "office365"}"#).unwrap();
        assert_eq!((settings.authority, settings.renew_period_days), (TenantMode::Office365, 42));
    }

    #[test]
    fn a_patch_with_one_bad_value_changes_nothing() {
        let mut tenant = Tenant::default();
        let patch: SettingsPatch = serde_json::from_str(r#"{"name": "Other", "fault_http_status": 404}"#).unwrap();
        assert!(matches!(tenant.change_settings(patch, 0), Err(AdminError::Invalid(_))));
        assert_eq!(tenant.settings(), &Settings::default());
    }

    #[test]
    fn a_name_that_no_document_could_carry_is_refused() {
        for name in ["", "   ", "a\u{1}b", &"x".repeat(65)] {
            let patch = SettingsPatch { name: Some(name.to_owned()), ..SettingsPatch::default() };
            assert!(matches!(Tenant::default().change_settings(patch, 0), Err(AdminError::Invalid(_))), "{name:?}");
        }
    }
}
