//! The ledger of orders: which were heard, which are to be carried out, and what the server has not been told yet.

use serde::{Deserialize, Serialize};

use super::{RemoteKind, RemoteOrder, RemoteOutcome, RemoteState};

/// Orders that are remembered after they are over.
const MAX_OVER: usize = 64;
/// The most orders that wait at once.
const MAX_WAITING: usize = 16;
/// How long a plan to wipe waits for its confirmation, in seconds.
const CONFIRMATION_SECONDS: i64 = 24 * 3600;
/// The longest description of what came of an order, in characters.
const MAX_DETAIL: usize = 2000;

/// Every order that is known, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteOrders(Vec<RemoteOrder>);

/// What the ledger says to an order that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is new.
    New,
    /// It was accepted before and is not over.
    Waiting,
    /// It was carried out before.
    Done,
    /// It came to nothing before; why.
    Failed(String),
    /// Too much waits already.
    Full,
}

impl RemoteOrders {
    /// Every order, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &RemoteOrder> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is known of an order, by its id.
    pub fn look_up(&self, id: Option<&str>) -> Known {
        match self.0.iter().find(|order| Some(order.id.as_str()) == id) {
            Some(order) => match order.state {
                RemoteState::Accepted | RemoteState::AwaitingConfirmation => Known::Waiting,
                RemoteState::Done => Known::Done,
                RemoteState::Failed => Known::Failed(order.detail.clone()),
            },
            None if self.0.iter().filter(|order| !order.state.is_over()).count() >= MAX_WAITING => Known::Full,
            None => Known::New,
        }
    }

    /// Takes an order in. What is not carried out yet and would be undone by it is given up.
    pub fn accept(&mut self, order: RemoteOrder) {
        if self.look_up(Some(&order.id)) != Known::New {
            return;
        }
        if matches!(order.kind, RemoteKind::Wipe { .. }) {
            // A newer plan takes the place of one that was never confirmed.
            for planned in self.0.iter_mut().filter(|known| known.state == RemoteState::AwaitingConfirmation) {
                planned.end(RemoteState::Failed, "another wipe was ordered");
            }
        }
        self.0.push(order);
        let over = self.0.iter().filter(|order| order.state.is_over()).count();
        let mut surplus = over.saturating_sub(MAX_OVER);
        self.0.retain(|order| {
            let goes = surplus > 0 && order.state.is_over();
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// The wipe whose plan has this token, if it may still be confirmed.
    pub fn confirmable(&self, token: &str, now: i64) -> Option<&RemoteOrder> {
        self.0.iter().find(|order| {
            let is_it = matches!(&order.kind, RemoteKind::Wipe { token: known } if known == token);
            is_it && order.state == RemoteState::AwaitingConfirmation && now - order.accepted <= CONFIRMATION_SECONDS
        })
    }

    /// How a wipe stands that was confirmed with this token before.
    pub fn confirmed(&self, token: &str) -> Option<RemoteState> {
        let order = self.0.iter().find(|order| {
            let is_it = matches!(&order.kind, RemoteKind::Wipe { token: known } if known == token);
            is_it && (order.state.is_over() || Self::is_confirmed(order))
        });
        order.map(|order| order.state)
    }

    /// Takes note that the server confirmed a wipe; says whether there was one to confirm.
    pub fn confirm(&mut self, token: &str, now: i64) -> bool {
        let Some(id) = self.confirmable(token, now).map(|order| order.id.clone()) else { return false };
        let confirmed = self.0.iter_mut().find(|order| order.id == id);
        confirmed.into_iter().for_each(|order| order.state = RemoteState::Accepted);
        true
    }

    /// Whether an order is a wipe that was confirmed: its plan was told before.
    pub fn is_confirmed(order: &RemoteOrder) -> bool {
        matches!(order.kind, RemoteKind::Wipe { .. })
            && order.state == RemoteState::Accepted
            && !order.detail.is_empty()
    }

    /// Orders that are to be carried out now; each counts as under way from then on.
    pub fn take_due(&mut self) -> Vec<RemoteOrder> {
        let due = self.0.iter_mut().filter(|order| order.is_due());
        due.map(|order| {
            order.under_way = true;
            order.clone()
        })
        .collect()
    }

    /// Takes note that the server knows that these are accepted.
    pub fn heard(&mut self, ids: &[String]) {
        self.0.iter_mut().filter(|order| ids.contains(&order.id)).for_each(|order| order.heard = true);
    }

    /// Drops orders without a name whose acceptance the server never heard of: it will give them again.
    pub fn drop_unheard(&mut self) {
        self.0.retain(|order| order.is_named || order.heard || order.state.is_over());
    }

    /// Takes note of what came of an order.
    pub fn ended(&mut self, id: &str, outcome: &RemoteOutcome) {
        let Some(order) = self.0.iter_mut().find(|order| order.id == id && !order.state.is_over()) else { return };
        match outcome {
            RemoteOutcome::Done(detail) => order.end(RemoteState::Done, detail),
            RemoteOutcome::Failed(detail) => order.end(RemoteState::Failed, detail),
            RemoteOutcome::Planned(lines) => {
                order.end(RemoteState::AwaitingConfirmation, &lines.join("\n"));
            }
            RemoteOutcome::Begun(_) => order.begun = true,
        }
    }

    /// Takes note that another process goes on with what a former one began, in this boot of the machine.
    pub fn resume(&mut self, boot: u64) {
        self.drop_unheard();
        for order in &mut self.0 {
            order.under_way = false;
            if !matches!(order.kind, RemoteKind::Reboot) || order.state != RemoteState::Accepted {
                continue;
            }
            if order.boot != boot {
                order.end(RemoteState::Done, "the machine was restarted");
            } else if order.begun {
                // Where one run of the machine cannot be told from another it would be restarted for ever.
                order.end(RemoteState::Done, "the machine was told to restart; whether it did cannot be told");
            }
        }
    }

    /// Gives up every wipe that is not under way; why.
    pub fn give_up_wipes(&mut self, why: &str) {
        let wipes = self.0.iter_mut().filter(|order| matches!(order.kind, RemoteKind::Wipe { .. }));
        let waiting = wipes.filter(|order| !order.state.is_over() && !order.under_way);
        waiting.for_each(|order| order.end(RemoteState::Failed, why));
    }

    /// Takes note that nobody confirmed a wipe in time.
    pub fn expire(&mut self, now: i64) {
        let overdue = |order: &&mut RemoteOrder| {
            order.state == RemoteState::AwaitingConfirmation && now - order.accepted > CONFIRMATION_SECONDS
        };
        self.0
            .iter_mut()
            .filter(overdue)
            .for_each(|order| order.end(RemoteState::Failed, "not confirmed within a day"));
    }

    /// Orders of which the server does not know how they stand.
    pub fn unreported(&self) -> impl Iterator<Item = &RemoteOrder> {
        self.0.iter().filter(|order| !order.reported && order.state != RemoteState::Accepted)
    }

    /// Takes note that the server was told of these, if they still stand as they did.
    pub fn told(&mut self, told: &[(String, RemoteState)]) {
        for (id, state) in told {
            let order = self.0.iter_mut().find(|order| order.id == *id && order.state == *state);
            order.into_iter().for_each(|order| order.reported = true);
        }
    }
}

impl RemoteOrder {
    fn is_due(&self) -> bool {
        self.state == RemoteState::Accepted && !self.under_way && (self.is_named || self.heard)
    }

    fn end(&mut self, state: RemoteState, detail: &str) {
        self.state = state;
        self.detail = detail.chars().take(MAX_DETAIL).collect();
        self.reported = false;
        self.under_way = false;
    }
}
