//! What the Exec of a node does: nothing at once. What is ordered is kept before it is acknowledged and carried out after
//! the session.

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{CommandId, StatusCode};

use super::Session;
use crate::engine::certificate_request;
use crate::engine::remote::{self, Known, Received, RemoteKind, RemoteOrder, RemoteOrders, RemoteState};
use crate::engine::tree::Refusal;

/// What a session has to know of what can be done to the machine.
#[derive(Debug, Clone, Default)]
pub struct RemoteContext {
    /// What was ordered before.
    pub known: RemoteOrders,
    /// Whether the machine belongs to the person who uses it, who alone may erase it.
    pub is_personal: bool,
    /// With what a wipe that is ordered now has to be confirmed.
    pub wipe_token: String,
    /// In which boot of the machine this is; 0 if that cannot be told.
    pub boot: u64,
}

impl Session {
    /// What the Exec of a node does.
    pub(super) fn run(&mut self, uri: &LocUri, command: &CommandId, data: &str) -> Result<StatusCode, Refusal> {
        let uri = self.tree.check_exec(uri)?;
        let token = format!("{}-{}", self.context.remote.wipe_token, self.effects.remote.len());
        if let Some(received) = remote::read(&uri, &command.0, data, token) {
            return self.order_remotely(received?);
        }
        match uri.name() {
            "Unenroll" => self.unenrol(&uri, data),
            // Done after the session; its outcome is to be read from the `Status` node beside it.
            "RenewNow" => {
                self.effects.renew_now = true;
                Ok(StatusCode::ACCEPTED)
            }
            // Done after the session, too; its outcome is to be read from the `Status` node of the profile.
            "Enroll" => self.order_certificate(&uri),
            _ => Err(Refusal::new(StatusCode::NOT_SUPPORTED)),
        }
    }

    /// The values count as they are now.
    fn order_certificate(&mut self, uri: &LocUri) -> Result<StatusCode, Refusal> {
        let address = ProfileAddress::locate(uri).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND))?;
        let root = address.root.to_string();
        if self.effects.requests.len() >= MAX_REQUESTS && !self.effects.requests.contains_key(&root) {
            let reason = "more certificates were requested in this session than is taken at once".to_owned();
            return Err(Refusal { status: StatusCode::RETRY_LATER, reason });
        }
        let profile = self.tree.profile(&address.root, self.now).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND))?;
        self.effects.request(root, certificate_request::order(&profile)?);
        Ok(StatusCode::ACCEPTED)
    }

    fn unenrol(&mut self, uri: &LocUri, data: &str) -> Result<StatusCode, Refusal> {
        // The account may be named in the address, in the data, in both or not at all.
        let in_address = uri.segments().iter().skip_while(|segment| *segment != "Provider").nth(1).map(String::as_str);
        let in_data = Some(data.trim()).filter(|name| !name.is_empty());
        if in_address.into_iter().chain(in_data).all(|name| name == self.context.provider_id) {
            self.effects.unenroll = true;
            return Ok(StatusCode::OK);
        }
        Err(Refusal { status: StatusCode::NOT_FOUND, reason: "this device has no account of that name".to_owned() })
    }

    fn order_remotely(&mut self, received: Received) -> Result<StatusCode, Refusal> {
        let refuse = |status: StatusCode, reason: &str| Err(Refusal { status, reason: reason.to_owned() });
        if let Some(status) = self.context.store_status {
            return refuse(status, "the order cannot be kept, and what is not kept is not acknowledged");
        }
        match received {
            Received::Order { kind: RemoteKind::Wipe { .. }, .. } if self.context.remote.is_personal => {
                refuse(StatusCode::FORBIDDEN, "this machine belongs to its user; it can be unenrolled but not wiped")
            }
            Received::Order { id, kind } => self.accept(id, kind),
            Received::Confirmation(_) if self.context.remote.is_personal => {
                refuse(StatusCode::FORBIDDEN, "this machine belongs to its user; it can be unenrolled but not wiped")
            }
            Received::Confirmation(token) => {
                // Its answer may have been lost; that it is said again changes nothing.
                match self.context.remote.known.confirmed(&token) {
                    Some(RemoteState::Done) => return Ok(StatusCode::OK),
                    Some(RemoteState::Accepted) => return Ok(StatusCode::ACCEPTED),
                    _ => {}
                }
                if self.context.remote.known.confirmable(&token, self.now).is_none() {
                    return refuse(
                        StatusCode::NOT_FOUND,
                        "no plan of a wipe that was told in an earlier session has this token, or it is older than a day",
                    );
                }
                self.effects.confirmed.push(token);
                Ok(StatusCode::ACCEPTED)
            }
        }
    }

    /// An order that is known already is answered as it stands, and nothing is done again.
    fn accept(&mut self, id: Option<String>, kind: RemoteKind) -> Result<StatusCode, Refusal> {
        match self.context.remote.known.look_up(id.as_deref()) {
            Known::Done => return Ok(StatusCode::OK),
            Known::Waiting => return Ok(StatusCode::ACCEPTED),
            Known::Failed(reason) => return Err(Refusal { status: StatusCode::FAILED, reason }),
            Known::Full => {
                let reason = "too many orders wait on this machine already".to_owned();
                return Err(Refusal { status: StatusCode::RETRY_LATER, reason });
            }
            Known::New => {}
        }
        let is_named = id.is_some();
        let number = self.effects.remote.len() + 1;
        let id = id.unwrap_or_else(|| format!("{}-{}-{number}", self.context.session_id, self.now));
        if number > MAX_ORDERS {
            let reason = "more was ordered in this session than is taken at once".to_owned();
            return Err(Refusal { status: StatusCode::RETRY_LATER, reason });
        }
        if self.effects.remote.iter().all(|order| order.id != id) {
            self.effects.remote.push(RemoteOrder {
                id,
                is_named,
                kind,
                state: RemoteState::Accepted,
                detail: String::new(),
                accepted: self.now,
                boot: self.context.remote.boot,
                heard: false,
                begun: false,
                reported: false,
                under_way: false,
            });
        }
        Ok(StatusCode::ACCEPTED)
    }
}

/// The most certificates that one session may request.
const MAX_REQUESTS: usize = 32;

/// The most that one session may order.
const MAX_ORDERS: usize = 8;
