//! What becomes of settings that a device refuses, waits with or accepts, without any of the device's own code.

use std::collections::{BTreeMap, BTreeSet};

/// How long a refusal is remembered, in seconds.
const WEEK: i64 = 7 * 24 * 3600;

/// What a command does to a setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Deed {
    Add(u8),
    Replace(u8),
    Delete,
}

pub(super) type Set = (&'static str, Deed);

#[derive(Debug, Clone)]
pub(super) enum Order {
    One(Set),
    All(Vec<Set>),
}

/// What the device says to a setting that it can be brought to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lack {
    Refuses,
    Waits,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    Completes,
    BreaksOff,
    /// The process is killed once the orders are answered.
    Killed,
}

/// A command that is tried again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    sets: Vec<Set>,
    pub(super) refused: BTreeSet<&'static str>,
}

/// Why nothing was done.
enum Not {
    /// These are lacking.
    Lacking(BTreeSet<&'static str>),
    /// The set at this place cannot be done: it adds what is there (418) or deletes what is not (404).
    Impossible(usize, u16),
}

/// The rule.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) lacks: BTreeMap<&'static str, Lack>,
    pub(super) values: BTreeMap<&'static str, u8>,
    /// Settings that are stored and not applied.
    unapplied: BTreeSet<&'static str>,
    /// When each was refused last.
    pub(super) refused: BTreeMap<&'static str, i64>,
    pub(super) waiting: Vec<Waiting>,
    /// Settings of which the server is to be notified, and with which status.
    pub(super) unreported: BTreeMap<&'static str, u16>,
}

impl Model {
    /// Sets all or nothing; says whether something of it waits.
    fn set(&mut self, sets: &[Set]) -> Result<bool, Not> {
        let mut values = self.values.clone();
        for (place, (name, deed)) in sets.iter().enumerate() {
            match deed {
                Deed::Add(_) if values.contains_key(name) => return Err(Not::Impossible(place, 418)),
                Deed::Add(value) | Deed::Replace(value) => drop(values.insert(name, *value).is_some()),
                Deed::Delete if values.remove(name).is_none() => return Err(Not::Impossible(place, 404)),
                Deed::Delete => {}
            }
        }
        // What is applied as it is needs nothing.
        let names: BTreeSet<&str> = sets.iter().map(|(name, _)| *name).collect();
        let is_new = |name: &&&str| {
            let value = values.get(*name);
            value.is_some() && (value != self.values.get(*name) || self.unapplied.contains(*name))
        };
        let judged: Vec<(&str, Option<Lack>)> =
            names.iter().filter(is_new).map(|name| (*name, self.lacks.get(name).copied())).collect();
        let of = |wanted| judged.iter().filter(move |(_, lack)| *lack == wanted).map(|(name, _)| *name);
        let lacking: BTreeSet<&str> = of(Some(Lack::Refuses)).collect();
        if !lacking.is_empty() {
            return Err(Not::Lacking(lacking));
        }
        let (waiting, fine): (BTreeSet<&str>, Vec<&str>) = (of(Some(Lack::Waits)).collect(), of(None).collect());
        self.unapplied.extend(&waiting);
        self.unapplied.retain(|name| !fine.contains(name) && values.contains_key(name));
        self.values = values;
        Ok(!waiting.is_empty())
    }

    fn superseded(&mut self, name: &'static str) {
        self.refused.remove(name);
        self.unreported.remove(name);
        self.waiting.retain(|waiting| waiting.sets.iter().all(|(known, _)| *known != name));
    }

    fn retry(&mut self, known: &[Waiting]) {
        for waiting in self.waiting.clone().into_iter().filter(|waiting| known.contains(waiting)) {
            if let Ok(waits) = self.set(&waiting.sets) {
                self.waiting.retain(|known| *known != waiting);
                waiting.sets.iter().for_each(|(name, _)| self.refused.retain(|known, _| known != name));
                let status = if waits { 202 } else { 200 };
                self.unreported.extend(waiting.refused.iter().map(|name| (*name, status)));
            }
        }
    }

    /// The status of a command.
    fn order(&mut self, order: &Order, now: i64) -> u16 {
        let (sets, is_atomic) = match order {
            Order::One(set) => (std::slice::from_ref(set), false),
            Order::All(sets) => (sets.as_slice(), true),
        };
        match self.set(sets) {
            Ok(waits) => {
                sets.iter().for_each(|(name, _)| self.superseded(name));
                if waits && !is_atomic { 202 } else { 200 }
            }
            Err(Not::Impossible(place, code)) => {
                // What was not there to be deleted is not wanted.
                if code == 404 {
                    self.superseded(sets[place].0);
                }
                if is_atomic { 507 } else { code }
            }
            Err(Not::Lacking(lacking)) => {
                self.refused.extend(lacking.iter().map(|name| (*name, now)));
                self.unreported.retain(|name, _| !lacking.contains(name));
                let names: BTreeSet<&str> = sets.iter().map(|(name, _)| *name).collect();
                self.waiting.retain(|known| known.sets.iter().all(|(name, _)| !names.contains(name)));
                self.waiting.push(Waiting { sets: sets.to_vec(), refused: lacking });
                if is_atomic { 507 } else { 406 }
            }
        }
    }

    pub(super) fn session(&mut self, orders: &[Order], end: End, now: i64) -> Vec<u16> {
        let (known, notified) = (self.waiting.clone(), self.unreported.clone());
        // The device tries what waits before each session.
        let waits = |name: &&&str| self.lacks.get(**name) == Some(&Lack::Waits);
        self.unapplied = self.values.keys().filter(waits).copied().collect();
        let codes = orders.iter().map(|order| self.order(order, now)).collect();
        if end == End::Completes {
            self.unreported.retain(|name, status| notified.get(name) != Some(status));
            self.retry(&known);
        }
        if end != End::Killed {
            self.refused.retain(|_, at| *at + WEEK > now);
            let refused = &self.refused;
            self.waiting.retain(|waiting| waiting.refused.iter().all(|name| refused.contains_key(name)));
        }
        codes
    }
}
