//! What the server orders to be done to the machine, between its order and the report of what came of it.

use super::{Action, Conduct, Engine};
use crate::engine::note::Note;
use crate::engine::progress::Trigger;
use crate::engine::remote::{RemoteOrder, RemoteOrders, RemoteOutcome, RemoteState};
use crate::engine::session::{RemoteContext, Session, SessionAlert};
use crate::engine::time::Now;

/// The most orders that one session reports on.
const MAX_REPORTED: usize = 20;
/// The longest account of what came of an order that the server is told, in characters.
const MAX_DETAIL: usize = 1000;

impl Engine {
    /// What a session has to know of it.
    pub(super) fn remote_context(&mut self, now: Now) -> RemoteContext {
        let at = self.life.clock().read(now).wall;
        if let Some(orders) = &mut self.life.progress_mut().remote_orders {
            orders.expire(at);
        }
        // Most sessions need none, so nothing is drawn from the device's own random choices.
        let mut random = self.life.random().clone();
        let wipe_token = format!("{:016x}{:016x}-{}", random.u64(..), random.u64(..), self.progress().session_id);
        RemoteContext {
            known: self.progress().remote_orders.as_deref().cloned().unwrap_or_default(),
            is_personal: self.is_personal,
            wipe_token,
            boot: self.life.boot(),
        }
    }

    /// What the server has not been told yet.
    pub(super) fn order_alerts(&self) -> Vec<SessionAlert> {
        let unreported = self.progress().remote_orders.iter().flat_map(|orders| orders.unreported());
        unreported.take(MAX_REPORTED).map(|order| SessionAlert::Order(order_json(order))).collect()
    }

    /// Takes note of what a session has ordered since it was last asked; says whether that is news, which has to be
    /// kept before it is acknowledged.
    pub(super) fn note_remote(&mut self, conduct: &mut Conduct, now: Now) -> bool {
        let (orders, confirmed) = (conduct.session.remote(), conduct.session.confirmed());
        let news = &orders[conduct.remote_noted.0..];
        let tokens = &confirmed[conduct.remote_noted.1..];
        if news.is_empty() && tokens.is_empty() {
            return false;
        }
        let at = self.life.clock().read(now);
        let known = self.life.progress_mut().remote_orders.get_or_insert_default();
        for order in news {
            conduct.unkept.push(
                Note::new("order-accepted", at).with("order", order.id.as_str()).with("what", order.kind.as_str()),
            );
            known.accept(order.clone());
        }
        for token in tokens {
            if known.confirm(token, at.wall) {
                conduct.unkept.push(Note::new("wipe-confirmed", at));
            }
        }
        conduct.remote_noted = (orders.len(), confirmed.len());
        true
    }

    /// At the end of a session: what was reported in it was heard if it was completed; what was accepted in it without a
    /// name counts only then, because the server would give it again.
    pub(super) fn settle_remote(&mut self, session: &Session, completed: bool) {
        if completed {
            let accepted: Vec<String> = session.remote().iter().map(|order| order.id.clone()).collect();
            self.orders_heard(&accepted);
        }
        let Some(orders) = &mut self.life.progress_mut().remote_orders else { return };
        if completed {
            let reported = session.context().remote.known.unreported().take(MAX_REPORTED);
            let told: Vec<(String, RemoteState)> = reported.map(|order| (order.id.clone(), order.state)).collect();
            orders.told(&told);
        }
        orders.drop_unheard();
        if orders.is_empty() {
            self.life.progress_mut().remote_orders = None;
        }
    }

    /// The server went on after it was told that these are accepted.
    pub(super) fn orders_heard(&mut self, accepted: &[String]) {
        if let Some(orders) = self.life.progress_mut().remote_orders.as_mut().filter(|_| !accepted.is_empty()) {
            orders.heard(accepted);
        }
    }

    /// Has everything carried out that waits for it.
    pub(super) fn carry_out(&mut self, actions: &mut Vec<Action>) {
        if self.account().is_none() || self.progress().leaving {
            return;
        }
        let is_personal = self.is_personal;
        let Some(orders) = &mut self.life.progress_mut().remote_orders else { return };
        if is_personal {
            orders.give_up_wipes("this machine belongs to its user by now");
        }
        actions.extend(orders.take_due().into_iter().map(|order| {
            let is_confirmed = RemoteOrders::is_confirmed(&order);
            Action::CarryOut { order: Box::new(order), is_confirmed }
        }));
    }

    /// Takes note of what came of it. The server hears of it at once.
    pub(super) fn carried_out(&mut self, id: &str, outcome: &RemoteOutcome, now: Now, actions: &mut Vec<Action>) {
        let at = self.life.clock().read(now);
        let Some(orders) = &mut self.life.progress_mut().remote_orders else { return };
        orders.ended(id, outcome);
        let kind = orders.iter().find(|order| order.id == id).map_or("", |order| order.kind.as_str());
        let (what, detail) = match outcome {
            RemoteOutcome::Done(detail) => ("order-done", detail.clone()),
            RemoteOutcome::Begun(detail) => ("order-begun", detail.clone()),
            RemoteOutcome::Planned(lines) => ("wipe-planned", format!("{} steps", lines.len())),
            RemoteOutcome::Failed(reason) => ("order-failed", reason.clone()),
        };
        actions
            .push(Action::Note(vec![Note::new(what, at).with("order", id).with("what", kind).with("detail", detail)]));
        if matches!(outcome, RemoteOutcome::Begun(_)) {
            // That the machine was told has to outlast this process.
            self.progress_unkept = true;
        } else {
            self.life.request(Trigger::OrderOver);
        }
    }

    /// Takes note that the machine was unlocked with its code, which no order of the server brought about.
    pub(super) fn unlocked_by_code(&mut self, now: Now, actions: &mut Vec<Action>) {
        let at = self.life.clock().read(now);
        actions.push(Action::Note(vec![Note::new("unlocked-by-code", at)]));
        if self.account().is_none() {
            return;
        }
        let boot = self.life.boot();
        let orders = self.life.progress_mut().remote_orders.get_or_insert_default();
        orders.accept(RemoteOrder {
            id: format!("code-{}", at.wall),
            is_named: true,
            kind: crate::engine::remote::RemoteKind::Unlock,
            state: RemoteState::Done,
            detail: "unlocked at the machine with the one-time code".to_owned(),
            accepted: at.wall,
            boot,
            heard: false,
            begun: false,
            reported: false,
            under_way: false,
        });
        self.life.request(Trigger::OrderOver);
    }
}

/// How an order stands, as the server is told. A plan that waits for its confirmation carries the token for it.
fn order_json(order: &RemoteOrder) -> String {
    let detail: String = order.detail.chars().take(MAX_DETAIL).collect();
    let mut json = serde_json::json!({
        "id": order.id, "kind": order.kind.as_str(), "state": order.state.as_str(), "detail": detail,
    });
    if let (crate::engine::remote::RemoteKind::Wipe { token }, RemoteState::AwaitingConfirmation) =
        (&order.kind, order.state)
    {
        json["token"] = token.as_str().into();
    }
    json.to_string()
}
