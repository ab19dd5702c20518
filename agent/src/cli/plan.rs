//! `plan`: what would be done on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::output::{Output, printable};
use super::{Place, VerbResult, backend};
use crate::platform::preview::{Preview, PreviewedStep};
use crate::shell::control::ControlRequest;
use crate::shell::files;

/// The largest fragment that is read, in bytes.
const MAX_FRAGMENT: u64 = 8 << 20;

/// Show what would change on this machine, without changing anything.
///
/// Without a file: what the profiles that are held would change, which is nothing unless somebody changed a file or a
/// program came or went. With files: what these profiles would change on top. Secret values are concealed.
/// Anyone may ask for the first; a service lets only root try profiles.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mdm-agent plan\n  mdm-agent plan --profile wifi.xml --profile vpn.xml")]
pub(super) struct Plan {
    /// A profile to try: SyncML commands as a server would send them. Can be given several times.
    #[arg(long, value_name = "FILE")]
    profile: Vec<PathBuf>,
}

impl Plan {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let fragments: anyhow::Result<Vec<String>> = self
            .profile
            .iter()
            .map(|path| {
                // The error names its cause itself.
                let content = files::read_bounded(path, MAX_FRAGMENT).map_err(|error| anyhow::anyhow!("{error}"))?;
                let content = content.with_context(|| format!("there is no file {}", path.display()))?;
                String::from_utf8(content).with_context(|| format!("{} is not UTF-8", path.display()))
            })
            .collect();
        let fragments = fragments.map_err(super::Failure::Local)?;
        let preview: Preview = backend::ask(place, ControlRequest::Plan { fragments }).await?;
        output.show(&preview, |output| describe(&preview, output))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(preview: &Preview, output: &Output) -> String {
    let mut lines = Vec::new();
    for step in &preview.steps {
        lines.extend(describe_step(step, output));
    }
    for (path, what, outcome) in &preview.drift {
        let what = format!("{path} was changed locally ({what}); {}", outcome.describe());
        lines.push(output.warning(&printable(&what)));
    }
    for (root, reason) in &preview.waiting {
        lines.push(printable(&format!("{root} waits: {reason}")));
    }
    for (root, reason) in &preview.refused {
        lines.push(output.warning(&printable(&format!("{root} cannot be in force: {reason}"))));
    }
    for (root, part) in &preview.without_effect {
        lines.push(printable(&format!("{root} has no effect on Linux: {part}")));
    }
    if preview.steps.is_empty() {
        lines.push("Nothing would change.".to_owned());
    } else {
        let told =
            if preview.told.is_empty() { String::new() } else { format!(" Then told: {}.", preview.told.join(", ")) };
        lines.push(format!("{} to change.{told}", counted(preview.steps.len(), "file")));
    }
    lines.join("\n")
}

fn describe_step(step: &PreviewedStep, output: &Output) -> Vec<String> {
    let mode = step.mode.as_ref().map_or_else(String::new, |mode| format!(" (mode {mode})"));
    let action = match step.action.as_str() {
        "put-aside" => "put aside and replace",
        "bring-back" => "bring back",
        other => other,
    };
    let mut lines = vec![output.bold(&printable(&format!("{action} {}{mode}", step.path)))];
    lines.extend(step.profiles.iter().map(|root| format!("  for {}", printable(root))));
    lines.extend(step.difference.iter().map(|line| {
        let line = format!("    {}", printable(line));
        if line.starts_with("    +") || line.starts_with("    -") { output.changed(&line) } else { line }
    }));
    lines
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
