//! The five profiles of a device in a few bytes: whose each is and since when it is there. Until when it stays is
//! reckoned exactly as the agent reckons it for a whole profile (rule R2); a test holds the two side by side.

use mdm_agent::engine::profile::RetentionRules;
use mdm_agent::engine::progress::Progress;
use mdm_sim_server::tenant::life::Authority;

use super::world::PROVIDER;

/// How many profiles there are: e-mail, VPN, Wi-Fi, certificate, configuration.
pub const COUNT: usize = 5;

/// Some of the five kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(0b1_1111);
    /// E-mail, VPN and Wi-Fi: what an authority that takes over has under the same names.
    pub const REPLACED: Self = Self(0b0_0111);

    /// Whether one is among them.
    pub const fn contains(self, kind: usize) -> bool {
        self.0 & 1 << kind != 0
    }

    /// Puts one among them.
    pub const fn insert(&mut self, kind: usize) {
        self.0 |= 1 << kind;
    }

    /// How many they are.
    pub const fn count(self) -> u64 {
        self.0.count_ones() as u64
    }

    /// Those of these that are not among others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

/// Who set a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// An authority that has told its name.
    Named(Authority),
    /// The account's own server, before it has told one.
    Unnamed,
}

impl Owner {
    /// The name under which the agent knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Named(authority) => authority.name(),
            Self::Unnamed => PROVIDER,
        }
    }

    /// A number for each.
    pub const fn index(self) -> usize {
        match self {
            Self::Named(authority) => authority as usize,
            Self::Unnamed => Authority::ALL.len(),
        }
    }
}

/// The profiles of a device.
#[derive(Debug, Clone, Copy, Default)]
pub struct Holdings {
    owners: [Option<Owner>; COUNT],
    received: [i64; COUNT],
}

/// What a delivery was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is there as it should be.
    Unchanged,
    /// It was not there.
    Received,
    /// It was there, by another authority.
    Replaced,
}

impl Holdings {
    /// The kinds of which there is a profile.
    pub fn held(&self) -> Kinds {
        let mut held = Kinds::NONE;
        (0..COUNT).filter(|kind| self.owners[*kind].is_some()).for_each(|kind| held.insert(kind));
        held
    }

    /// Who set the profile of a kind.
    pub fn owner(&self, kind: usize) -> Option<Owner> {
        self.owners[kind]
    }

    /// The kinds of which the profile belongs to another authority than this one.
    pub fn redundant(&self, authority: &str) -> Kinds {
        let mut redundant = Kinds::NONE;
        for kind in 0..COUNT {
            if self.owners[kind].is_some_and(|owner| owner.name() != authority) {
                redundant.insert(kind);
            }
        }
        redundant
    }

    /// The kinds of which the profile belongs to this authority.
    pub fn of(&self, authority: Authority) -> Kinds {
        let mut owned = Kinds::NONE;
        let is_of = |kind: &usize| self.owners[*kind] == Some(Owner::Named(authority));
        (0..COUNT).filter(is_of).for_each(|kind| owned.insert(kind));
        owned
    }

    /// A server sets a profile.
    pub fn deliver(&mut self, kind: usize, owner: Owner, at: i64) -> Delivery {
        let before = self.owners[kind].replace(owner);
        if before == Some(owner) {
            return Delivery::Unchanged;
        }
        self.received[kind] = at;
        if before.is_some() { Delivery::Replaced } else { Delivery::Received }
    }

    /// A profile goes.
    pub fn remove(&mut self, kind: usize) {
        self.owners[kind] = None;
    }

    /// The account's server has told its name.
    pub fn name_owner(&mut self, authority: Authority) {
        for owner in self.owners.iter_mut().flatten().filter(|owner| **owner == Owner::Unnamed) {
            *owner = Owner::Named(authority);
        }
    }

    /// Until when each profile stays if its owner is not heard of again.
    pub fn retain_until(&self, progress: &Progress, rules: &RetentionRules) -> [Option<i64>; COUNT] {
        let mut confirmed = (None, None);
        std::array::from_fn(|kind| {
            let owner = self.owners[kind]?;
            // Neighbours mostly belong to the same owner, who need not be looked up again.
            if confirmed.0 != Some(owner) {
                confirmed = (Some(owner), progress.confirmed(owner.name()));
            }
            let received = self.received[kind];
            Some(confirmed.1.map_or(received, |moment| moment.max(received)).saturating_add(rules.window))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use mdm_agent::engine::Profile;
    use mdm_agent::engine::profile::Owner as ProfileOwner;
    use mdm_agent::engine::tree::Node;
    use mdm_protocol::LocUri;
    use mdm_protocol::syncml::Format;

    use super::*;

    /// A profile as the agent keeps it.
    fn whole(owner: Owner, received: i64) -> Profile {
        let root = LocUri::parse("./Device/Vendor/MSFT/WiFi/Profile/Corp").unwrap();
        let owner = ProfileOwner { authority: owner.name().to_owned(), ..ProfileOwner::default() };
        let nodes = BTreeMap::from([("WlanXml".to_owned(), Node::new(&Format::Xml, "<x/>"))]);
        Profile::new(root, &owner, nodes, received).unwrap()
    }

    #[test]
    fn a_profile_in_a_few_bytes_stays_exactly_as_long_as_a_whole_one() {
        let rules = RetentionRules::default();
        let owners = Authority::ALL.map(Owner::Named).into_iter().chain([Owner::Unnamed]);
        for (owner, received) in owners.flat_map(|owner| [(owner, 50), (owner, 150), (owner, 900)]) {
            let mut progress = Progress::default();
            progress.confirm(&Arc::from(PROVIDER), 100);
            progress.confirm(&Arc::from(Authority::Intune.name()), 500);
            let mut holdings = Holdings::default();
            holdings.deliver(2, owner, received);
            let expected = whole(owner, received).retain_until(&progress, "Intune", &rules);
            assert_eq!(holdings.retain_until(&progress, &rules)[2], expected);
            let redundant = whole(owner, received).is_redundant("Intune");
            assert_eq!(holdings.redundant("Intune").contains(2), redundant);
        }
    }
}
