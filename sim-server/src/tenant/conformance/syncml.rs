//! One management message by itself: its structure, names and values.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::syncml::AlertCode;
use mdm_protocol::xml::{Document, Element};

use super::names::{Scope, misplaced};
use super::structure::{self, SECTION};
use super::{Violation, quote};

const NAMESPACE: &str = "SYNCML:SYNCML1.2";
const METINF: &str = "syncml:metinf";
const PROTOCOL: &str = "OMA-TS-DM_RepPro 1.2.1";
const ALERTS: &str = "OMA-TS-DM_Protocol 1.2.1 section 8.7, MS-MDM section 2.2.7.2";

/// What is wrong with a message, and with single commands of it.
#[derive(Debug, Default)]
pub(in super::super) struct Conformance {
    /// What is wrong with the message as a whole, or with an acknowledgement, which cannot be answered itself.
    pub(in super::super) message: Option<Violation>,
    /// What is wrong with its commands, by their place in the body.
    pub(in super::super) commands: BTreeMap<usize, Violation>,
}

impl Conformance {
    /// Looks at a message.
    pub(in super::super) fn of(document: &Document<'_>) -> Self {
        let mut found = Self::default();
        if let Err(violation) = found.check(document.root()) {
            found.message = Some(violation);
        }
        found
    }

    fn check(&mut self, root: Element<'_>) -> Result<(), Violation> {
        let scope = Scope::default().enter(root)?;
        in_namespace(root, &scope, NAMESPACE)?;
        structure::check(root)?;
        let Some((header, body)) = root.child("SyncHdr").zip(root.child("SyncBody")) else { return Ok(()) };
        whole(header, &scope)?;
        check_header(header)?;
        let inner = scope.enter(body)?;
        in_namespace(body, &inner, NAMESPACE)?;
        let mut used = BTreeSet::new();
        let mut place = 0;
        let mut has_ended = false;
        for child in body.children() {
            if has_ended {
                let found = format!("<{}> stands behind <Final>", child.name());
                return Err(Violation::new(found, "Final must be the last element of the body", SECTION));
            }
            if child.is("Final") {
                has_ended = true;
                continue;
            }
            if let Err(violation) = check_command(child, &inner, &mut used) {
                if matches!(child.name(), "Status" | "Results") {
                    return Err(violation);
                }
                self.commands.insert(place, violation);
            }
            place += 1;
        }
        if place == 0 {
            return Err(Violation::new("<SyncBody> has no command", "it must have at least one", SECTION));
        }
        Ok(())
    }
}

fn check_header(header: Element<'_>) -> Result<(), Violation> {
    for (name, expected) in [("VerDTD", "1.2"), ("VerProto", "DM/1.2")] {
        let value = header.child_text(name).unwrap_or_default();
        if value != expected {
            let found = format!("{name} is {} instead of {expected}", quote(value));
            return Err(Violation::new(found, "a message must name the version that it is written in", PROTOCOL));
        }
    }
    if header.child_text("SessionID").is_none_or(str::is_empty) {
        return Err(Violation::new("SessionID is empty", "a session must have an identifier", PROTOCOL));
    }
    if header.child_text("MsgID") == Some("0") {
        return Err(Violation::new("MsgID is 0", "messages must be numbered from 1", PROTOCOL));
    }
    let credentials = header.child("Cred").and_then(|cred| cred.path(&["Meta", "Type"])).map(Element::trimmed);
    let names_user = header.path(&["Source", "LocName"]).is_some_and(|name| !name.trimmed().is_empty());
    if credentials == Some("syncml:auth-md5") && !names_user {
        let rule = "a digest must come with the name that it was made with, in the LocName of Source";
        return Err(Violation::new("Source has no LocName", rule, "OMA-TS-DM_Security 1.2.1 section 5.3"));
    }
    Ok(())
}

fn check_command<'d>(command: Element<'d>, scope: &Scope<'d>, used: &mut BTreeSet<&'d str>) -> Result<(), Violation> {
    let id = command.child_text("CmdID").unwrap_or_default();
    let is_first = id.is_empty() || used.insert(id);
    if structure::model(command.name()).is_none() && !matches!(command.name(), "Atomic" | "Sequence") {
        let found = format!("<{}> is no command", command.name());
        return Err(Violation::new(found, "MS-MDM allows no others than those of its section", "MS-MDM section 2.2.7"));
    }
    whole(command, scope)?;
    if id.is_empty() || id == "0" {
        let found = format!("the CmdID of <{}> is {}", command.name(), quote(id));
        return Err(Violation::new(found, "a command must have a number, and 0 stands for the header", PROTOCOL));
    }
    if !is_first {
        let found = format!("the CmdID {} of <{}> was used before", quote(id), command.name());
        return Err(Violation::new(found, "a number must be unique in its message", PROTOCOL));
    }
    for group in command.children().filter(|_| matches!(command.name(), "Atomic" | "Sequence")) {
        if !matches!(group.name(), "CmdID" | "NoResp" | "Meta") {
            check_command(group, scope, used)?;
        }
    }
    match command.name() {
        "Alert" => check_alert(command),
        "Status" => check_status(command),
        _ => Ok(()),
    }
}

fn check_alert(alert: Element<'_>) -> Result<(), Violation> {
    let text = alert.child_text("Data").unwrap_or_default();
    if text.parse().is_ok_and(|code| AlertCode(code).is_known()) {
        return Ok(());
    }
    let rule = "an alert must have one of the codes of device management";
    Err(Violation::new(format!("the alert's code is {}", quote(text)), rule, ALERTS))
}

fn check_status(status: Element<'_>) -> Result<(), Violation> {
    let code = status.child_text("Data").unwrap_or_default();
    if !(code.len() == 3 && code.parse().is_ok_and(|code: u16| (100..600).contains(&code))) {
        let found = format!("a Status has the code {}", quote(code));
        return Err(Violation::new(found, "it must be a number of three digits", PROTOCOL));
    }
    for name in ["MsgRef", "CmdRef", "Cmd"] {
        if status.child_text(name).is_none_or(str::is_empty) {
            let found = format!("the {name} of a Status is empty");
            return Err(Violation::new(found, "a Status must say what it answers", PROTOCOL));
        }
    }
    Ok(())
}

/// Checks structure and namespaces of an element and of all inside it, but for data.
fn whole<'d>(element: Element<'d>, outer: &Scope<'d>) -> Result<(), Violation> {
    let scope = outer.enter(element)?;
    in_namespace(element, &scope, NAMESPACE)?;
    structure::check(element)?;
    for child in element.children() {
        match child.name() {
            "Meta" => {
                let scope = scope.enter(child)?;
                in_namespace(child, &scope, NAMESPACE)?;
                child.children().try_for_each(|part| in_namespace(part, &scope.enter(part)?, METINF))?;
            }
            // The type that stands beside Meta, and commands of a group, which are looked at by themselves.
            "Type" => {}
            "Data" => in_namespace(child, &scope.enter(child)?, NAMESPACE)?,
            _ => whole(child, &scope)?,
        }
    }
    Ok(())
}

fn in_namespace(element: Element<'_>, scope: &Scope<'_>, expected: &str) -> Result<(), Violation> {
    let namespace = scope.of(element);
    if namespace == expected {
        return Ok(());
    }
    let rule = "messages are in SYNCML:SYNCML1.2, what is inside Meta in syncml:metinf";
    Err(misplaced(element, namespace, rule, SECTION))
}
