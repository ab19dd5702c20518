//! When packages were last updated, and whether that is in effect.

use super::super::source::Source;
use super::dates;
use crate::engine::compliance::Fact;

/// Looks for one kind of log; when that says it was, and where.
type Way = fn(&Source) -> Option<(i64, String)>;

/// When packages were last updated: by the package manager's own log where it has one, else by the data base's age.
pub(in super::super) fn updated_at(source: &Source) -> Fact<i64> {
    let ways: [Way; 5] = [image, dpkg_log, pacman_log, data_base, apt_history];
    // An image-based system has a data base of packages in the image, too, whose age means nothing.
    match ways.iter().find_map(|way| way(source)) {
        Some((moment, evidence)) => Fact::known(moment, evidence),
        None => Fact::unknown("no log or data base of a package manager that is known here can be read"),
    }
}

/// The newest deployment of ostree.
fn image(source: &Source) -> Option<(i64, String)> {
    let base = ["/ostree/deploy", "/sysroot/ostree/deploy"].into_iter().find(|base| !source.names(base).is_empty())?;
    let deployments = source.names(base).into_iter().flat_map(|name| {
        let directory = format!("{base}/{name}/deploy");
        source.names(&directory).into_iter().map(move |deployment| format!("{directory}/{deployment}"))
    });
    let origins = deployments.filter(|path| path.ends_with(".origin"));
    let newest = origins.filter_map(|path| Some((source.modified(&path)?, path))).max()?;
    Some(newest)
}

/// The last upgrade in dpkg's log; the log of the month before where there is none in this one.
fn dpkg_log(source: &Source) -> Option<(i64, String)> {
    ["/var/log/dpkg.log", "/var/log/dpkg.log.1"].into_iter().find_map(|path| {
        let text = source.end(path)?;
        let upgrade = |line: &&str| line.get(19..).is_some_and(|rest| rest.starts_with(" upgrade "));
        let line = text.lines().rfind(upgrade)?;
        Some((dates::moment(line)?, path.to_owned()))
    })
}

fn pacman_log(source: &Source) -> Option<(i64, String)> {
    let path = "/var/log/pacman.log";
    let text = source.end(path)?;
    let line = text.lines().rfind(|line| line.contains("[ALPM] upgraded "))?;
    Some((dates::moment(line.strip_prefix('[')?)?, path.to_owned()))
}

/// Data bases that are written when packages come or go, of managers that keep no log that can be read.
fn data_base(source: &Source) -> Option<(i64, String)> {
    let places = [
        "/usr/lib/sysimage/rpm/rpmdb.sqlite",
        "/usr/lib/sysimage/rpm/Packages.db",
        "/var/lib/rpm/rpmdb.sqlite",
        "/var/lib/rpm/Packages.db",
        "/var/lib/rpm/Packages",
        "/lib/apk/db/installed",
        "/usr/lib/apk/db/installed",
    ];
    places.iter().filter_map(|path| Some((source.modified(path)?, (*path).to_owned()))).max()
}

/// Logs that were rotated away: what apt wrote last, or dpkg.
fn apt_history(source: &Source) -> Option<(i64, String)> {
    let places = ["/var/log/apt/history.log", "/var/lib/dpkg/status"];
    places.iter().find_map(|path| Some((source.modified(path)?, (*path).to_owned())))
}

/// Whether a restart is needed for updates to take effect.
pub(in super::super) fn restart_required(source: &Source) -> Fact<bool> {
    for path in ["/run/reboot-required", "/var/run/reboot-required", "/run/ostree/staged-deployment"] {
        if source.has(path) {
            return Fact::known(true, path);
        }
    }
    let Some(release) = source.line("/proc/sys/kernel/osrelease") else {
        return Fact::unknown("it is not known which kernel runs");
    };
    let base = ["/usr/lib/modules", "/lib/modules"].into_iter().find(|base| !source.names(base).is_empty());
    let Some(base) = base else { return Fact::unknown("no kernel is installed here that could be compared") };
    // Package managers remove the modules of a kernel that was replaced.
    Fact::known(!source.has(&format!("{base}/{release}")), format!("{base}/{release}"))
}
