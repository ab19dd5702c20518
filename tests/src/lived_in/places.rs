//! The places where files of the agent's may be: those that have its name in theirs, and a few that programs look for by a
//! name of their own.

use std::path::Path;

/// Places whose names say nothing of the agent.
pub(super) const FIXED: &[&str] = &[
    "etc/localtime",
    "etc/hostname",
    "etc/security/faillock.conf",
    "etc/security/pwhistory.conf",
    "etc/firefox/policies/policies.json",
    "etc/thunderbird/policies/policies.json",
    "etc/dconf/profile/user",
    // The settings of a mail provider are looked for by its domain.
    "usr/share/thunderbird/isp/contoso.example.xml",
];
/// Places that every machine fills, and whose file or link may be backed up and replaced.
const MAY_BE_BACKED_UP: &[&str] = &["etc/localtime", "etc/hostname"];
/// Files that may be backed up and replaced where they set nothing.
const MAY_BE_BACKED_UP_INERT: &[&str] = &["etc/security/faillock.conf", "etc/security/pwhistory.conf"];

/// Places that profiles of the catalogue fill, by the names that the agent gives.
pub(super) const NAMED: &[&str] = &[
    "etc/firefox/policies/policies.json",
    "etc/thunderbird/policies/policies.json",
    "etc/chromium/policies/managed/mdm-agent.json",
    "etc/opt/chrome/policies/managed/mdm-agent.json",
    "etc/opt/edge/policies/managed/mdm-agent.json",
    "etc/sysctl.d/90-mdm-agent.conf",
    "etc/modprobe.d/90-mdm-agent.conf",
    "etc/udev/rules.d/90-mdm-agent.rules",
    "etc/apt/apt.conf.d/90mdm-agent",
    "etc/security/pwquality.conf.d/90-mdm-agent.conf",
    "etc/security/faillock.conf",
    "etc/security/pwhistory.conf",
    "etc/dconf/profile/user",
    "etc/dconf/db/mdm-agent.d/90-mdm-agent",
    "etc/dconf/db/mdm-agent.d/locks/90-mdm-agent",
    "etc/localtime",
    "etc/hostname",
    "etc/NetworkManager/system-connections/@W1@",
];

/// The places on one machine, by their real paths as they are now.
#[derive(Debug, Clone)]
pub(super) struct Places {
    fixed: Vec<(String, &'static str)>,
}

impl Places {
    pub(super) fn on(root: &Path) -> Self {
        Self { fixed: FIXED.iter().map(|path| (real(root, path), *path)).collect() }
    }

    /// Whether a file of the agent's may be there. What it writes beside a place is no place.
    pub(super) fn have(&self, path: &str) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        name.contains("mdm-agent") && !is_staged(path) || self.fixed.iter().any(|(real, _)| real == path)
    }

    /// Whether somebody's file or link may be backed up there and replaced.
    pub(super) fn may_back_up(&self, path: &str) -> bool {
        self.name_of(path).is_some_and(|name| MAY_BE_BACKED_UP.contains(&name))
    }

    /// Whether somebody's file may be backed up there and replaced if it sets nothing.
    pub(super) fn may_back_up_inert(&self, path: &str) -> bool {
        self.name_of(path).is_some_and(|name| MAY_BE_BACKED_UP_INERT.contains(&name))
    }

    fn name_of(&self, path: &str) -> Option<&'static str> {
        self.fixed.iter().find(|(real, _)| real == path).map(|(_, name)| *name)
    }
}

/// Whether it is a file that is about to be put in its place.
pub(super) fn is_staged(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.starts_with('.') && name.ends_with(".mdm-agent-new")
}

/// The real path of a place: links in its directories are resolved, also those that lead to nothing; itself it is not.
pub(super) fn real(root: &Path, path: &str) -> String {
    let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut real: Vec<String> = Vec::new();
    // Links that lead in a circle lead nowhere.
    let mut links = 0;
    while let Some(name) = left.pop() {
        let target = std::fs::read_link(root.join(real.join("/")).join(&name));
        match (name.as_str(), target) {
            ("" | ".", _) => {}
            ("..", _) => drop(real.pop()),
            (_, Ok(target)) if !left.is_empty() && links < 40 => {
                links += 1;
                if target.is_absolute() {
                    real.clear();
                }
                left.extend(target.to_string_lossy().split('/').rev().map(str::to_owned));
            }
            _ => real.push(name),
        }
    }
    real.join("/")
}
