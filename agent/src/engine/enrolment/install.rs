//! From a provisioning document to an account, every certificate checked.

use mdm_protocol::base64;
use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::provisioning::{AuthLevel, CertificateEntry, Provisioning, StoreName};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Enrolment, EnrolmentFailure, Installation, address};
use crate::engine::account::{ACCOUNT_VERSION, Account, StoredCredentials, Trust};
use crate::engine::profile::relative_path;

/// How far this machine's clock may be behind the server's, in seconds.
const CLOCK_TOLERANCE: i64 = 300;

impl Enrolment {
    pub(super) fn install(&self, document: &[u8], now: i64) -> Result<Installation, EnrolmentFailure> {
        let provisioning = Provisioning::decode(document)?;
        address::https(&provisioning.management_url)?;
        let own = self.own_certificate(&provisioning.certificates, now)?;
        for entry in provisioning.certificates.iter().filter(|entry| entry.store != StoreName::My) {
            parse(&entry.der)?;
        }
        let of_store = |store| provisioning.certificates.iter().filter(move |entry| entry.store == store);
        let intermediates = of_store(StoreName::Intermediate).map(|entry| entry.der.clone()).collect();
        let mut trust = Trust { system: self.request.trust.system, roots: self.request.trust.roots.clone() };
        for root in of_store(StoreName::Root).map(|entry| base64::encode(&entry.der)) {
            if !trust.roots.contains(&root) {
                trust.roots.push(root);
            }
        }
        let account = self.account(&provisioning, trust, now);
        Ok(Installation { account, certificate: own.der.clone(), intermediates })
    }

    /// The one certificate of the `My` store that was made for our key.
    fn own_certificate<'a>(
        &self,
        all: &'a [CertificateEntry],
        now: i64,
    ) -> Result<&'a CertificateEntry, EnrolmentFailure> {
        let refuse = |reason: String| EnrolmentFailure::Certificate(reason);
        let mut candidates = all.iter().filter(|entry| entry.store == StoreName::My).peekable();
        if candidates.peek().is_none() {
            return Err(refuse("the document has none for this device".to_owned()));
        }
        for entry in candidates {
            let certificate = parse(&entry.der)?;
            if certificate.public_key().raw != self.public_key {
                continue;
            }
            let validity = certificate.validity();
            if validity.not_before.timestamp() > now + CLOCK_TOLERANCE {
                return Err(refuse(format!(
                    "it is not valid before {}; check this machine's clock",
                    validity.not_before
                )));
            }
            if validity.not_after.timestamp() <= now {
                return Err(refuse(format!("it expired on {}; check this machine's clock", validity.not_after)));
            }
            return Ok(entry);
        }
        Err(refuse("it was made for another key than this device's".to_owned()))
    }

    fn account(&self, provisioning: &Provisioning, trust: Trust, now: i64) -> Account {
        let user = Some(self.request.user.clone()).filter(|user| !user.is_empty());
        let credentials = provisioning.authentication.iter().find(|credentials| credentials.level == AuthLevel::Client);
        Account {
            version: ACCOUNT_VERSION,
            provider_id: provisioning.provider_id.clone(),
            name: provisioning.name.clone(),
            management_url: provisioning.management_url.clone(),
            discovery_url: self.discovery_url.clone(),
            device_id: self.request.device_id.clone(),
            hardware_id: self.request.device_id.clone(),
            user,
            local_user: self.request.local_user.clone(),
            trust,
            credentials: credentials.map(|known| StoredCredentials {
                digest: known.kind != "BASIC",
                name: known.name.clone(),
                secret: known.secret.clone(),
                nonce: known.nonce.as_ref().map(base64::encode),
            }),
            poll: provisioning.poll.unwrap_or(Poll::DEFAULT).into(),
            renew_period_days: provisioning.renewal.period_days,
            renew_retry_days: provisioning.renewal.retry_days,
            renew_url: provisioning.renewal.server_url.clone(),
            initial_backoff_ms: provisioning.initial_backoff_ms,
            max_backoff_ms: provisioning.max_backoff_ms,
            settings: provisioning.settings.iter().map(|(path, value)| (relative_path(path), value.clone())).collect(),
            enrolled_at: now,
        }
    }
}

/// A certificate and nothing after it.
fn parse(der: &[u8]) -> Result<X509Certificate<'_>, EnrolmentFailure> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(EnrolmentFailure::Certificate("something follows it".to_owned())),
        Err(error) => Err(EnrolmentFailure::Certificate(format!("it is damaged ({error})"))),
    }
}
