//! Whether updates are installed without anybody asking for it.

use super::source::Source;
use super::system::assigned;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::AutomaticUpdates;

const WANTED: &str = "/etc/systemd/system/timers.target.wants";

/// Looks for one tool; `None` where it is not there.
type Way = fn(&Source) -> Option<Fact<AutomaticUpdates>>;

/// Whether they are, and by what.
pub(super) fn updates(source: &Source) -> Fact<AutomaticUpdates> {
    let ways: [Way; 5] = [ostree, bootc, apt, dnf, zypper];
    let mut off = None;
    for fact in ways.iter().filter_map(|way| way(source)) {
        match fact.value() {
            Some(updates) if !updates.enabled => off = off.or(Some(fact)),
            _ => return fact,
        }
    }
    let known = "none of unattended-upgrades, dnf-automatic, rpm-ostree, bootc and zypper is set up";
    off.unwrap_or_else(|| Fact::known(AutomaticUpdates::default(), known))
}

fn known(enabled: bool, tool: &str, evidence: impl Into<String>) -> Option<Fact<AutomaticUpdates>> {
    Some(Fact::known(AutomaticUpdates { enabled, tool: tool.to_owned() }, evidence))
}

/// Whether a timer is started with the machine, by the administrator or by the distribution.
fn wanted(source: &Source, timer: &str) -> Option<String> {
    let places = [WANTED, "/usr/lib/systemd/system/timers.target.wants", "/lib/systemd/system/timers.target.wants"];
    // A timer that leads to /dev/null is masked.
    if source.link(&format!("/etc/systemd/system/{timer}")).as_deref() == Some("/dev/null") {
        return None;
    }
    places.iter().map(|place| format!("{place}/{timer}")).find(|path| source.has_name(path))
}

fn apt(source: &Source) -> Option<Fact<AutomaticUpdates>> {
    let tool = "unattended-upgrades";
    if !source.has_name("/usr/bin/unattended-upgrade") {
        return None;
    }
    let directory = "/etc/apt/apt.conf.d";
    let paths = source.names(directory).into_iter().map(|name| format!("{directory}/{name}"));
    let text: String = ["/etc/apt/apt.conf".to_owned()]
        .into_iter()
        .chain(paths)
        .filter_map(|path| source.text(&path))
        .map(|text| format!("{text}\n"))
        .collect();
    let install = periodic(&text, "Unattended-Upgrade");
    let list = periodic(&text, "Update-Package-Lists");
    if install.is_none() && text.lines().any(|line| line.trim_start().starts_with("APT {")) {
        return Some(Fact::unknown(format!("{directory} has nested groups, which are not read here")));
    }
    let on = |days: Option<u32>| days.is_some_and(|days| days > 0);
    let timer = source.has("/run/systemd/system") && wanted(source, "apt-daily-upgrade.timer").is_none();
    known(on(install) && on(list) && !timer, tool, format!("{directory}, apt-daily-upgrade.timer"))
}

/// The last value of a setting of `APT::Periodic`, in days; `always` counts as one.
fn periodic(text: &str, name: &str) -> Option<u32> {
    let value = |line: &str| {
        let rest = line.trim().strip_prefix("APT::Periodic::")?.strip_prefix(name)?;
        let value = rest.trim().trim_end_matches(';').trim().trim_matches('"');
        if value == "always" { Some(1) } else { value.trim_end_matches(['s', 'm', 'h', 'd']).parse().ok() }
    };
    text.lines().filter_map(value).next_back()
}

fn dnf(source: &Source) -> Option<Fact<AutomaticUpdates>> {
    let tool = "dnf-automatic";
    let timers = ["dnf-automatic-install.timer", "dnf5-automatic.timer", "dnf-automatic.timer"];
    // For dnf5 each setting of the administrator's file goes before the vendor's.
    let configuration = [
        "/etc/dnf/automatic.conf",
        "/etc/dnf/dnf5-plugins/automatic.conf",
        "/usr/share/dnf5/dnf5-plugins/automatic.conf",
    ];
    let setting = configuration.iter().find_map(|path| Some((path, assigned(&source.text(path)?, "apply_updates")?)));
    let (configured_by, applies) = setting.map_or((&configuration[0], false), |(path, value)| {
        (path, ["yes", "true", "1"].contains(&value.to_lowercase().as_str()))
    });
    let installed = configuration.iter().any(|path| source.has(path))
        || timers.iter().any(|timer| source.has_name(&format!("/usr/lib/systemd/system/{timer}")));
    let active = timers.iter().find_map(|timer| Some((*timer, wanted(source, timer)?)));
    match active {
        // The timer's own name says that it installs.
        Some(("dnf-automatic-install.timer", path)) => known(true, tool, path),
        Some((_, path)) => known(applies, tool, format!("{path}, {configured_by}")),
        None if installed => known(false, tool, format!("no timer of {tool} is enabled")),
        None => None,
    }
}

fn ostree(source: &Source) -> Option<Fact<AutomaticUpdates>> {
    let path = "/etc/rpm-ostreed.conf";
    if !source.has("/run/ostree-booted") {
        return None;
    }
    let policy = source.text(path).and_then(|text| assigned(&text, "AutomaticUpdatePolicy")).unwrap_or_default();
    let installs = ["stage", "apply"].contains(&policy.as_str());
    let timer = wanted(source, "rpm-ostreed-automatic.timer");
    known(installs && timer.is_some(), "rpm-ostree", format!("{path}, rpm-ostreed-automatic.timer"))
}

fn bootc(source: &Source) -> Option<Fact<AutomaticUpdates>> {
    let timer = "bootc-fetch-apply-updates.timer";
    wanted(source, timer).and_then(|path| known(true, "bootc", path))
}

fn zypper(source: &Source) -> Option<Fact<AutomaticUpdates>> {
    let timers = ["transactional-update.timer", "zypp-automatic.timer", "yast2-online-update.timer"];
    let active = timers.iter().find_map(|timer| wanted(source, timer)).or_else(|| {
        ["daily", "weekly"]
            .iter()
            .map(|often| format!("/etc/cron.{often}/opensuse.org-online_update"))
            .find(|path| source.has_name(path))
    });
    active.and_then(|path| known(true, "zypper", path))
}
