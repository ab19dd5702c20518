//! The simulated tenant: settings, users, devices, profiles, commands and the sessions in which devices fetch them.
//!
//! Every decision of the server is made here. Nothing in this module does input or output, reads a clock or draws
//! random numbers: the moment (`now`, seconds since 1970), secrets and random generators come in as arguments.
//! What changed is noted per record and handed out by [`Tenant::take_changes`], so that the caller can persist it
//! before it answers.

mod access;
mod admin;
mod audit;
mod authority;
mod certificate_request;
mod command;
mod compliance;
pub(crate) mod conformance;
mod delivery;
mod device;
mod device_report;
mod enrolment;
mod error;
mod fragment;
mod group;
mod inventory;
mod licence;
pub mod life;
mod lifecycle;
mod order;
mod password;
mod policy;
mod preview;
mod profile;
mod push;
mod record;
mod recovery;
mod renewal;
mod scep;
mod session;
mod settings;
pub(crate) mod signed_message;
mod tenant_view;
mod token;
mod user;
mod view;

#[cfg(test)]
pub(crate) mod test_support;

use std::collections::{BTreeMap, BTreeSet};

pub use access::AccessRefusal;
pub(crate) use access::fingerprint;
pub use admin::{Admin, Role};
pub use audit::AuditLine;
pub use certificate_request::{CertificateRequestError, PublicKey};
pub use command::{CommandAnswer, CommandResult, CommandState, CommandView};
pub use compliance::{Compliance, ComplianceReport, DeviceCompliance};
pub use conformance::{Endpoint, Violation};
pub use delivery::DeliveryState;
pub use device::{Device, IssuedCertificate, SessionOutcome, SessionRecord};
pub use device_report::DeviceReport;
pub use enrolment::{EnrolmentSecrets, Grant};
pub use error::AdminError;
pub use group::GroupView;
pub use licence::{Licence, LicenceCount, UserPatch};
pub use life::{Authority, BmsPolicies, DeviceLife, TenantMode, UserStanding};
pub use lifecycle::ApnsCertificate;
pub use order::DeviceOrder;
pub use password::{PasswordHash, PasswordProof, PasswordTest};
pub use preview::{DevicePreview, Preview, ProfileFate, UserPreview};
pub use profile::{Assignment, ProfileView};
pub use push::Ring;
pub use record::{Change, RecordKey, RecordKind, RestoreError};
pub use renewal::RenewalGrant;
pub use scep::{
    ScepApplication, ScepMessage, ScepMode, ScepPoll, ScepReadError, ScepRefusal, ScepReplyTo, ScepRequestState,
    ScepRequestView, ScepVerdict,
};
pub use session::{Connection, ReceivedMessage, Reply, SessionRefusal};
pub use settings::{Authentication, EndOfSession, FaultStyle, MessageAuthentication, Settings, SettingsPatch};
pub use tenant_view::TenantView;
pub use user::{NewUser, UserView};
pub use view::{DeviceFilter, DeviceSummary, DeviceView, ListState, ProfileDelivery};

/// The id under which devices keep their account with this server.
pub const PROVIDER_ID: &str = "LinuxMDM";

/// A whole tenant.
#[derive(Debug, Default)]
pub struct Tenant {
    settings: Settings,
    /// The number that was last given to a queued command.
    last_command: u64,
    users: BTreeMap<String, user::User>,
    groups: BTreeMap<String, group::Group>,
    admins: BTreeMap<String, admin::AdminRecord>,
    audit: BTreeMap<u64, AuditLine>,
    tokens: BTreeMap<String, token::EnrolmentToken>,
    devices: BTreeMap<String, Device>,
    profiles: BTreeMap<String, profile::Profile>,
    commands: BTreeMap<(String, u64), command::QueuedCommand>,
    /// One-time passwords for SCEP, by their digests, with the moments of their expiry.
    scep_challenges: BTreeMap<String, i64>,
    scep_requests: BTreeMap<String, scep::ScepRequest>,
    /// From a certificate's fingerprint to the device it was issued to; derived from `devices`.
    certificates: BTreeMap<String, String>,
    /// Sessions that are under way. They do not outlive a restart: a device begins again, and nothing is lost by it.
    sessions: BTreeMap<String, session::Session>,
    /// When sessions that broke off were last looked for.
    sessions_swept: i64,
    /// When devices that are to leave the portal were last looked for.
    swept: i64,
    changed: BTreeSet<RecordKey>,
    /// The address of the device endpoints, without a slash at its end.
    device_base: String,
    /// The address of the tenant's own push service.
    push_base: Option<String>,
    /// The devices that are to be rung, with the seconds over which they may spread their sessions.
    doorbells: BTreeMap<String, u32>,
}

impl Tenant {
    /// The tenant's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A device by its id.
    pub fn device(&self, id: &str) -> Option<&Device> {
        self.devices.get(id)
    }

    fn note(&mut self, kind: RecordKind, key: impl Into<String>) {
        self.changed.insert(RecordKey { kind, key: key.into() });
    }
}

/// Whether a name can stand as one segment of an admin address: clients resolve `.` and `..` before they ask, so what
/// has such a name could never be spoken of again.
fn is_addressable(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.chars().any(|c| c.is_control() || c == '/')
}
