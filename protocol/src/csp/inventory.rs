//! What a device holds, as it reports it on request: each profile with its owner and a digest of its content, and one
//! digest of all of that. A server compares the digest with what it has recorded, and reads the list where they differ.
//!
//! These nodes are of this project; other servers do not ask for them.

use sha2::{Digest as _, Sha256};

/// The node that holds the digest of the inventory: SHA-256 in hexadecimal.
pub const DIGEST: &str = "./Device/Vendor/LinuxMDM/Inventory/Digest";
/// The node that holds the inventory: one line for each profile, see [`write()`].
pub const PROFILES: &str = "./Device/Vendor/LinuxMDM/Inventory/Profiles";

/// The most profiles of an inventory that is read.
pub const MAX_ENTRIES: usize = 10_000;

/// A profile that a device holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InventoryEntry {
    /// The address of the profile's own node, segments escaped.
    pub address: String,
    /// The name of the authority that owns it.
    pub authority: String,
    /// A digest of its content that is the same for as long as the server has changed nothing in it. How it is made is
    /// the device's affair.
    pub content: String,
}

/// An inventory that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// A line has not the three parts that it should have.
    #[error("line {0} of the inventory has not three parts")]
    Parts(usize),
    /// There are more than [`MAX_ENTRIES`] profiles.
    #[error("the inventory has more than {MAX_ENTRIES} profiles")]
    TooLong,
}

/// The digest of an inventory, whatever the order of its entries.
pub fn digest<'a>(entries: impl IntoIterator<Item = &'a InventoryEntry>) -> String {
    let mut entries: Vec<&InventoryEntry> = entries.into_iter().collect();
    entries.sort();
    let mut hasher = Sha256::new();
    for entry in entries {
        for part in [&entry.address, &entry.authority, &entry.content] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes an inventory: for each profile a line of address, content and authority, separated by tabs. Addresses are
/// escaped and digests plain, so that only an authority's name can hold a character that means something here; it stands
/// last, and its line breaks become spaces.
pub fn write<'a>(entries: impl IntoIterator<Item = &'a InventoryEntry>) -> String {
    let line = |entry: &InventoryEntry| {
        let authority = entry.authority.replace(['\r', '\n'], " ");
        format!("{}\t{}\t{authority}\n", entry.address, entry.content)
    };
    entries.into_iter().map(line).collect()
}

/// Reads an inventory.
pub fn parse(text: &str) -> Result<Vec<InventoryEntry>, InventoryError> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if entries.len() == MAX_ENTRIES {
            return Err(InventoryError::TooLong);
        }
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        let (Some(address), Some(content), Some(authority)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InventoryError::Parts(index + 1));
        };
        entries.push(InventoryEntry { address, authority, content });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: &str, authority: &str, content: &str) -> InventoryEntry {
        InventoryEntry { address: address.into(), authority: authority.into(), content: content.into() }
    }

    #[test]
    fn an_inventory_is_read_as_it_was_written() {
        let entries = [entry("./Device/A%09b", "Intune", "00ff"), entry("./User/C", "Office\t365", "")];
        assert_eq!(parse(&write(&entries)).unwrap(), entries);
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(parse("./A\t00\tX\n./B"), Err(InventoryError::Parts(2)));
        let long = "./A\t00\tX\n".repeat(MAX_ENTRIES + 1);
        assert_eq!(parse(&long), Err(InventoryError::TooLong));
    }

    #[test]
    fn the_digest_depends_on_every_part_and_not_on_the_order() {
        let all = [entry("a", "b", "c"), entry("d", "e", "f")];
        let of = |entries: &[InventoryEntry]| digest(entries);
        assert_eq!(of(&all), of(&[all[1].clone(), all[0].clone()]));
        let others = [entry("a", "b", "x"), entry("a", "x", "c"), entry("x", "b", "c"), entry("ab", "", "c")];
        for other in others {
            assert_ne!(of(&all), of(&[other, all[1].clone()]));
        }
        assert_ne!(of(&all), of(&all[..1]));
    }
}
