//! Whether a file system holds what the machine starts from, which is read before anything can be unlocked. What it is
//! decides, not where it is mounted: its partition's type, else the names of what is on it. Its usual place decides only
//! where nothing on it can be seen.

use super::super::source::Source;
use super::mounts::Mount;

const EXCUSE: &str = "it is needed before anything can be unlocked";

/// Types of partitions in a GPT and, in an MBR, as udev writes them.
const EFI_SYSTEM: &[&str] = &["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"];
const EXTENDED_BOOT: &[&str] = &["bc13c2ff-59e6-4262-a352-b275fd6f7172", "0xea"];

/// Where such file systems are usually mounted, of whatever kind they are.
const PLACES: &[&str] = &["/boot", "/boot/efi", "/boot/firmware", "/boot/grub", "/boot/grub2", "/efi", "/esp"];
/// Where firmware's file systems (FAT) are mounted, too: recovery systems of distributions.
const FAT_PLACES: &[&str] = &["/recovery"];

/// Names that only what starts machines has, in lower case.
const MARKS: &[&str] = &[
    "boot.scr",
    "bootcode.bin",
    "casper",
    "cmdline.txt",
    "efi",
    "extlinux",
    "grub",
    "grub.cfg",
    "grub2",
    "grubenv",
    "loader",
    "ostree",
    "syslinux",
    "uimage",
    "zimage",
];
const MARKS_BEGIN: &[&str] = &["casper-", "initramfs", "initrd", "kernel", "vmlinux", "vmlinuz"];
/// Names that are found next to those.
const COMPANIONS: &[&str] = &[
    ".disk",
    "boot",
    "config.txt",
    "dists",
    "dtbs",
    "fonts",
    "i386-pc",
    "image",
    "install",
    "isolinux",
    "live",
    "locale",
    "manifest",
    "md5sum.txt",
    "overlays",
    "pool",
    "preseed",
    "readme.diskdefines",
    "recovery.conf",
    "refind_linux.conf",
    "startup.nsh",
    "themes",
    "x86_64-efi",
];
const COMPANIONS_BEGIN: &[&str] = &["bcm", "config-", "filesystem.", "memtest", "microcode", "symvers", "system.map"];
const COMPANIONS_END: &[&str] = &[".dat", ".dtb", ".efi", ".elf", "-ucode.img"];
/// What is on every file system and says nothing.
const IGNORED: &[&str] = &["lost+found", "system volume information", "$recycle.bin"];

/// Why nobody minds if it is not encrypted, if it is such a file system.
pub(super) fn excuse(source: &Source, mount: &Mount) -> Option<&'static str> {
    let is_boot = mount.place != "/" && !mount.is_network() && is_boot(source, mount);
    is_boot.then_some(EXCUSE)
}

/// Whether it is usual to mount such a file system there.
pub(super) fn is_usual_place(mount: &Mount) -> bool {
    let place = mount.place.as_str();
    PLACES.contains(&place) || is_fat(mount) && FAT_PLACES.contains(&place)
}

fn is_boot(source: &Source, mount: &Mount) -> bool {
    let kind = partition_type(source, &mount.device).unwrap_or_default();
    let kind = kind.as_str();
    if EXTENDED_BOOT.contains(&kind) || is_fat(mount) && EFI_SYSTEM.contains(&kind) {
        return true;
    }
    match content(source, &mount.place) {
        Content::None => is_usual_place(mount),
        // The file system of the root may have directories for people that are called so, but not the whole of a FAT.
        Content::Starting => is_fat(mount) || is_usual_place(mount),
        Content::Mixed => PLACES.contains(&mount.place.as_str()),
        Content::Other => false,
    }
}

fn is_fat(mount: &Mount) -> bool {
    ["vfat", "msdos"].contains(&mount.kind.as_str())
}

/// The type of a partition, as udev keeps it, in lower case.
fn partition_type(source: &Source, number: &str) -> Option<String> {
    let text = source.text(&format!("/run/udev/data/b{number}"))?;
    text.lines().find_map(|line| line.strip_prefix("E:ID_PART_ENTRY_TYPE=")).map(|kind| kind.trim().to_lowercase())
}

/// What is on a file system, by the names at its top.
enum Content {
    /// Nothing, or it cannot be seen.
    None,
    /// Only what machines start from.
    Starting,
    /// That, and other things.
    Mixed,
    /// Nothing that a machine starts from.
    Other,
}

fn content(source: &Source, place: &str) -> Content {
    let Ok(names) = source.listed(place) else { return Content::None };
    let names = names.into_iter().map(|name| name.to_lowercase());
    let names: Vec<String> = names.filter(|name| !IGNORED.contains(&name.as_str())).collect();
    let begins = |name: &str, heads: &[&str]| heads.iter().any(|head| name.starts_with(head));
    let is_mark = |name: &String| MARKS.contains(&name.as_str()) || begins(name, MARKS_BEGIN);
    let is_companion = |name: &String| {
        COMPANIONS.contains(&name.as_str())
            || begins(name, COMPANIONS_BEGIN)
            || COMPANIONS_END.iter().any(|end| name.ends_with(end))
    };
    match () {
        () if names.is_empty() => Content::None,
        () if !names.iter().any(is_mark) => Content::Other,
        () if names.iter().all(|name| is_mark(name) || is_companion(name)) => Content::Starting,
        () => Content::Mixed,
    }
}
