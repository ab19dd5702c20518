//! The doorbell (rules P1 and P3): which channel is listened to, and what a ring leads to. A ring's content is never
//! trusted; all it can do is start a session, now or spread over a while.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

#[cfg(test)]
mod tests;

/// The longest spread that a ring may ask for, in seconds: the schedule's own longest wait.
const MAX_SPREAD_SECONDS: u64 = 8 * 3600;
/// Rings that may start sessions in a burst.
const BUCKET: u8 = 4;
/// How often another one may, in milliseconds.
const REFILL_MS: i64 = 30_000;
/// The characters of a topic: 62 kinds, 32 of them, beyond guessing.
const TOPIC_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const TOPIC_LENGTH: usize = 32;
const LONGEST_ID: usize = 64;

/// A channel of an ntfy-compatible push server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The push server's address.
    pub base: String,
    /// The topic. Whoever knows it can ring.
    pub topic: String,
}

/// How push stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushState {
    /// The channel, if the server named a push server.
    pub channel: Option<Box<Channel>>,
    /// The last ring's id, to have missed ones replayed.
    pub last_ring: Option<String>,
    /// What is wrong with what the server named.
    pub bad_address: bool,
}

/// How the link to the push server stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// There is none.
    #[default]
    None,
    /// It is being set up, or waits for the next attempt.
    Connecting,
    /// It is up.
    Up,
    /// The push server refuses.
    Refused,
    /// The push server sent too much; it is not listened to for a while.
    Flooding,
}

impl LinkState {
    /// The state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Refused => "refused",
            Self::Flooding => "flooding",
        }
    }
}

impl Channel {
    /// Where the server publishes, and what the agent tells it as `ChannelURI`.
    pub fn uri(&self) -> String {
        format!("{}/{}", self.base.trim_end_matches('/'), self.topic)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Channel({}/…)", self.base)
    }
}

impl PushState {
    /// The channel that the `PFN` node asks for: the present one, or one with this new topic.
    pub fn channel_for(&self, name: Option<&str>, topic: &str) -> Option<Channel> {
        let base = name.and_then(push_server)?;
        let present = self.channel.as_deref().filter(|channel| channel.base == base);
        Some(present.cloned().unwrap_or_else(|| Channel { base, topic: topic.to_owned() }))
    }

    /// Takes note of the `PFN` node; `true` if another channel is to be listened to.
    pub fn set_name(&mut self, name: Option<&str>, topic: &str) -> bool {
        let channel = self.channel_for(name, topic).map(Box::new);
        self.bad_address = channel.is_none() && name.is_some_and(|name| !name.trim().is_empty());
        if channel == self.channel {
            return false;
        }
        self.last_ring = None;
        self.channel = channel;
        true
    }

    /// Takes note of a ring; `false` if its id was the last one's.
    pub fn note_ring(&mut self, id: &str) -> bool {
        if id.is_empty() || id.len() > LONGEST_ID {
            return true;
        }
        let is_new = self.last_ring.as_deref() != Some(id);
        self.last_ring = Some(id.to_owned());
        is_new
    }

    /// The number of the `Push/Status` node: 0 up, 1 bad name, 2 refused, 4 no channel.
    pub fn status(&self, link: LinkState) -> u32 {
        match link {
            _ if self.bad_address => 1,
            LinkState::Refused => 2,
            LinkState::Up => 0,
            LinkState::None | LinkState::Connecting | LinkState::Flooding => 4,
        }
    }
}

/// The push server that a name stands for: `ntfy:https://...`; without TLS only on this machine.
fn push_server(name: &str) -> Option<String> {
    let url = Url::parse(name.trim().strip_prefix("ntfy:")?).ok()?;
    let is_local = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    let usable = (url.scheme() == "https" || url.scheme() == "http" && is_local)
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    usable.then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// A topic that nobody can guess.
pub fn topic(random: &mut fastrand::Rng) -> String {
    (0..TOPIC_LENGTH).map(|_| char::from(TOPIC_CHARACTERS[random.usize(..TOPIC_CHARACTERS.len())])).collect()
}

/// The spread window that a ring states, in seconds. Anything else that it says means nothing.
pub fn spread_seconds(text: &str) -> u64 {
    let stated = text.trim().strip_prefix("spread=").and_then(|number| number.parse::<u64>().ok());
    stated.unwrap_or(0).min(MAX_SPREAD_SECONDS)
}

/// How many rings may still start sessions at once (rule P3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    tokens: u8,
    /// When the next token comes, steady milliseconds; counts while the bucket is not full.
    next_ms: i64,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { tokens: BUCKET, next_ms: 0 }
    }
}

impl Bucket {
    /// When a ring that is heard now may start a session: at once, or when the next token comes.
    pub fn admit(&mut self, at_ms: i64) -> i64 {
        while self.tokens < BUCKET && self.next_ms <= at_ms {
            self.tokens += 1;
            self.next_ms = self.next_ms.saturating_add(REFILL_MS);
        }
        if self.tokens == BUCKET {
            self.next_ms = at_ms.saturating_add(REFILL_MS);
        }
        if self.tokens > 0 {
            self.tokens -= 1;
            return at_ms;
        }
        self.next_ms
    }
}
