//! The network between a simulated machine and the tenant's services: addresses are looked up, answers brought back
//! with the date. Keys are made on the small curve, whatever was ordered: nothing here depends on their kind.

use mdm_agent::engine::enrolment::{
    Enrolment, EnrolmentRequest, Installation, KeyKind, KeyOrder, Step as EnrolmentStep,
};
use mdm_agent::engine::renewal::{Renewal, RenewalFailure, RenewalForm, RenewalOrder, Step};
use mdm_agent::engine::reply::Reply;
use mdm_agent::shell::identity::Slot;
use mdm_agent::shell::keys::{self, NewKey};
use mdm_sim_server::service::Answer;
use mdm_sim_server::tenant::Authority;

use super::machine::slot_of;
use super::{BASE, World};

/// Enrolls, or has an identity issued again: what is to be installed, and the key for it.
pub(super) fn enrol(request: EnrolmentRequest, world: &World) -> anyhow::Result<(Installation, NewKey)> {
    let (enrolment, mut step) = Enrolment::begin(request);
    let mut enrolment = enrolment.ok_or_else(|| anyhow::anyhow!("the address is refused"))?;
    let mut key = None;
    loop {
        step = match step {
            EnrolmentStep::Get { .. } => enrolment.received(&probe(world), world.now()),
            EnrolmentStep::Post { url, body } => enrolment.received(&post(world, &url, &body, None), world.now()),
            EnrolmentStep::Wait { .. } => enrolment.waited(),
            EnrolmentStep::MakeKey(order) => {
                let made = make_key(order)?;
                let next = enrolment.key_made(made.certificate_request.clone(), made.public_key.clone());
                key = Some(made);
                next
            }
            EnrolmentStep::Install(installation) => {
                let key = key.ok_or_else(|| anyhow::anyhow!("no key was made"))?;
                return Ok((*installation, key));
            }
            EnrolmentStep::Fail(failure) => return Err(failure.into()),
        };
    }
}

fn make_key(order: KeyOrder) -> anyhow::Result<NewKey> {
    Ok(keys::make(&KeyOrder { kind: KeyKind::P256, ..order })?)
}

pub(super) fn slot(key: &NewKey, certificate: &[u8]) -> Slot {
    slot_of(&key.private_key, certificate)
}

fn probe(world: &World) -> Reply {
    reply(world.service.probe(), world)
}

/// Brings a message to the service at an address.
pub(super) fn post(world: &World, url: &str, body: &[u8], peer: Option<&[u8]>) -> Reply {
    let path = url.strip_prefix(BASE).unwrap_or_default().split('?').next().unwrap_or_default();
    let service = &world.service;
    let answer = match path {
        "/EnrollmentServer/Discovery.svc" => service.discovery(body),
        "/EnrollmentServer/Policy.svc" => service.policy(body),
        "/EnrollmentServer/Enrollment.svc" => service.enrolment(body, peer),
        "/ManagementServer/MDM.svc" => service.management(body, peer, None),
        "/ManagementServer/Intune/MDM.svc" => service.management(body, peer, Some(Authority::Intune)),
        "/ManagementServer/CoManagement/MDM.svc" => service.management(body, peer, Some(Authority::CoManagement)),
        "/ManagementServer/Office365/MDM.svc" => service.management(body, peer, Some(Authority::Office365)),
        _ => return Reply { status: 404, ..Reply::default() },
    };
    reply(answer, world)
}

fn reply(answer: Answer, world: &World) -> Reply {
    Reply { status: answer.status, body: answer.body, date: Some(world.now() + world.date_error), ..Reply::default() }
}

/// Renews; the new slot, and the form of the request that was taken.
pub(super) fn renew(order: RenewalOrder, active: &Slot, world: &World) -> Result<(Slot, RenewalForm), RenewalFailure> {
    let local = |error: &dyn std::fmt::Display| RenewalFailure::Local(error.to_string());
    let certificate = active.certificate().map_err(|error| local(&error))?;
    let (mut renewal, mut step) = Renewal::begin(order);
    let mut key: Option<NewKey> = None;
    loop {
        step = match step {
            Step::Discover { url, body } => renewal.received(&post(world, &url, &body, None), world.now()),
            Step::MakeKey(order) => {
                let order = KeyOrder { kind: KeyKind::P256, ..order };
                let made = keys::renewal_request(&order, active, world.now()).map_err(|error| local(&error))?;
                let next = renewal.key_made(made.to_send());
                key = Some(made.key);
                next
            }
            Step::Request { url, body } => renewal.received(&post(world, &url, &body, Some(&certificate)), world.now()),
            Step::Install { certificate, .. } => {
                let key = key.ok_or_else(|| local(&"no key was made"))?;
                return Ok((slot(&key, &certificate), renewal.form()));
            }
            Step::Fail(failure) => return Err(failure),
        };
    }
}
