//! Add, Replace and Delete on the tree, each with the status that OMA-DM and the providers prescribe.

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::boolean;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::loc_uri::MAX_LENGTH;
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{LocUri, LocUriError, Scope, base64};

use super::providers::no_such_node;
use super::schema::{self, Access, Kind, Rule};
use super::{ABSENT, Node, Tree};
use crate::engine::payload;

/// Nodes that require a check-in when a user signs in.
const SIGN_IN_NODES: [&str; 2] = ["PollOnLogin", "AllUsersPollOnFirstLogin"];

/// Why a command on one node was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status that answers the command.
    pub status: StatusCode,
    /// The reason in words; never contains a value.
    pub reason: String,
}

impl Refusal {
    /// A refusal whose reason is that of its status.
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: status.reason().to_owned() }
    }

    fn because(status: StatusCode, reason: &str) -> Self {
        Self { status, reason: reason.to_owned() }
    }
}

impl From<LocUriError> for Refusal {
    fn from(error: LocUriError) -> Self {
        let status = match error {
            LocUriError::TooLong => StatusCode::URI_TOO_LONG,
            LocUriError::Query(_) => StatusCode::NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, reason: error.to_string() }
    }
}

impl From<PayloadError> for Refusal {
    fn from(error: PayloadError) -> Self {
        Self { status: error.status, reason: error.to_string() }
    }
}

/// The most nodes of one profile.
const MAX_PROFILE_NODES: usize = 1000;

impl Tree {
    /// Creates a node; its missing parents come with it.
    pub fn add(&mut self, uri: &LocUri, format: &Format, value: &str) -> Result<(), Refusal> {
        let (rule, uri) = self.rule(uri, Access::ADD)?;
        self.or_undo(|tree| {
            tree.take_over(&uri);
            if tree.exists(&uri) {
                return Err(Refusal::new(StatusCode::ALREADY_EXISTS));
            }
            tree.write(rule, uri, format, value)
        })
    }

    /// Sets a node, and creates it where the node may be added. One that may not be added is there with whatever it
    /// belongs to (the account, a profile), even before it was ever set.
    pub fn replace(&mut self, uri: &LocUri, format: &Format, value: &str) -> Result<(), Refusal> {
        let (rule, uri) = self.rule(uri, Access::REPLACE)?;
        self.or_undo(|tree| {
            tree.take_over(&uri);
            tree.replace_node(rule, uri, format, value)
        })
    }

    fn replace_node(&mut self, rule: &Rule, uri: LocUri, format: &Format, value: &str) -> Result<(), Refusal> {
        if !rule.access.allows(Access::ADD) && !rule.owner(&uri).is_none_or(|owner| self.exists(&owner)) {
            return Err(Refusal::new(StatusCode::NOT_FOUND));
        }
        self.write(rule, uri, format, value)
    }

    /// Does something, or nothing if it is refused.
    fn or_undo(&mut self, deed: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mark = self.mark();
        deed(self).inspect_err(|_| self.undo_to(mark))
    }

    /// Removes a node and all below it: what the server has set, and what was provisioned for it. What the device itself
    /// answers with cannot be deleted.
    pub fn delete(&mut self, uri: &LocUri) -> Result<(), Refusal> {
        let (_, uri) = self.rule(uri, Access::DELETE)?;
        let own: Vec<LocUri> = self.own_within(&uri).map(|(uri, _)| uri.clone()).collect();
        let provisioned = self.provisioned_within(&uri);
        if own.is_empty() && provisioned.is_empty() {
            return Err(Refusal::new(StatusCode::NOT_FOUND));
        }
        own.into_iter().for_each(|uri| self.set(uri, None));
        provisioned.into_iter().for_each(|uri| self.set(uri, Some(Node::absent())));
        Ok(())
    }

    /// Checks that a node may be run; what that does is the caller's business.
    pub fn check_exec(&self, uri: &LocUri) -> Result<LocUri, Refusal> {
        self.rule(uri, Access::EXEC).map(|(_, uri)| uri)
    }

    /// Finds the rule for a node and checks that it takes the command.
    pub(super) fn rule(&self, uri: &LocUri, command: Access) -> Result<(&'static Rule, LocUri), Refusal> {
        if uri.scope() == Scope::User && !self.user_scope {
            return Err(Refusal::because(StatusCode::NOT_ALLOWED, "the enrolled user is not signed in"));
        }
        let Some((rule, canonical)) = schema::find(uri) else {
            return Err(if schema::fixed_interior(uri).is_some() {
                Refusal::new(StatusCode::NOT_ALLOWED)
            } else {
                no_such_node(uri)
            });
        };
        if rule.access.allows(command) { Ok((rule, canonical)) } else { Err(Refusal::new(StatusCode::NOT_ALLOWED)) }
    }

    fn write(&mut self, rule: &Rule, uri: LocUri, format: &Format, value: &str) -> Result<(), Refusal> {
        // The store files nodes under the escaped form, which can be much longer than what came over the wire.
        if uri.to_string().len() > MAX_LENGTH {
            return Err(Refusal::new(StatusCode::URI_TOO_LONG));
        }
        if rule.format == Kind::Interior {
            if *format != Format::Node && !value.trim().is_empty() {
                return Err(Refusal::because(StatusCode::UNSUPPORTED_FORMAT, "the node has children, not a value"));
            }
            if !self.exists(&uri) {
                self.set(uri, Some(Node::new(&Format::Node, "")));
            }
            return Ok(());
        }
        if format.as_str() == ABSENT {
            return Err(Refusal::because(StatusCode::UNSUPPORTED_FORMAT, "there is no such format"));
        }
        check_format(rule.format, value)?;
        let interior_children = rule.format == Kind::Any && *format == Format::Node;
        let format = if rule.format == Kind::Any { format.clone() } else { rule.format.format() };
        if !interior_children && self.own_within(&uri).any(|(other, _)| *other != uri) {
            return Err(Refusal::because(StatusCode::NOT_ALLOWED, "the node has children, not a value"));
        }
        if self.is_one_too_many(&uri) {
            let reason = "a profile has at most a thousand nodes; a document such as ProfileXML holds any number";
            return Err(Refusal::because(StatusCode::TOO_LARGE, reason));
        }
        if self.has_value_above(&uri) {
            return Err(Refusal::because(StatusCode::NOT_ALLOWED, "a node above it has a value, not children"));
        }
        if let Some(reason) = rule.effect.refuses(value) {
            return Err(Refusal { status: StatusCode::NOT_SUPPORTED, reason: format!("{}: {reason}", uri.name()) });
        }
        if self.misses_sign_ins && SIGN_IN_NODES.contains(&uri.name()) && boolean(value) == Some(true) {
            let reason = "sign-ins cannot be noticed on this device: there is no logind";
            return Err(Refusal { status: StatusCode::NOT_SUPPORTED, reason: format!("{}: {reason}", uri.name()) });
        }
        payload::check(&uri, value)?;
        self.set(uri, Some(Node::new(&format, value)));
        Ok(())
    }

    /// Every verdict on a profile reads all of it, so that there is a limit to what its nodes can cost together.
    fn is_one_too_many(&self, uri: &LocUri) -> bool {
        let is_new = !self.own.contains_key(uri);
        is_new
            && ProfileAddress::locate(uri)
                .is_some_and(|address| self.own_within(&address.root).nth(MAX_PROFILE_NODES - 1).is_some())
    }

    fn has_value_above(&self, uri: &LocUri) -> bool {
        std::iter::successors(uri.parent(), LocUri::parent)
            .any(|above| self.own.get(&above).is_some_and(|node| !node.is_interior()))
    }
}

fn check_format(kind: Kind, value: &str) -> Result<(), Refusal> {
    let reason = match kind {
        Kind::Number if value.trim().parse::<i32>().is_err() => "the value is not a signed 32-bit number",
        Kind::Boolean if boolean(value).is_none() => "the value is neither true nor false",
        Kind::Base64 if base64::decode(value).is_err() => "the value is not base64",
        Kind::Text | Kind::Number | Kind::Boolean | Kind::Base64 | Kind::Any | Kind::Interior | Kind::Nothing => {
            return Ok(());
        }
    };
    Err(Refusal::because(StatusCode::UNSUPPORTED_FORMAT, reason))
}
