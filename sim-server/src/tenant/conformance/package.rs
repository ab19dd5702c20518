//! The course of a session: what its first message must have, and what each later one.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{AlertCode, Command, Message, Verb, same_address};

use super::{Violation, quote};

const PACKAGES: &str = "OMA-TS-DM_Protocol 1.2.1 section 8.3, MS-MDM section 3.2.5";
const NUMBERS: &str = "OMA-TS-DM_RepPro 1.2.1, MsgID";
const ANSWERS: &str = "OMA-TS-DM_Protocol 1.2.1 section 8.5";
/// What package 1 reports of the device.
const DEVICE_INFORMATION: [&str; 5] = ["DevId", "Man", "Mod", "DmV", "Lang"];

/// What is known of the session that a message continues.
#[derive(Debug)]
pub(in super::super) struct Course<'s> {
    /// The number of the device's last message.
    pub(in super::super) received: u32,
    /// The number of the server's last message.
    pub(in super::super) sent: u32,
    /// Whether a message of the device was accepted before; one that was challenged is sent again.
    pub(in super::super) has_begun: bool,
    /// The commands that the server has sent, by message and number.
    pub(in super::super) commands: &'s BTreeSet<(u32, String)>,
    /// Whether the device was asked for the rest of its package.
    pub(in super::super) was_asked_for_more: bool,
}

/// Checks a message that continues a session, or begins one (`None`).
pub(in super::super) fn check_course(course: Option<&Course<'_>>, message: &Message) -> Result<(), Violation> {
    match course {
        None if message.header.message_id != 1 => {
            let found = format!("the first message of the session has the MsgID {}", message.header.message_id);
            Err(Violation::new(found, "the first message of a session must have the MsgID 1", NUMBERS))
        }
        None => opening(message),
        Some(course) => {
            next(course, message)?;
            if course.has_begun { Ok(()) } else { opening(message) }
        }
    }
}

fn opening(message: &Message) -> Result<(), Violation> {
    let begins = |command: &&Command| {
        matches!(command, Command::Alert(alert)
            if matches!(alert.code, AlertCode::SERVER_INITIATED | AlertCode::CLIENT_INITIATED))
    };
    let count = message.commands.iter().filter(begins).count();
    if count != 1 {
        let found = format!("the first message has {count} alerts 1200 and 1201");
        return Err(Violation::new(found, "package 1 must say by one of them who began the session", PACKAGES));
    }
    if !message.is_final {
        return Ok(());
    }
    let reported = device_information(message);
    match DEVICE_INFORMATION.iter().find(|node| !reported.iter().any(|(name, _)| name == *node)) {
        Some(missing) => {
            let found = format!("package 1 has no Replace of ./DevInfo/{missing}");
            Err(Violation::new(found, "package 1 must report DevId, Man, Mod, DmV and Lang", PACKAGES))
        }
        None => check_device_id(&reported, &message.header.source),
    }
}

fn check_device_id(reported: &[(String, &str)], source: &str) -> Result<(), Violation> {
    match reported.iter().find(|(name, id)| name == "DevId" && !same_address(Some(*id), Some(source.trim()))) {
        None => Ok(()),
        Some((_, id)) => {
            let found = format!("./DevInfo/DevId is {}, the Source of the message {}", quote(id), quote(source));
            Err(Violation::new(found, "the two must be the same", PACKAGES))
        }
    }
}

fn device_information(message: &Message) -> Vec<(String, &str)> {
    let replaces = message.commands.iter().filter_map(|command| match command {
        Command::Operation(operation) if operation.verb == Verb::Replace => Some(operation),
        _ => None,
    });
    let items = replaces.flat_map(|operation| &operation.items);
    let node = |uri: &str| {
        let uri = LocUri::parse(uri).ok()?;
        let (first, rest) = uri.segments().split_first()?;
        first.eq_ignore_ascii_case("DevInfo").then(|| rest.join("/"))
    };
    let reports = items.filter_map(|item| Some((node(item.source.as_deref()?)?, item.data.as_deref()?.trim())));
    reports.collect()
}

fn next(course: &Course<'_>, message: &Message) -> Result<(), Violation> {
    let number = message.header.message_id;
    if Some(number) != course.received.checked_add(1) {
        let found = format!("the message after MsgID {} has the MsgID {number}", course.received);
        return Err(Violation::new(found, "each message of a session must have the next number", NUMBERS));
    }
    let answers_header = |command: &Command| matches!(command, Command::Status(status) if status.command_ref.0 == "0" && status.message_ref == course.sent);
    if !message.commands.first().is_some_and(answers_header) {
        let found = format!("the message does not begin with a Status for the SyncHdr of MsgID {}", course.sent);
        return Err(Violation::new(found, "the header of each message must be answered first", ANSWERS));
    }
    let says_nothing = |command: &Command| {
        answers_header(command) || matches!(command, Command::Alert(alert) if alert.code == AlertCode::NEXT_MESSAGE)
    };
    if course.was_asked_for_more && !message.is_final && message.commands.iter().all(says_nothing) {
        let found = "the device has nothing to add to a package that it did not end";
        return Err(Violation::new(found, "the last message of a package must have Final", ANSWERS));
    }
    for command in &message.commands {
        let (kind, reference) = match command {
            Command::Status(status) => ("Status", (status.message_ref, status.command_ref.0.clone())),
            Command::Results(results) => ("Results", (results.message_ref, results.command_ref.0.clone())),
            _ => continue,
        };
        if reference.1 != "0" && !course.commands.contains(&reference) {
            let found = format!("{kind} for the command {} of MsgID {}", quote(&reference.1), reference.0);
            return Err(Violation::new(found, "only a command that was sent can be answered", ANSWERS));
        }
    }
    Ok(())
}
