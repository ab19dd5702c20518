//! `check-compliance`: is this machine as its rules want it, and if not, why, and what helps.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::output::{Output, printable, table};
use super::time::distance;
use super::{Place, VerbResult, backend};
use crate::engine::compliance::{Report, State, Verdict};
use crate::engine::progress::SessionRecord;
use crate::engine::report;
use crate::shell::control::{ControlError, ControlRequest, ErrorCode, client};

/// How often a person at a terminal is told what goes on.
const GLANCE: Duration = Duration::from_millis(250);
/// The longest cell of the table, in characters; the whole of it is below the table, or in the JSON.
const CELL: usize = 40;

/// Check whether this machine complies with its rules, and report to the server.
///
/// Checks in first, so that the rules are the present ones. Without a network the rules that are known are evaluated all
/// the same. Any user may do it.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 compliant, 3 not enrolled, 4 not compliant (or a rule cannot be told), 5 evaluated, but the server cannot be reached.\n\nExample:\n  mdm-agent check-compliance"
)]
pub(super) struct CheckCompliance {
    /// Only show what the last check found.
    #[arg(long)]
    last: bool,
}

/// What the daemon answers.
#[derive(Debug, Serialize, Deserialize)]
struct Checked {
    report: Report,
    session: Option<SessionRecord>,
    reported: bool,
}

impl CheckCompliance {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let checked = if self.last {
            let report: Report = backend::ask(place, ControlRequest::Compliance).await?;
            if report.checked_at == 0 {
                let error = ControlError::new(ErrorCode::Failed, "nothing was checked yet");
                return Err(error.with_advice("Check now: mdm-agent check-compliance").into());
            }
            Checked { report, session: None, reported: true }
        } else {
            check(place, output).await?
        };
        output.show(&checked, |output| describe(&checked, output))?;
        let reached = checked.session.as_ref().is_none_or(|session| session.completed);
        Ok(match checked.report.overall {
            _ if !reached => ExitCode::from(ErrorCode::Unreachable.exit_code()),
            State::Compliant | State::InGrace { .. } => ExitCode::SUCCESS,
            State::NotCompliant | State::CannotTell => ExitCode::from(ErrorCode::NotCompliant.exit_code()),
        })
    }
}

/// Asks, and says meanwhile how far it got.
async fn check(place: &Place, output: &Output) -> Result<Checked, super::Failure> {
    let answer = backend::ask(place, ControlRequest::CheckCompliance);
    tokio::pin!(answer);
    let mut said = String::new();
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            () = tokio::time::sleep(GLANCE) => {
                if let Some(activity) = activity(place).await.filter(|activity| *activity != said) {
                    if std::io::stderr().is_terminal() {
                        output.remark(&format!("… {activity}"));
                    }
                    said = activity;
                }
            }
        }
    }
}

/// What the daemon does, where there is one.
async fn activity(place: &Place) -> Option<String> {
    let stream = client::connect(&place.paths.socket()).await?;
    let status = client::ask(stream, &ControlRequest::Status).await.ok()?;
    let status: report::Status = serde_json::from_value(status).ok()?;
    Some(status.activity).filter(|activity| activity != "idle")
}

fn describe(checked: &Checked, output: &Output) -> String {
    let report = &checked.report;
    if report.verdicts.is_empty() {
        let unheard = checked.session.as_ref().filter(|session| !session.completed);
        let hint = unheard.map(|session| format!("\n{}", not_reached(session, output))).unwrap_or_default();
        return format!("There are no rules for this machine.{hint}");
    }
    let rows: Vec<Vec<String>> = report
        .verdicts
        .iter()
        .map(|verdict| {
            let state = verdict.state.as_str().to_owned();
            vec![verdict.title.clone(), state, short(&verdict.expected), short(&verdict.actual)]
        })
        .collect();
    let mut lines = vec![table(output, &["RULE", "STATE", "EXPECTED", "ACTUAL"], &rows)];
    let broken = report.verdicts.iter().filter(|verdict| verdict.state != State::Compliant);
    lines.extend(broken.map(|verdict| explain(verdict, output)));
    lines.push(String::new());
    lines.push(conclusion(checked, output));
    if let Some(session) = checked.session.as_ref().filter(|session| !session.completed) {
        lines.push(not_reached(session, output));
    }
    lines.join("\n")
}

/// What is wrong with one rule, what shows it, and what helps.
fn explain(verdict: &Verdict, output: &Output) -> String {
    let until = match verdict.state {
        State::InGrace { until } => format!("; it counts {}", distance(until)),
        _ => String::new(),
    };
    let head =
        format!("{}: {} since {}{until}", verdict.title, verdict.state.as_str(), super::time::moment(verdict.since));
    let mut lines = vec![String::new(), output.warning(&printable(&head))];
    let mut line = |label: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("  {label:<9} {}", printable(text)));
        }
    };
    line("expected", &verdict.expected);
    line("actual", &verdict.actual);
    line("shown by", &verdict.evidence);
    line("fix", &verdict.fix);
    lines.join("\n")
}

fn conclusion(checked: &Checked, output: &Output) -> String {
    let report = &checked.report;
    let known = if checked.reported { "the server knows" } else { "the server does not know yet" };
    let age = format!("checked {}; {known}", distance(report.checked_at));
    match report.overall {
        State::Compliant => output.bold(&format!("This machine complies ({age}).")),
        State::InGrace { until } => {
            output.warning(&format!("This machine complies until {} ({age}).", super::time::moment(until)))
        }
        State::CannotTell => output.warning(&format!("Whether this machine complies cannot be told ({age}).")),
        State::NotCompliant => output.warning(&format!("This machine does not comply ({age}).")),
    }
}

fn not_reached(session: &SessionRecord, output: &Output) -> String {
    let text = format!("The server was not reached: {}. The rules are those of the last check-in.", session.detail);
    output.warning(&printable(&text))
}

fn short(text: &str) -> String {
    if text.chars().count() <= CELL {
        return text.to_owned();
    }
    text.chars().take(CELL - 1).chain(['…']).collect()
}
