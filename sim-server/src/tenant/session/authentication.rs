//! Proof inside messages: the MD5 digest over a nonce that the server gave out (OMA-DM security section 5.3).

use aws_lc_rs::constant_time;
use mdm_protocol::syncml::{CredentialsKind, Header, StatusCode, digest};

use super::super::device::{Nonce, StoredSecret};
use super::super::record::RecordKind;
use super::super::{MessageAuthentication, Tenant};

/// How long a nonce can be used, in seconds.
pub(in super::super) const NONCE_SECONDS: i64 = 300;
const NONCE_BYTES: usize = 16;

/// What is to be said of a message's proof.
#[derive(Debug)]
pub(super) struct Proof {
    /// The status that answers the message's header.
    pub(super) code: StatusCode,
    /// The nonce that the next message must use.
    pub(super) next: Option<Nonce>,
    /// The number of the recovery whose secret the message was made with.
    pub(super) recovery: Option<usize>,
}

impl Proof {
    pub(super) fn is_accepted(&self) -> bool {
        self.code == StatusCode::OK
    }
}

impl Tenant {
    pub(super) fn authenticate(&self, device: &str, header: &Header, now: i64, random: &mut fastrand::Rng) -> Proof {
        match self.settings.message_authentication {
            MessageAuthentication::None => Proof { code: StatusCode::OK, next: None, recovery: None },
            MessageAuthentication::Md5 => {
                let mut value = vec![0; NONCE_BYTES];
                random.fill(&mut value);
                let next = Nonce { value, expires: now.saturating_add(NONCE_SECONDS) };
                let (code, recovery) = self.check_digest(device, header, now);
                Proof { code, next: Some(next), recovery }
            }
        }
    }

    /// The status, and the recovery whose secret was used.
    fn check_digest(&self, device: &str, header: &Header, now: i64) -> (StatusCode, Option<usize>) {
        let refused = |code| (code, None);
        let Some(credentials) = &header.credentials else { return refused(StatusCode::MISSING_CREDENTIALS) };
        let Some(device) = self.devices.get(device) else { return refused(StatusCode::INVALID_CREDENTIALS) };
        if credentials.kind != CredentialsKind::Md5 {
            return refused(StatusCode::INVALID_CREDENTIALS);
        }
        // A proof with a stale nonce is no wrong proof: the device is asked for a fresh one.
        let Some(nonce) = device.nonce.as_ref().filter(|nonce| now < nonce.expires) else {
            return refused(StatusCode::MISSING_CREDENTIALS);
        };
        let given = credentials.data.expose().trim();
        let proves = |secret: &StoredSecret| {
            let expected = digest(&device.id, &secret.secret(), &nonce.value);
            constant_time::verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
        };
        if proves(&device.secret) {
            return (StatusCode::OK, None);
        }
        match device.recovery_secrets.iter().position(proves) {
            Some(recovery) => (StatusCode::OK, Some(recovery)),
            None => refused(StatusCode::INVALID_CREDENTIALS),
        }
    }

    /// A session was completed with the secret of a recovery: it is the device's from now on.
    pub(super) fn promote_secret(&mut self, device_id: &str, proof: &Proof) {
        let Some(device) = self.devices.get_mut(device_id) else { return };
        if let Some(recovery) = proof.recovery.filter(|recovery| *recovery < device.recovery_secrets.len()) {
            device.secret = device.recovery_secrets.swap_remove(recovery);
            device.recovery_secrets.clear();
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Makes the nonce that the reply carries the one that counts.
    pub(super) fn keep_nonce(&mut self, device_id: &str, proof: &Proof) {
        let Some(next) = &proof.next else { return };
        if let Some(device) = self.devices.get_mut(device_id) {
            device.nonce = Some(next.clone());
            self.note(RecordKind::Device, device_id);
        }
    }
}
