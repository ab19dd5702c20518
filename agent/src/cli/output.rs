//! What people and programs see: text or JSON, colour only on a terminal, errors once and whole.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use super::Failure;
use crate::shell::control::{ControlError, ErrorCode};

/// Where a verb puts what it has to say.
pub(super) struct Output {
    json: bool,
    colour: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let colour = !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour }
    }

    /// Shows a value: as JSON, or by `text`.
    pub(super) fn show(&self, value: &impl Serialize, text: impl FnOnce(&Self) -> String) {
        let shown = if self.json {
            serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
        } else {
            text(self)
        };
        // A reader that has gone away (`| head`) is not an error.
        let _ = writeln!(std::io::stdout().lock(), "{}", shown.trim_end());
    }

    /// A remark on the way, for people only.
    pub(super) fn remark(&self, text: &str) {
        if !self.json {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn warning(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[33m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Shows a failure and gives its exit code.
    pub(super) fn failure(&self, failure: &Failure) -> ExitCode {
        let error = match failure {
            Failure::Control(error) => error.clone(),
            Failure::Local(error) => ControlError::new(ErrorCode::Failed, format!("{error:#}")),
        };
        let mut stderr = std::io::stderr().lock();
        let _ = if self.json {
            writeln!(stderr, "{}", serde_json::json!({ "error": error }))
        } else {
            let advice = error.advice.as_ref().map(|advice| format!("\n{advice}")).unwrap_or_default();
            writeln!(stderr, "mdm-agent: {}{advice}", error.message)
        };
        ExitCode::from(error.code.exit_code())
    }
}

/// A table with aligned columns; text from the network is stripped of control characters.
pub(super) fn table(output: &Output, header: &[&str], rows: &[Vec<String>]) -> String {
    let clean: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = clean.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![output.bold(&line(&mut header.iter().copied()))];
    lines.extend(clean.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// Text that cannot move a terminal's cursor or change its colours.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
