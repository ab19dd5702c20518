//! Who manages the device, and the way from one authority to the next (rules A1 to A3).
//!
//! An authority is a name and a management address. A server that knows nothing of authorities is one of its own,
//! named by its account id. A change is announced by the old authority and done when a session with the new one is
//! completed; until then both are tried.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Who manages the device, as far as it differs from what was provisioned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityState {
    /// The authority's name, once it has told one.
    pub name: Option<Arc<str>>,
    /// Its address, once it differs from the provisioned one.
    pub address: Option<Arc<str>>,
    /// How many authorities there were before.
    pub epoch: u32,
    /// All its addresses, where it has told several: they are tried in turn while the first does not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Arc<str>>,
    /// When this one's first session was completed, seconds; `None` for the first authority.
    pub since: Option<i64>,
    /// The authority that takes over.
    pub moving: Option<Box<Move>>,
}

/// An authority that takes over: announced, but not yet spoken with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Its name.
    pub name: Arc<str>,
    /// Its addresses, in the order in which they are tried.
    pub addresses: Vec<Arc<str>>,
    /// When the administrator's change took effect, as the server wrote it.
    pub changed_at: Option<String>,
    /// When the device heard of it, seconds.
    pub heard: i64,
    /// Attempts that failed.
    pub failures: u32,
    /// Whether the old authority is due, after a failure with the new one.
    pub old_is_due: bool,
}

/// What a server says about authorities, at the end of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldAuthority {
    /// `./Device/Vendor/LinuxMDM/Authority/Name`.
    pub name: Option<Arc<str>>,
    /// `.../Authority/ChangedAt`.
    pub changed_at: Option<String>,
    /// `ManagementServerAddressList`; empty where the server never set it.
    pub addresses: Vec<Arc<str>>,
}

/// With whom a session is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The authority that manages the device.
    Home,
    /// The one that takes over.
    Next,
}

/// What the owner of a profile is to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerRole {
    /// It manages the device.
    Present,
    /// A pending move leads to it.
    Next,
    /// It managed the device before.
    Former,
}

impl OwnerRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Present, Self::Next, Self::Former];

    /// The server with which a check-in can keep the profiles of such an owner. A former authority has no server any more:
    /// the present one is asked.
    pub fn server(self) -> Destination {
        match self {
            Self::Present | Self::Former => Destination::Home,
            Self::Next => Destination::Next,
        }
    }
}

/// What became of what a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing new.
    Nothing,
    /// The authority has told its name for the first time; what it had set stays its own.
    Named,
    /// The server has named another authority and no other address: that authority manages the device from now on.
    Replaced,
    /// Another authority takes over.
    MoveAnnounced,
    /// The move is called off.
    MoveCalledOff,
}

impl Move {
    /// The address to try.
    pub fn address(&self) -> Option<&Arc<str>> {
        let count = u32::try_from(self.addresses.len()).ok().filter(|count| *count > 0)?;
        self.addresses.get(usize::try_from(self.failures % count).unwrap_or(0))
    }
}

impl AuthorityState {
    /// Takes note of what the present authority said in a completed session. `authority` is what it is called so far,
    /// `home` its address.
    pub fn hear(&mut self, told: &ToldAuthority, authority: &Arc<str>, home: &str, at: i64) -> Heard {
        let stays_here = told.addresses.is_empty() || told.addresses.iter().any(|address| &**address == home);
        if stays_here {
            self.addresses = if told.addresses.len() > 1 { told.addresses.clone() } else { Vec::new() };
        }
        // A server that names nobody and gives another address is the same authority at another place.
        let name = told.name.as_ref().unwrap_or(authority);
        if stays_here && told.name.is_some() && self.name.is_none() {
            self.name = Some(Arc::clone(name));
            return Heard::Named;
        }
        if stays_here && name != authority {
            // Name, address and ownership change in one step: there is nowhere to go first.
            self.moving = None;
            self.take_over(Arc::clone(name), at);
            return Heard::Replaced;
        }
        if stays_here {
            return if self.moving.take().is_some() { Heard::MoveCalledOff } else { Heard::Nothing };
        }
        let addresses = told.addresses.clone();
        if self.moving.as_ref().is_some_and(|known| known.name == *name && known.addresses == addresses) {
            return Heard::Nothing;
        }
        self.moving = Some(Box::new(Move {
            name: Arc::clone(name),
            addresses,
            changed_at: told.changed_at.clone(),
            heard: at,
            failures: 0,
            old_is_due: false,
        }));
        Heard::MoveAnnounced
    }

    /// One of its addresses, after so many failures in a row: the one that answered last, then the others in their
    /// order. `None` where it has told none.
    pub fn address_after(&self, failures: u32, home: &str) -> Option<&Arc<str>> {
        let first = self.addresses.iter().position(|address| &**address == home).unwrap_or(0);
        let index = usize::try_from(failures).unwrap_or(0).wrapping_add(first).checked_rem(self.addresses.len())?;
        self.addresses.get(index)
    }

    /// The first session with the authority that takes over is completed: it is the authority from now on.
    pub fn arrive(&mut self, at: i64) -> Option<Move> {
        let arrived = self.moving.take()?;
        self.address = arrived.address().cloned();
        self.addresses = if arrived.addresses.len() > 1 { arrived.addresses.clone() } else { Vec::new() };
        self.take_over(Arc::clone(&arrived.name), at);
        Some(*arrived)
    }

    fn take_over(&mut self, name: Arc<str>, at: i64) {
        self.name = Some(name);
        self.epoch = self.epoch.saturating_add(1);
        self.since = Some(at);
    }

    /// What the owner of a profile is to the device. `present` is what the authority that manages it is called.
    pub fn role_of(&self, owner: &str, present: &str) -> OwnerRole {
        if owner == present {
            OwnerRole::Present
        } else if self.moving.as_ref().is_some_and(|moving| &*moving.name == owner) {
            OwnerRole::Next
        } else {
            OwnerRole::Former
        }
    }

    /// A session with one of the two ended while a move was under way.
    pub fn note_attempt(&mut self, with: Destination, succeeded: bool) {
        let Some(moving) = &mut self.moving else { return };
        match with {
            Destination::Next => {
                moving.old_is_due = true;
                moving.failures = moving.failures.saturating_add(u32::from(!succeeded));
            }
            Destination::Home => moving.old_is_due = false,
        }
    }
}
