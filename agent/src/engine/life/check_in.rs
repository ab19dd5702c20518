//! With whom the next session is held, and with which certificate.

use mdm_protocol::LocUri;
use mdm_protocol::csp::authority::{ADDRESS_LIST, NAME};

use super::Life;
use crate::engine::account::Account;
use crate::engine::authority::Destination;
use crate::engine::certificates::Slot;
use crate::engine::progress::{Trigger, Triggers};
use crate::engine::time::Now;
use crate::engine::tree::Succession;

/// A session that is to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Why.
    pub triggers: Triggers,
    /// Since when, steady seconds.
    pub started: i64,
    /// With whom.
    pub destination: Destination,
    /// With which certificate.
    pub slot: Slot,
}

impl Plan {
    /// Whether the session only says farewell.
    pub fn is_farewell(&self) -> bool {
        self.triggers.contains(Trigger::Farewell)
    }

    /// Whether the server rang for it.
    pub fn is_server_initiated(&self) -> bool {
        self.triggers.contains(Trigger::Push)
    }
}

impl Life {
    /// Takes the reasons for the next session and decides how it is held; `None` if there are none.
    pub fn begin(&mut self, now: Now) -> Option<Plan> {
        if self.queued.is_empty() || self.account.is_none() {
            return None;
        }
        // A farewell runs no commands, so it has a session of its own, after which nothing else matters.
        let triggers = if self.queued.contains(Trigger::Farewell) {
            Triggers::of(Trigger::Farewell)
        } else {
            // What was put off a little is served by this session as well.
            self.progress.timers.delayed = None;
            std::mem::take(&mut self.queued).and(std::mem::take(&mut self.progress.timers.delayed_for))
        };
        self.progress.session_id = self.progress.session_id.checked_add(1).unwrap_or(1);
        Some(Plan {
            triggers,
            started: self.clock.read(now).wall,
            destination: self.destination(triggers),
            slot: self.certificates.slot(&self.progress.renewal, self.pending_was_refused),
        })
    }

    /// Both authorities are tried in turn while one takes over; a caller that asks now wants the new one. A last check-in
    /// before a removal is with the server that can keep the profiles.
    fn destination(&self, triggers: Triggers) -> Destination {
        if triggers.contains(Trigger::LastChance)
            && let Some(server) = self.last_chances.untried()
        {
            return if self.is_still_moving() { server } else { Destination::Home };
        }
        let eager = [Trigger::User, Trigger::Push, Trigger::AuthorityMoved, Trigger::NetworkUp, Trigger::LastChance];
        match &self.progress.authority.moving {
            Some(moving) if triggers.contains_any(&eager) || !moving.old_is_due => Destination::Next,
            Some(_) | None => Destination::Home,
        }
    }

    /// Where that is.
    pub fn address(&self, destination: Destination) -> &str {
        let next = self.progress.authority.moving.as_ref().and_then(|moving| moving.address());
        match (destination, next) {
            (Destination::Next, Some(address)) => address,
            _ => {
                let home = self.home();
                self.progress.authority.address_after(self.progress.failures, home).map_or(home, AsRef::as_ref)
            }
        }
    }

    /// How many authorities there were before that one.
    pub fn epoch_at(&self, destination: Destination) -> u32 {
        self.progress
            .authority
            .epoch
            .saturating_add(u32::from(destination == Destination::Next && self.is_still_moving()))
    }

    /// On whose behalf the server there speaks.
    pub fn authority_at(&self, destination: Destination) -> std::sync::Arc<str> {
        match (destination, &self.progress.authority.moving) {
            (Destination::Next, Some(moving)) => std::sync::Arc::clone(&moving.name),
            _ => self.authority(),
        }
    }

    /// By what the server there says that it speaks for another authority; `None` as long as it has named none, since
    /// what it sets before it does is its own all the same.
    pub fn succession(&self, destination: Destination, account: &Account) -> Option<Succession> {
        self.progress.authority.name.as_ref().or(self.progress.authority.moving.as_ref().map(|moving| &moving.name))?;
        let addresses = format!("{}/{ADDRESS_LIST}", account.provider_address());
        Some(Succession {
            address: self.address(destination).to_owned(),
            name_node: LocUri::parse(NAME).ok()?,
            addresses_node: LocUri::parse(&addresses).ok()?,
        })
    }
}
