//! What can be wrong between a machine and its server, and by what a session then fails.

use mdm_agent::engine::reply::Reply;
use mdm_agent::engine::{ConnectionFailure, Event};

use super::World;

/// What is wrong with the server or on the way to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// It does not answer.
    Unreachable,
    /// It answers that it is not available.
    Unavailable,
    /// A captive portal answers.
    Portal,
    /// Its TLS certificate is not valid by this machine's clock.
    Clock,
}

impl Trouble {
    /// Every trouble.
    pub const ALL: [Self; 5] = [Self::None, Self::Unreachable, Self::Unavailable, Self::Portal, Self::Clock];

    /// What comes instead of the server's answer, if anything.
    pub(super) fn instead(self) -> Option<Event> {
        let replied = |status, body: &str| Event::Replied(Reply { status, body: body.into(), ..Reply::default() });
        match self {
            Self::None => None,
            Self::Unreachable => Some(Event::ConnectionFailed(ConnectionFailure::Unreachable("refused".to_owned()))),
            Self::Unavailable => Some(replied(503, "")),
            Self::Portal => Some(replied(200, "<html><body>Welcome</body></html>")),
            Self::Clock => Some(Event::ConnectionFailed(ConnectionFailure::ClockOrExpiry("not yet valid".to_owned()))),
        }
    }
}

impl World {
    /// Whether the answer that is on its way is lost.
    pub(super) fn loses_answer(&mut self) -> bool {
        match &mut self.answers_until_loss {
            Some(0) => {
                self.answers_until_loss = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}
