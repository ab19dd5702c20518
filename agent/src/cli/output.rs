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
    /// Whether marks have to be letters: nobody looks, or the terminal knows no others.
    plain: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let colour = !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour, plain: !std::io::stdout().is_terminal() || !knows_all_letters() }
    }

    /// For a file: text without colours, in letters that everything shows.
    pub(super) fn plain() -> Self {
        Self { json: false, colour: false, plain: true }
    }

    /// Whether marks have to be letters.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Whether JSON was asked for.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether something can be drawn for somebody who looks at it.
    pub(super) fn is_screen(&self) -> bool {
        !self.json && std::io::stdout().is_terminal()
    }

    /// Shows a value: as JSON, or by `text`.
    pub(super) fn show(&self, value: &impl Serialize, text: impl FnOnce(&Self) -> String) -> Result<(), Failure> {
        let shown = if self.json {
            serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
        } else {
            text(self)
        };
        let mut stdout = std::io::stdout().lock();
        match writeln!(stdout, "{}", shown.trim_end()).and_then(|()| stdout.flush()) {
            // A reader that has gone away (`| head`) is not an error.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::Local(anyhow::Error::new(error).context("the answer cannot be written")))
            }
            _ => Ok(()),
        }
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

    /// A line of a difference: green where it comes, red where it goes.
    pub(super) fn changed(&self, line: &str) -> String {
        let colour = if line.trim_start().starts_with('+') { 32 } else { 31 };
        if self.colour { format!("\u{1b}[{colour}m{line}\u{1b}[0m") } else { line.to_owned() }
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
            let advice = error.advice.as_ref().map(|advice| format!("\n{}", printable(advice))).unwrap_or_default();
            writeln!(stderr, "mdm-agent: {}{advice}", printable(&error.message))
        };
        ExitCode::from(error.code.exit_code())
    }
}

/// Whether the terminal shows more than ASCII, as far as the locale says (locale(7)).
fn knows_all_letters() -> bool {
    let set =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|set| !set.is_empty()));
    let set = set.unwrap_or_default().to_ascii_lowercase();
    set.contains("utf-8") || set.contains("utf8")
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

/// Text that cannot move a terminal's cursor, change its colours or turn its direction.
pub(super) fn printable(text: &str) -> String {
    let is_harmless = |character: char| {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !turns && !character.is_control()
    };
    text.chars().map(|character| if is_harmless(character) { character } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_network_cannot_steer_the_terminal() {
        assert_eq!(printable("\u{1b}[2Jx\u{9b}31m\r\n\u{202e}y"), "\u{fffd}[2Jx\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}y");
        assert_eq!(printable("Müller & Söhne 株式会社"), "Müller & Söhne 株式会社");
    }

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let output = Output::plain();
        let rows = [vec!["wifi".to_owned(), "a\u{1b}b".to_owned()], vec!["certificate".to_owned(), "c".to_owned()]];
        let expected = "KIND         NAME\nwifi         a\u{fffd}b\ncertificate  c";
        assert_eq!(table(&output, &["KIND", "NAME"], &rows), expected);
    }
}
