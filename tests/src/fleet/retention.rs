//! What becomes of a device's profiles at the end of a session and between sessions: the agent says when to look, and
//! whatever goes is held against the true time.

use mdm_agent::engine::life::{Follow, MayExpire};
use mdm_agent::engine::progress::RetentionDeadlines;

use super::device::{Context, Device, Phase};
use super::holdings::{COUNT, Owner};
use super::session::owner_named;

impl Device {
    /// What the end of a session means for the profiles.
    pub(super) fn settle_profiles(
        &mut self,
        follow: &Follow,
        completed: bool,
        context: &mut Context<'_>,
    ) -> Result<(), String> {
        if follow.named.is_some()
            && let Owner::Named(authority) = owner_named(&self.life.authority())
        {
            self.holdings.name_owner(authority);
            self.watch.named(Owner::Named(authority));
        }
        if completed {
            let redundant = self.holdings.redundant(&self.life.authority());
            context.tally.profiles.confirmed += self.holdings.held().without(redundant).count();
            self.remove_what_is_over(self.life.may_expire_in_session(self.clocks()), context)?;
        }
        self.note_retention();
        Ok(())
    }

    /// Removes or warns of what the agent says is due.
    pub(super) fn sweep_what_is_due(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        let now = self.clocks();
        if !matches!(self.phase, Phase::Idle) || !self.life.sweep_is_due(now) {
            return Ok(());
        }
        let gone = self.remove_what_is_over(self.life.may_expire(now), context)?;
        self.note_retention();
        if gone == 0 {
            self.life.note_warned();
            context.tally.profiles.warnings += 1;
            context.diary.note(self.now, || "warns of profiles that will go".to_owned());
        }
        self.keep();
        Ok(())
    }

    /// Tells the agent what it has to keep, and until when.
    pub(super) fn note_retention(&mut self) {
        let until = self.holdings.retain_until(self.life.progress(), self.life.retention());
        let mut deadlines = RetentionDeadlines::default();
        for (kind, at) in until.into_iter().enumerate() {
            if let (Some(owner), Some(at)) = (self.holdings.owner(kind), at) {
                deadlines.enter(self.life.role_of(owner.name()), at);
            }
        }
        self.life.note_retention(deadlines);
        self.watch.note_holdings(&self.holdings);
    }

    fn remove_what_is_over(&mut self, may_expire: MayExpire, context: &mut Context<'_>) -> Result<u64, String> {
        let now = self.life.clock().read(self.clocks()).wall;
        let until = self.holdings.retain_until(self.life.progress(), self.life.retention());
        let mut count = 0;
        for kind in (0..COUNT).filter(|kind| until[*kind].is_some_and(|until| until <= now)) {
            let owner = self.holdings.owner(kind);
            let Some(owner) = owner.filter(|owner| may_expire.allows(self.life.role_of(owner.name()))) else {
                continue;
            };
            count += 1;
            let farewell = self.watch.removed(kind, owner, &self.link, self.now)?;
            self.holdings.remove(kind);
            let profiles = &mut context.tally.profiles;
            profiles.expired += 1;
            profiles.age.record(farewell.age);
            profiles.late.record(farewell.late);
            context.diary.note(self.now, || format!("removes profile {kind} of {}", owner.name()));
        }
        Ok(count)
    }
}
