//! What the device holds, as a server reads it during a session: with every change that the commands so far have made.

use mdm_protocol::csp::inventory::{self, InventoryEntry};
use mdm_protocol::syncml::{Format, Item};

use super::Session;
use crate::engine::profile::Profile;

impl Session {
    /// The nodes of the inventory, for a Get that may ask for them. Without its store the device does not know what it
    /// holds.
    pub(super) fn inventory_nodes(&self, item: &Item) -> Vec<(String, Format, String)> {
        let target = item.target.as_deref().unwrap_or_default().to_ascii_lowercase();
        let may_ask = target.contains("/inventory") || target.contains("?list");
        if !may_ask || self.context.store_status.is_some() {
            return Vec::new();
        }
        let entries = self.inventory();
        vec![
            (inventory::DIGEST.to_owned(), Format::Chr, inventory::digest(&entries)),
            (inventory::PROFILES.to_owned(), Format::Chr, inventory::write(&entries)),
        ]
    }

    fn inventory(&self) -> Vec<InventoryEntry> {
        let is_unchanged = |profile: &&Profile| !self.changed.contains_key(&profile.root.to_string());
        let unchanged = self.tree.profiles().filter(is_unchanged);
        let changed = self.changed.values().flatten().map(AsRef::as_ref);
        unchanged.chain(changed).map(entry).collect()
    }
}

fn entry(profile: &Profile) -> InventoryEntry {
    InventoryEntry {
        address: profile.root.to_string(),
        authority: profile.authority.clone(),
        content: profile.set_by_server(),
    }
}
