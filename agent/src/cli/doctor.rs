//! `doctor`: what is wrong, and what to do about it.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::output::{Output, printable};
use super::{Place, VerbResult, examination};
use crate::shell::control::{ControlError, ErrorCode};
use crate::shell::doctor::{CHECKS, Diagnosis, Verdict};

/// The widest name of a check, in characters.
const NAME: usize = 18;

/// Find out what is wrong between this machine and its server, and what to do about it.
///
/// Looks at the service, the clock, the network, certificates, the store, files and profiles. Changes nothing. Works
/// with and without the service; what only root can see is skipped for others.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing failed, 1 a check failed.\n\nExample:\n  sudo mdm-agent doctor --check server-certificate"
)]
pub(super) struct Doctor {
    /// Run only this check.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(names()))]
    check: Option<String>,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Examined {
    /// How many checks failed.
    pub(super) failed: usize,
    /// What each of them found.
    pub(super) checks: Vec<Diagnosis>,
}

impl Doctor {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let checks = examination::examine(place, self.check.as_deref()).await;
        let examined = Examined { failed: count(&checks, Verdict::Fail), checks };
        if examined.checks.is_empty() {
            return Err(ControlError::new(ErrorCode::Usage, "there is no such check").into());
        }
        output.show(&examined, |output| describe(&examined, output))?;
        Ok(if examined.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.name).collect()
}

fn count(checks: &[Diagnosis], verdict: Verdict) -> usize {
    checks.iter().filter(|diagnosis| diagnosis.finding.verdict == verdict).count()
}

/// All findings as lines, each with what to do about it below.
pub(super) fn describe(examined: &Examined, output: &Output) -> String {
    let mut lines = Vec::new();
    for Diagnosis { check, finding, .. } in &examined.checks {
        let mark = mark(finding.verdict, output.is_plain());
        let line = printable(&format!("{mark} {check:<NAME$} {}", finding.message));
        let is_wrong = matches!(finding.verdict, Verdict::Warn | Verdict::Fail);
        lines.push(if is_wrong { output.warning(&line) } else { line });
        let advice = finding.advice.iter().filter(|_| is_wrong);
        lines.extend(
            advice
                .map(|advice| format!("{:width$} {}", "", printable(advice), width = NAME + 1 + mark.chars().count())),
        );
    }
    lines.push(String::new());
    lines.push(conclusion(&examined.checks, output));
    lines.join("\n")
}

fn conclusion(checks: &[Diagnosis], output: &Output) -> String {
    let [failed, warned, skipped] =
        [Verdict::Fail, Verdict::Warn, Verdict::Skipped].map(|verdict| count(checks, verdict));
    let needs_root = checks.iter().any(|diagnosis| diagnosis.finding.message == "needs root");
    let hint = if needs_root { "; with sudo more can be seen" } else { "" };
    let counts = format!("{failed} failed, {warned} to know, {skipped} skipped, of {}{hint}.", checks.len());
    if failed > 0 { output.warning(&counts) } else { output.bold(&counts) }
}

fn mark(verdict: Verdict, is_plain: bool) -> &'static str {
    match (verdict, is_plain) {
        (Verdict::Pass, false) => "✓",
        (Verdict::Warn, false) => "!",
        (Verdict::Fail, false) => "✗",
        (Verdict::Skipped, false) => "–",
        (Verdict::Pass, true) => "pass",
        (Verdict::Warn, true) => "warn",
        (Verdict::Fail, true) => "FAIL",
        (Verdict::Skipped, true) => "skip",
    }
}
