//! The terminal while a screen is shown on it: its other screen, without a cursor, given back as it was however the
//! program ends.

use std::io::{self, Write as _};

/// The other screen, no cursor, no wrapping.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l";
/// All of that undone.
const LEAVE: &str = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
const HOME: &str = "\u{1b}[H";
const REST_OF_LINE: &str = "\u{1b}[K";
const REST_OF_SCREEN: &str = "\u{1b}[J";
/// The size of a terminal that does not say.
const USUAL: (usize, usize) = (80, 24);

/// A terminal with something drawn on it.
#[derive(Debug)]
pub(super) struct Terminal {
    drawn: Vec<String>,
}

impl Terminal {
    /// Takes the terminal.
    pub(super) fn enter() -> io::Result<Self> {
        write(ENTER)?;
        Ok(Self { drawn: Vec::new() })
    }

    /// Columns and lines.
    pub(super) fn size() -> (usize, usize) {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or(USUAL, |size| (usize::from(size.ws_col), usize::from(size.ws_row)))
    }

    /// Draws everything anew next time: the terminal has moved what was there.
    pub(super) fn forget(&mut self) {
        self.drawn.clear();
    }

    /// Draws over what is there, if it is something else.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        if self.drawn == lines {
            return Ok(());
        }
        self.drawn = lines.to_vec();
        // Cleared before it is written: behind a full line the cursor is still on its last character.
        let text = lines.iter().map(|line| format!("{REST_OF_LINE}{line}")).collect::<Vec<_>>().join("\r\n");
        let (_, height) = Self::size();
        let rest = if lines.len() < height { format!("\r\n{REST_OF_SCREEN}") } else { String::new() };
        write(&format!("{HOME}{text}{rest}"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = write(LEAVE);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}
