//! `bundle`: an archive for whoever helps, without secrets.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::doctor::{Examined, describe};
use super::output::{Output, printable};
use super::{Place, VerbResult, examination};
use crate::engine::compliance::Report;
use crate::engine::redaction::Redactor;
use crate::shell::bundle::{self, ArchiveError, Content, Packed, Part};
use crate::shell::control::{ControlError, ControlRequest, ErrorCode};
use crate::shell::doctor::facts::{Known, Unknown};
use crate::shell::doctor::{self, Diagnosis, Verdict};
use crate::shell::{clock, files::FileError};

/// Make a support bundle: status, profiles, history, checks and log in one archive, without secrets.
///
/// Contents of keys, profiles and managed files are not gathered, and every secret that the agent knows is looked for in
/// what is. Root gets all of it, others what they may read.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo mdm-agent bundle --output /tmp/for-support.tar.gz")]
pub(super) struct Bundle {
    /// Where the archive goes; by default into the present directory, with the time in its name.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
    /// The agent's log, where it does not go to the journal.
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Made {
    path: PathBuf,
    files: Vec<String>,
    filter: String,
}

impl Bundle {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let now = clock::now().wall;
        let top = format!("mdm-agent-bundle-{}", crate::engine::nodes::oma_time(now));
        let path = self.output.clone().unwrap_or_else(|| PathBuf::from(format!("{top}.tar.gz")));
        let (packed, filter) = self.gather(place, now).await;
        bundle::write(&path, &top, &packed, now, self.force).map_err(|error| not_written(&error))?;
        let made = Made { path, files: packed.into_iter().map(|packed| packed.name).collect(), filter };
        output.show(&made, |output| {
            let lines = [
                format!("Written to {}: {} files.", output.bold(&made.path.display().to_string()), made.files.len()),
                printable(&format!("Secrets: {}. Look through it before you give it to anybody.", made.filter)),
            ];
            lines.join("\n")
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn gather(&self, place: &Place, now: i64) -> (Vec<Packed>, String) {
        let answers = examination::ask_all(place).await;
        let held: Known<Vec<String>> = examination::ask(place, &answers.service, ControlRequest::Secrets).await;
        let compliance: Known<Report> = examination::ask(place, &answers.service, ControlRequest::Compliance).await;
        let looked = examination::where_to_look(place);
        let checks = doctor::examine(&looked, answers.clone(), None).await;
        let found = doctor::found_files(&looked);
        let ledger = place.platform.ledger().map_err(|error| error.to_string());
        let root = place.platform.root();
        let known_files = found.as_deref().unwrap_or_default();
        let filter = match &held {
            Ok(held) => format!("{} were looked for, and private keys and passwords of proxies", held.len()),
            Err(Unknown::NotEnrolled) => "private keys and passwords of proxies were looked for".to_owned(),
            Err(unknown) => format!("those in profiles were NOT looked for ({unknown})"),
        };
        let redactor: Redactor = bundle::known(held.unwrap_or_default(), known_files, ledger.as_ref().ok(), &looked);
        let log = match &self.log_file {
            Some(path) => bundle::from_file(path),
            None => bundle::from_journal(),
        };
        let store = answers.profiles.as_ref().map(|profiles| bundle::store(profiles, known_files, &place.paths));
        let parts = vec![
            Part { name: "machine.json", content: Ok(bundle::machine(root)) },
            Part { name: "configuration.json", content: Ok(bundle::configuration(&place.configuration, &place.paths)) },
            Part { name: "status.json", content: value(&answers.status) },
            Part { name: "profiles.json", content: value(&answers.profiles) },
            Part { name: "store.json", content: store.map_err(ToString::to_string) },
            Part { name: "ledger.json", content: ledger.as_ref().map(bundle::ledger).map_err(Clone::clone) },
            Part {
                name: "history.jsonl",
                content: answers
                    .history
                    .map_err(|unknown| unknown.to_string())
                    .map(|history| Content::Lines(history.entries.iter().map(|entry| json!(entry)).collect())),
            },
            Part { name: "compliance.json", content: value(&compliance) },
            Part { name: "doctor.txt", content: Ok(Content::Text(as_text(&checks))) },
            Part { name: "doctor.json", content: Ok(Content::Json(json!(checks))) },
            Part { name: "files.txt", content: found.as_deref().map(bundle::files).map_err(ToString::to_string) },
            Part { name: "log.txt", content: log },
        ];
        (bundle::pack(parts, &redactor, &filter, now), filter)
    }
}

fn value(known: &Known<impl Serialize>) -> Result<Content, String> {
    known.as_ref().map(|value| Content::Json(json!(value))).map_err(ToString::to_string)
}

fn as_text(checks: &[Diagnosis]) -> String {
    let failed = checks.iter().filter(|diagnosis| diagnosis.finding.verdict == Verdict::Fail).count();
    describe(&Examined { failed, checks: checks.to_vec() }, &Output::plain()) + "\n"
}

fn not_written(error: &ArchiveError) -> ControlError {
    let advice = match error {
        ArchiveError::Exists(_) => "Use another name with --output, or replace it with --force.",
        ArchiveError::File(FileError { .. }) => "Use another place with --output.",
    };
    ControlError::new(ErrorCode::Failed, error.to_string()).with_advice(advice)
}
