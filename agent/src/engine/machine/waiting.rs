//! What was refused and what waits, from one session to the next: the reasons that users see, settings that wait for the
//! place of another, commands that are tried again, and what the server is still to be notified of.

use std::sync::Arc;

use serde_json::json;

use super::{Conduct, Engine};
use crate::engine::claim::Claim;
use crate::engine::life::{Follow, Plan};
use crate::engine::note::Note;
use crate::engine::progress::Progress;
use crate::engine::refusals::{Refused, RefusedSetting};
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

    /// What is tried again of what this authority was refused, and what it is to be notified of.
    pub(super) fn retries(&self, plan: &Plan) -> Retries {
        let authority = self.life.authority_at(plan.destination);
        let mut retries = self.progress().retries.as_deref().cloned().unwrap_or_default();
        retries.retain_of(|known| *known == *authority);
        retries
    }

    /// Takes over what was refused and what waits before the server is answered, so that nothing of it is lost with this
    /// process. Says whether something has changed.
    pub(super) fn keep_waiting(&mut self, conduct: &mut Conduct, now: Now) -> bool {
        let at = self.life.clock().read(now).wall;
        let progress = self.life.progress_mut();
        let before = (progress.claims.clone(), progress.retries.clone());
        progress.set_waiting(&conduct.session);
        let waits_otherwise = before != (progress.claims.clone(), progress.retries.clone());
        let mut refused = progress.refused.take().unwrap_or_default();
        let known = refused.len();
        let news = conduct.session.fates().settle(&mut refused, at);
        let is_refused_otherwise = !news.is_empty() || refused.len() != known;
        progress.refused = Some(refused).filter(|refused| !refused.is_empty());
        conduct.refusals.extend(news);
        waits_otherwise || is_refused_otherwise
    }

    /// Remembers which settings of profiles were refused, and why; `earlier` are those of this session that are remembered
    /// already.
    pub(super) fn settle_refusals(
        &mut self,
        session: &Session,
        earlier: Vec<(String, RefusedSetting)>,
        at: Now,
        notes: &mut Vec<Note>,
    ) {
        let mut refused = self.life.progress_mut().refused.take().unwrap_or_default();
        let news = session.fates().settle(&mut refused, at.wall);
        self.life.progress_mut().refused = Some(refused).filter(|refused| !refused.is_empty());
        notes.extend(earlier.into_iter().chain(news).map(|(node, setting)| {
            let note = Note::new("setting-refused", at).with("node", node);
            note.with("status", setting.status.to_string()).with("reason", setting.reason)
        }));
        let before = &session.context().retries.accepted;
        let accepted = session.retries().accepted.iter().filter(|(node, known)| before.get(*node) != Some(known));
        notes.extend(accepted.map(|(node, known)| {
            let note = Note::new("setting-accepted-later", at).with("node", node.as_str());
            note.with("status", known.status.to_string())
        }));
    }

    /// Takes over what waits at the end of a session. What is no longer remembered as refused is not tried again, and
    /// neither is what an authority has sent that is the device's no more.
    pub(super) fn settle_waiting(&mut self, session: &Session, follow: &Follow, is_completed: bool) {
        let home: Arc<str> = self.life.authority();
        let progress = self.life.progress_mut();
        progress.set_waiting(session);
        if let Some(retries) = progress.retries.as_mut().filter(|_| is_completed) {
            let notified = &session.context().retries;
            let is_notified = |node: &String| notified.notified().any(|(known, _)| known == node);
            retries.accepted.retain(|node, known| !(is_notified(node) && notified.accepted.get(node) == Some(known)));
        }
        progress.change_owner(session, follow, &home);
        let next = progress.authority.moving.as_ref().map(|moving| Arc::clone(&moving.name));
        let is_present = |authority: &str| *authority == *home || next.as_deref() == Some(authority);
        if let Some(claims) = &mut progress.claims {
            claims.retain(|claim| is_present(&claim.authority));
        }
        if let Some(retries) = &mut progress.retries {
            retries.retain_of(is_present);
            let is_refused = |node: &String| progress.refused.as_ref().is_some_and(|known| known.contains_key(node));
            retries.commands.retain(|command| command.refused.iter().all(is_refused));
        }
        progress.claims.take_if(|claims| claims.is_empty());
        progress.retries.take_if(|retries| retries.is_empty());
    }
}

/// What was remembered before a session's changes were handed out to be kept; they may not be.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    refused: Option<Box<Refused>>,
    claims: Vec<Claim>,
    retries: Option<Box<Retries>>,
    /// How many refusals of the session were noted.
    noted: usize,
}

impl Remembered {
    pub(super) fn of(progress: &Progress, noted: usize) -> Self {
        let claims = progress.claims.as_deref().cloned().unwrap_or_default();
        Self { refused: progress.refused.clone(), claims, retries: progress.retries.clone(), noted }
    }

    /// Answers with how many refusals had been noted.
    pub(super) fn restore(self, progress: &mut Progress) -> usize {
        (progress.refused, progress.retries) = (self.refused, self.retries);
        progress.claims = Some(self.claims).filter(|claims| !claims.is_empty()).map(Box::new);
        self.noted
    }
}

/// Settings that were accepted later, in JSON.
pub(super) fn accepted_json(retries: &Retries) -> Option<String> {
    let list: Vec<_> =
        retries.notified().map(|(node, accepted)| json!({ "node": node, "status": accepted.status })).collect();
    (!list.is_empty()).then(|| serde_json::Value::Array(list).to_string())
}

impl Progress {
    /// What waits as the session leaves it, beside what another authority's session has left.
    fn set_waiting(&mut self, session: &Session) {
        let is_others = |authority: &str| !session.tree().speaks_for(authority);
        let mut claims = session.claims().to_vec();
        let others = self.claims.take().into_iter().flat_map(|claims| *claims);
        claims.extend(others.filter(|claim| is_others(&claim.authority)));
        self.claims = Some(claims).filter(|claims| !claims.is_empty()).map(Box::new);
        let mut others = self.retries.take().map(|retries| *retries).unwrap_or_default();
        others.retain_of(is_others);
        let mut retries = session.retries().clone();
        retries.extend(others);
        self.retries = Some(retries).filter(|retries| !retries.is_empty()).map(Box::new);
    }

    /// An authority that names itself for the first time owns all that it has sent; one that replaces another during a
    /// session owns what this session has brought.
    fn change_owner(&mut self, session: &Session, follow: &Follow, home: &str) {
        let is_named = |authority: &str| follow.named.as_deref() == Some(authority);
        let is_succeeded = |authority: &str| follow.succeeded.as_deref() == Some(authority);
        let context = session.context();
        for claim in self.claims.iter_mut().flat_map(|claims| claims.iter_mut()) {
            if is_named(&claim.authority) || is_succeeded(&claim.authority) && !context.claims.contains(claim) {
                home.clone_into(&mut claim.authority);
            }
        }
        let Some(retries) = &mut self.retries else { return };
        for command in &mut retries.commands {
            if is_succeeded(&command.authority) && !context.retries.commands.contains(command) {
                home.clone_into(&mut command.authority);
            }
        }
        retries.authorities_mut().filter(|authority| is_named(authority)).for_each(|authority| {
            home.clone_into(authority);
        });
    }
}
