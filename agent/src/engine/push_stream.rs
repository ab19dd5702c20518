//! Reads the stream of a push server: JSON objects, one a line (the subscription format of ntfy).
//!
//! Pieces of any size go in, events come out. Whatever a server sends, memory stays bounded: a line that is too long
//! is skipped, one that makes no sense is counted, and of what came only the newest ids are remembered, by which a ring
//! that is repeated after a reconnection is told from a new one.

use std::collections::VecDeque;

use serde::Deserialize;

#[cfg(test)]
mod tests;

/// The longest line that is read.
pub const MAX_LINE: usize = 64 << 10;
/// The ids that are remembered.
const REMEMBERED: usize = 64;
/// The longest text that is passed on: what ntfy calls a message rather than an attachment.
const MAX_TEXT: usize = 4096;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The subscription has begun.
    Open,
    /// Nothing but that the server is still there.
    KeepAlive,
    /// A ring.
    Message(PushMessage),
}

/// A ring. Its text is a stranger's and never more than a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// The server's name for it.
    pub id: String,
    /// When the server took it, seconds since 1970.
    pub time: i64,
    /// What it says.
    pub text: String,
}

/// Reads one subscription, over all of its connections.
#[derive(Debug, Clone, Default)]
pub struct StreamReader {
    line: Vec<u8>,
    /// Whether the rest of the present line is thrown away.
    skipping: bool,
    seen: VecDeque<String>,
    last_id: Option<String>,
    /// The server's time in the newest line.
    last_time: Option<i64>,
    garbage: u64,
    oversized: u64,
}

#[derive(Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    time: i64,
    #[serde(default)]
    message: String,
}

impl StreamReader {
    /// A reader that goes on after the ring with this id.
    pub fn new(last_id: Option<String>) -> Self {
        let last_id = last_id.filter(|id| is_id(id));
        Self { seen: last_id.iter().cloned().collect(), last_id, ..Self::default() }
    }

    /// Reads on; appends what the lines that are complete by now say.
    pub fn feed(&mut self, mut bytes: &[u8], events: &mut Vec<StreamEvent>) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.end_line(events);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// Forgets half a line: the connection broke.
    pub fn reconnected(&mut self) {
        self.line.clear();
        self.skipping = false;
    }

    /// What to ask for when connecting (`since=`): what came after the last ring; before there was one, what came
    /// after the server last spoke, by its own clock; at the very first, nothing but what is new.
    pub fn since(&self) -> String {
        let time = || self.last_time.map(|time| time.to_string());
        self.last_id.clone().or_else(time).unwrap_or_else(|| "none".to_owned())
    }

    /// The id of the last ring.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Lines that made no sense.
    pub fn garbage(&self) -> u64 {
        self.garbage
    }

    /// Lines that were too long.
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.line.len() + bytes.len() > MAX_LINE {
            self.oversized += 1;
            self.skipping = true;
            self.line.clear();
            return;
        }
        self.line.extend_from_slice(bytes);
    }

    fn end_line(&mut self, events: &mut Vec<StreamEvent>) {
        let is_whole = !std::mem::take(&mut self.skipping);
        if is_whole && !self.line.trim_ascii().is_empty() {
            match serde_json::from_slice(&self.line) {
                Ok(line) => events.extend(self.understand(line)),
                Err(_) => self.garbage += 1,
            }
        }
        self.line.clear();
    }

    fn understand(&mut self, line: Line) -> Option<StreamEvent> {
        // A time that no server has would be asked for on every reconnection.
        self.last_time = Some(line.time).filter(|time| *time > 0).or(self.last_time);
        match line.event.as_str() {
            "open" => Some(StreamEvent::Open),
            "keepalive" => Some(StreamEvent::KeepAlive),
            "message" if !is_id(&line.id) => {
                self.garbage += 1;
                None
            }
            "message" => self.message(line),
            // Kinds of event that are of no use here.
            _ => None,
        }
    }

    fn message(&mut self, mut line: Line) -> Option<StreamEvent> {
        if self.seen.contains(&line.id) {
            return None;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(line.id.clone());
        self.last_id = Some(line.id.clone());
        line.message.truncate(line.message.floor_char_boundary(MAX_TEXT));
        Some(StreamEvent::Message(PushMessage { id: line.id, time: line.time, text: line.message }))
    }
}

/// An id goes into an address again, so it may have nothing in it that means something there.
fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.bytes().all(allowed)
}
