//! Carries out a renewal: asks what the engine says, makes the new key, and puts it in the pending slot at the end.
//! The slot in use is only read.

use std::sync::Arc;

use super::clock;
use super::http::{HttpsClient, ProxyError, ProxySettings};
use super::identity::{Identity, Slot};
use super::keys;
use super::paths::Paths;
use super::work;
use crate::engine::Renewed;
use crate::engine::nodes::RenewalProof;
use crate::engine::renewal::{Renewal, RenewalFailure, RenewalOrder, Step};

/// Renews. `active` is the slot in use.
pub async fn renew(
    paths: &Paths,
    active: Arc<Identity>,
    order: RenewalOrder,
    proxy: Result<ProxySettings, ProxyError>,
) -> Result<Renewed, RenewalFailure> {
    let local = |error: &dyn std::fmt::Display| RenewalFailure::Local(error.to_string());
    let trust = order.account.trust.clone();
    let entity_id = order.entity_id.clone();
    let proxy = proxy.map_err(|error| local(&error))?;
    let (mut renewal, mut step) = Renewal::begin(order);
    let mut key = None;
    loop {
        step = match step {
            Step::Discover { url, body } => {
                let client = HttpsClient::anonymous(&trust, &proxy).map_err(|error| local(&error))?;
                answer(&mut renewal, client.post(&url, body).await)
            }
            Step::MakeKey(key_order) => {
                let identity = Arc::clone(&active);
                let now = clock::now().wall;
                let made = work::blocking(move || keys::renewal_request(&key_order, &identity.active, now)).await;
                let made = made.map_err(|error| local(&error))?.map_err(|error| local(&error))?;
                let next = renewal.key_made(made.to_send());
                key = Some(made.key);
                next
            }
            Step::Request { url, body } => {
                let client = HttpsClient::renewing(&active.active, &trust, &proxy).map_err(|error| local(&error))?;
                answer(&mut renewal, client.post(&url, body).await)
            }
            Step::Install { certificate, intermediates } => {
                let key = key.ok_or_else(|| local(&"no key was made"))?;
                Identity::install_pending(paths, &key.private_key, &certificate, &intermediates)
                    .map_err(|error| local(&error))?;
                let slot = Slot {
                    private_key: zeroize::Zeroizing::new(key.private_key.as_bytes().to_vec()),
                    certificates: super::identity::pem("CERTIFICATE", &certificate).into_bytes(),
                };
                let terms = slot.terms().map_err(|error| local(&error))?;
                let signed_entity_id = entity_id.and_then(|id| keys::sign_entity_id(&active.active, &id).ok());
                let proof = RenewalProof { signed_entity_id, renewed: clock::now().wall };
                return Ok(Renewed { terms, proof, form: renewal.form() });
            }
            Step::Fail(failure) => return Err(failure),
        };
    }
}

fn answer(renewal: &mut Renewal, reply: Result<crate::engine::reply::Reply, crate::engine::ConnectionFailure>) -> Step {
    match reply {
        Ok(reply) => renewal.received(&reply, clock::now().wall),
        Err(failure) => renewal.not_answered(failure),
    }
}
