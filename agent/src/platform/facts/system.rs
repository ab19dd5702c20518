//! The distribution, its kernel and its updates.

use super::source::Source;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::{Distribution, Kernel};

mod dates;
mod updates;

pub(super) use updates::{restart_required, updated_at};

/// What os-release says.
pub(super) fn distribution(source: &Source) -> Fact<Distribution> {
    let places = ["/etc/os-release", "/usr/lib/os-release"];
    let Some((path, text)) = places.iter().find_map(|path| Some((*path, source.text(path)?))) else {
        return Fact::unknown("there is neither /etc/os-release nor /usr/lib/os-release");
    };
    let value = |name: &str| assigned(&text, name).unwrap_or_default();
    let id = value("ID").to_lowercase();
    if id.is_empty() {
        return Fact::unknown(format!("{path} has no ID"));
    }
    let like = value("ID_LIKE").to_lowercase().split_whitespace().map(str::to_owned).collect();
    let name = assigned(&text, "PRETTY_NAME").unwrap_or_else(|| value("NAME"));
    Fact::known(Distribution { id, like, version: value("VERSION_ID"), name }, path)
}

/// The value of an assignment as a shell reads it; of several the last.
pub(super) fn assigned(text: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(value).next_back()
}

/// The kernel that runs.
pub(super) fn kernel(source: &Source) -> Fact<Kernel> {
    match source.line("/proc/sys/kernel/osrelease") {
        Some(release) => {
            let built_at = source.line("/proc/sys/kernel/version").and_then(|version| dates::in_words(&version));
            Fact::known(Kernel { release, built_at }, "/proc/sys/kernel/osrelease")
        }
        None => Fact::unknown("/proc/sys/kernel/osrelease cannot be read"),
    }
}
