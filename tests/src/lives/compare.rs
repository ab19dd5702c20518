//! The world held against the reference.

use std::collections::{BTreeMap, BTreeSet};

use mdm_agent::engine::{Engine, Phase};
use mdm_sim_server::tenant::DeliveryState;

use super::clock::UNKEPT;
use super::reference::{Held, Reference};
use super::watch::{Watch, interval};
use crate::scenario::{Machine, World};

/// Clocks that count whole seconds, each from its own beginning.
const ROUNDING: i64 = 3;
const HOUR: i64 = 3600;
/// A device that is online renews its certificate within so many seconds of the opening of the window: attempts that fail
/// are repeated after four days.
const RENEWED_WITHIN: i64 = 5 * 86_400;
/// How long a last check-in is tried before profiles expire.
const LAST_CHANCE: i64 = 600;

impl Watch {
    /// The first difference.
    pub(super) fn compare(&mut self, world: &World) -> Result<(), String> {
        let machine = &world.machines[0];
        let Some(engine) = machine.engine().filter(|engine| matches!(engine.phase(), Phase::Idle)) else {
            return Ok(());
        };
        self.compare_clock(world, machine, engine)?;
        self.take_part(engine);
        self.compare_profiles(machine, engine)?;
        self.compare_schedule(engine)?;
        self.compare_certificate(world, machine)?;
        self.compare_tenant(world, engine)
    }

    fn compare_clock(&mut self, world: &World, machine: &Machine, engine: &Engine) -> Result<(), String> {
        let reading = machine.reading(world, engine);
        let is = |clock: i64| (reading - clock).abs() <= ROUNDING;
        let mut heard = self.reference.clock;
        heard.server_date(world.now());
        if self.in_part && !is(self.reference.clock.reading) && is(heard.reading) {
            self.reference.clock = heard;
        }
        if is(self.reference.clock.reading) {
            return Ok(());
        }
        Err(format!("the device's own time is {} s from what it should be", reading - self.reference.clock.reading))
    }

    /// A clock that was set back while the machine was off takes along what had not been kept by then.
    pub(super) fn take_lost_time(&mut self, world: &World, machine: &Machine) {
        let Some(engine) =
            machine.engine().filter(|_| self.went_back && self.wall_error < self.reference.clock.error_when_off)
        else {
            return;
        };
        let reading = machine.reading(world, engine);
        let lost = self.reference.clock.reading - reading;
        if (0..=UNKEPT).contains(&lost) {
            self.reference.clock.reading = reading;
        }
    }

    /// What a session that was cut off left: the device may have completed it, and lost only its record.
    fn take_part(&mut self, engine: &Engine) {
        if !self.in_part {
            return;
        }
        let now = self.reference.clock.reading;
        let due = self.reference.tenant.due().name();
        for name in [self.reference.manager.clone(), due.to_owned()] {
            let said = engine.progress().confirmed(&name);
            if said > self.reference.words.get(&name).copied() && said.is_some_and(|at| (at - now).abs() <= ROUNDING) {
                self.reference.session_completed(&name);
            }
        }
    }

    fn compare_profiles(&mut self, machine: &Machine, engine: &Engine) -> Result<(), String> {
        let found: BTreeMap<String, Held> = machine
            .profiles()
            .iter()
            .map(|profile| {
                let setting = profile.root.name().to_owned();
                let value = profile.nodes.get("").map(|node| node.value.clone()).unwrap_or_default();
                (setting, Held { value, owner: profile.authority.clone(), received: profile.received })
            })
            .collect();
        let settings: BTreeSet<&String> = found.keys().chain(self.reference.held.keys()).collect();
        for setting in settings.into_iter().cloned().collect::<Vec<_>>() {
            self.compare_profile(&setting, found.get(&setting))?;
        }
        let authority = engine.life().authority();
        for profile in machine.profiles() {
            let setting = profile.root.name();
            let until = profile.retain_until(engine.progress(), &authority, engine.life().retention());
            let expected = self.reference.held.get(setting).map(|held| self.reference.deadline(held));
            if until.zip(expected).is_none_or(|(until, expected)| (until - expected).abs() > ROUNDING) {
                return Err(format!("{setting} is kept until {until:?} and not until {expected:?}"));
            }
        }
        Ok(())
    }

    fn compare_profile(&mut self, setting: &str, found: Option<&Held>) -> Result<(), String> {
        let expected = self.reference.held.get(setting).cloned();
        let same = |one: Option<&Held>, other: Option<&Held>| match (one, other) {
            (Some(one), Some(other)) => (&one.value, &one.owner) == (&other.value, &other.owner),
            (one, other) => one.is_none() && other.is_none(),
        };
        if !same(found, expected.as_ref()) {
            let after = self.reference.after_session(self.reference.tenant.due().name());
            if self.in_part && same(found, after.get(setting)) {
                match found {
                    Some(held) => drop(self.reference.held.insert(setting.to_owned(), held.clone())),
                    None => drop(self.reference.held.remove(setting)),
                }
            } else if let (None, Some(held)) = (found, &expected) {
                self.judge_removal(setting, held)?;
                self.reference.held.remove(setting);
            } else {
                return Err(format!("{setting} is {found:?} and should be {expected:?}"));
            }
        } else if let Some(held) = expected.filter(|held| self.reference.deadline(held) < self.reference.clock.reading)
        {
            self.judge_stay(setting, &held)?;
        }
        Ok(())
    }

    /// A profile expired: not before its time, beyond doubt, and after a check-in was tried.
    fn judge_removal(&self, setting: &str, held: &Held) -> Result<(), String> {
        let (clock, deadline) = (&self.reference.clock, self.reference.deadline(held));
        if clock.reading + ROUNDING < deadline {
            return Err(format!("{setting} of {} is gone {} s too early", held.owner, deadline - clock.reading));
        }
        if clock.certain() + ROUNDING < deadline {
            return Err(format!("{setting} of {} is gone on the wall clock's word alone", held.owner));
        }
        let word = self.reference.words.get(&self.reference.manager).copied().unwrap_or(i64::MIN);
        let was_asked =
            held.owner != self.reference.manager && word >= self.woke - ROUNDING && word > deadline - 86_400;
        let asked_from = self.woke.max(deadline - LAST_CHANCE - 60);
        if !was_asked && self.attempted < asked_from - ROUNDING {
            return Err(format!("{setting} of {} is gone before a check-in was tried", held.owner));
        }
        // Minutes in which it was tried before the start count, but never all ten.
        if !was_asked
            && self.woke > deadline - LAST_CHANCE
            && clock.reading < self.woke + LAST_CHANCE / 10 - ROUNDING
            && word < self.woke - ROUNDING
        {
            return Err(format!("{setting} of {} is gone {} s after a start", held.owner, clock.reading - self.woke));
        }
        Ok(())
    }

    /// A profile that has expired is still there: only as long as a check-in is tried or the clock is in doubt.
    fn judge_stay(&self, setting: &str, held: &Held) -> Result<(), String> {
        let (clock, deadline) = (&self.reference.clock, self.reference.deadline(held));
        let doubt = if clock.may_be_in_doubt() { HOUR } else { 0 };
        let latest = deadline.max(self.woke + LAST_CHANCE + doubt) + LAST_CHANCE / 10 + ROUNDING;
        if clock.reading > latest {
            return Err(format!("{setting} of {} is still there {} s too late", held.owner, clock.reading - latest));
        }
        Ok(())
    }

    fn compare_schedule(&mut self, engine: &Engine) -> Result<(), String> {
        let Some(due) = engine.progress().timers.schedule.map(|at| at.div_euclid(1000)) else { return Ok(()) };
        let reading = self.reference.clock.reading;
        if self.went_back || self.in_part {
            // What was not kept is planned again, and never later than an interval from now.
            self.scheduled =
                (engine.progress().scheduled_done, due.min(reading + interval(engine.progress().scheduled_done)));
        }
        if (due - self.scheduled.1).abs() > ROUNDING {
            return Err(format!(
                "the next check-in is due in {} s and not in {} s",
                due - reading,
                self.scheduled.1 - reading
            ));
        }
        Ok(())
    }

    /// The certificate in use is the one that the tenant has on record, and it never expires on a device that was online
    /// while it could have been renewed.
    fn compare_certificate(&mut self, world: &World, machine: &Machine) -> Result<(), String> {
        if !self.completed {
            return Ok(());
        }
        let certificates = machine.certificates();
        let Some(active) = certificates.active else { return Err("there is no certificate".to_owned()) };
        if active.not_after < world.now() {
            return Err("a session was completed with an expired certificate".to_owned());
        }
        let known = world.seen(0).ok().and_then(|view| view.certificate).filter(|_| !self.in_part);
        if known.is_some_and(|known| known.not_after != active.not_after) && certificates.pending.is_none() {
            return Err("the tenant knows another certificate than the one that completed a session".to_owned());
        }
        // Half of its life is over, and a check-in that is completed renews it, at most every few days and unless the device is
        // blocked.
        let overdue = world.now() - (active.not_after - (active.not_after - active.not_before) / 2);
        if self.renewing(world) && overdue > RENEWED_WITHIN && self.undisturbed > RENEWED_WITHIN {
            return Err(format!("the certificate should have been renewed {overdue} s ago"));
        }
        Ok(())
    }

    fn renewing(&self, world: &World) -> bool {
        world.seen(0).is_ok_and(|view| !view.blocked && view.summary.authority == self.reference.tenant.due())
    }

    fn compare_tenant(&mut self, world: &World, engine: &Engine) -> Result<(), String> {
        let Ok(view) = world.seen(0) else { return Ok(()) };
        let rules = &mut self.reference.tenant;
        let portal = view.summary.authority;
        if self.in_part && portal == rules.due() {
            rules.portal = portal;
        }
        if portal != rules.portal {
            return Err(format!("the portal of {portal} lists it and not that of {}", rules.portal));
        }
        let authority = engine.life().authority();
        if *authority != *self.reference.manager {
            if !self.in_part {
                return Err(format!("it is managed by {authority} and not by {}", self.reference.manager));
            }
            self.reference.manager = authority.to_string();
        }
        if !self.completed || self.in_part || portal != rules.due() || *authority != *portal.name() {
            return Ok(());
        }
        let console: BTreeSet<String> = view
            .profiles
            .iter()
            .filter(|profile| profile.state == DeliveryState::Delivered)
            .filter_map(|profile| profile.name.split_once('-').map(|(_, setting)| setting.to_owned()))
            .collect();
        let owned = self.reference.held.iter().filter(|(_, held)| held.owner == portal.name());
        let owned: BTreeSet<String> = owned.map(|(setting, _)| setting.clone()).collect();
        if console != owned || view.profiles.len() != owned.len() {
            return Err(format!("the console says delivered: {console:?}, and the device has {owned:?}"));
        }
        compare_redundant(&self.reference, view.redundant.as_ref())
    }
}

/// The console shows as redundant what the device has of other authorities, and nothing else.
pub(super) fn compare_redundant(reference: &Reference, shown: Option<&serde_json::Value>) -> Result<(), String> {
    let entries = shown.and_then(serde_json::Value::as_array).into_iter().flatten();
    let names: BTreeSet<&str> = entries
        .filter_map(|entry| entry["name"].as_str())
        .map(|name| name.rsplit_once('/').map_or(name, |(_, setting)| setting))
        .collect();
    let may_be = reference.may_be_redundant();
    if !names.is_subset(&may_be) || shown.is_some() && names.is_empty() {
        return Err(format!("the console says redundant: {names:?}, and it may be {may_be:?}"));
    }
    let reported: BTreeSet<&str> = reference.redundant.iter().map(String::as_str).collect();
    let is_left = |setting: &&str| reference.held.get(*setting).is_some_and(|held| held.owner != reference.manager);
    let missing: Vec<_> = reported.difference(&names).copied().filter(is_left).collect();
    if !missing.is_empty() {
        return Err(format!("the console does not say redundant: {missing:?}"));
    }
    Ok(())
}
