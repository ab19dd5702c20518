//! Messages as ntfy writes them in JSON.

use serde::{Deserialize, Serialize};

/// What an object in a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The stream has begun.
    Open,
    /// The stream is still there.
    Keepalive,
    /// A message.
    Message,
}

/// An object in a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its id: 12 letters and digits.
    pub id: String,
    /// When it was published, in seconds since 1970.
    pub time: i64,
    /// Until when it is kept, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// What it is.
    pub event: Event,
    /// The topic; for an opening, all topics that were asked for.
    pub topic: String,
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The priority, 1 to 5, unless it is 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// A message to be published, also in the form of ntfy's JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Draft {
    /// The topic.
    pub topic: String,
    /// The text; `triggered` if there is none.
    #[serde(default)]
    pub message: String,
    /// The title.
    #[serde(default)]
    pub title: Option<String>,
    /// The priority, 1 to 5.
    #[serde(default)]
    pub priority: Option<u8>,
    /// The tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether it is not kept for those who come late.
    #[serde(skip)]
    pub fleeting: bool,
}

impl Message {
    /// An object that is no message.
    pub fn event(event: Event, id: String, topic: &str, now: i64) -> Self {
        Self {
            id,
            time: now,
            expires: None,
            event,
            topic: topic.to_owned(),
            title: None,
            message: None,
            priority: None,
            tags: Vec::new(),
        }
    }

    /// The object as one line of JSON.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("a message is plain data");
        line.push('\n');
        line
    }
}
