//! What reaches the agent's loop, and who waits for what comes of it.

use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::engine::application::{ApplicationOutcome, DriftReport, MachineReport};
use crate::engine::certificate_request::CertificateAnswer;
use crate::engine::compliance::standing::Standing;
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Changes;
use crate::engine::remote::RemoteOutcome;
use crate::engine::renewal::RenewalFailure;
use crate::engine::reply::Reply;
use crate::engine::verdict::Verdicts;
use crate::engine::{ConnectionFailure, Renewed};
use crate::platform::evaluation::Evaluator;
use crate::shell::config::Live;
use crate::shell::control::{ControlRequest, ControlResult};
use crate::shell::push::{PushEvent, PushHandle};
use crate::shell::store::{OpenStore, Opened};

/// What reaches the agent's loop.
#[derive(Debug)]
pub enum Message {
    /// A question or an order from a person.
    Control(ControlRequest, oneshot::Sender<ControlResult>),
    /// An order of the server was carried out, or could not be.
    CarriedOut(String, RemoteOutcome),
    /// Compliance was checked, after so many enrolments that were ended.
    ComplianceChecked(Box<Standing>, u64),
    /// The device was inspected before its first session.
    Inspected(Box<Standing>),
    /// Somebody unlocked the machine with its one-time code.
    UnlockedByCode,
    /// The service should stop.
    Stop,
    /// The configuration was read again.
    Configured(Box<Live>),
    /// Whether the agent still answers.
    Alive(oneshot::Sender<()>),
    #[doc(hidden)]
    StoreOpened(
        Result<(StoreInUse, Box<Opened>), StoreFailure>,
        Box<crate::engine::facts::DeviceFacts>,
        Box<MachineReport>,
    ),
    #[doc(hidden)]
    Evaluated(Option<Box<Evaluator>>, Box<Verdicts>),
    #[doc(hidden)]
    DriftFound(Vec<DriftReport>),
    #[doc(hidden)]
    Applied(Box<ApplicationOutcome>),
    #[doc(hidden)]
    CertificateAnswered(String, CertificateAnswer),
    #[doc(hidden)]
    Kept(Option<StoreInUse>, Box<Changes>, Result<(), StoreFailure>),
    #[doc(hidden)]
    Erased(Result<(), String>),
    #[doc(hidden)]
    Answered(Result<Reply, ConnectionFailure>),
    #[doc(hidden)]
    Enrolled(
        crate::shell::enrol::Purpose,
        Result<Box<crate::engine::Account>, crate::shell::enrol::EnrolError>,
        oneshot::Sender<ControlResult>,
    ),
    #[doc(hidden)]
    Renewed(Result<Box<Renewed>, RenewalFailure>),
    #[doc(hidden)]
    Push(PushEvent),
}

/// The open store, and the right to it: there is never more than one opener.
#[derive(Debug)]
pub struct StoreInUse {
    pub(super) store: OpenStore,
    pub(super) _right: OwnedMutexGuard<()>,
}

/// Someone who waits for a session.
#[derive(Debug)]
pub(super) struct Waiter {
    /// The number of sessions that must be over.
    pub(super) sessions: u64,
    pub(super) reply: oneshot::Sender<ControlResult>,
}

/// The link to the push server, with the task that passes its rings on; both end when this is dropped.
#[derive(Debug)]
pub(super) struct Doorbell {
    pub(super) link: PushHandle,
    pub(super) passing_on: tokio::task::AbortHandle,
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        self.passing_on.abort();
    }
}
