//! Carries out an enrolment: asks what the engine says, makes the key, and puts the identity in place at the end.

use std::time::Duration;

use super::clock;
use super::http::{ClientError, HttpsClient, ProxyError, ProxySettings};
use super::identity::Identity;
use super::keys::{self, NewKey};
use super::paths::Paths;
use super::work::{self, Lost};
use crate::engine::Account;
use crate::engine::enrolment::{Enrolment, EnrolmentFailure, EnrolmentRequest, Stage, Step};

/// An enrolment that did not succeed. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The engine gave up.
    #[error(transparent)]
    Failed(#[from] EnrolmentFailure),
    /// The HTTPS client could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The key could not be made.
    #[error("the private key cannot be made: {0}")]
    Key(String),
    /// What a former enrollment left cannot be removed from the state directory.
    #[error("the former enrollment cannot be brought to its end: {0}")]
    Leftovers(String),
    /// It came to no end of its own.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The identity could not be put in place.
    #[error(transparent)]
    Identity(#[from] super::identity::IdentityError),
}

/// What is done with the new identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The device enrols.
    Enrolment,
    /// The identity of an enrolled device is issued again; what the device holds stays (rule I3).
    Recovery,
}

/// Enrols, by way of `proxy`; `progress` hears of every stage.
pub async fn enrol(
    paths: &Paths,
    request: EnrolmentRequest,
    purpose: Purpose,
    proxy: Result<ProxySettings, ProxyError>,
    mut progress: impl FnMut(Stage),
) -> Result<Account, EnrolError> {
    // Before the server issues anything: a removal that was cut short must not come to its end in the new identity.
    if purpose == Purpose::Enrolment {
        Identity::clean_up(paths)?;
    }
    let client = HttpsClient::anonymous(&request.trust, &proxy.map_err(ClientError::from)?)?;
    let (enrolment, mut step) = Enrolment::begin(request);
    let Some(mut enrolment) = enrolment else {
        return Err(failure_of(step));
    };
    let mut key: Option<NewKey> = None;
    let mut stage = None;
    loop {
        if stage != Some(enrolment.stage()) {
            stage = Some(enrolment.stage());
            progress(enrolment.stage());
        }
        step = match step {
            Step::Get { url } => answer(&mut enrolment, client.get(&url).await),
            Step::Post { url, body } => answer(&mut enrolment, client.post(&url, body).await),
            Step::Wait { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                enrolment.waited()
            }
            Step::MakeKey(order) => {
                let made = work::blocking(move || keys::make(&order))
                    .await?
                    .map_err(|error| EnrolError::Key(error.to_string()))?;
                let next = enrolment.key_made(made.certificate_request.clone(), made.public_key.clone());
                key = Some(made);
                next
            }
            Step::Install(installation) => {
                let key = key.ok_or_else(|| EnrolError::Key("none was made".to_owned()))?;
                match purpose {
                    Purpose::Enrolment => Identity::install(paths, &key.private_key, &installation)?,
                    Purpose::Recovery => Identity::restore(paths, &key.private_key, &installation)?,
                }
                return Ok(installation.account);
            }
            Step::Fail(failure) => return Err(failure.into()),
        };
    }
}

fn answer(
    enrolment: &mut Enrolment,
    reply: Result<crate::engine::reply::Reply, crate::engine::ConnectionFailure>,
) -> Step {
    match reply {
        Ok(reply) => enrolment.received(&reply, clock::now().wall),
        Err(failure) => enrolment.not_answered(failure),
    }
}

fn failure_of(step: Step) -> EnrolError {
    match step {
        Step::Fail(failure) => failure.into(),
        Step::Get { .. } | Step::Post { .. } | Step::MakeKey(_) | Step::Wait { .. } | Step::Install(_) => {
            EnrolError::Key("the enrolment ended before it began".to_owned())
        }
    }
}
