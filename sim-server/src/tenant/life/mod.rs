//! What decides about one device's life: who manages it, what a check-in leads to, whether it may renew, whether it is
//! still listed. Pure functions over small `Copy` values without strings or maps, so that the very same decisions serve
//! a tenant with its records and a simulation of a million devices.

mod authority;
mod renewal;

#[cfg(test)]
mod tests;

pub use authority::{Authority, BmsPolicies, TenantMode, TransitionRefusal, UserStanding};
pub use renewal::{RenewalRefusal, renewal_allowed, renewal_opens};

use serde::{Deserialize, Serialize};

/// A day, in seconds.
pub const DAY: i64 = 86_400;
/// How long a device is listed after its certificate has expired, in seconds.
pub const LISTED_AFTER_EXPIRY: i64 = 180 * DAY;

/// One enrolled device, as far as its authority and its certificate are concerned. Moments are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLife {
    /// The authority that a device without a user belongs to: the one under which it enrolled, or to which support
    /// moved it.
    pub home: Authority,
    /// The authority that lists the device: where it last completed a session, or where it enrolled.
    pub authority: Authority,
    /// The authority that the device was told and acknowledged.
    pub told: Option<Authority>,
    /// When it enrolled.
    pub enrolled: i64,
    /// When it last completed a session with its authority.
    pub last_completed: Option<i64>,
    /// When its newest certificate began.
    pub certificate_not_before: i64,
    /// When its newest certificate ends.
    pub certificate_not_after: i64,
    /// Whether an administrator ordered it to renew, which opens the renewal window once.
    pub renewal_ordered: bool,
    /// Whether an administrator blocked it.
    pub blocked: bool,
}

/// What a device that shows up is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckInAnswer {
    /// It must go to another authority; it is told so and nothing else.
    Move(Authority),
    /// It is where it belongs.
    Home {
        /// Whether it comes from another authority and completes its move with this session.
        newly_arrived: bool,
        /// Whether what the former authority had set and nothing replaces is deleted in this session.
        remove_former: bool,
        /// What it must be told of its authority.
        tell: Telling,
    },
}

/// What a device that is where it belongs must be told of its authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Nothing: it knows.
    Nothing,
    /// The name, for the first time.
    Name,
    /// Name and address: it was told of another authority, and the change was taken back.
    Correction,
}

/// How far a device is registered with the authority that it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// It completed a session with its authority.
    Registered,
    /// It has not completed its first session since it enrolled.
    Enrolled,
    /// Its authority has changed, and it has not completed a session with the new one.
    Moving,
}

impl DeviceLife {
    /// A device that has just enrolled.
    pub fn enrolled(authority: Authority, now: i64, certificate_not_before: i64, certificate_not_after: i64) -> Self {
        Self {
            home: authority,
            authority,
            told: None,
            enrolled: now,
            last_completed: None,
            certificate_not_before,
            certificate_not_after,
            renewal_ordered: false,
            blocked: false,
        }
    }

    /// What stands for a life of which nothing is recorded.
    pub(super) fn unknown() -> Self {
        Self::enrolled(Authority::Intune, i64::MIN, i64::MIN, i64::MIN)
    }

    /// Takes up a new certificate; an order to renew is carried out by it.
    pub fn renewed(&mut self, not_before: i64, not_after: i64) {
        self.certificate_not_before = not_before;
        self.certificate_not_after = not_after;
        self.renewal_ordered = false;
    }
}

/// The authority that should manage a device. With a user, the user decides; without one, the device stays where it is
/// until support moves it.
pub fn effective(mode: TenantMode, owner: Option<UserStanding>, life: &DeviceLife) -> Authority {
    owner.and_then(|owner| mode.authority_of(owner)).unwrap_or(life.home)
}

/// What a device that shows up at the address of an authority is answered.
pub fn on_check_in(mode: TenantMode, owner: Option<UserStanding>, life: &DeviceLife, at: Authority) -> CheckInAnswer {
    let due = effective(mode, owner, life);
    if due != at {
        return CheckInAnswer::Move(due);
    }
    let newly_arrived = life.authority != at;
    let tell = match life.told {
        None if life.last_completed.is_none() => Telling::Name,
        // It may still have the address of a move that came to nothing.
        None => Telling::Correction,
        Some(told) if told == at => Telling::Nothing,
        Some(_) => Telling::Correction,
    };
    let remove_former = newly_arrived && mode.leaves_nothing_of(life.authority);
    CheckInAnswer::Home { newly_arrived, remove_former, tell }
}

/// Notes that a device has acknowledged what it was told of its authority.
pub fn told(life: &mut DeviceLife, authority: Authority) {
    life.told = Some(authority);
}

/// Notes that a device has completed a session with its authority, which lists it from now on.
pub fn completed(life: &mut DeviceLife, at: Authority, now: i64) {
    life.authority = at;
    life.last_completed = Some(now);
}

/// How far a device is registered with the authority that it should have.
pub fn registration(mode: TenantMode, owner: Option<UserStanding>, life: &DeviceLife) -> Registration {
    if effective(mode, owner, life) != life.authority {
        Registration::Moving
    } else if life.last_completed.is_none() {
        Registration::Enrolled
    } else {
        Registration::Registered
    }
}

/// Whether a device is still listed: up to 180 days after the end of its certificate.
pub fn is_listed(life: &DeviceLife, now: i64) -> bool {
    now < life.certificate_not_after.saturating_add(LISTED_AFTER_EXPIRY)
}
