//! How a machine is found on which people and tools have lived before the agent came.

use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::Path;

use fastrand::Rng;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags, lsetxattr, utimensat};

use super::hands::{self, KINDS, Kind, SOME_PROGRAMS, named};
use super::places::NAMED;
use crate::machine_root;

/// When everything that was found was changed last, seconds since 1970.
const LONG_AGO: i64 = 1_000_000_000;
/// An access control list that lets a user read: version 2, then each entry's tag, permissions and identifier.
const ACCESS: &[u8] = &[
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0,
    255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];

/// Something about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Furniture {
    /// A network of the same name that a person configured.
    OwnNetwork(u8),
    /// Somebody's file, link, directory or pipe where a profile may come.
    Foreign(usize, Kind),
    /// The text of a configuration file that the agent may replace.
    Inert(usize, usize),
    /// The configuration file is missing.
    NoInert(usize),
    /// What the clock's link is.
    Clock(u8),
    /// What the machine's name is in.
    Name(u8),
    /// A directory is a link to another one.
    LinkedDirectory(usize),
    /// A file where a directory would have to be.
    FileForDirectory(usize),
    /// A second name of a file.
    SecondName(usize),
    /// The permission bits of a file.
    Mode(usize, u32),
    /// The owner of a file.
    Owner(usize, u32),
    /// An extended attribute.
    Attribute(usize),
    /// An access control list.
    AccessList(usize),
    /// The permission bits of a directory.
    DirectoryMode(usize, u32),
    /// A program is missing.
    NoProgram(usize),
    /// The desktop's data base of the site.
    SiteProfile,
}

const INERT: &[&str] = &["etc/security/faillock.conf", "etc/security/pwhistory.conf"];
const TEXTS: &[&[u8]] = &[
    b"# comments only\n#deny = 3\n",
    b"# CRLF\r\n\r\n# deny = 3\r\n",
    b"# no newline at the end",
    b"   \t# spaces before\n\t\n",
    b"",
    b"\n",
    b"# a setting\ndeny = 4\n",
    b"deny=4",
    b"  deny   =  4\r\n",
    b"# not UTF-8: \xff\xfe\n",
    b"# old line ends\rdeny = 4\r",
];
const LINKED: &[(&str, &str, &str)] = &[
    ("etc/sysctl.d", "usr/local/etc/sysctl.d", "../usr/local/etc/sysctl.d"),
    ("etc/modprobe.d", "usr/local/etc/modprobe.d", "/usr/local/etc/modprobe.d"),
    ("etc/firefox", "opt/firefox-settings", "../opt/firefox-settings"),
    ("etc/security", "usr/local/etc/security", "/usr/local/etc/security"),
];
const FILES_FOR_DIRECTORIES: &[&str] =
    &["etc/opt", "etc/firefox", "etc/dconf/profile", "etc/chromium/policies/managed"];
const DIRECTORIES: &[&str] = &["etc/security", "etc/sysctl.d", "etc/NetworkManager/system-connections", "etc/dconf"];

/// How a machine is found.
pub(super) fn furnish(random: &mut Rng) -> Vec<Furniture> {
    (0..random.usize(0..10)).map(|_| one(random)).collect()
}

fn one(random: &mut Rng) -> Furniture {
    let place = random.usize(..NAMED.len());
    match random.u8(..20) {
        0 => Furniture::OwnNetwork(random.u8(..3)),
        1..=3 => Furniture::Foreign(place, KINDS[random.usize(..KINDS.len())]),
        4 | 5 => Furniture::Inert(random.usize(..2), random.usize(..TEXTS.len())),
        6 => Furniture::NoInert(random.usize(..2)),
        7 => Furniture::Clock(random.u8(..6)),
        8 => Furniture::Name(random.u8(..6)),
        9 => Furniture::LinkedDirectory(random.usize(..LINKED.len())),
        10 => Furniture::FileForDirectory(random.usize(..FILES_FOR_DIRECTORIES.len())),
        11 => Furniture::SecondName(place),
        12 => Furniture::Mode(place, [0o400, 0o444, 0o600, 0o4755][random.usize(..4)]),
        13 => Furniture::Owner(place, 1000),
        14 => Furniture::Attribute(place),
        15 => Furniture::AccessList(place),
        16 => Furniture::DirectoryMode(random.usize(..DIRECTORIES.len()), [0o700, 0o2775, 0o1777][random.usize(..3)]),
        17 => Furniture::SiteProfile,
        _ => Furniture::NoProgram(random.usize(..SOME_PROGRAMS.len())),
    }
}

/// Furnishes a root.
pub(super) fn live_in(root: &Path, furniture: &[Furniture]) -> std::io::Result<()> {
    machine_root::debian(root)?;
    std::fs::write(root.join("etc/hostname"), "base\n")?;
    replace_link(&root.join("etc/localtime"), "/usr/share/zoneinfo/America/Lima")?;
    for (number, one) in (10_000..).zip(furniture) {
        // What does not fit on the machine is not there.
        let _ = put(root, *one, number);
    }
    age(root)
}

fn put(root: &Path, one: Furniture, number: u32) -> std::io::Result<()> {
    let at = |place: usize| root.join(named(place));
    match one {
        Furniture::OwnNetwork(name) => {
            let path = root.join(format!("etc/NetworkManager/system-connections/Own {name}.nmconnection"));
            std::fs::write(&path, "[connection]\nid=W1\ntype=wifi\n[wifi]\nssid=W1\n")?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        }
        Furniture::Foreign(place, kind) => hands::put(&at(place), kind, number),
        Furniture::Inert(file, _) if root.join(INERT[file]).exists() && !root.join(INERT[file]).is_file() => Ok(()),
        Furniture::Inert(file, text) => std::fs::write(root.join(INERT[file]), TEXTS[text]),
        Furniture::NoInert(file) => std::fs::remove_file(root.join(INERT[file])),
        Furniture::Clock(how) => clock(&root.join("etc/localtime"), how),
        Furniture::Name(how) => name(&root.join("etc/hostname"), how),
        Furniture::LinkedDirectory(place) => linked(root, LINKED[place]),
        Furniture::FileForDirectory(place) => {
            let path = root.join(FILES_FOR_DIRECTORIES[place]);
            let _ = std::fs::remove_dir(&path);
            std::fs::write(path, "a file\n")
        }
        Furniture::SecondName(place) => std::fs::hard_link(at(place), root.join(format!("etc/second-{number}"))),
        Furniture::Mode(place, _) if at(place).is_symlink() => Ok(()),
        Furniture::Mode(place, mode) => std::fs::set_permissions(at(place), std::fs::Permissions::from_mode(mode)),
        Furniture::Owner(place, id) => lchown(at(place), Some(id), Some(id)),
        Furniture::Attribute(place) => Ok(lsetxattr(at(place), "user.origin", b"the installer", XattrFlags::empty())?),
        Furniture::AccessList(place) => {
            Ok(lsetxattr(at(place), "system.posix_acl_access", ACCESS, XattrFlags::empty())?)
        }
        Furniture::DirectoryMode(place, mode) => {
            std::fs::set_permissions(root.join(DIRECTORIES[place]), std::fs::Permissions::from_mode(mode))
        }
        Furniture::NoProgram(place) => std::fs::remove_file(root.join(SOME_PROGRAMS[place])),
        Furniture::SiteProfile => {
            std::fs::create_dir_all(root.join("etc/dconf/profile"))?;
            std::fs::create_dir_all(root.join("etc/dconf/db/site.d"))?;
            write(&root.join("etc/dconf/profile/user"), "user-db:user\nsystem-db:site\n")
        }
    }
}

fn clock(path: &Path, how: u8) -> std::io::Result<()> {
    match how {
        0 => replace_link(path, "../usr/share/zoneinfo/America/Lima"),
        1 => replace_link(path, "/usr/share/zoneinfo/Nowhere"),
        2 => std::fs::remove_file(path),
        3 => std::fs::remove_file(path).and_then(|()| std::fs::write(path, "TZif2\0\0of somewhere")),
        // What a profile may ask for.
        4 => replace_link(path, "/usr/share/zoneinfo/Europe/Berlin"),
        _ => std::fs::remove_file(path).and_then(|()| std::fs::create_dir(path)),
    }
}

/// Writes a file, unless something else is there: a pipe would keep the writer waiting.
fn write(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    if path.exists() && !path.is_file() { Ok(()) } else { std::fs::write(path, content) }
}

fn name(path: &Path, how: u8) -> std::io::Result<()> {
    if path.symlink_metadata().is_ok() && !path.is_file() {
        return Ok(());
    }
    match how {
        0 => write(path, "no-newline"),
        1 => std::fs::remove_file(path),
        2 => replace_link(path, "../usr/local/name"),
        3 => write(path, b"not-utf8-\xff\n"),
        4 => write(path, "lap-1\n"),
        _ => write(path, vec![b'#'; 70 << 10]),
    }
}

fn linked(root: &Path, (path, real, target): (&str, &str, &str)) -> std::io::Result<()> {
    let (path, real) = (root.join(path), root.join(real));
    std::fs::create_dir_all(real.parent().unwrap_or(root))?;
    match path.is_dir() && !path.is_symlink() {
        true => std::fs::rename(&path, &real)?,
        false => std::fs::create_dir(&real)?,
    }
    symlink(target, path)
}

fn replace_link(path: &Path, target: &str) -> std::io::Result<()> {
    std::fs::remove_file(path).and_then(|()| symlink(target, path))
}

/// Everything was changed last long before the agent came.
fn age(root: &Path) -> std::io::Result<()> {
    let time = Timespec { tv_sec: LONG_AGO, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    for path in super::node::snapshot(root).keys() {
        utimensat(CWD, root.join(path), &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}
