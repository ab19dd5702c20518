//! What the tenant itself has to say to a device before anything else: who manages it, where it is to go, where it can
//! be rung.

use mdm_protocol::csp::authority::{ADDRESS_LIST, CHANGED_AT, NAME, format_address_list};
use mdm_protocol::csp::inventory::DIGEST;
use mdm_protocol::syncml::{Command, CommandId, Group, Item, Meta, Operation, StatusCode, Verb};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::life::{self, Authority, CheckInAnswer, Telling};
use super::super::record::RecordKind;
use super::super::{PROVIDER_ID, Tenant};
use super::Turn;
use super::outgoing::{Origin, enqueue};

impl Tenant {
    /// Decides where the device belongs, and readies its record for the authority that it is with.
    pub(super) fn welcome(&mut self, turn: &mut Turn<'_>) {
        let Some(device) = self.devices.get(turn.device) else { return };
        let (mode, owner) = (self.settings.authority, self.owner(device));
        turn.at = turn.asked_at.unwrap_or(device.life.authority);
        let answer = life::on_check_in(mode, owner, &device.life, turn.at);
        turn.answer = Some(answer);
        if let CheckInAnswer::Home { remove_former, .. } = answer {
            self.serve_from(turn.device, turn.at, remove_former);
        }
    }

    /// Says what is to be said of the authority and of push; `false` if there is nothing else to say in this session.
    pub(super) fn collect_housekeeping(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(answer) = turn.answer else { return true };
        let (to, with_address) = match answer {
            CheckInAnswer::Move(to) => (Some(to), true),
            CheckInAnswer::Home { tell: Telling::Nothing, .. } => (None, false),
            CheckInAnswer::Home { tell: Telling::Name, .. } => (Some(turn.at), false),
            CheckInAnswer::Home { tell: Telling::Correction, .. } => (Some(turn.at), true),
        };
        if let Some(to) = to {
            let command = self.authority_command(turn.device, to, with_address);
            enqueue(turn, &Origin::Authority { to, with_address }, vec![command]);
        }
        if matches!(answer, CheckInAnswer::Move(_)) {
            return false;
        }
        if let Some(name) = self.push_name_to_tell(turn.device) {
            let item = Item::target(format!("{}/Push/PFN", provider())).with_data(&name);
            enqueue(turn, &Origin::PushName(name), vec![operation(Verb::Replace, item)]);
        }
        if self.push_base.is_some() {
            let item = Item::target(format!("{}/Push/ChannelURI", provider()));
            enqueue(turn, &Origin::Channel, vec![operation(Verb::Get, item)]);
        }
        if self.devices.get(turn.device).is_some_and(|device| device.is_asked_for_inventory(turn.now)) {
            enqueue(turn, &Origin::Digest, vec![operation(Verb::Get, Item::target(DIGEST))]);
        }
        true
    }

    /// Draws the conclusion from the answer to what [`Tenant::collect_housekeeping`] said.
    pub(super) fn housekeeping_answered(&mut self, turn: &Turn<'_>, origin: &Origin, failure: Option<StatusCode>) {
        // A device that does not know a node is not told again and again.
        let is_unknown =
            matches!(failure, Some(StatusCode::NOT_FOUND | StatusCode::NOT_ALLOWED | StatusCode::NOT_SUPPORTED));
        match origin {
            Origin::PushName(name) if failure.is_none() || is_unknown => self.push_name_told(turn.device, name),
            Origin::Channel if failure.is_some() => self.channel_told(turn.device, None),
            // One that is where it belongs need not know more.
            Origin::Authority { to, .. } if failure.is_none() || (is_unknown && *to == turn.at) => {
                if let Some(device) = self.devices.get_mut(turn.device) {
                    life::told(&mut device.life, *to);
                    self.note(RecordKind::Device, turn.device);
                }
            }
            Origin::PushName(_)
            | Origin::Channel
            | Origin::Digest
            | Origin::Inventory(_)
            | Origin::Authority { .. }
            | Origin::Command(_)
            | Origin::Profile { .. }
            | Origin::Removal(_) => {}
        }
    }

    /// Notes that the session is complete: the device is registered with its authority, if that is where it is.
    pub(super) fn arrive(&mut self, turn: &Turn<'_>) {
        let Some(CheckInAnswer::Home { newly_arrived, .. }) = turn.answer else { return };
        let Some(device) = self.devices.get_mut(turn.device) else { return };
        life::completed(&mut device.life, turn.at, turn.now);
        self.note(RecordKind::Device, turn.device);
        if newly_arrived {
            tracing::info!(authority = turn.at.name(), "the device has moved");
        }
    }

    fn authority_command(&self, device_id: &str, to: Authority, with_address: bool) -> Command {
        let changed = self.devices.get(device_id).map_or(0, |device| device.authority_changed);
        let changed = OffsetDateTime::from_unix_timestamp(changed).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut items = vec![
            Item::target(NAME).with_data(to.name()),
            Item::target(CHANGED_AT).with_data(changed.format(&Rfc3339).unwrap_or_default()),
        ];
        let address = self.management_address(to);
        if let Some(list) = format_address_list(&[address]).ok().filter(|_| with_address) {
            items.push(Item::target(format!("{}/{ADDRESS_LIST}", provider())).with_data(list));
        }
        let commands = items.into_iter().map(|item| operation(Verb::Replace, item)).collect();
        Command::Atomic(Group { id: CommandId::default(), commands })
    }

    /// The management address of an authority.
    pub fn management_address(&self, authority: Authority) -> String {
        format!("{}/ManagementServer/{}/MDM.svc", self.device_base, authority.segment())
    }

    /// Sets the address of the device endpoints, without a slash at its end.
    pub fn set_device_base(&mut self, base: String) {
        self.device_base = base;
    }
}

fn provider() -> String {
    format!("./Device/Vendor/MSFT/DMClient/Provider/{PROVIDER_ID}")
}

pub(super) fn operation(verb: Verb, item: Item) -> Command {
    Command::Operation(Operation { id: CommandId::default(), verb, meta: Meta::default(), items: vec![item] })
}
