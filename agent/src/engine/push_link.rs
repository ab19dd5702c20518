//! When to hold a connection to the push server, and when to try again (rule P2).
//!
//! [`PushLink::handle`] takes what happened to the connection and answers with what to do; [`PushLink::deadline`] says
//! when [`LinkEvent::Due`] has to be told. Without a connection nothing is lost but time: the schedule stays underneath.

use super::{backoff, push};

#[cfg(test)]
mod tests;

/// The times that a link keeps, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTiming {
    /// How long a server may be silent: servers speak every 45 seconds.
    pub silence: u64,
    /// How long connecting may take.
    pub connecting: u64,
    /// The bound of the first wait after a failure.
    pub first_wait: u64,
    /// The bound that waits grow to.
    pub longest_wait: u64,
    /// How long a connection must have held for failures before it to be forgotten.
    pub steady: u64,
    /// The wait after an answer that no repetition would change.
    pub refused_wait: u64,
}

impl Default for LinkTiming {
    fn default() -> Self {
        Self {
            silence: 120_000,
            connecting: 30_000,
            first_wait: 1_000,
            longest_wait: 300_000,
            steady: 60_000,
            refused_wait: 3_600_000,
        }
    }
}

/// How much a server may send in a minute, over all of its connections: a hundred rings of the largest size, and the
/// keep-alives, are far less.
pub const BYTES_A_MINUTE: u64 = 1 << 20;
/// How many lines of it.
pub const LINES_A_MINUTE: u64 = 2_000;
const MINUTE: u64 = 60_000;
/// The wait after the first flood; each further one within six hours makes it four times as long, up to an hour.
const FIRST_FLOOD_WAIT: u64 = 15_000;
const FLOODS_FORGOTTEN: u64 = 6 * 60 * MINUTE;

/// The longest wait that a server may ask for, in seconds.
const LONGEST_RETRY_AFTER: u64 = 86_400;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// The server has said that the subscription is open.
    Connected,
    /// The server has sent so much.
    Received {
        /// Bytes.
        bytes: u64,
        /// Lines that were complete by that.
        lines: u64,
    },
    /// The deadline is reached.
    Due,
    /// The connection could not be made, or broke, or was closed.
    Broken(String),
    /// The server answered with this instead of a stream.
    HttpStatus {
        /// The HTTP status.
        status: u16,
        /// What its `Retry-After` header says, in seconds.
        retry_after: Option<u64>,
    },
    /// The machine has a network again, or another one.
    NetworkUp,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkOrder {
    /// Connect; give up a connection that is there.
    Connect,
    /// Give the connection up.
    HangUp,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// There is no connection.
    Down,
    /// One is being made.
    Connecting,
    /// Rings arrive.
    Up,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkProblem {
    /// The server said nothing for too long.
    #[error("the push server has fallen silent")]
    Silent,
    /// The server did not open the subscription in time.
    #[error("the push server did not open the subscription in time")]
    TimedOut,
    /// The connection failed.
    #[error("{0}")]
    Broken(String),
    /// The server does not let this device listen.
    #[error("the push server does not let this device listen (HTTP {0})")]
    Unauthorised(u16),
    /// The server sends more than anybody could mean.
    #[error("the push server floods this device with more than {LINES_A_MINUTE} lines or {} KiB in a minute", BYTES_A_MINUTE >> 10)]
    Flooding,
    /// There is no push server at that address.
    #[error("there is no push server at that address (HTTP {0})")]
    WrongAddress(u16),
    /// The server cannot serve now.
    #[error("the push server cannot serve now (HTTP {0})")]
    Busy(u16),
}

impl LinkProblem {
    /// A short name that stays the same, for logs and status.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::TimedOut => "timed-out",
            Self::Broken(_) => "connection-broken",
            Self::Flooding => "flooding",
            Self::Unauthorised(_) => "device-auth",
            Self::WrongAddress(_) => "wrong-address",
            Self::Busy(_) => "busy",
        }
    }

    /// How the link stands because of it.
    pub fn standing(&self) -> push::LinkState {
        match self {
            Self::Unauthorised(_) | Self::WrongAddress(_) => push::LinkState::Refused,
            Self::Flooding => push::LinkState::Flooding,
            Self::Silent | Self::TimedOut | Self::Broken(_) | Self::Busy(_) => push::LinkState::Connecting,
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Unauthorised(status),
            408 | 425 | 429 | 500.. => Self::Busy(status),
            _ => Self::WrongAddress(status),
        }
    }
}

/// The connection to a push server, as a machine of three states.
#[derive(Debug, Clone)]
pub struct PushLink {
    timing: LinkTiming,
    state: LinkState,
    /// When the present state was entered.
    entered: u64,
    deadline: u64,
    failures: u32,
    /// The server does not want to be asked before that.
    held_until: u64,
    problem: Option<LinkProblem>,
    /// When the present minute began, and what came in it: bytes and lines.
    minute: (u64, u64, u64),
    /// How often the server has flooded of late, and when it did last.
    floods: (u32, u64),
}

impl PushLink {
    /// A link that connects as soon as it is told the time.
    pub fn new(timing: LinkTiming, now_ms: u64) -> Self {
        Self {
            timing,
            state: LinkState::Down,
            entered: now_ms,
            deadline: now_ms,
            failures: 0,
            held_until: 0,
            problem: None,
            minute: (now_ms, 0, 0),
            floods: (0, 0),
        }
    }

    /// How it stands.
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// What the last failure was; `None` once the link is up.
    pub fn problem(&self) -> Option<&LinkProblem> {
        self.problem.as_ref()
    }

    /// When [`LinkEvent::Due`] has to be told. There always is such a moment.
    pub fn deadline(&self) -> u64 {
        self.deadline
    }

    /// Takes what happened. An event that has nothing to do with the present state is ignored.
    pub fn handle(&mut self, event: LinkEvent, now_ms: u64, random: &mut fastrand::Rng) -> Option<LinkOrder> {
        match (event, self.state) {
            (LinkEvent::Due, _) if now_ms < self.deadline => None,
            (LinkEvent::Due, LinkState::Down) => Some(self.connect(now_ms)),
            (LinkEvent::Due, LinkState::Connecting) => Some(self.fail(LinkProblem::TimedOut, None, now_ms, random)),
            (LinkEvent::Due, LinkState::Up) => Some(self.fail(LinkProblem::Silent, None, now_ms, random)),
            (LinkEvent::Connected, LinkState::Connecting) => {
                self.enter(LinkState::Up, now_ms, self.timing.silence);
                self.problem = None;
                None
            }
            (LinkEvent::Received { bytes, lines }, LinkState::Connecting | LinkState::Up)
                if self.is_too_much(bytes, lines, now_ms) =>
            {
                Some(self.fail(LinkProblem::Flooding, None, now_ms, random))
            }
            (LinkEvent::Received { .. }, LinkState::Up) => {
                self.deadline = now_ms.saturating_add(self.timing.silence);
                None
            }
            (LinkEvent::Broken(reason), LinkState::Connecting | LinkState::Up) => {
                Some(self.fail(LinkProblem::Broken(reason), None, now_ms, random))
            }
            (LinkEvent::HttpStatus { status, retry_after }, LinkState::Connecting) => {
                Some(self.fail(LinkProblem::of_status(status), retry_after, now_ms, random))
            }
            (LinkEvent::NetworkUp, _) => self.network_up(now_ms),
            (
                LinkEvent::Connected | LinkEvent::Received { .. } | LinkEvent::Broken(_) | LinkEvent::HttpStatus { .. },
                _,
            ) => None,
        }
    }

    /// Counts what came; says whether that is more than a minute may bring.
    fn is_too_much(&mut self, bytes: u64, lines: u64, now_ms: u64) -> bool {
        let (began, had_bytes, had_lines) = self.minute;
        let is_over = now_ms.saturating_sub(began) >= MINUTE;
        let (began, had_bytes, had_lines) = if is_over { (now_ms, 0, 0) } else { (began, had_bytes, had_lines) };
        self.minute = (began, had_bytes.saturating_add(bytes), had_lines.saturating_add(lines));
        self.minute.1 > BYTES_A_MINUTE || self.minute.2 > LINES_A_MINUTE
    }

    /// How long a server that floods is not listened to.
    fn flood_wait(&mut self, now_ms: u64) -> u64 {
        let (before, last) = self.floods;
        let before = if now_ms.saturating_sub(last) >= FLOODS_FORGOTTEN { 0 } else { before };
        self.floods = (before.saturating_add(1), now_ms);
        self.minute = (now_ms, 0, 0);
        let wait = FIRST_FLOOD_WAIT.saturating_mul(4_u64.saturating_pow(before));
        wait.min(self.timing.refused_wait)
    }

    fn enter(&mut self, state: LinkState, now_ms: u64, for_ms: u64) {
        self.state = state;
        self.entered = now_ms;
        self.deadline = now_ms.saturating_add(for_ms);
    }

    fn connect(&mut self, now_ms: u64) -> LinkOrder {
        self.enter(LinkState::Connecting, now_ms, self.timing.connecting);
        LinkOrder::Connect
    }

    fn is_steady(&self, now_ms: u64) -> bool {
        self.state == LinkState::Up && now_ms.saturating_sub(self.entered) >= self.timing.steady
    }

    /// What the server asks for holds on any network; a wait of our own ends with the network that it was for.
    fn network_up(&mut self, now_ms: u64) -> Option<LinkOrder> {
        match self.state {
            LinkState::Down => {
                self.failures = 0;
                self.deadline = self.deadline.min(self.held_until.max(now_ms));
                (now_ms >= self.deadline).then(|| self.connect(now_ms))
            }
            // A connection over a network that is gone would look alive until the silence is over. One that is young
            // was made over the network that came up; and a network that comes and goes must not start a storm.
            LinkState::Up => self.is_steady(now_ms).then(|| self.connect(now_ms)),
            LinkState::Connecting => None,
        }
    }

    fn fail(
        &mut self,
        problem: LinkProblem,
        retry_after: Option<u64>,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) -> LinkOrder {
        self.failures = if self.is_steady(now_ms) { 1 } else { self.failures.saturating_add(1) };
        let wait = backoff::wait_ms(self.failures, self.timing.first_wait, self.timing.longest_wait, 0, random);
        let held = match &problem {
            LinkProblem::Unauthorised(_) | LinkProblem::WrongAddress(_) => self.timing.refused_wait,
            LinkProblem::Flooding => self.flood_wait(now_ms),
            LinkProblem::Silent | LinkProblem::TimedOut | LinkProblem::Broken(_) | LinkProblem::Busy(_) => 0,
        };
        let held = held.max(retry_after.unwrap_or(0).min(LONGEST_RETRY_AFTER) * 1000);
        self.held_until = now_ms.saturating_add(held);
        // What was asked for is a floor; the jitter on top of it keeps a fleet from returning in step.
        self.enter(LinkState::Down, now_ms, held.saturating_add(wait));
        self.problem = Some(problem);
        LinkOrder::HangUp
    }
}
