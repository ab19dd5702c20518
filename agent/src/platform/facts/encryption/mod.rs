//! Whether what this machine keeps is encrypted: every mount and every swap, each walked down to the disks.
//!
//! It reads what the kernel shows and judges nothing: a volume that need not be encrypted is listed with its excuse.

mod boot;
mod layer;
mod mounts;
#[cfg(test)]
mod tests;
mod walk;
mod zfs;

use std::collections::BTreeSet;

use super::source::Source;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::{Encryption, Volume};
use layer::{Kept, Layer};
use mounts::Mount;
use walk::Walk;
pub(crate) use zfs::{NoZfs, Zfs, ZfsTools};

/// The most volumes that are listed.
const MOST_VOLUMES: usize = 512;
const MOUNTS: &[&str] = &["/proc/self/mountinfo", "/proc/1/mountinfo"];

/// Where data is kept, and whether it is encrypted there.
pub(super) fn volumes(source: &Source, zfs: &dyn Zfs) -> Fact<Vec<Volume>> {
    let (mounts, path) = match mounted(source) {
        Ok(found) => found,
        Err(reason) => return Fact::unknown(reason),
    };
    let walk = Walk::new(source, &mounts, zfs);
    let mut volumes: Vec<Volume> = relevant(&mounts).into_iter().map(|mount| volume(source, &walk, mount)).collect();
    volumes.extend(swaps(source, &walk));
    if volumes.len() > MOST_VOLUMES {
        return Fact::unknown(format!("more than {MOST_VOLUMES} file systems are mounted"));
    }
    Fact::known(volumes, format!("{path}, /proc/swaps, /sys/dev/block"))
}

/// The mounts of a namespace that has a root.
fn mounted(source: &Source) -> Result<(Vec<Mount>, &'static str), String> {
    let mut why = "/proc/self/mountinfo is not there".to_owned();
    for path in MOUNTS {
        match source.bytes(path) {
            Ok(content) => {
                let mounts = mounts::read(&String::from_utf8_lossy(&content))?;
                if mounts.iter().any(|mount| mount.place == "/" && mount.kind != "rootfs") {
                    return Ok((mounts, path));
                }
                why = format!("{path} does not list /");
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => why = format!("{path} cannot be read: {error}"),
        }
    }
    Err(why)
}

/// Mounts that keep something, each file system once: at the place that has no excuse, or else the shortest.
fn relevant(mounts: &[Mount]) -> Vec<&Mount> {
    let special = ["btrfs", "zfs", "ecryptfs", "bcachefs"];
    let keeps = |mount: &&Mount| {
        let is_special =
            special.contains(&mount.kind.as_str()) || mount.kind.starts_with("fuse.") || mount.is_network();
        let on_device = !mount.is_anonymous() || mount.source.starts_with("/dev/");
        // The root counts whatever it is. Of others, those that the kernel makes up do not, and neither do overlays:
        // they are made of file systems that are listed themselves, and containers have hundreds of them.
        if mount.place == "/" { mount.kind != "rootfs" } else { !mount.is_virtual() && (is_special || on_device) }
    };
    let mut kept: Vec<&Mount> = mounts.iter().filter(keeps).collect();
    kept.sort_by_key(|mount| {
        (mount.excuse().is_some() || boot::is_usual_place(mount), mount.place.len(), mount.place.clone())
    });
    let mut seen = BTreeSet::new();
    kept.retain(|mount| seen.insert((mount.device.clone(), mount.kind.clone())));
    kept.sort_by(|one, other| one.place.cmp(&other.place));
    kept
}

fn volume(source: &Source, walk: &Walk<'_>, mount: &Mount) -> Volume {
    let mut layer = walk.mount(mount, &[]);
    let mut excuse = boot::excuse(source, mount).or_else(|| mount.excuse()).map(str::to_owned);
    if excuse.is_none() && layer.removable && mount.is_for_removable() {
        excuse = Some("it is a removable disk".to_owned());
    }
    let place = mount.place.trim_end_matches('/');
    if mount.place != "/" && matches!(layer.kept, Kept::Plain(_)) && source.has(&format!("{place}/.fscrypt")) {
        layer = Layer::unclear("fscrypt encrypts directories here, but not the disk below", layer.devices);
    }
    Volume {
        place: mount.place.clone(),
        file_system: mount.kind.clone(),
        devices: layer.devices.clone(),
        encryption: layer.encryption(),
        excuse,
    }
}

/// What is swapped out may be anything that was in memory, so it counts like every other place.
fn swaps(source: &Source, walk: &Walk<'_>) -> Vec<Volume> {
    let Some(text) = source.text("/proc/swaps") else {
        // A kernel without swap has no such file, and says so here.
        let memory = source.text("/proc/meminfo").unwrap_or_default();
        let none = memory.lines().filter_map(|line| line.strip_prefix("SwapTotal:")).any(|size| size.trim() == "0 kB");
        return if none { Vec::new() } else { vec![unknown_swap()] };
    };
    let lines = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace();
        Some((mounts::unescape(fields.next()?), fields.next()?.to_owned()))
    });
    lines.map(|(name, kind)| swap(walk, &name, &kind)).collect()
}

fn swap(walk: &Walk<'_>, name: &str, kind: &str) -> Volume {
    let layer = if kind == "partition" { walk.by_name(name, &[]) } else { walk.path(name, &[]) };
    let excuse = (layer.kept == Kept::Nowhere).then(|| "it is kept in memory".to_owned());
    Volume {
        place: format!("swap {name}"),
        file_system: "swap".to_owned(),
        devices: layer.devices.clone(),
        encryption: layer.encryption(),
        excuse,
    }
}

fn unknown_swap() -> Volume {
    Volume {
        place: "swap".to_owned(),
        file_system: "swap".to_owned(),
        devices: "unknown".to_owned(),
        encryption: Encryption::CannotTell("/proc/swaps cannot be read".to_owned()),
        excuse: None,
    }
}
