//! Orders as they come over the wire: which Exec means what, and what its data may say.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::StatusCode;
use serde::{Deserialize, Serialize};

use crate::engine::tree::Refusal;

/// Locks the machine (RemoteLock provider).
pub const LOCK: &str = "./Device/Vendor/MSFT/RemoteLock/Lock";
/// Unlocks it again; Windows has no such node.
pub const UNLOCK: &str = "./Device/Vendor/LinuxMDM/RemoteLock/Unlock";
/// Confirms a wipe with the token that the device gave for it; Windows has no such node.
pub const WIPE_CONFIRMATION: &str = "./Device/Vendor/LinuxMDM/RemoteWipe/Confirm";

/// The longest data of an order, in bytes.
const MAX_DATA: usize = 4096;
/// The longest id, in characters.
const MAX_ID: usize = 64;
/// The longest message to the person at a locked machine, in characters.
const MAX_MESSAGE: usize = 256;
/// The longest verifier of an unlock code, in characters.
const MAX_VERIFIER: usize = 256;
/// The shortest number of a command that is taken for unique; servers count small numbers anew in every message.
const UNIQUE_COMMAND_ID: usize = 16;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RemoteKind {
    /// Lock every session and let nobody sign in.
    Lock(LockTerms),
    /// Undo that.
    Unlock,
    /// Restart the machine.
    Reboot,
    /// Erase what is on the machine.
    Wipe {
        /// With what the server has to confirm it.
        token: String,
    },
}

impl RemoteKind {
    /// What people call it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Lock(_) => "lock",
            Self::Unlock => "unlock",
            Self::Reboot => "reboot",
            Self::Wipe { .. } => "wipe",
        }
    }
}

/// How a machine is locked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTerms {
    /// What is shown to whoever sits in front of it.
    pub message: String,
    /// By what the one-time code is known that unlocks it without a network:
    /// `pbkdf2-sha256$ITERATIONS$SALT$DIGEST`, both in base64. Without one only the server unlocks it.
    pub verifier: Option<String>,
}

/// An order that was just read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Something to do, under the id that the server gave it, if it did.
    Order {
        /// The id.
        id: Option<String>,
        /// What.
        kind: RemoteKind,
    },
    /// The confirmation of a wipe, by its token.
    Confirmation(String),
}

/// The data of an Exec, where there is any. What stock servers send is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Particulars {
    id: Option<String>,
    message: Option<String>,
    verifier: Option<String>,
    token: Option<String>,
}

/// Reads the Exec of a node; `None` if the node means nothing here. `wipe_token` is what a wipe will have to be
/// confirmed with.
pub fn read(uri: &LocUri, command_id: &str, data: &str, wipe_token: String) -> Option<Result<Received, Refusal>> {
    let segments: Vec<&str> = uri.segments().iter().map(String::as_str).collect();
    let kind = match segments.as_slice() {
        ["Vendor", "MSFT", "RemoteLock", "Lock"] => RemoteKind::Lock(LockTerms::default()),
        ["Vendor", "LinuxMDM", "RemoteLock", "Unlock"] => RemoteKind::Unlock,
        ["Vendor", "MSFT", "Reboot", "RebootNow"] => RemoteKind::Reboot,
        // The difference is whether a person may stop it by turning the machine off; here nobody can.
        ["Vendor", "MSFT", "RemoteWipe", "doWipe" | "doWipeProtected"] => RemoteKind::Wipe { token: wipe_token },
        ["Vendor", "MSFT", "RemoteWipe", _] => {
            return Some(Err(refusal(
                StatusCode::NOT_SUPPORTED,
                "this way of wiping keeps something that Linux cannot keep apart; use doWipe",
            )));
        }
        ["Vendor", "LinuxMDM", "RemoteWipe", "Confirm"] => return Some(confirmation(data)),
        _ => return None,
    };
    Some(order(kind, command_id, data))
}

fn confirmation(data: &str) -> Result<Received, Refusal> {
    let token = match particulars(data) {
        Ok(Particulars { token: Some(token), .. }) => token,
        // The token alone will do.
        Ok(_) | Err(_) => data.trim().to_owned(),
    };
    if token.is_empty() || token.len() > MAX_ID {
        return Err(refusal(StatusCode::INCOMPLETE, "the token of the wipe's plan is missing"));
    }
    Ok(Received::Confirmation(token))
}

fn order(kind: RemoteKind, command_id: &str, data: &str) -> Result<Received, Refusal> {
    let Particulars { id, message, verifier, .. } = particulars(data)?;
    let kind = match kind {
        RemoteKind::Lock(_) => RemoteKind::Lock(terms(message, verifier)?),
        kind => kind,
    };
    let id = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    if id
        .as_ref()
        .is_some_and(|id| id.len() > MAX_ID || !id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.{}".contains(c)))
    {
        return Err(refusal(
            StatusCode::UNSUPPORTED_FORMAT,
            "the id of the order is longer than 64 characters or has others than letters, digits and -_.{}",
        ));
    }
    let unique = Some(command_id).filter(|id| {
        (UNIQUE_COMMAND_ID..=MAX_ID).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    Ok(Received::Order { id: id.or_else(|| unique.map(ToOwned::to_owned)), kind })
}

fn particulars(data: &str) -> Result<Particulars, Refusal> {
    let data = data.trim();
    if data.len() > MAX_DATA {
        return Err(refusal(StatusCode::TOO_LARGE, "the data of the order is larger than 4 KiB"));
    }
    // Some servers put a word or a number where nothing is asked for.
    if !data.starts_with('{') {
        return Ok(Particulars::default());
    }
    serde_json::from_str(data).map_err(|error| Refusal {
        status: StatusCode::UNSUPPORTED_FORMAT,
        reason: format!("the data of the order is not what is understood here: {error}"),
    })
}

fn terms(message: Option<String>, verifier: Option<String>) -> Result<LockTerms, Refusal> {
    let message = message.unwrap_or_default();
    if message.chars().count() > MAX_MESSAGE || message.chars().any(char::is_control) {
        return Err(refusal(
            StatusCode::UNSUPPORTED_FORMAT,
            "the message is longer than 256 characters or has control characters",
        ));
    }
    let is_sound = |verifier: &String| {
        let parts: Vec<&str> = verifier.split('$').collect();
        verifier.len() <= MAX_VERIFIER
            && matches!(parts.as_slice(), ["pbkdf2-sha256", iterations, salt, digest]
                if iterations.parse::<u32>().is_ok_and(|count| (10_000..=2_000_000).contains(&count))
                    && mdm_protocol::base64::decode(salt).is_ok_and(|salt| salt.len() >= 8)
                    && mdm_protocol::base64::decode(digest).is_ok_and(|digest| digest.len() == 32))
    };
    if verifier.as_ref().is_some_and(|verifier| !is_sound(verifier)) {
        return Err(refusal(
            StatusCode::UNSUPPORTED_FORMAT,
            "the verifier is not pbkdf2-sha256$ITERATIONS$SALT$DIGEST with 10,000 to 2,000,000 iterations",
        ));
    }
    Ok(LockTerms { message, verifier })
}

fn refusal(status: StatusCode, reason: &str) -> Refusal {
    Refusal { status, reason: reason.to_owned() }
}
