//! From a provisioning document to an account, every certificate checked.

use mdm_protocol::base64;
use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::provisioning::{AuthLevel, Provisioning, StoreName};

use super::{Enrolment, EnrolmentFailure, Installation, Proof, address, certificate};
use crate::engine::account::{ACCOUNT_VERSION, Account, StoredCredentials, StoredToken, Trust};
use crate::engine::profile::relative_path;

impl Enrolment {
    pub(super) fn install(&self, document: &[u8], now: i64) -> Result<Installation, EnrolmentFailure> {
        let provisioning = Provisioning::decode(document)?;
        address::https(&provisioning.management_url)?;
        let own = certificate::own(&provisioning.certificates, &self.public_key, now)?;
        for entry in provisioning.certificates.iter().filter(|entry| entry.store != StoreName::My) {
            certificate::parse(&entry.der)?;
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
            machine_id: self.request.facts.machine_id.clone(),
            authority: None,
            enrollment_token: match &self.request.proof {
                Proof::Token { token, is_jwt } => Some(Box::new(StoredToken { token: token.clone(), is_jwt: *is_jwt })),
                Proof::Password(_) => None,
            },
        }
    }
}
