//! From a mount down to the disks, layer by layer, as the kernel shows them.
//!
//! Only a layer that encrypts all that passes through it makes what is above it encrypted. A device that leads back
//! to itself, or into too many others, cannot be told.

use std::cell::Cell;

use super::super::source::Source;
use super::layer::{Kept, Layer};
use super::mounts::{self, Mount};
use super::zfs::Zfs;

/// How many layers there may be, and how many devices are looked at for one machine.
const MOST_LAYERS: usize = 24;
const MOST_STEPS: u32 = 8000;
/// The kinds of device-mapper devices that encrypt. VERITY and INTEGRITY begin with CRYPT-, too, and do not.
const ENCRYPTING: &[(&str, &str)] = &[
    ("CRYPT-LUKS1-", "LUKS1"),
    ("CRYPT-LUKS2-", "LUKS2"),
    ("CRYPT-PLAIN-", "dm-crypt"),
    ("CRYPT-LOOPAES-", "loop-AES"),
    ("CRYPT-TCRYPT-", "VeraCrypt"),
    ("CRYPT-BITLK-", "BitLocker"),
    ("CRYPT-FVAULT2-", "FileVault"),
];
const ELSEWHERE: &[&str] = &["nbd", "rbd", "drbd"];

/// Walks through the storage of one machine.
pub(super) struct Walk<'a> {
    source: &'a Source,
    mounts: &'a [Mount],
    zfs: &'a dyn Zfs,
    steps: Cell<u32>,
    /// Whether drives may be locked by a password of their own: whoever uses that has to allow it in the kernel.
    opal: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(source: &'a Source, mounts: &'a [Mount], zfs: &'a dyn Zfs) -> Self {
        let allowed = source.line("/sys/module/libata/parameters/allow_tpm");
        let opal = allowed.is_some_and(|allowed| matches!(allowed.as_str(), "1" | "Y"));
        Self { source, mounts, zfs, steps: Cell::new(0), opal }
    }

    /// What a mount is made of.
    pub(super) fn mount(&self, mount: &Mount, trail: &[String]) -> Layer {
        let trail = match self.step(trail, &format!("mount {}", mount.id)) {
            Ok(trail) => trail,
            Err(why) => return Layer::unclear(why, mount.place.as_str()),
        };
        if mount.is_virtual() {
            return Layer::new(Kept::Nowhere, "memory");
        }
        if mount.is_network() {
            return Layer::unclear("it is on another machine", mount.source.as_str());
        }
        match mount.kind.as_str() {
            "btrfs" => self.btrfs(mount, &trail),
            "zfs" => self.zfs(mount, &trail),
            "overlay" => self.overlay(mount, &trail),
            "ecryptfs" => self.ecryptfs(mount, &trail),
            "bcachefs" => self.named(mount.source.split(':').map(str::to_owned), &trail),
            "xfs" => {
                // Log and real-time data may be on devices of their own.
                let others = mount.option(&["logdev", "rtdev"]).into_iter().map(|name| self.by_name(&name, &trail));
                Layer::together(std::iter::once(self.device(&mount.device, &trail)).chain(others).collect())
            }
            _ if !mount.is_anonymous() => self.device(&mount.device, &trail),
            _ if mount.source.starts_with("/dev/") => self.by_name(&mount.source, &trail),
            kind => Layer::unclear(format!("nothing is known of {kind}"), mount.source.as_str()),
        }
    }

    /// What the file system that holds a path is made of. A mount on the way here may lie over the very path that it is
    /// made of (eCryptfs over its own directory, a loop device over that of its file): it holds what it lies on then.
    pub(super) fn path(&self, path: &str, trail: &[String]) -> Layer {
        let is_on_the_way = |mount: &Mount| trail.contains(&format!("mount {}", mount.id));
        let below = mounts::holding(self.mounts, path, is_on_the_way);
        match below.or_else(|| mounts::holding(self.mounts, path, |_| false)) {
            Some(mount) => self.mount(mount, trail),
            None => Layer::unclear(format!("it is not known what holds {path}"), path),
        }
    }

    /// What a device is made of, by its number.
    pub(super) fn device(&self, number: &str, trail: &[String]) -> Layer {
        let base = format!("/sys/dev/block/{number}");
        let trail = match self.step(trail, number) {
            Ok(trail) => trail,
            Err(why) => return Layer::unclear(why, number),
        };
        if !self.source.has(&base) {
            return Layer::unclear(format!("the kernel does not show {base}"), number);
        }
        let link = self.source.link(&base).unwrap_or_default();
        let name = link.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(number).to_owned();
        let kind =
            |kind: &str| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        match () {
            () if self.source.has(&format!("{base}/dm")) => self.mapped(&base, &name, &trail),
            // Before the kinds: a partition of loop0 is loop0p1.
            () if self.source.has(&format!("{base}/partition")) => self.partition(&base, name, &trail),
            () if kind("zram") => match self.source.line(&format!("{base}/backing_dev")) {
                Some(backing) if backing != "none" => self.by_name(&backing, &trail).below(&name),
                _ => Layer::new(Kept::Nowhere, name),
            },
            () if kind("ram") => Layer::new(Kept::Nowhere, name),
            () if kind("loop") => match self.source.line(&format!("{base}/loop/backing_file")) {
                Some(file) => {
                    let file = file.strip_suffix(" (deleted)").unwrap_or(&file);
                    self.path(file, &trail).below(&format!("{name} ({file})"))
                }
                None => Layer::unclear(format!("{name} does not say which file it is"), name),
            },
            () if ELSEWHERE.iter().any(|elsewhere| kind(elsewhere)) => {
                Layer::unclear(format!("{name} is on another machine"), name)
            }
            () => self.made_of(&base, &trail).map_or_else(|| self.disk(&base, &name), |below| below.below(&name)),
        }
    }

    /// The devices that a device is made of; `None` if it is made of none.
    fn made_of(&self, base: &str, trail: &[String]) -> Option<Layer> {
        let slaves = match self.source.listed(&format!("{base}/slaves")) {
            Ok(slaves) => slaves,
            Err(error) => return Some(Layer::unclear(format!("{base}/slaves cannot be read: {error}"), base)),
        };
        let layer = |slave: &String| match self.source.line(&format!("{base}/slaves/{slave}/dev")) {
            Some(number) if is_number(&number) => self.device(&number, trail),
            _ => Layer::unclear(format!("the kernel does not show the number of {slave}"), slave.as_str()),
        };
        (!slaves.is_empty()).then(|| Layer::together(slaves.iter().map(layer).collect()))
    }

    fn mapped(&self, base: &str, name: &str, trail: &[String]) -> Layer {
        let uuid = self.source.line(&format!("{base}/dm/uuid")).unwrap_or_default();
        let title = self.source.line(&format!("{base}/dm/name")).unwrap_or_else(|| name.to_owned());
        let slaves = self.source.names(&format!("{base}/slaves"));
        if let Some((_, kind)) = ENCRYPTING.iter().find(|(prefix, _)| uuid.starts_with(prefix)) {
            let devices = format!("{title} ({kind}) on {}", slaves.join(" + "));
            let is_hot = |slave: &String| {
                let name = self.source.line(&format!("{base}/slaves/{slave}/dm/name"));
                name.is_some_and(|name| name.contains("-hotzone-"))
            };
            if slaves.iter().any(is_hot) {
                return Layer::unclear(format!("{title} is being encrypted or decrypted at the moment"), devices);
            }
            return Layer::new(Kept::Encrypted, devices);
        }
        let Some(below) = self.made_of(base, trail) else {
            return Layer::unclear(format!("{title} does not say what it is made of"), title);
        };
        match below.kept {
            // Made by hand: it might encrypt, and does not say so.
            Kept::Plain(_) if uuid.is_empty() => Layer::unclear(format!("{title} does not say what it does"), title),
            _ => below.below(&title),
        }
    }

    /// A partition is its disk, and is named in its place.
    fn partition(&self, base: &str, name: String, trail: &[String]) -> Layer {
        let disk = match self.source.line(&format!("{base}/../dev")) {
            Some(number) if is_number(&number) => self.device(&number, trail),
            _ => return Layer::unclear(format!("the kernel does not show the disk of {name}"), name),
        };
        match &disk.kept {
            Kept::Plain(what) if !disk.devices.contains(' ') => {
                let kept = Kept::Plain(what.replacen(&disk.devices, &name, 1));
                Layer { kept, devices: name, removable: disk.removable }
            }
            _ => disk.below(&name),
        }
    }

    fn disk(&self, base: &str, name: &str) -> Layer {
        let removable = self.source.line(&format!("{base}/removable")).as_deref() == Some("1");
        let kept = match () {
            () if self.source.has(&format!("{base}/md")) => {
                Kept::CannotTell(format!("{name} does not say what it is made of"))
            }
            () if self.opal => Kept::CannotTell(format!("{name} may encrypt by itself (Opal), which cannot be seen")),
            () => Kept::Plain(format!("{name} is not encrypted")),
        };
        Layer { removable, ..Layer::new(kept, name) }
    }

    /// All devices of a btrfs, which the kernel lists by the file system's id.
    fn btrfs(&self, mount: &Mount, trail: &[String]) -> Layer {
        let Some(number) = self.number_of(&mount.source) else {
            return Layer::unclear(format!("the kernel does not show {}", mount.source), mount.source.as_str());
        };
        let members = |id: &String| -> Option<Vec<String>> {
            let directory = format!("/sys/fs/btrfs/{id}/devices");
            let names = self.source.names(&directory);
            let numbers: Option<Vec<String>> =
                names.iter().map(|name| self.source.line(&format!("{directory}/{name}/dev"))).collect();
            numbers.filter(|numbers| numbers.contains(&number))
        };
        match self.source.names("/sys/fs/btrfs").iter().find_map(members) {
            Some(numbers) => Layer::together(numbers.iter().map(|number| self.device(number, trail)).collect()),
            None => Layer::unclear("the kernel does not show the devices of this btrfs", mount.source.as_str()),
        }
    }

    /// A data set that encrypts by itself, or the devices of its pool.
    fn zfs(&self, mount: &Mount, trail: &[String]) -> Layer {
        let devices = format!("{} (ZFS)", mount.source);
        match self.zfs.encryption(&mount.source) {
            Err(why) => Layer::unclear(why, devices),
            Ok(property) if property != "off" && property != "-" && !property.is_empty() => {
                Layer::new(Kept::Encrypted, format!("{devices}, {property}"))
            }
            Ok(_) => {
                let pool = mount.source.split('/').next().unwrap_or_default();
                match self.zfs.devices(pool) {
                    Ok(names) => self.named(names.into_iter(), trail).below(&devices),
                    Err(why) => Layer::unclear(why, devices),
                }
            }
        }
    }

    fn overlay(&self, mount: &Mount, trail: &[String]) -> Layer {
        let options = ["lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir"];
        let places: Vec<String> = mount
            .option(&options)
            .iter()
            .flat_map(|value| value.split(':'))
            .filter(|place| !place.is_empty())
            .map(str::to_owned)
            .collect();
        let layers = places.iter().map(|place| self.path(place, trail)).collect();
        Layer::together(layers).below("overlay")
    }

    /// It encrypts one directory only. What is below it counts, but that is not known to be in the clear.
    fn ecryptfs(&self, mount: &Mount, trail: &[String]) -> Layer {
        let below = self.path(&mount.source, trail);
        match below.kept {
            Kept::Plain(_) => Layer::unclear("eCryptfs encrypts this directory, but not the disk below", below.devices),
            _ => below.below("eCryptfs"),
        }
    }

    fn named(&self, names: impl Iterator<Item = String>, trail: &[String]) -> Layer {
        Layer::together(names.map(|name| self.by_name(&name, trail)).collect())
    }

    /// What a device is made of, by its name below /dev.
    pub(super) fn by_name(&self, name: &str, trail: &[String]) -> Layer {
        match self.number_of(name) {
            Some(number) => self.device(&number, trail),
            None => Layer::unclear(format!("the kernel does not show {name}"), name),
        }
    }

    fn number_of(&self, name: &str) -> Option<String> {
        let base = "/sys/class/block";
        let number = match name.strip_prefix("/dev/mapper/") {
            Some(title) => {
                let is_it = |device: &&String| {
                    device.starts_with("dm-")
                        && self.source.line(&format!("{base}/{device}/dm/name")).as_deref() == Some(title)
                };
                let names = self.source.names(base);
                let device = names.iter().find(is_it)?;
                self.source.line(&format!("{base}/{device}/dev"))
            }
            // The kernel writes a slash in a name as an exclamation mark.
            None => self.source.line(&format!("{base}/{}/dev", name.strip_prefix("/dev/")?.replace('/', "!"))),
        };
        number.filter(|number| is_number(number))
    }

    /// The trail with another step, unless that has been made before.
    fn step(&self, trail: &[String], step: &str) -> Result<Vec<String>, String> {
        self.steps.set(self.steps.get().saturating_add(1));
        if trail.iter().any(|before| before == step) {
            return Err(format!("{step} leads back to itself"));
        }
        if trail.len() >= MOST_LAYERS || self.steps.get() > MOST_STEPS {
            return Err("it is made of too many layers".to_owned());
        }
        Ok(trail.iter().cloned().chain([step.to_owned()]).collect())
    }
}

/// Whether it is a device's number and nothing else: it becomes part of a path.
fn is_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(':').is_some_and(|(major, minor)| digits(major) && digits(minor))
}
