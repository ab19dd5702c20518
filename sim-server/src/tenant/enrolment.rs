//! Who may enrol which device (MS-MDE2 section 3.4): every refusal of the enrolment services is decided here.
//!
//! A permission and its completion are two steps, because the certificate is made between them.

use mdm_protocol::enrolment::{AdditionalContext, RequestSecurityToken, RequestType, item};
use mdm_protocol::soap::{Fault, FaultKind, Security};
use mdm_protocol::{Secret, base64};

use super::certificate_request::{self, CertificateRequestError, PublicKey};
use super::device::{Device, IssuedCertificate, Nonce, StoredSecret};
use super::life::{DeviceLife, TenantMode, effective};
use super::lifecycle::is_apple;
use super::record::RecordKind;
use super::session::NONCE_SECONDS;
use super::{Authentication, Authority, PasswordProof, Tenant, is_addressable};

const DEVICE_TYPE: &str = "CIMClient_Windows";

/// The permission to enrol a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The device's id.
    pub device_id: String,
    /// The device's own name for itself.
    pub device_name: String,
    /// The key to certify.
    pub public_key: PublicKey,
    /// Whether the device enrols for its user (`Full`) or for itself (`Device`).
    pub full: bool,
    /// The user's name, where there is one.
    pub user: Option<String>,
    /// The authority under which the device enrols.
    pub authority: Authority,
    user_key: Option<String>,
    token: Option<String>,
    /// Whether a device that is enrolled already gets a new certificate and keeps everything else.
    is_recovery: bool,
    hardware_id: String,
    device_type: String,
    os_version: String,
}

/// What a new device proves itself with inside messages. Fresh random values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentSecrets {
    /// The secret.
    pub secret: Secret,
    /// The first nonce.
    pub nonce: Vec<u8>,
}

/// Who asks, and the token that proved it.
struct Caller {
    user: Option<String>,
    token: Option<String>,
    /// The device that the token is bound to.
    recovers: Option<String>,
}

impl Tenant {
    /// Whether enrolment is possible at all at present.
    pub fn check_open(&self) -> Result<(), Fault> {
        if self.settings.maintenance {
            return Err(Fault::new(FaultKind::InMaintenance, "The server is being maintained; try again later."));
        }
        if self.settings.authority == TenantMode::Unknown {
            return Err(Fault::new(
                FaultKind::Authorization,
                "No MDM authority is set for this tenant. An administrator must set it before users can enrol devices.",
            ));
        }
        Ok(())
    }

    /// Whether the caller of the policy service is known. A request without credentials gets the policy too: it is no
    /// secret, and some clients ask for it without.
    pub fn check_policy_caller(
        &self,
        security: Option<&Security>,
        proof: Option<&PasswordProof>,
        now: i64,
    ) -> Result<(), Fault> {
        self.check_open()?;
        security.map_or(Ok(()), |security| self.check_caller(Some(security), proof, now).map(drop))
    }

    /// Decides about a request for a first certificate. `proof` is what [`Tenant::password_test`] led to.
    pub fn permit_enrolment(
        &self,
        security: Option<&Security>,
        proof: Option<&PasswordProof>,
        request: &RequestSecurityToken,
        now: i64,
    ) -> Result<Grant, Fault> {
        if request.request_type == RequestType::Renew {
            return Err(Fault::new(FaultKind::InvalidSecurity, "A request to renew is proved by the old certificate."));
        }
        self.check_open()?;
        let caller = self.check_caller(security, proof, now)?;
        let context = &request.context;
        match &caller.recovers {
            Some(device) => self.check_recovery(device, context)?,
            None => self.check_licence(caller.user.as_deref())?,
        }
        self.check_device_type(context, now)?;
        let device_id = self.check_context(context, caller.user.as_deref())?;
        let public_key = certificate_request::verify(&request.certificate_request).map_err(refuse_request)?;
        if caller.recovers.is_none() {
            self.check_device_limit(caller.user.as_deref(), &device_id)?;
        }
        let text = |name| context.get(name).unwrap_or_default().chars().take(256).collect::<String>();
        let name = text(item::DEVICE_NAME);
        let authority = self.enrolment_authority(caller.user.as_deref(), &device_id, caller.recovers.is_some());
        Ok(Grant {
            device_name: if name.is_empty() { device_id.clone() } else { name },
            device_id,
            public_key,
            full: context.get(item::ENROLLMENT_TYPE) == Some("Full"),
            user: caller.user.as_ref().and_then(|key| self.users.get(key)).map(|user| user.name.clone()),
            authority,
            user_key: caller.user,
            token: caller.token,
            is_recovery: caller.recovers.is_some(),
            hardware_id: text(item::HARDWARE_ID),
            device_type: text(item::DEVICE_TYPE),
            os_version: text(item::OS_VERSION),
        })
    }

    /// Enters the device. A device that enrols anew begins anew: what was known of it before is forgotten, unless an
    /// administrator had it recovered.
    pub fn complete_enrolment(
        &mut self,
        grant: &Grant,
        certificate: IssuedCertificate,
        secrets: &EnrolmentSecrets,
        now: i64,
    ) -> &Device {
        if let Some(token) = &grant.token {
            self.use_up_token(token);
        }
        let nonce = Nonce { value: secrets.nonce.clone(), expires: now.saturating_add(NONCE_SECONDS) };
        if grant.is_recovery && self.devices.contains_key(&grant.device_id) {
            return self.complete_recovery(&grant.device_id, certificate, &secrets.secret, nonce);
        }
        // Whether it was there before does not matter.
        let _ = self.remove_device(&grant.device_id);
        self.certificates.insert(certificate.fingerprint.clone(), grant.device_id.clone());
        self.note(RecordKind::Device, grant.device_id.clone());
        let life = DeviceLife::enrolled(grant.authority, now, certificate.not_before, certificate.not_after);
        self.devices
            .entry(grant.device_id.clone())
            .insert_entry(Device {
                id: grant.device_id.clone(),
                user: grant.user_key.clone(),
                name: grant.device_name.clone(),
                full: grant.full,
                enrolled: now,
                hardware_id: grant.hardware_id.clone(),
                device_type: grant.device_type.clone(),
                os_version: grant.os_version.clone(),
                certificates: vec![certificate],
                superseded: Vec::new(),
                life,
                push: super::push::PushChannel::default(),
                due: Some(grant.authority),
                authority_changed: self.settings.authority_changed,
                served_by: None,
                secret: StoredSecret::new(&secrets.secret),
                nonce: Some(nonce),
                recovery_secrets: Vec::new(),
                commanded: std::collections::BTreeSet::new(),
                last_session: None,
                compliance: Vec::new(),
                reports: Vec::new(),
                orders: Vec::new(),
                verdicts: None,
                redundant: None,
                inventory: super::inventory::Inventory::default(),
                dev_info: std::collections::BTreeMap::new(),
                profiles: std::collections::BTreeMap::new(),
                nodes: super::fragment::Nodes::default(),
            })
            .into_mut()
    }

    fn check_caller(
        &self,
        security: Option<&Security>,
        proof: Option<&PasswordProof>,
        now: i64,
    ) -> Result<Caller, Fault> {
        match security {
            None => Err(Fault::new(FaultKind::InvalidSecurity, "The request carries no credentials.")),
            Some(Security::UsernameToken { .. }) if self.settings.auth == Authentication::Federated => {
                Err(Fault::new(FaultKind::InvalidSecurity, "This tenant accepts an enrolment token only, no password."))
            }
            Some(Security::UsernameToken { .. }) => {
                let user = self.proved_user(proof).ok_or_else(|| {
                    Fault::new(FaultKind::Authentication, "The user is not known, or the password is wrong.")
                })?;
                Ok(Caller { user: Some(user), token: None, recovers: None })
            }
            Some(Security::BinaryToken { content, .. }) => {
                let unusable = || Fault::new(FaultKind::InvalidSecurity, "The enrolment token is not valid base64.");
                let content = base64::decode(content.expose()).map_err(|_| unusable())?;
                let (key, token) = self.check_token(&content, now).ok_or_else(|| {
                    Fault::new(FaultKind::Authentication, "The enrolment token is not known, was used, or has expired.")
                })?;
                Ok(Caller { user: token.user.clone(), token: Some(key), recovers: token.device.clone() })
            }
        }
    }

    fn check_licence(&self, user: Option<&str>) -> Result<(), Fault> {
        match user.and_then(|key| self.standing(key)) {
            Some(owner) if !self.settings.authority.admits(owner) => {
                Err(Fault::new(FaultKind::UserLicense, "The user has no licence for device management."))
            }
            _ => Ok(()),
        }
    }

    fn enrolment_authority(&self, user: Option<&str>, device_id: &str, is_recovery: bool) -> Authority {
        let owner = user.and_then(|user| self.standing(user));
        match self.devices.get(device_id).filter(|_| is_recovery) {
            Some(device) => effective(self.settings.authority, owner, &device.life),
            // Nobody enrols while the authority is unknown.
            None => self.settings.authority.enrols_under(owner).unwrap_or(Authority::Intune),
        }
    }

    fn check_device_type(&self, context: &AdditionalContext, now: i64) -> Result<(), Fault> {
        let kind = context.get(item::DEVICE_TYPE).unwrap_or("nothing");
        if is_apple(kind) {
            let trouble = self.apns_trouble(now);
            return trouble.map_or(Ok(()), |reason| {
                let reason = format!("This type of device cannot enrol at present: {reason}.");
                Err(Fault::new(FaultKind::NotSupported, reason))
            });
        }
        if kind == DEVICE_TYPE {
            return Ok(());
        }
        let found: String = kind.chars().take(40).collect();
        let reason = format!("Only devices of the type {DEVICE_TYPE} can enrol here; this one says {found}.");
        Err(Fault::new(FaultKind::DeviceNotSupported, reason))
    }

    /// The device's id, if what the device says of itself is acceptable.
    fn check_context(&self, context: &AdditionalContext, user: Option<&str>) -> Result<String, Fault> {
        let rejected = |reason: String| Err(Fault::new(FaultKind::InvalidEnrollmentData, reason));
        for name in REQUIRED {
            if context.get(name).is_none_or(|value| value.trim().is_empty()) {
                return rejected(format!("The request has no {name}."));
            }
        }
        if !matches!(context.get(item::ENROLLMENT_TYPE), Some("Full" | "Device")) {
            return rejected("EnrollmentType must be Full or Device.".to_owned());
        }
        let id = context.get(item::DEVICE_ID).unwrap_or_default().trim();
        if id.chars().count() > 64 || id.chars().any(char::is_whitespace) || !is_addressable(id) {
            return rejected("DeviceID must have at most 64 characters, without spaces and slashes.".to_owned());
        }
        if self.devices.get(id).is_some_and(|device| device.user.as_deref() != user) {
            return rejected(
                "This DeviceID is enrolled for another user; an administrator must remove it first.".into(),
            );
        }
        Ok(id.to_owned())
    }

    fn check_device_limit(&self, user: Option<&str>, device_id: &str) -> Result<(), Fault> {
        let Some(user) = user else { return Ok(()) };
        let limit = self.settings.device_limit;
        let others = self.devices_of(user).filter(|id| *id != device_id).count();
        if others < usize::try_from(limit).unwrap_or(usize::MAX) {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::DeviceCapReached,
            format!("The user has enrolled {others} devices; {limit} are allowed."),
        ))
    }
}

const REQUIRED: [&str; 6] = [
    item::ENROLLMENT_TYPE,
    item::DEVICE_ID,
    item::HARDWARE_ID,
    item::DEVICE_NAME,
    item::OS_VERSION,
    item::APPLICATION_VERSION,
];

fn refuse_request(error: CertificateRequestError) -> Fault {
    Fault::new(FaultKind::CertificateRequest, format!("{error}."))
}

#[cfg(test)]
mod tests;
