//! `history`: what happened to this machine's management.

use std::process::ExitCode;

use clap::Args;

use super::output::{Output, printable, table};
use super::time::moment;
use super::{Place, VerbResult, backend};
use crate::engine::history::Entry;
use crate::engine::report::HistoryView;
use crate::shell::control::ControlRequest;

/// Show what happened: check-ins, renewals, changes of authority, profiles that came and went, and why.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mdm-agent history --limit 50")]
pub(super) struct History {
    /// How many of the newest entries.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

impl History {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let history: HistoryView = backend::ask(place, ControlRequest::History { limit: self.limit }).await?;
        output.show(&history, |output| describe(&history, output))?;
        Ok(if history.changed_at.is_some() || history.damaged_lines > 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn describe(history: &HistoryView, output: &Output) -> String {
    let rows: Vec<Vec<String>> = history
        .entries
        .iter()
        .map(|entry| vec![entry.sequence.to_string(), moment(entry.time), entry.what.clone(), particulars(entry)])
        .collect();
    let mut lines = vec![match rows.is_empty() {
        true => "Nothing happened yet.".to_owned(),
        false => table(output, &["ENTRY", "WHEN", "WHAT", "PARTICULARS"], &rows),
    }];
    if let Some(sequence) = history.changed_at {
        lines.push(output.warning(&format!("The history was changed at entry {sequence}, or just before it.")));
    }
    if history.damaged_lines > 0 {
        lines.push(output.warning(&format!("{} lines of the history are damaged.", history.damaged_lines)));
    }
    lines.join("\n")
}

fn particulars(entry: &Entry) -> String {
    let pairs = entry.detail.iter().filter(|(_, value)| !value.is_empty());
    printable(&pairs.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", "))
}
