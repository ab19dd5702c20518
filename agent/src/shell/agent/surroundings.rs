//! What reaches the agent from outside without being asked: rings, networks, the end of a sleep.

use std::path::Path;

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::facts;
use super::{Agent, Doorbell, Event, Message, PushEvent, StoreAccess, clock};
use crate::engine::Listening;
use crate::engine::push::LinkState;
use crate::engine::push_link::LinkTiming;
use crate::shell::network::{self, NetworkEvent, NetworkWatch};
use crate::shell::push::{self, PushConfig};
use crate::shell::sign_in::SignInWatch;
use crate::shell::suspend::{ClockWatch, SuspendWatch};

/// Rings that may wait for the agent; the stream waits meanwhile.
const WAITING_RINGS: usize = 16;

/// What the machine itself does.
pub(super) struct Watch {
    network: Option<(NetworkWatch, mpsc::Receiver<NetworkEvent>)>,
    clock: Option<ClockWatch>,
    sign_ins: Option<SignInWatch>,
    suspend: SuspendWatch,
}

/// Something that the machine did.
pub(super) enum Happened {
    /// A network came up.
    NetworkUp,
    /// A clock was set, or the machine woke up.
    ClockChanged,
    /// These users signed in.
    SignedIn(Vec<String>),
}

impl Watch {
    /// Waits for something to happen; where nothing can be watched, for ever.
    pub(super) async fn next(&mut self) -> Happened {
        let network = async {
            match &mut self.network {
                Some((_, events)) => events.recv().await,
                None => None,
            }
        };
        let clock = async {
            match &mut self.clock {
                Some(clock) => clock.changed().await.is_ok(),
                None => false,
            }
        };
        let sign_ins = async {
            match &mut self.sign_ins {
                Some(sign_ins) => sign_ins.next().await.ok(),
                None => None,
            }
        };
        tokio::select! {
            Some(NetworkEvent::Up) = network => Happened::NetworkUp,
            true = clock => Happened::ClockChanged,
            Some(users) = sign_ins => Happened::SignedIn(users),
            else => std::future::pending().await,
        }
    }

    /// For how many seconds the machine has slept since this was last asked, if it has.
    pub(super) fn slept(&mut self) -> Option<u64> {
        self.suspend.check()
    }
}

impl Agent {
    /// Watches networks and clocks, as far as the machine lets it. A command that ends soon watches nothing.
    pub(super) fn watch_surroundings(&self) -> Watch {
        let suspend = SuspendWatch::new();
        if !self.is_service() {
            return Watch { network: None, clock: None, sign_ins: None, suspend };
        }
        let (sender, events) = mpsc::channel(1);
        let network = network::watch(sender).inspect_err(|error| {
            warn!(%error, "networks cannot be watched; retries go by the clock alone");
        });
        let clock = ClockWatch::new().inspect_err(|error| warn!(%error, "the clock cannot be watched"));
        // A machine without logind has no sign-ins to watch.
        let sign_ins = SignInWatch::new(Path::new(facts::SESSIONS));
        let sign_ins = sign_ins.inspect_err(|error| debug!(%error, "sign-ins cannot be watched"));
        Watch {
            network: network.ok().map(|watch| (watch, events)),
            clock: clock.ok(),
            sign_ins: sign_ins.ok(),
            suspend,
        }
    }

    pub(super) fn surroundings_changed(&mut self, happened: Happened) {
        match happened {
            Happened::NetworkUp => {
                debug!("a network came up");
                if let Some(doorbell) = &self.doorbell {
                    doorbell.link.network_up();
                }
                self.feed(Event::NetworkUp);
            }
            Happened::SignedIn(users) => {
                debug!(count = users.len(), "a user signed in");
                self.feed(Event::SignedIn(users));
            }
            // Whether the machine slept is asked after every event.
            Happened::ClockChanged => self.feed(Event::ClockSet),
        }
    }

    pub(super) fn is_service(&self) -> bool {
        matches!(self.access, StoreAccess::Worker { .. })
    }

    /// Listens to another channel, or to none. A command that ends soon has nobody to be rung for.
    pub(super) fn listen(&mut self, listening: Option<Listening>) -> Option<Event> {
        self.doorbell = None;
        self.listening = listening.filter(|_| self.is_service());
        let listening = self.listening.clone()?;
        let trust = self.engine.push_trust(&listening.channel);
        let proxy = match &self.live.proxy {
            Ok(proxy) => proxy.clone(),
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
                self.feed(Event::LinkChanged(reason.standing()));
            }
            PushEvent::Rung { id, text } => {
                debug!(id, "rung");
                self.feed(Event::Rung { id, text });
            }
        }
    }
}
