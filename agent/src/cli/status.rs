//! `status`: how things stand.

use std::process::ExitCode;

use clap::Args;

use super::output::{Output, printable};
use super::time::{distance_from, moment, span};
use super::{Place, VerbResult, backend, watch};
use crate::engine::application::DriftOutcome;
use crate::engine::compliance::State;
use crate::engine::report::{self, AccountStatus};
use crate::shell::clock;
use crate::shell::control::{ControlRequest, ErrorCode};

/// What is left of a profile's time when its end is no longer told in passing, in seconds.
const WARNING_SECONDS: i64 = 24 * 3600;
/// Deviations of clocks that are not worth a word, in seconds.
const CLOCK_TOLERANCE: i64 = 300;

/// What is said where nothing of an enrollment is.
const NOT_ENROLLED: &str = "Not enrolled. Enroll with: mdm-agent enroll --server URL --user NAME";

/// Show who manages this machine and how the last check-in went.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mdm-agent status --watch")]
pub(super) struct Status {
    /// Go on showing it, with the last events, until Ctrl-C. Where nobody looks, a line or block for each change.
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        if self.watch {
            return watch::run(place, output).await;
        }
        let status: report::Status = backend::ask(place, ControlRequest::Status).await?;
        output.show(&status, |output| describe(&status, output, clock::now().wall))?;
        let not_enrolled = ErrorCode::NotEnrolled.exit_code();
        Ok(if status.account.is_some() { ExitCode::SUCCESS } else { ExitCode::from(not_enrolled) })
    }
}

/// Everything, as it is at a moment.
pub(super) fn describe(status: &report::Status, output: &Output, now: i64) -> String {
    let distance = |seconds| distance_from(seconds, now);
    let Some(account) = &status.account else {
        return if status.unenrollment_unfinished { unfinished(status, output) } else { NOT_ENROLLED.to_owned() };
    };
    let mut lines = account_lines(account, output, now);
    let mut line = |label: &str, text: String| lines.push(format!("{label:<14} {text}"));
    match &status.last_session {
        Some(session) => {
            let outcome =
                if session.completed { "completed".to_owned() } else { output.warning(&printable(&session.detail)) };
            line("Last check-in", format!("{} ({}): {outcome}", moment(session.ended), distance(session.ended)));
            if let Some(advice) = &session.advice {
                line("", printable(advice));
            }
        }
        None => line("Last check-in", "none yet".to_owned()),
    }
    if let Some((when, reason)) = &status.next_check_in {
        line("Next check-in", format!("{} ({}), {reason}", moment(*when), distance(*when)));
    }
    if let Some(moving) = &status.moving {
        let tried = match moving.failures {
            0 => String::new(),
            1 => "; one attempt failed, both authorities are tried in turn".to_owned(),
            failures => format!("; {failures} attempts failed, both authorities are tried in turn"),
        };
        let text = printable(&format!(
            "{} at {} takes over (heard {}){tried}",
            moving.name,
            moving.address,
            distance(moving.heard)
        ));
        line("Moving", if moving.failures > 0 { output.warning(&text) } else { text });
    }
    line("Push", status.push.clone());
    if let Some(first) = status.first_removal {
        let text = format!("kept until {} ({}) if no check-in is completed", moment(first), distance(first));
        line("Profiles", if first - now < WARNING_SECONDS { output.warning(&text) } else { text });
    }
    if let Some(at) = status.contact_lost_at {
        let text = format!("ends {} ({}) if no check-in is completed", moment(at), distance(at));
        line("Enrollment", if at - now < WARNING_SECONDS { output.warning(&text) } else { text });
    }
    if !status.help.is_empty() {
        line("Help", printable(&status.help.join(", ")));
    }
    lines.extend(machine_lines(status, output, now));
    let mut line = |label: &str, text: String| lines.push(format!("{label:<14} {text}"));
    if status.failures > 0 {
        line("Failures", format!("{} in a row", status.failures));
    }
    if let Some(problem) = &status.store_problem {
        line("Store", output.warning(&printable(problem)));
    }
    lines.extend(warnings(status).iter().map(|text| output.warning(text)));
    lines.join("\n")
}

/// What is left of an enrollment that has ended.
fn unfinished(status: &report::Status, output: &Output) -> String {
    let mut lines = vec![
        "Not enrolled.".to_owned(),
        output
            .warning("Files of the last enrollment are still on this machine. To remove them: sudo mdm-agent unenroll"),
    ];
    lines.extend(status.left_behind.iter().map(|file| format!("  {}", printable(file))));
    lines.join("\n")
}

/// What is so on the machine itself: rules, locks, orders, files.
fn machine_lines(status: &report::Status, output: &Output, now: i64) -> Vec<String> {
    let distance = |seconds| distance_from(seconds, now);
    let mut lines = Vec::new();
    let mut line = |label: &str, text: String| lines.push(format!("{label:<14} {text}"));
    if let Some((overall, when)) = &status.compliance {
        let text =
            format!("{} (checked {}; more: mdm-agent check-compliance --last)", overall.as_str(), distance(*when));
        line("Compliance", if *overall == State::Compliant { text } else { output.warning(&text) });
    }
    if let Some(since) = status.locked_since {
        line("Locked", output.warning(&format!("by its administrator since {}", moment(since))));
    }
    for order in status.orders.iter().filter(|order| order.state != "done") {
        line("Ordered", output.warning(&printable(&format!("{} ({}): {}", order.kind, order.state, order.detail))));
    }
    for (address, reason) in &status.not_in_force {
        line("Not in force", output.warning(&printable(&format!("{address}: {reason}"))));
    }
    for (path, what, outcome) in &status.drift {
        let label = if *outcome == DriftOutcome::LeftAlone { "Left alone" } else { "Put back" };
        line(label, printable(&format!("{path} ({what} locally; found at the last check-in that found any)")));
    }
    lines
}

/// What takes a person to mend.
fn warnings(status: &report::Status) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |there: bool, text: &str| warnings.extend(there.then(|| text.to_owned()));
    warn(
        status.expired,
        "The certificate is over: ask the administrator for a recovery token, then: mdm-agent recover --token-file FILE",
    );
    warn(
        status.cloned,
        "This machine is a copy of another one and does not check in. Enrol it on its own: mdm-agent unenroll, then \
         mdm-agent enroll",
    );
    let ends = status.account.as_ref().and_then(|account| account.certificate_ends).map(moment);
    warn(
        status.renewal_keeps_failing(),
        &format!(
            "The certificate could not be renewed {} times in a row and expires on {}. The reason: mdm-agent history. \
             Ask the administrator of the server.",
            status.renewal_failures,
            ends.unwrap_or_else(|| "an unknown date".to_owned())
        ),
    );
    let skew = status.clock_skew.unwrap_or(0);
    warn(
        skew.abs() > CLOCK_TOLERANCE,
        &format!("The server's clock and this machine's differ by {skew} s; check this machine's clock."),
    );
    if let Some(seconds) = status.clock_doubted {
        let text = format!(
            "This machine's clock claims {} during which it was off, and nothing has confirmed that yet; until a server, \
             a time service or an hour of running does, no profile is removed because of it.",
            span(seconds)
        );
        warn(true, &text);
    }
    warn(
        status.unknown_device,
        "The server refuses this device again and again; it may have been removed there. Ask the administrator, or \
         enrol again.",
    );
    warnings
}

fn account_lines(account: &AccountStatus, output: &Output, now: i64) -> Vec<String> {
    let distance = |seconds| distance_from(seconds, now);
    let name = if account.name.is_empty() { &account.provider_id } else { &account.name };
    let mut lines = vec![format!("{:<14} {}", "Managed by", output.bold(&printable(name)))];
    let mut line = |label: &str, text: &str| lines.push(format!("{label:<14} {}", printable(text)));
    line("Authority", &account.authority);
    line("Server", &account.server);
    line("Device", &account.device_id);
    line("User", account.user.as_deref().unwrap_or("none"));
    line("Enrolled", &format!("{} ({})", moment(account.enrolled_at), distance(account.enrolled_at)));
    if let Some(ends) = account.certificate_ends {
        line("Certificate", &format!("valid until {} ({})", moment(ends), distance(ends)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_that_fails_again_and_again_is_a_warning_that_names_the_end() {
        let mut status: report::Status = serde_json::from_value(serde_json::json!({
            "version": "1", "activity": "idle", "failures": 0, "unknown_device": false,
            "account": {
                "provider_id": "Contoso", "name": "", "authority": "Contoso", "server": "https://mdm.example.org/",
                "device_id": "D", "user": null, "enrolled_at": 0, "certificate_ends": 86_400,
            },
        }))
        .unwrap();
        status.renewal_failures = 1;
        assert_eq!(warnings(&status), Vec::<String>::new());
        status.renewal_failures = 3;
        let [warning] = &warnings(&status)[..] else { panic!("one warning is due") };
        assert!(warning.contains("3 times in a row") && warning.contains(&moment(86_400)), "{warning}");
    }
}
