//! A session as the exchange of facts: where the agent goes, what the network makes of it, what the tenant answers, and
//! what follows from that on both sides. The order is that of the real session; nothing is decided here.

use std::borrow::Cow;

use mdm_agent::engine::Trigger;
use mdm_agent::engine::authority::Destination;
use mdm_agent::engine::certificates::{CertificateTerms, Slot};
use mdm_agent::engine::life::{Ended, FailedHow, Follow, Outcome, Plan};
use mdm_sim_server::tenant::life::{self as tenant, Authority, CheckInAnswer, Telling};

use super::certificate;
use super::device::{Context, Device, Fate, Phase};
use super::holdings::{COUNT, Delivery, Kinds, Owner};
use super::link::Place;
use super::tally::{By, Cause};
use super::time::{Moment, utc};
use super::world::{Known, RENEW_PERIOD_DAYS};

/// How long a session takes.
const SESSION_MS: std::ops::Range<u64> = 200..2500;
/// How long it takes to notice that there is no network, or no server.
const REFUSAL_MS: std::ops::Range<u64> = 5..60;
/// What a renewal that the network or the server denied is written down with.
const RENEWAL_FAILED: u32 = 0x8018_0016;

impl Device {
    pub(super) fn begin_session(&mut self, plan: Plan, context: &mut Context<'_>) {
        let fate = self.fate(context);
        context.tally.sessions.begun += 1;
        if fate != Fate::NoNetwork {
            context.tally.sessions.per_minute.count(self.now);
        }
        self.wanted = self.wanted.or(Some(self.now));
        self.phase = Phase::Session { plan, ends: self.now + self.takes(fate), fate };
    }

    fn fate(&mut self, context: &Context<'_>) -> Fate {
        if self.link.place() != Place::Online {
            return Fate::NoNetwork;
        }
        if !context.world.is_reachable(self.now) {
            return Fate::Unreachable;
        }
        if self.random.f64() >= context.world.scenario().broken_share {
            return Fate::Arrives;
        }
        if self.random.bool() { Fate::Breaks } else { Fate::AnswerLost }
    }

    fn takes(&mut self, fate: Fate) -> u64 {
        let range = if matches!(fate, Fate::NoNetwork | Fate::Unreachable) { REFUSAL_MS } else { SESSION_MS };
        self.random.u64(range)
    }

    pub(super) fn end_session(&mut self, plan: &Plan, fate: Fate, context: &mut Context<'_>) -> Result<(), String> {
        self.phase = Phase::Idle;
        let at = context.world.authority_at(self.life.address(plan.destination));
        let at = at.ok_or_else(|| format!("the agent went to {:?}", self.life.address(plan.destination)))?;
        let outcome = match fate {
            Fate::NoNetwork => Err(Cause::NoNetwork),
            Fate::Unreachable => Err(Cause::Unreachable),
            Fate::Breaks => Err(Cause::Broken),
            Fate::Arrives | Fate::AnswerLost if !self.is_accepted(plan.slot) => Err(Cause::CertificateRefused),
            Fate::Arrives => self.be_served(plan, at, context).map(Ok)?,
            Fate::AnswerLost => self.be_served(plan, at, context).map(|_| Err(Cause::Broken))?,
        };
        let ended = match outcome {
            Ok(_) => Ended::Completed,
            Err(cause) => Ended::Failed(how(cause)),
        };
        let mut told = Cow::Borrowed(context.world.told(self.known));
        if self.record.renewal_ordered && outcome.is_ok() {
            told.to_mut().renew_now = true;
        }
        let heard = Outcome { ended, told: Some(&*told) };
        let follow = self.life.settle(plan, heard, self.clocks());
        match outcome {
            Ok(answer) => {
                context.diary.note(self.now, || said(plan, at, &format!("completed, {}", answer_text(answer))));
                self.note_completed(plan, &follow, context);
            }
            Err(cause) => {
                context.diary.note(self.now, || said(plan, at, cause.as_str()));
                context.tally.sessions.failed[cause as usize] += 1;
            }
        }
        self.settle_profiles(&follow, ended == Ended::Completed, context)?;
        if follow.promote {
            context.tally.certificates.renewed += 1;
        }
        if follow.renew {
            self.life.renewal_begins(self.clocks());
            let fate = self.fate(context);
            self.phase = Phase::Renewing { ends: self.now + self.takes(fate), fate };
        }
        self.keep();
        Ok(())
    }

    /// The server does its part of a session that the agent does not live to see the end of.
    pub(super) fn serve_half(&mut self, plan: &Plan, context: &mut Context<'_>) -> Result<(), String> {
        let at = context.world.authority_at(self.life.address(plan.destination));
        if let Some(at) = at.filter(|_| self.is_accepted(plan.slot)) {
            self.be_served(plan, at, context)?;
        }
        Ok(())
    }

    /// Whether TLS takes the certificate of that slot.
    fn is_accepted(&self, slot: Slot) -> bool {
        let certificates = self.life.certificates();
        let shown = if slot == Slot::Pending { certificates.pending } else { certificates.active };
        shown.is_some_and(|certificate: CertificateTerms| utc(self.now) < certificate.not_after)
    }

    /// The tenant's side of a session.
    fn be_served(&mut self, plan: &Plan, at: Authority, context: &mut Context<'_>) -> Result<CheckInAnswer, String> {
        if self.life.progress().rebuilt_unreported {
            self.record.told = None;
        }
        let answer = tenant::on_check_in(context.world.mode(self.now), self.owner, &self.record, at);
        self.life.confirm_time(utc(self.now), self.clocks());
        match answer {
            CheckInAnswer::Move(to) => self.be_told(Known { name: Some(to), address: Some(to) }, to),
            CheckInAnswer::Home { tell, remove_former, .. } => {
                match tell {
                    Telling::Nothing => {}
                    Telling::Name => self.be_told(Known { name: Some(at), ..self.known }, at),
                    Telling::Correction => self.be_told(Known { name: Some(at), address: Some(at) }, at),
                }
                let before = self.holdings.held();
                self.receive(plan.destination, at, context);
                let mut deleted = Kinds::NONE;
                if remove_former {
                    deleted = self.delete_what_was_set_by(self.record.authority, context);
                }
                if before.without(self.holdings.held()).without(deleted) != Kinds::NONE {
                    return Err("a replacement left a gap".to_owned());
                }
                tenant::completed(&mut self.record, at, utc(self.now));
            }
        }
        Ok(answer)
    }

    fn be_told(&mut self, known: Known, authority: Authority) {
        self.known = known;
        tenant::told(&mut self.record, authority);
    }

    /// What the authority has assigned arrives, unless it is there.
    fn receive(&mut self, destination: Destination, at: Authority, context: &mut Context<'_>) {
        let assigned = context.world.assigned(at);
        let held_of_it =
            (0..COUNT).all(|kind| !assigned.contains(kind) || self.holdings.owner(kind) == Some(Owner::Named(at)));
        if held_of_it {
            return;
        }
        let owner = self.owner_at(destination, at);
        let now = self.life.clock().read(self.clocks()).wall;
        for kind in (0..COUNT).filter(|kind| assigned.contains(*kind)) {
            match self.holdings.deliver(kind, owner, now) {
                Delivery::Unchanged => continue,
                Delivery::Received => context.tally.profiles.received += 1,
                Delivery::Replaced => context.tally.profiles.replaced += 1,
            }
            self.watch.received(kind, self.now);
        }
    }

    /// On whose behalf the server speaks: it may have said in this session that it is another authority from now on.
    fn owner_at(&self, destination: Destination, at: Authority) -> Owner {
        let authority = &self.life.progress().authority;
        let may_be_another = authority.name.is_some() || authority.moving.is_some();
        let is_here = self.known.address.is_none_or(|address| address == at);
        match self.known.name {
            Some(name) if may_be_another && is_here => Owner::Named(name),
            _ => owner_named(&self.life.authority_at(destination)),
        }
    }

    /// What Basic Mobility and Security had set and nothing has replaced goes with a switch of the licence.
    fn delete_what_was_set_by(&mut self, former: Authority, context: &mut Context<'_>) -> Kinds {
        let mut deleted = Kinds::NONE;
        for kind in 0..COUNT {
            if self.holdings.owner(kind) == Some(Owner::Named(former)) {
                self.holdings.remove(kind);
                deleted.insert(kind);
            }
        }
        context.tally.profiles.deleted += deleted.count();
        deleted
    }

    fn note_completed(&mut self, plan: &Plan, follow: &Follow, context: &mut Context<'_>) {
        let tally = &mut *context.tally;
        tally.sessions.completed += 1;
        if let Some(wanted) = self.wanted.take() {
            tally.sessions.delay.record(self.now.saturating_sub(wanted));
        }
        let owner = owner_named(&self.life.authority());
        self.watch.heard(owner, self.now);
        if follow.announced {
            self.heard_by = Some(heard_by(plan));
        }
        if follow.arrived_from.is_some() {
            let change = context.world.changed(self.now);
            let waited = self.now.saturating_sub(change);
            let was_online = self.link.since() <= change;
            let spread = if was_online { &mut tally.migration.online } else { &mut tally.migration.others };
            spread.record(waited);
            tally.migration.per_minute.count(waited);
            tally.migration.moved_by[self.heard_by.unwrap_or(By::Chance) as usize] += 1;
        }
    }

    pub(super) fn end_renewal(&mut self, fate: Fate, context: &mut Context<'_>) {
        self.phase = Phase::Idle;
        let arrives = matches!(fate, Fate::Arrives | Fate::AnswerLost);
        let issued = arrives && self.issue_certificate(fate == Fate::Arrives, context);
        if !(issued && fate == Fate::Arrives) {
            self.life.renewal_failed(RENEWAL_FAILED);
            context.tally.certificates.failed += 1;
            context.diary.note(self.now, || "could not renew its certificate".to_owned());
        }
    }

    /// The tenant issues a certificate, which arrives or not; whether it does at all.
    pub(super) fn issue_certificate(&mut self, arrives: bool, context: &mut Context<'_>) -> bool {
        let now = utc(self.now);
        // The tenant judges the certificate that is shown: an answer that was lost must not close the window.
        let allowed = self.life.certificates().active.is_some_and(|shown| {
            let mut judged = self.record;
            (judged.certificate_not_before, judged.certificate_not_after) = (shown.not_before, shown.not_after);
            tenant::renewal_allowed(&judged, now, RENEW_PERIOD_DAYS).is_ok()
        });
        let certificate = certificate::issue(self.now, context.world.scenario().certificate_days);
        if allowed {
            self.record.renewed(certificate.not_before, certificate.not_after);
        }
        if allowed && arrives {
            self.life.renewal_succeeded(certificate);
            context.diary.note(self.now, || "has a new certificate".to_owned());
        }
        allowed
    }
}

fn how(cause: Cause) -> FailedHow {
    match cause {
        Cause::NoNetwork => FailedHow { no_network: true, ..FailedHow::default() },
        Cause::Unreachable | Cause::Broken => FailedHow::default(),
        Cause::CertificateRefused => FailedHow { certificate_refused: true, ..FailedHow::default() },
    }
}

/// Who is meant by a name.
pub(super) fn owner_named(name: &str) -> Owner {
    let known = Authority::ALL.into_iter().find(|authority| authority.name() == name);
    known.map_or(Owner::Unnamed, Owner::Named)
}

fn heard_by(plan: &Plan) -> By {
    let returns = [Trigger::Boot, Trigger::Resume, Trigger::NetworkUp, Trigger::Retry];
    if plan.triggers.contains(Trigger::Push) {
        By::Ring
    } else if plan.triggers.contains_any(&returns) {
        By::Return
    } else if plan.triggers.contains(Trigger::Schedule) {
        By::Schedule
    } else {
        By::Chance
    }
}

fn said(plan: &Plan, at: Authority, what: &str) -> String {
    let began: Moment = super::time::moment_of(plan.started);
    let slot = if plan.slot == Slot::Pending { ", with its new certificate" } else { "" };
    let began = super::time::clock_text(began);
    format!("ends a session with {at} ({}; begun {began}{slot}): {what}", plan.triggers.names())
}

fn answer_text(answer: CheckInAnswer) -> String {
    match answer {
        CheckInAnswer::Move(to) => format!("told to go to {to}"),
        CheckInAnswer::Home { newly_arrived: true, .. } => "it has moved".to_owned(),
        CheckInAnswer::Home { .. } => "it is where it belongs".to_owned(),
    }
}
