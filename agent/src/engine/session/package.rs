//! The fixed parts of messages: package 1, headers, statuses and numbering.

use mdm_protocol::syncml::{
    Alert, AlertCode, Command, CommandId, Credentials, Format, Header, Item, Meta, Operation, Status, StatusCode, Verb,
    alert_type,
};

use super::SessionContext;
use super::incoming::announced_limits;

/// Who is signed in at the machine (MS-MDM LoginStatus).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginStatus {
    /// The enrolled user: settings of the user may be managed.
    EnrolledUser,
    /// Someone else only.
    Others,
    /// Nobody.
    Nobody,
}

impl LoginStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EnrolledUser => "user",
            Self::Others => "others",
            Self::Nobody => "none",
        }
    }
}

/// What the device announces at the beginning of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAlert {
    /// The enrolment ends.
    Unenrolment,
    /// The profiles were lost and should be sent again.
    StoreRebuilt,
    /// The certificate was renewed; the new one's thumbprint.
    CertificateRenewed(String),
    /// The device itself removed a profile; which and why, in JSON.
    ProfileRemoved(String),
    /// Managed files that were changed locally: which, and what the agent did about each, in JSON.
    Drift(String),
    /// Profiles that are held but not in force on the machine; which and why, in JSON.
    NotInForce(String),
    /// Settings that were refused and are accepted now; which, in JSON.
    Accepted(String),
    /// How the device complies with its rules, in JSON.
    Compliance(String),
    /// How an order stands that was given in an earlier session; in JSON.
    Order(String),
    /// Profiles of a former authority are still there; which, in JSON.
    Redundant(String),
}

impl SessionAlert {
    fn item(&self) -> Item {
        let (media_type, format, data) = match self {
            Self::Unenrolment => (alert_type::UNENROLMENT, Format::Int, "1"),
            Self::StoreRebuilt => (alert_type::STORE_REBUILT, Format::Int, "1"),
            Self::CertificateRenewed(thumbprint) => (alert_type::CERTIFICATE_RENEWED, Format::Chr, thumbprint.as_str()),
            Self::ProfileRemoved(profile) => (alert_type::PROFILE_REMOVED, Format::Chr, profile.as_str()),
            Self::Drift(files) => (alert_type::DRIFT, Format::Chr, files.as_str()),
            Self::NotInForce(profiles) => (alert_type::NOT_IN_FORCE, Format::Chr, profiles.as_str()),
            Self::Accepted(nodes) => (alert_type::ACCEPTED, Format::Chr, nodes.as_str()),
            Self::Compliance(report) => (alert_type::COMPLIANCE, Format::Chr, report.as_str()),
            Self::Order(order) => (alert_type::ORDER, Format::Chr, order.as_str()),
            Self::Redundant(profiles) => (alert_type::REDUNDANT, Format::Chr, profiles.as_str()),
        };
        let meta = Meta { media_type: Some(media_type.to_owned()), ..Meta::format(format) };
        Item::default().with_meta(meta).with_data(data)
    }
}

/// Package 1: session alert, login status, announcements, device information.
pub(super) fn package_one(context: &SessionContext) -> Vec<Command> {
    let code = if context.server_initiated { AlertCode::SERVER_INITIATED } else { AlertCode::CLIENT_INITIATED };
    let mut commands = vec![alert(code, Vec::new())];
    let login = Item::default().with_meta(Meta::media_type(alert_type::LOGIN_STATUS)).with_data(context.login.as_str());
    commands.push(alert(AlertCode::CLIENT_EVENT, vec![login]));
    commands.extend(context.alerts.iter().map(|announcement| alert(AlertCode::GENERIC, vec![announcement.item()])));
    let items = context
        .device_info
        .iter()
        .map(|(name, value)| Item::source(format!("./DevInfo/{name}")).with_data(value))
        .collect();
    let replace = Operation { id: CommandId::default(), verb: Verb::Replace, meta: Meta::default(), items };
    commands.push(Command::Operation(replace));
    commands
}

/// Says that the commands of the last message are still being carried out (DMClient CSP, EnableOmaDmKeepAliveMessage).
pub(super) fn request_pending() -> Command {
    let item = Item::default().with_meta(Meta::media_type(alert_type::REQUEST_PENDING)).with_data("1");
    alert(AlertCode::CLIENT_EVENT, vec![item])
}

fn alert(code: AlertCode, items: Vec<Item>) -> Command {
    Command::Alert(Alert { id: CommandId::default(), code, items })
}

/// `proof` comes with the name that it is made for.
pub(super) fn header(context: &SessionContext, message_id: u32, proof: Option<(Credentials, String)>) -> Header {
    let (credentials, source_name) = proof.unzip();
    Header {
        session_id: context.session_id.to_string(),
        message_id,
        target: context.server_url.clone(),
        source: context.device_id.clone(),
        source_name,
        credentials,
        meta: if message_id == 1 { announced_limits() } else { Meta::default() },
    }
}

/// Gives commands contiguous numbers from 1: one server family loses commands after a gap.
pub(super) fn number(commands: impl Iterator<Item = Command>) -> Vec<Command> {
    let numbered = (1u32..).zip(commands).map(|(number, mut command)| {
        command.set_id(CommandId::from(number));
        command
    });
    numbered.collect()
}

pub(super) fn status(message_ref: u32, command_ref: &CommandId, command: &str, code: StatusCode) -> Command {
    Command::Status(Status::new(message_ref, command_ref, command, code))
}

pub(super) fn header_status(message_ref: u32, code: StatusCode) -> Command {
    status(message_ref, &CommandId::from(0), "SyncHdr", code)
}

pub(super) fn answers_header(command: &Command) -> bool {
    matches!(command, Command::Status(status) if status.command == "SyncHdr")
}
