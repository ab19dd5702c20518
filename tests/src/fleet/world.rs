//! What all devices share: the tenant's setting over time, its addresses, what it has assigned, and what it tells.
//! One for each thread: reference counts that several threads write to would be what they spend their time on.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdm_agent::engine::Account;
use mdm_agent::engine::account::{ACCOUNT_VERSION, StoredPoll, Trust};
use mdm_agent::engine::authority::ToldAuthority;
use mdm_agent::engine::life::Told;
use mdm_protocol::csp::dm_client::Poll;
use mdm_sim_server::tenant::life::{Authority, TenantMode};

use super::holdings::Kinds;
use super::scenario::Scenario;
use super::time::{Moment, NEVER, utc};

/// The account's id.
pub const PROVIDER: &str = "Contoso";
/// Days before a certificate's end at which it may be renewed.
pub const RENEW_PERIOD_DAYS: u32 = 42;
/// Days between attempts.
const RENEW_RETRY_DAYS: u32 = 4;

/// What all devices share.
#[derive(Debug)]
pub struct World<'a> {
    scenario: &'a Scenario,
    addresses: [Arc<str>; 3],
    accounts: [Arc<Account>; 3],
    told: Vec<Told>,
}

/// What the tenant has set on a device of its authority, and the device keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// The name.
    pub name: Option<Authority>,
    /// Whose address.
    pub address: Option<Authority>,
}

impl<'a> World<'a> {
    /// The world of a scenario.
    pub fn new(scenario: &'a Scenario) -> Self {
        let addresses = Authority::ALL.map(|authority| {
            Arc::from(format!("https://mdm.example.org/ManagementServer/{}/MDM.svc", authority.segment()))
        });
        let names = Authority::ALL.map(|authority| Arc::from(authority.name()));
        let poll = StoredPoll::from(Poll::DEFAULT);
        let accounts = addresses.each_ref().map(|address| Arc::new(account(address, poll)));
        let mut told = Vec::new();
        for name in 0..=names.len() {
            for address in 0..=addresses.len() {
                let authority = ToldAuthority {
                    name: names.get(name).cloned(),
                    changed_at: None,
                    addresses: addresses.get(address).cloned().into_iter().collect(),
                };
                told.push(Told { poll: Some(poll), authority, ..Told::default() });
            }
        }
        Self { scenario, addresses, accounts, told }
    }

    /// What happens in it.
    pub fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// How the tenant is set.
    pub fn mode(&self, at: Moment) -> TenantMode {
        let is_changed = (self.scenario.change..self.scenario.change_back).contains(&at);
        if is_changed { self.scenario.to } else { self.scenario.from }
    }

    /// When it was set so; before any change, when the first one will be.
    pub fn changed(&self, at: Moment) -> Moment {
        if at < self.scenario.change_back { self.scenario.change } else { self.scenario.change_back }
    }

    /// When it is changed next; [`NEVER`] if it is not.
    pub fn change_after(&self, at: Moment) -> Moment {
        let changes = [self.scenario.change, self.scenario.change_back];
        changes.into_iter().find(|change| *change > at).unwrap_or(NEVER)
    }

    /// What a device knows of its account that enrols under an authority.
    pub fn account(&self, authority: Authority) -> &Arc<Account> {
        &self.accounts[authority as usize]
    }

    /// Whose address it is.
    pub fn authority_at(&self, address: &str) -> Option<Authority> {
        Authority::ALL.into_iter().find(|authority| *self.addresses[*authority as usize] == *address)
    }

    /// What the device finds set at the end of a session.
    pub fn told(&self, known: Known) -> &Told {
        let place = |authority: Option<Authority>| authority.map_or(Authority::ALL.len(), |known| known as usize);
        &self.told[place(known.name) * (Authority::ALL.len() + 1) + place(known.address)]
    }

    /// Which kinds of profiles an authority has assigned. One that came with the change has replaced three of the five
    /// under the same names; the other two become redundant.
    pub fn assigned(&self, authority: Authority) -> Kinds {
        let from = self.scenario.from;
        let was_there = match authority {
            Authority::Intune => matches!(from, TenantMode::Intune | TenantMode::Coexistence),
            Authority::CoManagement => from == TenantMode::CoManagement,
            Authority::Office365 => from.has_bms(),
        };
        if was_there { Kinds::ALL } else { Kinds::REPLACED }
    }

    /// Whether the server answers.
    pub fn is_reachable(&self, at: Moment) -> bool {
        !self.scenario.outage.contains(&at)
    }
}

fn account(address: &str, poll: StoredPoll) -> Account {
    Account {
        version: ACCOUNT_VERSION,
        provider_id: PROVIDER.to_owned(),
        name: String::new(),
        management_url: address.to_owned(),
        discovery_url: "https://mdm.example.org/EnrollmentServer/Discovery.svc".to_owned(),
        device_id: String::new(),
        hardware_id: String::new(),
        user: None,
        local_user: None,
        trust: Trust::default(),
        credentials: None,
        poll,
        renew_period_days: RENEW_PERIOD_DAYS,
        renew_retry_days: RENEW_RETRY_DAYS,
        renew_url: None,
        initial_backoff_ms: 16_000,
        max_backoff_ms: 3_600_000,
        settings: BTreeMap::new(),
        enrolled_at: utc(0),
        machine_id: String::new(),
        authority: None,
        enrollment_token: None,
    }
}
