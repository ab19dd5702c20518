//! The end of a session: what follows for the device's life, for its profiles and for what is remembered of it.

use super::announce::record;
use super::{Action, Closing, Conduct, Engine, Phase};
use crate::engine::failure::SessionFailure;
use crate::engine::life::{Ended, Follow, Outcome, Plan};
use crate::engine::nodes;
use crate::engine::note::Note;
use crate::engine::profile::{Changes, Profile, Stored};
use crate::engine::progress::SessionRecord;
use crate::engine::session::{Session, SessionEnd};
use crate::engine::time::Now;

impl Engine {
    /// A refusal by a server whose clock may be right while this machine's is not: if the certificate has expired by every
    /// clock known here, that is the reason. One that has expired by some of them is tried, so that the server's `Date`
    /// arrives.
    fn explain(&self, end: &SessionEnd, now: Now) -> SessionEnd {
        match (end, self.life.certificates().active) {
            (SessionEnd::Failed(failure), Some(active))
                if failure.how().certificate_refused && self.life.is_expired(now) =>
            {
                SessionEnd::Failed(SessionFailure::Expired(nodes::oma_time(active.not_after)))
            }
            _ => end.clone(),
        }
    }

    pub(super) fn end_session(&mut self, end: &SessionEnd, now: Now, actions: &mut Vec<Action>) {
        let Phase::Running(conduct) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let Conduct { plan, session, facts, tombstones, outdated, drift, refusals, told: reported_compliance, .. } =
            *conduct;
        let Some(account) = self.account().cloned() else { return };
        let has_store = session.context().store_status.is_none();
        let mut told = nodes::told(session.tree(), &account);
        told.renew_now = session.wants_renewal();
        let ended = end.how();
        let outcome = Outcome { ended, told: has_store.then_some(&told) };
        let follow = self.life.settle(&plan, outcome, now);
        self.settle_remote(&session, ended == Ended::Completed);
        let record = self.record_session(&plan, &session, end, now);
        let mut notes = vec![Note::session(&record)];
        self.note_follow(&follow, now, &mut notes);
        self.settle_refusals(&session, refusals, self.life.clock().read(now), &mut notes);
        // Also without a store: what could not be kept is tried again as long as this process remembers it.
        self.settle_waiting(&session, &follow, ended == Ended::Completed);
        let before = self.life.expiry();
        let mut changes = Changes::default();
        let orders = if has_store { self.orders(&session, now) } else { Vec::new() };
        if has_store {
            let stored =
                Stored { profiles: session.tree().profiles().cloned().collect(), tombstones, ..Stored::default() };
            // What the device itself had to add, in a session in which the server set nothing.
            changes = session.tree().changes(record.ended);
            changes.settings.extend(outdated.into_iter().filter_map(|address| {
                let uri = mdm_protocol::LocUri::parse(&address).ok()?;
                session.tree().value(&uri).is_none().then_some((address, None))
            }));
            self.rekeyed = false;
            let settled = self.settle_profiles(stored, &follow, ended == Ended::Completed, now, &mut notes);
            changes.profiles.extend(settled.profiles);
            changes.tombstones = settled.tombstones;
            let name = nodes::push_name(session.tree(), &account.provider_address());
            let topic = &session.context().push.topic;
            self.life.progress_mut().push.set_name(name.as_deref(), topic);
        }
        if follow.renew {
            self.renewal_begins(now);
        }
        let uri = mdm_protocol::LocUri::parse(&format!("{}/EntDMID", account.provider_address())).ok();
        let entity_id = uri.and_then(|uri| session.tree().value(&uri).map(ToOwned::to_owned));
        self.progress_unkept = false;
        changes.progress = Some(self.life.keep(now).clone());
        if ended == Ended::Completed && !drift.is_empty() {
            actions.push(Action::DriftReported(drift));
        }
        let renew_url = nodes::renewal_address(session.tree());
        let compliance = self.after_session(&session, plan.triggers, reported_compliance);
        let removes = changes.profiles.values().any(Option::is_none).then_some(before);
        self.phase = Phase::Closing(Box::new(Closing {
            record,
            follow,
            facts,
            entity_id,
            renew_url,
            removes,
            notes,
            orders,
            compliance,
        }));
        actions.push(Action::Keep(Box::new(changes)));
    }

    /// Records how a session ended.
    fn record_session(&mut self, plan: &Plan, session: &Session, end: &SessionEnd, now: Now) -> SessionRecord {
        self.record_nonce(plan, session);
        let end = &self.explain(end, now);
        let is_recovering = self.progress().recovering;
        let record = record(plan, session, end, is_recovering, self.life.clock().read(now));
        self.redundant_sent(session, record.completed);
        self.life.progress_mut().last_session = Some(Box::new(record.clone()));
        record
    }

    /// Keeps the nonce for the next session, and what the session has shown of how long the server takes one.
    fn record_nonce(&mut self, plan: &Plan, session: &Session) {
        let enrolled_at = self.account().map_or(plan.started, |account| account.enrolled_at);
        let progress = self.life.progress_mut();
        if session.found_stale_nonce() {
            let age = progress.nonce_age(enrolled_at, plan.started);
            progress.nonce_life = Some(progress.nonce_life.map_or(age, |known| known.min(age)));
        }
        if let Some(nonce) = session.nonce() {
            progress.nonce = Some(mdm_protocol::base64::encode(nonce));
        }
        progress.nonce_received = session.nonce_received().or(progress.nonce_received);
    }

    /// An order of the server stands until its outcome is known, whatever happens to this process meanwhile.
    fn renewal_begins(&mut self, now: Now) {
        let ordered = self.progress().renewal.forced;
        self.life.renewal_begins(now);
        self.life.progress_mut().renewal.forced = ordered;
    }

    /// What the end of a session means for the profiles: new names of their owner, removal of those that have expired.
    fn settle_profiles(
        &mut self,
        mut stored: Stored,
        follow: &Follow,
        completed: bool,
        at: Now,
        notes: &mut Vec<Note>,
    ) -> Changes {
        let now = self.life.clock().read(at);
        let authority = self.life.authority();
        let mut changes = Changes::default();
        let session = self.progress().session_id;
        // An authority that names itself for the first time owns all that it has set; one that replaces another during a
        // session owns what this session has set.
        let change_owner = |profile: &&mut Profile| {
            follow.named.as_deref() == Some(profile.authority.as_str())
                || follow.succeeded.as_deref() == Some(profile.authority.as_str()) && profile.session == session
        };
        for profile in stored.profiles.iter_mut().filter(change_owner) {
            profile.authority = authority.to_string();
            profile.epoch = self.progress().authority.epoch;
            changes.profiles.insert(profile.root.to_string(), Some(profile.clone()));
        }
        if completed {
            let rules = *self.life.retention();
            let may_expire = self.life.may_expire_in_session(at);
            let removals =
                stored.removals(self.progress(), &authority, &rules, now.wall, |role| may_expire.allows(role));
            let gone = removals.tombstones.iter().flatten().rev().take(removals.profiles.len());
            notes.extend(gone.map(Note::removal));
            stored.apply(&removals);
            changes.profiles.extend(removals.profiles);
            let mut tombstones = stored.tombstones.clone();
            // What was removed just now is news for the next session.
            tombstones.iter_mut().filter(|known| known.removed < now.wall).for_each(|known| known.reported = true);
            changes.tombstones = Some(tombstones).filter(|tombstones| !tombstones.is_empty());
        }
        let deadlines = stored.deadlines(self.progress(), &authority, self.life.retention());
        self.life.note_retention(deadlines);
        changes
    }

    fn note_follow(&self, follow: &Follow, now: Now, notes: &mut Vec<Note>) {
        let now = self.life.clock().read(now);
        let authority = &self.progress().authority;
        if let Some(former) = follow.arrived_from.as_ref().or(follow.succeeded.as_ref()) {
            notes.push(
                Note::new("authority-changed", now)
                    .with("from", &**former)
                    .with("to", &*self.life.authority())
                    .with("address", self.life.home()),
            );
        }
        if let Some(moving) = authority.moving.as_ref().filter(|_| follow.announced) {
            let address = moving.address().map_or("", |address| address);
            let changed_at = moving.changed_at.clone().unwrap_or_default();
            let note = Note::new("authority-announced", now).with("to", &*moving.name).with("address", address);
            notes.push(note.with("changed-at", changed_at));
        }
        if follow.called_off {
            notes.push(Note::new("authority-move-called-off", now));
        }
        if let Some(due) = follow.contact_lost_soon {
            notes.push(Note::new("enrollment-ends-soon", now).with("until", nodes::oma_time(due)));
        }
        if follow.contact_lost {
            let days = self.progress().server_settings.as_ref().and_then(|settings| settings.lost_contact_days);
            notes.push(Note::new("contact-lost", now).with("days", days.unwrap_or_default().to_string()));
        }
        if follow.promote {
            notes.push(Note::new("certificate-in-use", now));
        }
        if follow.discard_pending {
            notes.push(Note::new("certificate-given-up", now));
        }
    }
}

impl SessionEnd {
    /// What a session's end means for the device's life.
    fn how(&self) -> Ended {
        match self {
            Self::Completed => Ended::Completed,
            Self::Unenrolled => Ended::Unenrolled,
            Self::Failed(failure) => Ended::Failed(failure.how()),
        }
    }
}
