//! What happens to the machine, and what it orders: the whole of its surface.

use std::sync::Arc;

use crate::engine::account::Account;
use crate::engine::application::{Application, ApplicationOutcome, DriftReport, MachineReport};
use crate::engine::certificate_request::{CertificateAnswer, CertificateOrder};
use crate::engine::certificates::{CertificateTerms, Certificates, Slot};
use crate::engine::compliance::standing::{Rules, Standing};
use crate::engine::facts::DeviceFacts;
use crate::engine::failure::{ConnectionFailure, StoreFailure};
use crate::engine::nodes::RenewalProof;
use crate::engine::note::Note;
use crate::engine::profile::{Changes, Stored};
use crate::engine::progress::{SessionRecord, Trigger};
use crate::engine::push::{Channel, LinkState};
use crate::engine::remote::{RemoteOrder, RemoteOutcome};
use crate::engine::renewal::{RenewalFailure, RenewalForm, RenewalOrder};
use crate::engine::reply::Reply;
use crate::engine::verdict::{VerdictRequest, Verdicts};

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// Something asks for a check-in.
    CheckInRequested(Trigger),
    /// The deadline was reached, or may have been.
    DeadlineReached,
    /// The store was opened, or could not be, and facts were gathered.
    StoreOpened {
        /// What is in it.
        stored: Result<Box<Stored>, StoreFailure>,
        /// Whether it had to be put aside and begun anew.
        rebuilt: bool,
        /// Facts about the machine.
        facts: Box<DeviceFacts>,
        /// How the machine was found.
        machine: Box<MachineReport>,
    },
    /// A SCEP server was asked for the certificate of a profile, by the address of the profile's own node.
    CertificateAnswered(String, CertificateAnswer),
    /// What was ordered to be done to the machine was carried out, or could not be; by the order's id.
    CarriedOut(String, RemoteOutcome),
    /// Compliance was checked.
    ComplianceChecked(Box<Standing>),
    /// Somebody unlocked the machine with its one-time code.
    UnlockedByCode,
    /// A verdict was found.
    Evaluated(Box<Verdicts>),
    /// Changes were applied to the machine, as far as it could be done.
    Applied(Box<ApplicationOutcome>),
    /// Managed files were changed locally.
    DriftFound(Vec<DriftReport>),
    /// Changes were kept, or could not be.
    Kept(Result<(), StoreFailure>),
    /// The server answered.
    Replied(Reply),
    /// No answer came.
    ConnectionFailed(ConnectionFailure),
    /// The device was enrolled.
    Enrolled(Box<Account>, Certificates),
    /// The identity was issued again for the same device.
    Recovered(Box<Account>, Certificates),
    /// A person ended the enrolment.
    UnenrolRequested,
    /// A person has what an enrollment that is over has left removed.
    EraseRequested,
    /// Everything that belonged to the enrolment was removed.
    Erased,
    /// A network came up.
    NetworkUp,
    /// The machine woke up after so many seconds of sleep.
    Resumed(u64),
    /// The identity is about to be exchanged, or no longer is.
    Pause(bool),
    /// The identity was read anew after it was changed: these certificates are really there.
    IdentityRead(Certificates),
    /// These users signed in at the machine.
    SignedIn(Vec<String>),
    /// Somebody set the wall clock, or the machine woke up.
    ClockSet,
    /// A push rang.
    Rung {
        /// The ring's id; empty if it has none.
        id: String,
        /// What it says.
        text: String,
    },
    /// The link to the push server changed.
    LinkChanged(LinkState),
    /// The certificate was renewed and waits in the pending slot, or could not be.
    Renewed(Result<Box<Renewed>, RenewalFailure>),
}

/// A certificate that was just issued by renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Its terms.
    pub terms: CertificateTerms,
    /// What links it to the device.
    pub proof: RenewalProof,
    /// The form of the request that the server took.
    pub form: RenewalForm,
}

/// Something to be done. Its outcome comes back as an [`Event`], except where nothing is said of one.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Open the store, read it, see that what is in it is in force on the machine, and gather facts.
    OpenStore,
    /// Find out, without changing anything, whether profiles can be applied.
    Evaluate(Box<VerdictRequest>),
    /// Apply changes to the machine.
    Apply(Box<Application>),
    /// Keep changes so that they survive a power cut.
    Keep(Box<Changes>),
    /// Changes of files by others were reported to the server: path, and what was done to it. No event.
    DriftReported(Vec<DriftReport>),
    /// See that what is in the store is in force on the machine, then close it and the connection. No event.
    CloseStore,
    /// Send a message to the management server over mutual TLS.
    Post {
        /// The address.
        url: String,
        /// The message.
        body: Vec<u8>,
        /// The certificate to do it with.
        slot: Slot,
        /// Whether the message is signed with its key as well.
        is_signed: bool,
    },
    /// Make a session's outcome known. No event.
    Report(Box<SessionRecord>),
    /// Write down what is worth remembering. No event.
    Note(Vec<Note>),
    /// Make the next step of a certificate that was ordered from a SCEP server.
    RequestCertificate(Box<CertificateOrder>),
    /// Gather facts, judge these rules by them, and report.
    CheckCompliance(Box<Rules>),
    /// Keep what was found when compliance was checked. No event.
    KeepCompliance(Box<Standing>),
    /// Do to the machine what the server ordered; a wipe that is not confirmed is planned only.
    CarryOut {
        /// The order.
        order: Box<RemoteOrder>,
        /// Whether the server confirmed it.
        is_confirmed: bool,
    },
    /// Renew the certificate and put the new one in the pending slot.
    Renew(Box<RenewalOrder>),
    /// Put the pending certificate in use, and say which certificates are there then.
    Promote,
    /// Drop the pending certificate, and say which certificates are there then.
    DiscardPending,
    /// Write the account down anew. No event.
    SaveAccount(Arc<Account>),
    /// Listen to another channel, or to none. No event.
    Listen(Option<Listening>),
    /// Remove identity, account and store.
    Erase,
}

/// What is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The channel.
    pub channel: Channel,
    /// The last ring that was heard.
    pub since: Option<String>,
}
