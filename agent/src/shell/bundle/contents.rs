//! What goes into a bundle beside what the agent itself answers: each field is chosen, nothing is copied whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Content;
use crate::engine::report::ProfileView;
use crate::platform::ledger::{Ledger, Standing};
use crate::shell::config::Configuration;
use crate::shell::doctor::facts::Found;
use crate::shell::facts::{self, Sessions};
use crate::shell::paths::Paths;
use crate::shell::{clock, files as disk};

/// The fields of os-release that are told.
const OS_FIELDS: &[&str] = &["ID", "ID_LIKE", "NAME", "VERSION_ID", "VERSION_CODENAME", "PRETTY_NAME", "VARIANT_ID"];
const SMALL_FILE: u64 = 64 << 10;

/// The machine: distribution, kernel, resources. No name, no serial number, no address of hardware.
pub fn machine(root: &std::path::Path) -> Content {
    let gathered = facts::gather(Sessions::Untracked);
    let release = ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| {
        let content = disk::read_bounded(&root.join(path), SMALL_FILE).ok()??;
        Some(String::from_utf8_lossy(&content).into_owned())
    });
    let field = |name: &str| {
        let line = release.as_ref()?.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    let os: BTreeMap<&str, String> = OS_FIELDS.iter().filter_map(|name| Some((*name, field(name)?))).collect();
    Content::Json(json!({
        "os": os,
        "kernel": gathered.kernel,
        "architecture": gathered.architecture,
        "manufacturer": gathered.manufacturer,
        "model": gathered.model,
        "firmware": gathered.firmware,
        "memory_mb": gathered.memory_mb,
        "storage_mb": gathered.storage_mb,
        "free_storage_mb": gathered.free_storage_mb,
        "up_seconds": clock::now().boot_ms / 1000,
        "systemd": std::path::Path::new("/run/systemd/system").exists(),
    }))
}

/// Every setting in effect and where it comes from, as `config show` has it: addresses without credentials.
pub fn configuration(configuration: &Configuration, paths: &Paths) -> Content {
    let settings = configuration.settings().map(|(name, setting)| {
        let told = json!({ "value": configuration.shown(name), "from": setting.origin.to_string() });
        (name.to_owned(), told)
    });
    let proxy = match configuration.live().proxy {
        Ok(settings) => settings.host(),
        Err(error) => Some(error.to_string()),
    };
    Content::Json(json!({
        "settings": settings.collect::<serde_json::Map<String, Value>>(),
        "files": configuration.files(),
        "state": paths.state,
        "runtime": paths.runtime,
        "proxy": proxy,
        "log": std::env::var(crate::shell::logging::VARIABLE).ok(),
        "caller": rustix::process::geteuid().as_raw(),
    }))
}

/// What the store holds, in numbers.
pub fn store(profiles: &[ProfileView], found: &[Found], paths: &Paths) -> Content {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    profiles.iter().for_each(|profile| *kinds.entry(&profile.kind).or_default() += 1);
    let size = |directory: std::path::PathBuf| -> u64 {
        let below = found.iter().filter(|file| !file.is_directory && file.path.starts_with(&directory));
        below.map(|file| file.size).sum()
    };
    Content::Json(json!({
        "profiles": kinds,
        "redundant": profiles.iter().filter(|profile| profile.redundant).count(),
        "incomplete": profiles.iter().filter(|profile| profile.summary.starts_with("incomplete: ")).count(),
        "not_in_force": profiles.iter().filter(|profile| profile.not_in_force.is_some()).count(),
        "store_bytes": size(paths.store()),
        "history_bytes": size(paths.history()),
        "quarantine_bytes": size(paths.quarantine()),
    }))
}

/// What the agent made on the machine: paths, modes and whom they are for, never what is in them.
pub fn ledger(ledger: &Ledger) -> Content {
    let files = ledger.files.iter().map(|(path, entry)| {
        json!({
            "path": path.to_string(),
            "mode": format!("{:04o}", entry.mode),
            "consumer": entry.consumer,
            "profiles": entry.profiles,
            "put_something_aside": entry.former.is_some(),
            "under_way": entry.before.is_some(),
        })
    });
    let profiles = ledger.profiles.iter().map(|(address, standing)| {
        let (state, reason) = match standing {
            Standing::Waiting { reason } => ("waiting".to_owned(), reason),
            Standing::Refused { status, reason } => (format!("refused with {status}"), reason),
        };
        json!({ "profile": address, "state": state, "reason": reason })
    });
    let drift = ledger.drift.iter().map(|drift| json!({ "path": drift.path.to_string(), "was": drift.what.as_str() }));
    Content::Json(json!({
        "settled": ledger.settled.is_some(),
        "files": files.collect::<Vec<Value>>(),
        "directories": ledger.directories,
        "untold": ledger.untold,
        "not_in_force": profiles.collect::<Vec<Value>>(),
        "drift": drift.collect::<Vec<Value>>(),
    }))
}

/// Modes, owners and sizes of the agent's own files.
pub fn files(found: &[Found]) -> Content {
    let mut lines: Vec<String> = found
        .iter()
        .map(|file| {
            let kind = if file.is_directory { 'd' } else { '-' };
            format!("{kind}{:04o} {:>5} {:>10} {}", file.mode, file.owner, file.size, file.path.display())
        })
        .collect();
    lines.sort_by(|left, right| left[18..].cmp(&right[18..]));
    Content::Text(lines.join("\n") + "\n")
}
