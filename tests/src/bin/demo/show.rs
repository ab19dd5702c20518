//! What the demo prints: steps, details, the two processes' own lines, tables.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mdm_tests::agent::AgentFolder;
use mdm_tests::machine_root;
use mdm_tests::processes::{LineSink, wait_until};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

pub(crate) fn say(text: &str) {
    println!("\n\u{25b8} {text}");
    let _ = std::io::stdout().flush();
}

pub(crate) fn detail(text: &str) {
    println!("    {text}");
}

/// The lines of both processes, as they come.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(Instant, String)>>>);

impl Log {
    /// Shows what a process logs, without the time, which is now.
    pub(crate) fn of(&self, who: &'static str) -> LineSink {
        let lines = Arc::clone(&self.0);
        Arc::new(move |line| {
            let text = line.split_once("INFO ").map_or(line, |(_, text)| text);
            if let Ok(mut lines) = lines.lock() {
                lines.push((Instant::now(), text.to_owned()));
            }
            if !text.starts_with('{') {
                println!("    {who:>6} \u{2502} {}", text.trim());
            }
        })
    }

    /// When a line with all of these words came after a moment; waits for it.
    pub(crate) fn when(&self, after: Instant, words: &[&str]) -> anyhow::Result<Instant> {
        wait_until(Duration::from_secs(20), || {
            let lines = self.0.lock().map_err(|_| anyhow::anyhow!("the log is lost"))?;
            let found = lines.iter().find(|(at, line)| *at >= after && words.iter().all(|word| line.contains(word)));
            Ok(found.map(|(at, _)| *at))
        })
    }
}

/// The folder that stands for the machine, as it was and as it was seen last.
pub(crate) struct Machine {
    root: PathBuf,
    bare: BTreeMap<String, String>,
    seen: Mutex<BTreeMap<String, String>>,
}

impl Machine {
    pub(crate) fn new(agent: &AgentFolder) -> Self {
        let bare = machine_root::tree(&agent.root);
        Self { root: agent.root.clone(), seen: Mutex::new(bare.clone()), bare }
    }

    /// Shows which files came, were overwritten and went since the last look.
    pub(crate) fn show_changes(&self) -> anyhow::Result<()> {
        let now = machine_root::tree(&self.root);
        let mut seen = self.seen.lock().map_err(|_| anyhow::anyhow!("what was seen is lost"))?;
        let files = |tree: &BTreeMap<String, String>| -> Vec<String> {
            tree.keys().filter(|path| !path.ends_with('/')).cloned().collect()
        };
        for path in files(&now) {
            match seen.get(&path) {
                None => detail(&format!("+ /{path}")),
                Some(before) if *before != now[&path] => detail(&format!("~ /{path}")),
                Some(_) => {}
            }
        }
        files(&seen).iter().filter(|path| !now.contains_key(*path)).for_each(|path| detail(&format!("- /{path}")));
        *seen = now;
        Ok(())
    }

    pub(crate) fn is_as_it_was(&self) -> bool {
        machine_root::tree(&self.root) == self.bare
    }
}

pub(crate) fn table(held: &Value) -> String {
    let header = ["KIND", "NAME", "AUTHORITY", "IN FORCE", "KEPT UNTIL"].map(str::to_owned);
    let mut rows = vec![header];
    for row in held.as_array().into_iter().flatten() {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let moment = |name: &str| moment(row[name].as_i64().unwrap_or_default());
        let redundant = if row["redundant"] == true { " (redundant)" } else { "" };
        let authority = format!("{}{redundant}", text("authority"));
        let in_force = if row["not_in_force"].is_null() { "yes".to_owned() } else { "no".to_owned() };
        rows.push([text("kind"), shorten(&text("name")), authority, in_force, moment("kept_until")]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn shorten(name: &str) -> String {
    const LONGEST: usize = 40;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['\u{2026}']).collect()
}

fn moment(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(format).unwrap_or_default()
}
