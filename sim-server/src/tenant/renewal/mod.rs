//! Who may renew a certificate (MS-MDE2 section 3.4.4.1), and how the new one takes the old one's place: it is the
//! device's once it has completed a session, and until then both are accepted.

mod signed_request;

#[cfg(test)]
mod tests;

use mdm_protocol::LocUri;
use mdm_protocol::enrolment::{RequestSecurityToken, item};
use mdm_protocol::soap::{Fault, FaultKind};
use mdm_protocol::syncml::{Command, Operation, Verb};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate_request::{self, PublicKey};
use super::device::{Device, IssuedCertificate};
use super::life::{RenewalRefusal, renewal_allowed};
use super::record::RecordKind;
use super::signed_message::SignedMessageError;
use super::{AdminError, Tenant, fingerprint};

/// How many certificates of the past are remembered, so that their use can be named.
const SUPERSEDED: usize = 8;
const RENEW_NOW: [&str; 7] = ["Vendor", "MSFT", "CertificateStore", "MY", "WSTEP", "Renew", "RenewNow"];

/// The permission to renew a device's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalGrant {
    /// The device's id.
    pub device_id: String,
    /// The new key to certify.
    pub public_key: PublicKey,
    /// Whether the device enrolled for its user (`Full`) or for itself (`Device`).
    pub full: bool,
}

impl Tenant {
    /// Decides about a request to renew that came over a connection with the client certificate `peer`; `issuer` is the
    /// certificate of the tenant's own authority. Both are in DER.
    pub fn permit_renewal(
        &self,
        request: &RequestSecurityToken,
        peer: Option<&[u8]>,
        issuer: &[u8],
        now: i64,
    ) -> Result<RenewalGrant, Fault> {
        let refuse = |kind, reason: &str| Err(Fault::new(kind, reason));
        self.check_open()?;
        let Some(peer) = peer else {
            return refuse(
                FaultKind::InvalidSecurity,
                "A request to renew must come over a connection with the certificate that is to be renewed.",
            );
        };
        let signed = signed_request::open(&request.certificate_request).map_err(|error| {
            let kind = if error == SignedMessageError::Signature {
                FaultKind::InvalidSecurity
            } else {
                FaultKind::MessageFormat
            };
            Fault::new(kind, format!("{error}."))
        })?;
        if !is_issued_by(&signed.signer, issuer) {
            return refuse(
                FaultKind::Authentication,
                "The certificate that signed the request to renew was not issued by this server.",
            );
        }
        if signed.signer != peer {
            return refuse(
                FaultKind::InvalidSecurity,
                "The request to renew is signed with another certificate than the one that the connection was made with.",
            );
        }
        let (device, certificate) = self.current(&fingerprint(peer))?;
        if request.context.get(item::DEVICE_ID).is_some_and(|id| id.trim() != device.id) {
            return refuse(FaultKind::InvalidEnrollmentData, "The request to renew names another DeviceID.");
        }
        self.check_window(device, certificate, now)?;
        let public_key = certificate_request::verify(&signed.request)
            .map_err(|error| Fault::new(FaultKind::CertificateRequest, format!("{error}.")))?;
        if device.certificates.iter().any(|issued| issued.key == fingerprint(&public_key.0)) {
            return refuse(FaultKind::CertificateRequest, "A renewed certificate needs a new key; this one is in use.");
        }
        Ok(RenewalGrant { device_id: device.id.clone(), public_key, full: device.full })
    }

    /// Enters the new certificate beside the present one.
    pub fn complete_renewal(&mut self, grant: &RenewalGrant, certificate: IssuedCertificate) {
        let Some(device) = self.devices.get_mut(&grant.device_id) else { return };
        for forgotten in device.certificates.drain(1.min(device.certificates.len())..) {
            self.certificates.remove(&forgotten.fingerprint);
        }
        self.certificates.insert(certificate.fingerprint.clone(), grant.device_id.clone());
        // An order to renew stands until the new certificate has proved itself: the answer may get lost.
        let ordered = device.life.renewal_ordered;
        device.life.renewed(certificate.not_before, certificate.not_after);
        device.life.renewal_ordered = ordered;
        device.certificates.push(certificate);
        self.note(RecordKind::Device, grant.device_id.clone());
    }

    /// Makes the certificate of a completed session the device's only one, if it is the new one.
    pub(super) fn promote_certificate(&mut self, device_id: &str, fingerprint: &str) {
        let Some(device) = self.devices.get_mut(device_id) else { return };
        let Some(place) = device.certificates.iter().position(|issued| issued.fingerprint == fingerprint) else {
            return;
        };
        if place == 0 {
            return;
        }
        let proven = device.certificates.remove(place);
        let others = std::mem::replace(&mut device.certificates, vec![proven]);
        device.life.renewal_ordered = false;
        for old in others {
            self.certificates.remove(&old.fingerprint);
            device.supersede(old.fingerprint);
        }
        self.note(RecordKind::Device, device_id);
    }

    /// Blocks a device from renewing its certificate, or lets it again.
    pub fn block_device(&mut self, device_id: &str, blocked: bool) -> Result<(), AdminError> {
        let device = self.devices.get_mut(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        device.life.blocked = blocked;
        self.note(RecordKind::Device, device_id);
        Ok(())
    }

    /// Opens the renewal window of a device if a queued command orders it to renew.
    pub(super) fn note_renewal_order(&mut self, device_id: &str, commands: &[Command]) {
        if commands.iter().any(orders_renewal)
            && let Some(device) = self.devices.get_mut(device_id)
        {
            device.life.renewal_ordered = true;
            self.note(RecordKind::Device, device_id);
        }
    }

    /// The device whose present certificate this is.
    fn current(&self, fingerprint: &str) -> Result<(&Device, &IssuedCertificate), Fault> {
        let no_longer = |device: &&Device| device.superseded.iter().any(|old| old == fingerprint);
        let Some(device) = self.certificates.get(fingerprint).and_then(|id| self.devices.get(id)) else {
            return Err(if self.devices.values().any(|device| no_longer(&device)) {
                Fault::new(FaultKind::NotEligibleToRenew, "The certificate was renewed already; use the new one.")
            } else {
                Fault::new(FaultKind::Authentication, "The certificate belongs to no device that is enrolled here.")
            });
        };
        match device.certificates.first().filter(|certificate| certificate.fingerprint == fingerprint) {
            Some(certificate) => Ok((device, certificate)),
            None => Err(Fault::new(
                FaultKind::NotEligibleToRenew,
                "The certificate is new; it can be renewed once it has completed a session.",
            )),
        }
    }

    fn check_window(&self, device: &Device, certificate: &IssuedCertificate, now: i64) -> Result<(), Fault> {
        let mut life = device.life;
        life.certificate_not_before = certificate.not_before;
        life.certificate_not_after = certificate.not_after;
        renewal_allowed(&life, now, self.settings.renew_period_days).map_err(|refusal| {
            let kind = match refusal {
                RenewalRefusal::Blocked => FaultKind::Authorization,
                RenewalRefusal::Expired | RenewalRefusal::TooEarly { .. } => FaultKind::NotEligibleToRenew,
            };
            Fault::new(kind, format!("{refusal}."))
        })
    }
}

impl Device {
    /// Remembers a certificate that no longer counts.
    pub(super) fn supersede(&mut self, fingerprint: String) {
        self.superseded.push(fingerprint);
        let surplus = self.superseded.len().saturating_sub(SUPERSEDED);
        self.superseded.drain(..surplus);
    }
}

fn is_issued_by(certificate: &[u8], issuer: &[u8]) -> bool {
    let (Ok((_, certificate)), Ok((_, issuer))) =
        (X509Certificate::from_der(certificate), X509Certificate::from_der(issuer))
    else {
        return false;
    };
    certificate.issuer() == issuer.subject() && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

fn orders_renewal(command: &Command) -> bool {
    match command {
        Command::Operation(Operation { verb: Verb::Exec, items, .. }) => items.iter().any(|item| {
            let uri = item.target.as_deref().and_then(|target| LocUri::parse(target).ok());
            uri.is_some_and(|uri| {
                let segments = uri.segments();
                segments.len() == RENEW_NOW.len()
                    && segments.iter().zip(RENEW_NOW).all(|(segment, name)| segment.eq_ignore_ascii_case(name))
            })
        }),
        Command::Atomic(group) | Command::Sequence(group) => group.commands.iter().any(orders_renewal),
        Command::Operation(_)
        | Command::Alert(_)
        | Command::Status(_)
        | Command::Results(_)
        | Command::Unrecognised(_) => false,
    }
}
