//! How things stand, in the form in which people and programs are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdm_protocol::LocUri;
use serde::{Deserialize, Serialize};

use super::application::DriftOutcome;
use super::compliance::State;
use super::history::Entry;
use super::payload;
use super::profile::{Profile, RetentionRules, Stored, scope_name};
use super::progress::{Progress, SessionRecord};
use super::refusals::RefusedSetting;
use super::remote::RemoteOrder;
use super::tree::schema;
pub use in_force::{AS_BEFORE, InForce, WAITING};
pub use why::{Explanation, why};

mod in_force;
mod refused;
mod why;

#[cfg(test)]
mod tests;

/// What stands in the place of a secret value.
const CONCEALED: &str = "********";

/// How things stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The account, if the device is enrolled.
    pub account: Option<AccountStatus>,
    /// Whether something of an enrollment that has ended is still on this machine.
    #[serde(default)]
    pub unenrollment_unfinished: bool,
    /// The files of it.
    #[serde(default)]
    pub left_behind: Vec<String>,
    /// What the agent is doing: `idle`, `opening the store`, `in a session`, `closing` or `erasing`.
    pub activity: String,
    /// The next check-in, seconds since 1970, and what it is for.
    pub next_check_in: Option<(i64, String)>,
    /// The last session with the server.
    pub last_session: Option<SessionRecord>,
    /// When a session was last completed, seconds since 1970.
    pub last_completed: Option<i64>,
    /// Failures in a row.
    pub failures: u32,
    /// Whether the server no longer knows this device.
    pub unknown_device: bool,
    /// Files that somebody changed, as found last: path, what was done to it, and what became of it.
    #[serde(default)]
    pub drift: Vec<(String, String, DriftOutcome)>,
    /// Profiles that are held but not in force on the machine, and why.
    #[serde(default)]
    pub not_in_force: BTreeMap<String, String>,
    /// What is wrong with the store, if anything.
    pub store_problem: Option<String>,
    /// The authority that takes over, if one does.
    #[serde(default)]
    pub moving: Option<MoveStatus>,
    /// How push stands: `none`, `connecting`, `up` or `refused`.
    #[serde(default)]
    pub push: String,
    /// The earliest moment at which a profile goes, seconds since 1970.
    #[serde(default)]
    pub first_removal: Option<i64>,
    /// How renewal of the certificate stands.
    #[serde(default)]
    pub renewal: String,
    /// Attempts in a row to renew the certificate that failed.
    #[serde(default)]
    pub renewal_failures: u32,
    /// When the renewal window of the certificate in use opens, seconds since 1970.
    #[serde(default)]
    pub renewal_opens: Option<i64>,
    /// Whether the certificate is over: it takes a recovery token to go on.
    #[serde(default)]
    pub expired: bool,
    /// Whether the identity was made on another machine.
    #[serde(default)]
    pub cloned: bool,
    /// How the machine complies with its rules, and when that was looked at, seconds since 1970.
    #[serde(default)]
    pub compliance: Option<(State, i64)>,
    /// Since when the machine is locked by its administrator, seconds since 1970, if it is.
    #[serde(default)]
    pub locked_since: Option<i64>,
    /// What the administrator has to say to whoever sits in front of the locked machine.
    #[serde(default)]
    pub lock_message: Option<String>,
    /// What the server ordered to be done to the machine, and how it stands; the newest last.
    #[serde(default)]
    pub orders: Vec<OrderStatus>,
    /// How many seconds passed while the machine was off by its wall clock's word alone, if nothing has confirmed it yet:
    /// nothing is removed because of them.
    #[serde(default)]
    pub clock_doubted: Option<i64>,
    /// When the enrollment ends if no check-in is completed until then, seconds since 1970, if the server has set that.
    #[serde(default)]
    pub contact_lost_at: Option<i64>,
    /// Whom the server names for help.
    #[serde(default)]
    pub help: Vec<String>,
    /// What the server's clock is ahead of this machine's, in seconds, if it ever told.
    #[serde(default)]
    pub clock_skew: Option<i64>,
}

/// Attempts in a row after which a renewal that fails is more than a bad moment.
const REPEATED_RENEWAL_FAILURES: u32 = 2;

impl Status {
    /// Whether renewal of the certificate fails again and again.
    pub fn renewal_keeps_failing(&self) -> bool {
        self.renewal_failures >= REPEATED_RENEWAL_FAILURES
    }

    /// Whether nothing is known against the identity: it has not expired, and the server did not refuse it last.
    pub fn has_good_identity(&self) -> bool {
        let is_refused = self.last_session.as_ref().is_some_and(|session| session.identity_refused);
        !is_refused && !self.expired && !self.unknown_device && !self.cloned
    }
}

/// Something that the server ordered to be done to the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderStatus {
    /// Its id.
    pub id: String,
    /// `lock`, `unlock`, `reboot` or `wipe`.
    pub kind: String,
    /// `accepted`, `awaiting-confirmation`, `done` or `failed`.
    pub state: String,
    /// What came of it, in words.
    pub detail: String,
    /// When it was accepted, seconds since 1970.
    pub accepted: i64,
}

impl OrderStatus {
    /// How an order stands.
    pub fn of(order: &RemoteOrder) -> Self {
        Self {
            id: order.id.clone(),
            kind: order.kind.as_str().to_owned(),
            state: order.state.as_str().to_owned(),
            detail: order.detail.clone(),
            accepted: order.accepted,
        }
    }
}

/// An authority that takes over and has not been reached yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MoveStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// When the device heard of it, seconds since 1970.
    pub heard: i64,
    /// Attempts that failed.
    pub failures: u32,
}

/// The newest part of the device's history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistoryView {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The entry at which the chain does not hold, if somebody changed it.
    pub changed_at: Option<u64>,
    /// Lines that are no entries.
    pub damaged_lines: u64,
}

/// What profiles are judged by: who manages the device and what was confirmed when.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Where the agent stands.
    pub progress: Progress,
    /// The authority that manages the device.
    pub authority: Arc<str>,
    /// How long profiles stay.
    pub retention: RetentionRules,
    /// What of them is in force on the machine.
    pub machine: InForce,
    /// What is added to a moment to show it by the wall clock, in seconds: a user reads it beside that clock.
    pub wall_ahead: i64,
}

/// The account in short.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountStatus {
    /// The account's id.
    pub provider_id: String,
    /// The server's name for itself.
    pub name: String,
    /// The authority.
    pub authority: String,
    /// The management server.
    pub server: String,
    /// The id under which the device speaks.
    pub device_id: String,
    /// The enrolled user.
    pub user: Option<String>,
    /// When the device enrolled, seconds since 1970.
    pub enrolled_at: i64,
    /// When the certificate ends, seconds since 1970.
    pub certificate_ends: Option<i64>,
}

/// A profile in short.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileView {
    /// The kind.
    pub kind: String,
    /// `device` or `user`.
    pub scope: String,
    /// The name.
    pub name: String,
    /// The profile in a few words; starts with `incomplete: ` where it is not usable yet.
    pub summary: String,
    /// The authority that owns it.
    pub authority: String,
    /// When its present content was received, seconds since 1970.
    pub received: i64,
    /// When the owner last confirmed it, seconds since 1970.
    pub confirmed: i64,
    /// Until when it stays if the owner is not heard of again, seconds since 1970; `None` for as long as need be.
    pub kept_until: Option<i64>,
    /// Whether another authority than its owner manages the device by now.
    #[serde(default)]
    pub redundant: bool,
    /// Why it is not in force on the machine; `None` if it is.
    #[serde(default)]
    pub not_in_force: Option<String>,
    /// Why a change of it was refused, if one was: what is stored and applied is what was there before.
    #[serde(default)]
    pub refused_change: Option<String>,
    /// The files on the machine that are there for it.
    #[serde(default)]
    pub files: Vec<String>,
    /// Parts of it that have no effect on this machine, each with the reason.
    #[serde(default)]
    pub without_effect: Vec<String>,
    /// SHA-256 over the content.
    pub content_hash: String,
    /// The address of its own node.
    pub address: String,
}

/// A profile with its nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileDetail {
    /// The profile in short.
    #[serde(flatten)]
    pub view: ProfileView,
    /// Its nodes: path below its own, format, value. Secret values are concealed unless asked for.
    pub nodes: Vec<(String, String, String)>,
}

/// No profile, or no single one, has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// None has it.
    #[error("there is no profile named {0:?}")]
    None(String),
    /// Several begin with it.
    #[error("{count} profiles have names that begin with {name:?}")]
    Several {
        /// How many.
        count: usize,
        /// The beginning.
        name: String,
    },
}

/// All profiles, by kind and name.
pub fn list(stored: &Stored, standing: &Standing) -> Vec<ProfileView> {
    let mut views: Vec<ProfileView> = stored.profiles.iter().map(|profile| view(profile, standing)).collect();
    views.extend(only_refused(stored, standing));
    views.sort_by(|left, right| (&left.kind, &left.name, &left.scope).cmp(&(&right.kind, &right.name, &right.scope)));
    views
}

/// Profiles that are not held because they were refused.
fn only_refused(stored: &Stored, standing: &Standing) -> Vec<ProfileView> {
    let mut refused = refused::by_profile(standing);
    stored.profiles.iter().for_each(|profile| drop(refused.remove(&profile.root.to_string())));
    refused.into_values().map(|(address, setting)| refused::view(&address, setting, standing)).collect()
}

/// The profile of that name, or the only one whose name begins so.
pub fn find(
    stored: &Stored,
    standing: &Standing,
    kind: Option<&str>,
    name: &str,
    reveal: bool,
) -> Result<ProfileDetail, NotFound> {
    let mut found: BTreeMap<String, (&Profile, ProfileView)> = BTreeMap::new();
    for profile in &stored.profiles {
        let view = view(profile, standing);
        if kind.is_none_or(|kind| view.kind == kind) && view.name.starts_with(name) {
            found.insert(view.address.clone(), (profile, view));
        }
    }
    let exact = found.values().find(|(_, view)| view.name == name);
    let is_it = |view: &ProfileView| kind.is_none_or(|kind| view.kind == kind) && view.name == name;
    match exact.or_else(|| found.values().next().filter(|_| found.len() == 1)) {
        Some((profile, view)) => Ok(describe(profile, view, reveal)),
        None if only_refused(stored, standing).iter().any(is_it) => {
            let view = only_refused(stored, standing).into_iter().find(is_it);
            view.map(|view| ProfileDetail { view, nodes: Vec::new() }).ok_or(NotFound::None(name.to_owned()))
        }
        None if found.is_empty() => Err(NotFound::None(name.to_owned())),
        None => Err(NotFound::Several { count: found.len(), name: name.to_owned() }),
    }
}

fn view(profile: &Profile, standing: &Standing) -> ProfileView {
    let Standing { progress, authority, retention, machine, wall_ahead } = standing;
    let shown = |moment: i64| moment.saturating_add(*wall_ahead);
    let root = profile.root.to_string();
    let address = profile.address();
    let name = address.as_ref().map(|address| address.name.clone());
    ProfileView {
        kind: address.map_or_else(String::new, |address| address.kind.to_string()),
        scope: scope_name(profile.root.scope()).to_owned(),
        name: name.unwrap_or_else(|| profile.root.name().to_owned()),
        summary: payload::summary(profile).unwrap_or_else(|error| format!("incomplete: {error}")),
        authority: profile.authority.clone(),
        received: shown(profile.received),
        confirmed: shown(profile.confirmed(progress)),
        kept_until: profile.retain_until(progress, authority, retention).map(shown),
        redundant: profile.is_redundant(authority),
        not_in_force: machine.not.get(&root).cloned(),
        refused_change: refused::of_profile(&root, standing).map(RefusedSetting::in_words),
        files: machine.files.get(&root).cloned().unwrap_or_default(),
        without_effect: machine.without_effect.get(&root).cloned().unwrap_or_default(),
        content_hash: profile.content_hash.clone(),
        address: root,
    }
}

fn describe(profile: &Profile, view: &ProfileView, reveal: bool) -> ProfileDetail {
    let nodes = profile.nodes.iter().map(|(path, node)| {
        // A setting's value is at the profile's own node.
        let uri = match path.as_str() {
            "" => Ok(profile.root.clone()),
            path => LocUri::parse(&format!("{}/{path}", profile.root)),
        };
        let rule = uri.ok().and_then(|uri| schema::find(&uri));
        let is_secret = !node.is_interior() && rule.is_none_or(|(rule, _)| rule.secret || rule.may_hold_secret());
        let value = if is_secret && !reveal { CONCEALED.to_owned() } else { node.value.clone() };
        (path.clone(), node.format.clone(), value)
    });
    ProfileDetail { view: view.clone(), nodes: nodes.collect() }
}
