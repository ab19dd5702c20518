//! What was refused and what waits, from one session to the next: the reasons that users see, settings that wait for the
//! place of another, commands that are tried again, and what the server is still to be notified of.

use mdm_protocol::LocUri;
use serde_json::json;

use super::Engine;
use crate::engine::claim::Claim;
use crate::engine::life::Plan;
use crate::engine::note::Note;
use crate::engine::progress::Progress;
use crate::engine::retries::Retries;
use crate::engine::session::Session;
use crate::engine::time::Now;

impl Engine {
    /// Settings of this authority that wait for their place.
    pub(super) fn claims(&self, plan: &Plan) -> Vec<Claim> {
        let authority = self.life.authority_at(plan.destination);
        let claims = self.progress().claims.iter().flat_map(|claims| claims.iter());
        claims.filter(|claim| *claim.authority == *authority).cloned().collect()
    }

    /// What is tried again of what this authority was refused.
    pub(super) fn retries(&self, plan: &Plan) -> Retries {
        let authority = self.life.authority_at(plan.destination);
        let mut retries = self.progress().retries.as_deref().cloned().unwrap_or_default();
        retries.commands.retain(|refused| *refused.authority == *authority);
        retries
    }

    /// Settings that were refused and are applied now, in JSON.
    pub(super) fn applied_json(&self) -> Option<String> {
        let nodes = self.progress().retries.iter().flat_map(|retries| &retries.applied);
        let list: Vec<_> = nodes.map(|node| json!({ "node": node })).collect();
        (!list.is_empty()).then(|| serde_json::Value::Array(list).to_string())
    }

    /// Takes over what waits when a session changes the store, so that it is kept with what it waited for. Answers with the
    /// progress to keep, if that has changed.
    pub(super) fn keep_waiting(&mut self, session: &Session, now: Now) -> Option<Progress> {
        let progress = self.life.progress_mut();
        let before = (progress.claims.clone(), progress.retries.clone());
        progress.set_waiting(session);
        if before == (progress.claims.clone(), progress.retries.clone()) {
            return None;
        }
        let mut kept = self.life.keep(now).clone();
        // If this process ends before the session does, what was applied is not remembered as refused.
        let is_applied = |node: &String| session.retries().applied.contains(node);
        if let Some(refused) = &mut kept.refused {
            refused.retain(|node, _| !is_applied(node));
        }
        Some(kept)
    }

    /// Remembers which settings of profiles were refused, and why.
    pub(super) fn settle_refusals(&mut self, session: &Session, at: Now, notes: &mut Vec<Note>) {
        let mut refused = self.life.progress_mut().refused.take().unwrap_or_default();
        let news = session.fates().settle(&mut refused, at.wall);
        self.life.progress_mut().refused = Some(refused).filter(|refused| !refused.is_empty());
        notes.extend(news.into_iter().map(|(node, setting)| {
            let note = Note::new("setting-refused", at).with("node", node);
            note.with("status", setting.status.to_string()).with("reason", setting.reason)
        }));
        let applied = session.retries().applied.difference(&session.context().retries.applied);
        notes.extend(applied.map(|node| Note::new("setting-applied-later", at).with("node", node.as_str())));
    }

    /// Takes over what waits at the end of a session. What is no longer remembered as refused is not tried again.
    pub(super) fn settle_waiting(&mut self, session: &Session, is_completed: bool) {
        let progress = self.life.progress_mut();
        progress.set_waiting(session);
        let Some(retries) = &mut progress.retries else { return };
        let is_refused = |node: &String| progress.refused.as_ref().is_some_and(|known| known.contains_key(node));
        retries.commands.retain(|command| command.refused.iter().all(is_refused));
        let tree = session.tree();
        let notified = &session.context().retries.applied;
        retries.applied.retain(|node| {
            let is_there = || LocUri::parse(node).is_ok_and(|uri| tree.value(&uri).is_some());
            !(is_completed && notified.contains(node)) && is_there()
        });
        progress.retries.take_if(|retries| retries.is_empty());
    }
}

impl Progress {
    fn set_waiting(&mut self, session: &Session) {
        self.claims = Some(session.claims().to_vec()).filter(|claims| !claims.is_empty()).map(Box::new);
        let retries = session.retries().clone();
        self.retries = Some(retries).filter(|retries| !retries.is_empty()).map(Box::new);
    }
}
