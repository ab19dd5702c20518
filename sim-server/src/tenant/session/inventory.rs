//! In which message a device is asked what it holds, and when the answer is acted on.
//!
//! The digest is asked for with the first commands of a session. The list follows where the digest is not the one that was
//! recorded, and once more behind the last command that changed something: what the device holds then is what counts until
//! the next session.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;
use mdm_protocol::csp::inventory::{InventoryEntry, PROFILES, parse};
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Command, Item, Verb};

use super::super::fragment::{self, Nodes};
use super::super::life::{CheckInAnswer, DAY};
use super::super::{Device, Tenant};
use super::housekeeping::operation;
use super::outgoing::{Origin, enqueue};
use super::{Session, Turn};

/// How far the questions of a session got.
#[derive(Debug, Default)]
pub(super) struct InventoryProgress {
    /// The digest, as long as nothing was concluded from it.
    digest: Option<String>,
    /// The list, as long as nothing was concluded from it.
    list: Option<Vec<InventoryEntry>>,
    /// Whether the list has to be read.
    is_wanted: bool,
    /// Whether commands were sent since it was read last that change what the device holds.
    is_stale: bool,
    /// How often it was asked for.
    asked: u32,
    /// The profiles' own nodes that commands of this session concern.
    changed: BTreeSet<String>,
    /// Those that an administrator's commands concern.
    commanded: BTreeSet<String>,
}

impl InventoryProgress {
    pub(super) fn digest_read(&mut self, text: &str) {
        self.digest = Some(text.trim().to_owned());
    }

    /// Takes the list; one that cannot be read says nothing.
    pub(super) fn list_read(&mut self, text: &str) {
        self.list = parse(text).inspect_err(|error| tracing::warn!(%error, "inventory unreadable")).ok();
    }
}

impl Device {
    /// Whether the device is asked what it holds: another client is asked again after a week, since it may be upgraded.
    pub(super) fn is_asked_for_inventory(&self, now: i64) -> bool {
        self.inventory.refused.is_none_or(|refused| now >= refused.saturating_add(7 * DAY))
    }
}

impl Tenant {
    /// Draws the conclusions from what was read, once the statuses of the same message have had theirs.
    pub(super) fn settle_inventory(&mut self, turn: &mut Turn<'_>) {
        if !matches!(turn.answer, Some(CheckInAnswer::Home { .. })) {
            return;
        }
        if let Some(digest) = turn.session.inventory.digest.take() {
            let recorded = self.devices.get(turn.device).map(|device| device.inventory.digest());
            turn.session.inventory.is_wanted |= recorded.as_ref() != Some(&digest);
        }
        if let Some(list) = turn.session.inventory.list.take() {
            if let Some(device) = self.devices.get_mut(turn.device) {
                // What a command was refused is not in the list, and forgotten again.
                device.commanded(turn.session.inventory.commanded.iter().cloned());
            }
            self.inventory_taken(turn.device, turn.at, list, &turn.session.inventory.changed);
            // It was read after the digest.
            turn.session.inventory.is_wanted = false;
        }
    }

    /// Asks for the list where it has to be read.
    pub(super) fn collect_inventory(&self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut turn.session.inventory.is_wanted) {
            ask(turn);
        }
    }

    /// Asks for the list behind the last command that changes something.
    pub(super) fn collect_last_inventory(&self, turn: &mut Turn<'_>) {
        let is_known = self.devices.get(turn.device).is_some_and(|device| device.inventory.refused.is_none());
        if std::mem::take(&mut turn.session.inventory.is_stale) && is_known {
            ask(turn);
        }
    }
}

fn ask(turn: &mut Turn<'_>) {
    turn.session.inventory.asked += 1;
    let origin = Origin::Inventory(turn.session.inventory.asked);
    enqueue(turn, &origin, vec![operation(Verb::Get, Item::target(PROFILES))]);
}

/// Records that a command is sent that may change what the device holds.
pub(super) fn note_changes(session: &mut Session, origin: &Origin, command: &Command) {
    if !matches!(origin, Origin::Command(_) | Origin::Profile { .. } | Origin::Removal(_)) {
        return;
    }
    session.inventory.is_stale = true;
    let Nodes { roots, .. } = fragment::nodes(std::slice::from_ref(command));
    if matches!(origin, Origin::Command(_)) {
        session.inventory.commanded.extend(roots.iter().cloned());
    }
    session.inventory.changed.extend(roots);
    if let Origin::Removal(node) = origin
        && let Some(address) = LocUri::parse(node).ok().and_then(|uri| ProfileAddress::locate(&uri))
    {
        session.inventory.changed.insert(address.root.to_string());
    }
}
