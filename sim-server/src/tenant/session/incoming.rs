//! What a device says: alerts, its DevInfo, statuses and results.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Alert, AlertCode, Command, Item, Operation, Piece, Results, StatusCode, Verb, alert_type};

use super::super::Tenant;
use super::super::record::RecordKind;
use super::outgoing::Origin;
use super::{Ending, Turn};

/// How many nodes of DevInfo are kept, and how many characters of each.
const DEV_INFO_NODES: usize = 32;
const DEV_INFO_CHARACTERS: usize = 256;

impl Tenant {
    /// Takes one command. `is_first` says whether no other command of its message had its number before.
    pub(super) fn take_command(&mut self, turn: &mut Turn<'_>, command: Command, is_first: bool) {
        let code = match &command {
            Command::Status(status) => {
                self.take_status(turn, status);
                return;
            }
            Command::Results(_) => {
                self.take_results(turn, command);
                return;
            }
            command if command.id().is_missing() || !is_first => StatusCode::BAD_REQUEST,
            Command::Alert(alert) => self.take_alert(turn, alert),
            Command::Operation(operation) => self.take_operation(turn.device, operation),
            Command::Atomic(_) | Command::Sequence(_) => StatusCode::NOT_SUPPORTED,
            Command::Unrecognised(_) => StatusCode::BAD_REQUEST,
        };
        turn.has_news = true;
        turn.reply.status(&command, code);
    }

    fn take_alert(&mut self, turn: &mut Turn<'_>, alert: &Alert) -> StatusCode {
        match alert.code {
            AlertCode::SESSION_ABORT => turn.ending = Some(Ending::Aborted),
            AlertCode::NEXT_MESSAGE => turn.hands_over = true,
            AlertCode::CLIENT_EVENT => {
                let is_login = |item: &&Item| item.meta.media_type.as_deref() == Some(alert_type::LOGIN_STATUS);
                if let Some(item) = alert.items.iter().find(is_login) {
                    turn.session.user_signed_in = item.data.as_deref().is_some_and(|who| who.trim() == "user");
                }
            }
            AlertCode::GENERIC => {
                for item in &alert.items {
                    match item.meta.media_type.as_deref() {
                        Some(alert_type::UNENROLMENT) => turn.ending = Some(Ending::Unenrolled),
                        Some(alert_type::STORE_REBUILT) => self.store_rebuilt(turn.device),
                        Some(kind) => self.device_reported(turn.device, kind, item, turn.now),
                        None => {}
                    }
                }
            }
            code if !code.is_known() => return StatusCode::NOT_SUPPORTED,
            _ => {}
        }
        StatusCode::OK
    }

    /// A device may report its DevInfo; nothing else of the server's is for it to read or change.
    fn take_operation(&mut self, device_id: &str, operation: &Operation) -> StatusCode {
        if operation.verb != Verb::Replace {
            return StatusCode::NOT_ALLOWED;
        }
        let nodes: Option<Vec<(String, &Item)>> =
            operation.items.iter().map(|item| Some((dev_info_node(item)?, item))).collect();
        let Some(nodes) = nodes else { return StatusCode::NOT_ALLOWED };
        let Some(device) = self.devices.get_mut(device_id) else { return StatusCode::FAILED };
        let before = device.dev_info.clone();
        for (name, item) in nodes {
            if device.dev_info.len() < DEV_INFO_NODES || device.dev_info.contains_key(&name) {
                let value = item.data.as_deref().unwrap_or_default();
                device.dev_info.insert(name, value.chars().take(DEV_INFO_CHARACTERS).collect());
            }
        }
        if device.dev_info != before {
            self.note(RecordKind::Device, device_id);
        }
        StatusCode::OK
    }

    /// Results get no status, but a piece of a large object does.
    fn take_results(&mut self, turn: &mut Turn<'_>, command: Command) {
        let Command::Results(results) = &command else { return };
        let meta = results.meta.clone();
        for item in results.items.clone() {
            if turn.session.assembler.interrupted_by(&item) {
                turn.reply.alert(AlertCode::NO_END_OF_DATA);
            }
            match turn.session.assembler.accept(item) {
                Ok(Piece::Whole(item)) => self.keep_result(turn, results, &meta, *item),
                Ok(Piece::Buffered) => {
                    turn.reply.status(&command, StatusCode::CHUNK_BUFFERED);
                    turn.wants_more = true;
                }
                Err(error) => turn.reply.status(&command, error.status()),
            }
        }
        turn.has_news = true;
    }

    fn keep_result(&mut self, turn: &mut Turn<'_>, results: &Results, meta: &mdm_protocol::syncml::Meta, item: Item) {
        let reference = (results.message_ref, results.command_ref.0.clone());
        let origin = turn.session.outstanding.get(&reference).map(|sent| sent.origin.clone());
        let text = item.data.as_deref();
        match origin {
            Some(Origin::Channel) => return self.channel_told(turn.device, text),
            Some(Origin::Digest) => return turn.session.inventory.digest_read(text.unwrap_or_default()),
            Some(Origin::Inventory(_)) => return turn.session.inventory.list_read(text.unwrap_or_default()),
            _ => {}
        }
        if let Some(id) = turn.session.sources.get(&reference) {
            self.record_result(turn.device, *id, meta, item);
        }
    }
}

/// The node's path below `./DevInfo`, if it is there.
fn dev_info_node(item: &Item) -> Option<String> {
    let uri = item.source.as_deref().or(item.target.as_deref())?;
    let uri = LocUri::parse(uri).ok()?;
    let (first, rest) = uri.segments().split_first()?;
    (first.eq_ignore_ascii_case("DevInfo") && !rest.is_empty()).then(|| rest.join("/"))
}
