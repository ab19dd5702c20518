//! The life of one device in words, for a replay. Without a reader nothing is written.

use super::time::{Moment, clock_text};

/// The life of one device, line by line, or nothing.
#[derive(Debug, Default)]
pub struct Diary(Option<Vec<String>>);

impl Diary {
    /// One that is written.
    pub fn written() -> Self {
        Self(Some(Vec::new()))
    }

    /// Writes a line if it is written at all.
    pub fn note(&mut self, at: Moment, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.0 {
            lines.push(format!("{}  {}", clock_text(at), line()));
        }
    }

    /// What was written.
    pub fn into_lines(self) -> Vec<String> {
        self.0.unwrap_or_default()
    }
}
