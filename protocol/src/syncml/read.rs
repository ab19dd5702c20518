//! From XML to a [`Message`]: by local name, in any order, tolerant of what real peers leave out.

use super::{
    Alert, AlertCode, Challenge, Command, CommandId, Credentials, CredentialsKind, Format, Group, Header, Item,
    Message, Meta, Operation, Results, Status, StatusCode, Unrecognised, Verb,
};
use crate::base64;
use crate::secret::Secret;
use crate::xml::{Document, Element, Limits, XmlError};

/// A message that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncMlError {
    /// The XML itself was refused.
    #[error("the message was refused: {0}")]
    Xml(#[from] XmlError),
    /// An element that every message needs is missing.
    #[error("the message has no <{0}>")]
    Missing(&'static str),
    /// The header has nothing in it.
    #[error("the message's <SyncHdr> is empty: it names no session, message, sender and receiver")]
    EmptyHeader,
    /// A number is not one.
    #[error("<{element}> is {value:?}, not a number")]
    NotANumber {
        /// The element.
        element: &'static str,
        /// What it contains.
        value: String,
    },
    /// The peer speaks another version of the protocol.
    #[error("the message speaks {0:?}, not DM/1.2 or DM/1.1")]
    Version(String),
}

pub(super) fn message(document: &Document<'_>) -> Result<Message, SyncMlError> {
    let root = document.root_named("SyncML")?;
    let header = header(root.child("SyncHdr").ok_or(SyncMlError::Missing("SyncHdr"))?)?;
    let body = root.child("SyncBody").ok_or(SyncMlError::Missing("SyncBody"))?;
    let mut commands = Vec::with_capacity(body.children().count());
    let mut is_final = false;
    for element in body.children() {
        if element.is("Final") {
            is_final = true;
        } else {
            commands.push(command(element)?);
        }
    }
    Ok(Message { header, commands, is_final })
}

pub(super) fn fragment(text: &str) -> Result<Vec<Command>, SyncMlError> {
    let declaration_end = text.trim_start().starts_with("<?xml").then(|| text.find("?>")).flatten();
    let bare = declaration_end.map_or(text, |end| &text[end + "?>".len()..]);
    let wrapped = format!("<SyncBody>{}</SyncBody>", bare.trim());
    let document = Document::parse(wrapped.as_bytes(), &Limits::MESSAGE)?;
    let root = document.root();
    // A whole message is taken for its body, as every sample page shows commands.
    let body = root.path(&["SyncML", "SyncBody"]).or(root.child("SyncBody")).unwrap_or(root);
    body.children().filter(|element| !element.is("Final")).map(command).collect()
}

fn header(element: Element<'_>) -> Result<Header, SyncMlError> {
    if !element.has_children() {
        return Err(SyncMlError::EmptyHeader);
    }
    if let Some(version) = element.child_text("VerProto").filter(|version| !matches!(*version, "DM/1.2" | "DM/1.1")) {
        return Err(SyncMlError::Version(version.to_owned()));
    }
    let required = |name: &'static str| element.child_text(name).ok_or(SyncMlError::Missing(name));
    Ok(Header {
        session_id: required("SessionID")?.to_owned(),
        message_id: number("MsgID", required("MsgID")?)?,
        target: location(element, "Target").unwrap_or_default(),
        source: location(element, "Source").unwrap_or_default(),
        source_name: element.path(&["Source", "LocName"]).map(|name| name.trimmed().to_owned()),
        credentials: element.child("Cred").and_then(credentials),
        meta: meta(element),
    })
}

fn command(element: Element<'_>) -> Result<Command, SyncMlError> {
    let operation =
        |verb| Ok(Command::Operation(Operation { id: id(element), verb, meta: meta(element), items: items(element) }));
    match element.name() {
        "Add" => operation(Verb::Add),
        "Replace" => operation(Verb::Replace),
        "Delete" => operation(Verb::Delete),
        "Get" => operation(Verb::Get),
        "Exec" => operation(Verb::Exec),
        "Atomic" => group(element).map(Command::Atomic),
        "Sequence" => group(element).map(Command::Sequence),
        "Alert" => Ok(alert(element).map_or_else(|| unrecognised(element), Command::Alert)),
        "Status" => status(element).map(Command::Status),
        "Results" => results(element).map(Command::Results),
        _ => Ok(unrecognised(element)),
    }
}

fn group(element: Element<'_>) -> Result<Group, SyncMlError> {
    let inside = element.children().filter(|child| !matches!(child.name(), "CmdID" | "Meta" | "NoResp"));
    Ok(Group { id: id(element), commands: inside.map(command).collect::<Result<_, _>>()? })
}

fn unrecognised(element: Element<'_>) -> Command {
    Command::Unrecognised(Unrecognised { id: id(element), name: element.name().to_owned() })
}

/// `None` for an alert that does not say which it is: the others of its message are not to blame for it.
fn alert(element: Element<'_>) -> Option<Alert> {
    let code = element.child_text("Data")?.parse().ok()?;
    Some(Alert { id: id(element), code: AlertCode(code), items: items(element) })
}

fn status(element: Element<'_>) -> Result<Status, SyncMlError> {
    let code = element.child_text("Data").ok_or(SyncMlError::Missing("Data"))?;
    let reference = |name| {
        let element = element.child(name)?;
        Some(element.child_text("LocURI").unwrap_or_else(|| element.trimmed()).to_owned())
    };
    Ok(Status {
        id: id(element),
        message_ref: message_ref(element)?,
        command_ref: CommandId(element.child_text("CmdRef").unwrap_or_default().to_owned()),
        command: element.child_text("Cmd").unwrap_or_default().to_owned(),
        target_ref: reference("TargetRef"),
        source_ref: reference("SourceRef"),
        challenge: element.child("Chal").and_then(challenge),
        code: StatusCode(number("Data", code)?),
        items: items(element),
    })
}

fn results(element: Element<'_>) -> Result<Results, SyncMlError> {
    Ok(Results {
        id: id(element),
        message_ref: message_ref(element)?,
        command_ref: CommandId(element.child_text("CmdRef").unwrap_or_default().to_owned()),
        meta: meta(element),
        items: items(element),
    })
}

/// OMA-DM representation section 6.1.12: a missing MsgRef means 1.
fn message_ref(element: Element<'_>) -> Result<u32, SyncMlError> {
    let text = element.child_text("MsgRef").filter(|text| !text.is_empty());
    text.map_or(Ok(1), |text| number("MsgRef", text))
}

fn items(element: Element<'_>) -> Vec<Item> {
    // Most commands have one item, and an item is large: a vector that guesses its size would waste most of it.
    let mut items = Vec::with_capacity(element.children_named("Item").count());
    items.extend(element.children_named("Item").map(item));
    items
}

fn item(element: Element<'_>) -> Item {
    let mut meta = meta(element);
    // The sample of MS-MDM section 3.6 puts an alert's type beside Meta instead of inside it.
    if meta.media_type.is_none() {
        meta.media_type = element.child_text("Type").map(str::to_owned);
    }
    Item {
        target: location(element, "Target"),
        source: location(element, "Source"),
        meta,
        data: element.child("Data").map(data),
        more_data: element.child("MoreData").is_some(),
    }
}

fn data(element: Element<'_>) -> String {
    if element.has_children() { element.inner_xml().trim().to_owned() } else { element.text().to_owned() }
}

fn location(element: Element<'_>, name: &str) -> Option<String> {
    element.child(name)?.child_text("LocURI").map(str::to_owned)
}

fn meta(element: Element<'_>) -> Meta {
    let Some(element) = element.child("Meta") else { return Meta::default() };
    let mut meta = Meta::default();
    for child in element.children() {
        let text = child.trimmed();
        match child.name() {
            "Format" => meta.format = Some(Format::parse(text)),
            "Type" => meta.media_type = Some(text.to_owned()),
            "Mark" => meta.mark = Some(text.to_owned()),
            "Size" => meta.size = text.parse().ok(),
            "NextNonce" => meta.next_nonce = Some(text.to_owned()),
            "MaxMsgSize" => meta.max_message_size = text.parse().ok(),
            "MaxObjSize" => meta.max_object_size = text.parse().ok(),
            _ => {}
        }
    }
    meta
}

fn credentials(element: Element<'_>) -> Option<Credentials> {
    let kind = CredentialsKind::parse(meta(element).media_type.as_deref()?)?;
    Some(Credentials { kind, data: Secret::new(element.child_text("Data")?) })
}

fn challenge(element: Element<'_>) -> Option<Challenge> {
    let meta = meta(element);
    let kind = CredentialsKind::parse(meta.media_type.as_deref()?)?;
    Some(Challenge { kind, nonce: meta.next_nonce.and_then(|nonce| base64::decode(&nonce).ok()) })
}

fn id(element: Element<'_>) -> CommandId {
    CommandId(element.child_text("CmdID").unwrap_or_default().to_owned())
}

fn number<N: std::str::FromStr>(element: &'static str, text: &str) -> Result<N, SyncMlError> {
    text.parse().map_err(|_| SyncMlError::NotANumber { element, value: text.chars().take(32).collect() })
}
