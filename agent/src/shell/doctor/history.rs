//! Whether the history is as the agent wrote it.

use super::facts::Facts;
use super::{Check, Finding};

pub(super) const CHECK: Check = Check { name: "history", meaning: "nobody changed the history", judge };

fn judge(facts: &Facts) -> Finding {
    let history = match &facts.answers.history {
        Ok(history) => history,
        Err(unknown) => return Finding::unknown(unknown),
    };
    match (history.changed_at, history.damaged_lines) {
        (Some(sequence), _) => Finding::fail(
            format!("it was changed at entry {sequence}, or just before it"),
            "Somebody with the rights of root edited it. Keep a copy, and find out who.",
        ),
        (None, 0) => Finding::pass("its chain holds"),
        (None, damaged) => Finding::warn(
            format!("{damaged} lines are damaged"),
            "Check the disk if nobody edited it; the rest is as it was written.",
        ),
    }
}
