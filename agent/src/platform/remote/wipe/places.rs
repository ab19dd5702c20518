//! What a wipe empties and which keys it erases: what people and programs keep on this machine's own disks, and nothing
//! that the system itself is made of.

use crate::platform::root::Root;

/// Where people and programs keep what is theirs.
const PLACES: &[&str] = &[
    "/home",
    "/var/home",
    "/root",
    "/var/roothome",
    "/srv",
    "/var/mail",
    "/var/spool",
    "/var/log",
    "/var/tmp",
    "/tmp",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/libvirt",
    "/var/lib/machines",
    "/var/lib/mysql",
    "/var/lib/postgresql",
    "/var/lib/NetworkManager",
    "/var/lib/bluetooth",
    "/var/lib/fprint",
    "/var/lib/AccountsService",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    "/etc/openvpn/client",
    "/etc/swanctl",
    "/etc/mdm-agent/certificates",
    "/etc/ssl/private",
];
/// File systems on a disk. What is mounted from anywhere else is nobody's business here.
const LOCAL: &[&str] = &["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs"];
/// What a system is made of: nothing at or below these is emptied for being mounted.
const SYSTEM: &[&str] = &[
    "/usr", "/boot", "/efi", "/etc", "/opt", "/nix", "/snap", "/sysroot", "/ostree", "/gnu", "/bin", "/sbin", "/lib",
    "/lib64", "/proc", "/sys", "/dev", "/run",
];
/// The same, but not what is below them.
const SYSTEM_ALONE: &[&str] = &["/", "/var", "/var/lib", "/var/cache", "/media", "/mnt"];
/// Disks of other machines.
const REMOTE_DISKS: &[&str] = &["nbd", "rbd", "drbd"];
/// The most mounts and devices that are looked at.
const MOST: usize = 256;

/// A line of mountinfo.
struct Mount {
    /// Device numbers.
    device: String,
    /// What of its file system is mounted.
    top: String,
    point: String,
    kind: String,
    source: String,
}

/// Directories that are emptied; `state` is the agent's own, whose turn comes last.
pub(super) fn directories(root: &Root, state: &str) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    let wanted = PLACES.iter().map(|place| (*place).to_owned()).chain(data_mounts(root));
    for place in wanted {
        // What is a link is emptied where it leads, unless that is a part of the system.
        let Some(place) = root.real_path(&place).filter(|real| *real == place || !is_system(real)) else { continue };
        let holds_state = is_within(state, &place) || is_within(&place, state);
        if !holds_state && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Mount points of data on this machine's own disks. What shows a part of the system once more is left alone.
fn data_mounts(root: &Root) -> Vec<String> {
    let mounts = mounts(root);
    let is_of_system = |mount: &Mount| is_system(&mount.point);
    let shows_system = |mount: &Mount| {
        let same = |system: &&Mount| {
            system.device == mount.device && is_within(&mount.top, &system.top) && system.kind != "btrfs"
        };
        let same_part = |system: &&Mount| system.device == mount.device && system.top == mount.top;
        mounts.iter().filter(|known| is_of_system(known)).any(|system| same(&system) || same_part(&system))
    };
    let data = mounts.iter().filter(|mount| LOCAL.contains(&mount.kind.as_str()) && !is_of_system(mount));
    let own = data.filter(|mount| !shows_system(mount) && !is_foreign(root, mount.source.trim_start_matches("/dev/")));
    own.map(|mount| mount.point.clone()).take(MOST).collect()
}

fn mounts(root: &Root) -> Vec<Mount> {
    let text = root.read_text("/proc/self/mountinfo").unwrap_or_default();
    let lines = text.lines().take(4096).filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let before: Vec<&str> = before.split(' ').collect();
        let mut after = after.split(' ');
        let [_, _, device, top, point, ..] = before[..] else { return None };
        Some(Mount {
            device: device.to_owned(),
            top: unescaped(top),
            point: unescaped(point),
            kind: after.next()?.to_owned(),
            source: unescaped(after.next().unwrap_or_default()),
        })
    });
    lines.collect()
}

/// Names with blanks are escaped by the kernel, and the escapes are octal digits.
fn unescaped(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn is_system(path: &str) -> bool {
    SYSTEM_ALONE.contains(&path) || SYSTEM.iter().any(|system| is_within(path, system))
}

fn is_within(path: &str, above: &str) -> bool {
    path == above || above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// Devices below LUKS mappings that are open, by what sysfs says; not those of disks that people carry about.
pub(super) fn encrypted_devices(root: &Root) -> Vec<String> {
    let mut devices = Vec::new();
    for name in root.names_in("/sys/class/block").into_iter().filter(|name| name.starts_with("dm-")).take(MOST) {
        let uuid = root.read_text(&format!("/sys/class/block/{name}/dm/uuid")).unwrap_or_default();
        if uuid.starts_with("CRYPT-LUKS") {
            let below = root.names_in(&format!("/sys/class/block/{name}/slaves"));
            let own = below.into_iter().filter(|name| !name.contains('/') && !is_foreign(root, name));
            devices.extend(own.map(|name| format!("/dev/{name}")));
        }
    }
    devices.sort();
    devices.dedup();
    devices
}

/// Whether a device is another machine's, or of a disk that can be taken out.
fn is_foreign(root: &Root, name: &str) -> bool {
    let removable = |path: String| root.read_text(&path).is_some_and(|text| text.trim() == "1");
    REMOTE_DISKS.iter().any(|prefix| name.starts_with(prefix))
        || removable(format!("/sys/class/block/{name}/removable"))
        // A partition has its disk above it.
        || removable(format!("/sys/class/block/{name}/../removable"))
}
