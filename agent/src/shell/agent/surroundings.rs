//! What reaches the agent from outside without being asked: rings, networks, the end of a sleep.

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::{Agent, Doorbell, Event, Message, PushEvent, StoreAccess, clock};
use crate::engine::Listening;
use crate::engine::push::LinkState;
use crate::engine::push_link::{LinkProblem, LinkTiming};
use crate::shell::http::ProxySettings;
use crate::shell::push::{self, PushConfig};

/// Rings that may wait for the agent; the stream waits meanwhile.
const WAITING_RINGS: usize = 16;

impl Agent {
    /// Listens to another channel, or to none. A command that ends soon has nobody to be rung for.
    pub(super) fn listen(&mut self, listening: Option<Listening>) -> Option<Event> {
        self.doorbell = None;
        let listening = listening.filter(|_| matches!(self.access, StoreAccess::Worker { .. }))?;
        let trust = self.engine.account().map(|account| account.trust.clone()).unwrap_or_default();
        let proxy = match ProxySettings::from_environment() {
            Ok(proxy) => proxy,
            Err(error) => {
                warn!(%error, "the push server cannot be listened to; the schedule goes on");
                return None;
            }
        };
        let config = PushConfig {
            base: listening.channel.base,
            topic: listening.channel.topic,
            since: listening.since,
            trust,
            proxy,
            seed: clock::seed(),
            timing: LinkTiming::default(),
        };
        let (events, mut heard) = mpsc::channel(WAITING_RINGS);
        let link = match push::start(&config, events) {
            Ok(link) => link,
            Err(error) => {
                warn!(%error, "the push server cannot be listened to; the schedule goes on");
                return None;
            }
        };
        let outbox = self.outbox.clone();
        let passing_on = tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                if outbox.send(Message::Push(event)).await.is_err() {
                    return;
                }
            }
        });
        self.doorbell = Some(Doorbell { link, passing_on: passing_on.abort_handle() });
        Some(Event::LinkChanged(LinkState::Connecting))
    }

    pub(super) fn push(&mut self, event: PushEvent) {
        match event {
            PushEvent::Up => {
                info!("the push link is up");
                self.feed(Event::LinkChanged(LinkState::Up));
            }
            PushEvent::Down { reason } => {
                debug!(%reason, "the push link is down; it is tried again by itself, and the schedule goes on");
                let state = match reason {
                    LinkProblem::Unauthorised(_) | LinkProblem::WrongAddress(_) => LinkState::Refused,
                    _ => LinkState::Connecting,
                };
                self.feed(Event::LinkChanged(state));
            }
            PushEvent::Rung { id, text } => {
                debug!(id, "rung");
                self.feed(Event::Rung { id, text });
            }
        }
    }
}
