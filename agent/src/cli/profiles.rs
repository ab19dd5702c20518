//! `profiles`: what the server has assigned.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{Output, printable, table};
use super::time::{distance, moment};
use super::{Place, VerbResult, backend};
use crate::engine::report::{AS_BEFORE, Explanation, ProfileDetail, ProfileView, WAITING};
use crate::shell::control::ControlRequest;

/// Show the profiles that this machine holds.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mdm-agent profiles list\n  mdm-agent profiles show Corp --kind wifi")]
pub(super) struct Profiles {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All profiles, in a table.
    #[command(after_help = "Example:\n  mdm-agent profiles list --json")]
    List,
    /// One profile with its nodes.
    #[command(after_help = "Example:\n  mdm-agent profiles show Corp --kind wifi")]
    Show {
        /// The profile's name, or the beginning of it.
        name: String,
        /// Look among profiles of this kind only.
        #[arg(long, value_parser = ["email", "vpn", "wifi", "certificate", "configuration"])]
        kind: Option<String>,
        /// Show secret values too; for root.
        #[arg(long)]
        reveal: bool,
    },
    /// Why one profile is here, or is not any more: who owns it, what brought it, when and why it goes.
    #[command(after_help = "Example:\n  mdm-agent profiles why Corp --kind wifi")]
    Why {
        /// The profile's name, or the beginning of it.
        name: String,
        /// Look among profiles of this kind only.
        #[arg(long, value_parser = ["email", "vpn", "wifi", "certificate", "configuration"])]
        kind: Option<String>,
    },
}

impl Profiles {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        match self.what {
            None | Some(What::List) => {
                let profiles: Vec<ProfileView> = backend::ask(place, ControlRequest::Profiles).await?;
                output.show(&profiles, |output| list(&profiles, output))?;
            }
            Some(What::Show { name, kind, reveal }) => {
                let request = ControlRequest::Profile { kind, name, reveal };
                let profile: ProfileDetail = backend::ask(place, request).await?;
                output.show(&profile, |output| show(&profile, output))?;
            }
            Some(What::Why { name, kind }) => {
                let explanation: Explanation = backend::ask(place, ControlRequest::Why { kind, name }).await?;
                output.show(&explanation, |output| why(&explanation, output))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(profiles: &[ProfileView], output: &Output) -> String {
    if profiles.is_empty() {
        return "No profiles.".to_owned();
    }
    let mut sorted: Vec<&ProfileView> = profiles.iter().collect();
    sorted.sort_by_key(|profile| (&profile.kind, &profile.name));
    let rows: Vec<Vec<String>> = sorted
        .iter()
        .map(|profile| {
            vec![
                profile.kind.clone(),
                profile.name.clone(),
                profile.summary.clone(),
                if profile.redundant {
                    format!("{} (redundant)", profile.authority)
                } else {
                    profile.authority.clone()
                },
                in_force(profile),
                moment(profile.received),
                kept_until(profile),
            ]
        })
        .collect();
    table(output, &["KIND", "NAME", "WHAT", "AUTHORITY", "IN FORCE", "RECEIVED", "KEPT UNTIL"], &rows)
}

fn why(explanation: &Explanation, output: &Output) -> String {
    let mut lines = Vec::new();
    if let Some(view) = &explanation.profile {
        lines.push(output.bold(&printable(&format!("{} {}", view.kind, view.name))));
        let mut line = |label: &str, text: &str| lines.push(format!("  {label:<12} {}", printable(text)));
        let redundant = if view.redundant { ", which no longer manages this device" } else { "" };
        line("Owner", &format!("{}{redundant}", view.authority));
        let session = explanation.session.map_or_else(String::new, |session| format!(", in session {session}"));
        line("Received", &format!("{}{session}", moment(view.received)));
        line("Confirmed", &format!("{} ({})", moment(view.confirmed), distance(view.confirmed)));
        line("Kept until", &kept_until(view));
        view.refused_change.iter().for_each(|reason| line("Change", reason));
    }
    if let Some(gone) = &explanation.removed {
        lines.push(output.bold(&printable(&format!("{} {}", gone.kind, gone.name))));
        let mut line = |label: &str, text: &str| lines.push(format!("  {label:<12} {}", printable(text)));
        line("Owner", &gone.authority);
        line("Removed", &format!("{} ({})", moment(gone.removed), distance(gone.removed)));
    }
    lines.push(format!("  {}", printable(&explanation.reason)));
    lines.join("\n")
}

/// Whether a profile is in force, in a word.
fn in_force(profile: &ProfileView) -> String {
    match profile.not_in_force.as_deref() {
        None if profile.refused_change.is_some() => "yes; change refused",
        None => "yes",
        Some(reason) if reason.starts_with(AS_BEFORE) => "as before",
        Some(reason) if reason.starts_with(WAITING) => "waiting",
        Some(reason) if reason.starts_with("refused ") => "refused",
        Some(_) => "no",
    }
    .to_owned()
}

/// Until when a profile stays.
fn kept_until(profile: &ProfileView) -> String {
    profile.kept_until.map_or_else(
        || "its authority deletes it".to_owned(),
        |until| format!("{} ({})", moment(until), distance(until)),
    )
}

fn show(profile: &ProfileDetail, output: &Output) -> String {
    let view = &profile.view;
    let mut lines = vec![output.bold(&printable(&format!("{} {}", view.kind, view.name)))];
    let mut line = |label: &str, text: &str| lines.push(format!("  {label:<12} {}", printable(text)));
    line("What", &view.summary);
    line("For", &view.scope);
    line("Address", &view.address);
    line("Authority", &view.authority);
    line("In force", view.not_in_force.as_deref().unwrap_or("yes"));
    view.refused_change.iter().for_each(|reason| line("Change", reason));
    view.files.iter().for_each(|path| line("File", path));
    view.without_effect.iter().for_each(|part| line("No effect", part));
    line("Received", &moment(view.received));
    line("Confirmed", &moment(view.confirmed));
    line("Kept until", &kept_until(view));
    line("Content", &view.content_hash);
    lines.push("  Nodes".to_owned());
    for (path, format, value) in &profile.nodes {
        let path = if path.is_empty() { "." } else { path };
        lines.push(format!("    {} ({format}): {}", printable(path), printable(value)));
    }
    lines.join("\n")
}
