//! What people and tools do on the machine between the agent's looks.

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use fastrand::Rng;

use super::places::NAMED;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Something is done to a file of the agent's, whichever is in this place of their list.
    Touch(Touching, usize),
    /// A file is written where a profile may come, if nothing is there.
    Put(usize, Kind),
    /// Whatever is where a profile may come is removed.
    Take(usize),
    /// `timedatectl set-timezone`.
    SetZone(u8),
    /// The data of a time zone are copied over the link.
    CopyZone,
    /// `hostnamectl hostname`.
    Rename(u8),
    /// Another tool writes the profile of dconf.
    SetDconfProfile,
    /// A program is installed or removed.
    Program(usize, bool),
    /// A stack of PAM has its modules, or not.
    Stack(bool),
    /// An administrator sets something in a configuration file.
    Configure(usize),
}

/// What is done to a file of the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touching {
    Append,
    Rewrite,
    Empty,
    Delete,
    Mode(u32),
    Owner(u32),
    LinkElsewhere,
    ReplaceByDirectory,
    ReplaceByFullDirectory,
    ReplaceByLink,
    ReplaceByPipe,
    ReplaceByFile,
    Copy,
    Touch,
    RemoveDirectory,
    PutBeside,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// It says that the agent made it.
    Marked,
    Link,
    Directory,
    Pipe,
    Comments,
}

const TOUCHING: &[Touching] = &[
    Touching::Append,
    Touching::Append,
    Touching::Rewrite,
    Touching::Empty,
    Touching::Delete,
    Touching::Delete,
    Touching::Mode(0),
    Touching::Mode(0o640),
    Touching::Owner(1000),
    Touching::LinkElsewhere,
    Touching::ReplaceByDirectory,
    Touching::ReplaceByFullDirectory,
    Touching::ReplaceByLink,
    Touching::ReplaceByPipe,
    Touching::ReplaceByFile,
    Touching::Copy,
    Touching::Touch,
    Touching::RemoveDirectory,
    Touching::PutBeside,
];
pub(super) const KINDS: &[Kind] =
    &[Kind::Plain, Kind::Plain, Kind::Marked, Kind::Link, Kind::Directory, Kind::Pipe, Kind::Comments];
pub(super) const SOME_PROGRAMS: &[&str] = &[
    "usr/sbin/NetworkManager",
    "usr/bin/firefox-esr",
    "usr/bin/thunderbird",
    "usr/bin/dconf",
    "usr/sbin/update-ca-certificates",
    "usr/bin/udevadm",
    "usr/sbin/sysctl",
    "usr/bin/chromium",
    "usr/share/zoneinfo/Etc/UTC",
];
const CONFIGURED: &[&str] = &["etc/security/faillock.conf", "etc/security/pwhistory.conf", "etc/sysctl.d/99-own.conf"];

/// Something that somebody does.
pub(super) fn deed(random: &mut Rng) -> Deed {
    match random.u8(..24) {
        0..=12 => Deed::Touch(TOUCHING[random.usize(..TOUCHING.len())], random.usize(..8)),
        13..=15 => Deed::Put(random.usize(..NAMED.len()), KINDS[random.usize(..KINDS.len())]),
        16 => Deed::Take(random.usize(..NAMED.len())),
        17 => Deed::SetZone(random.u8(..2)),
        18 => {
            if random.bool() {
                Deed::CopyZone
            } else {
                Deed::Rename(random.u8(..2))
            }
        }
        19 => Deed::SetDconfProfile,
        20 => Deed::Configure(random.usize(..CONFIGURED.len())),
        21 => Deed::Stack(random.bool()),
        _ => Deed::Program(random.usize(..SOME_PROGRAMS.len()), random.bool()),
    }
}

/// Somebody does something; what cannot be done is not done.
pub(super) fn perform(root: &Path, deed: Deed, agents: &[String], own: &mut u32) {
    *own += 1;
    let _ = match deed {
        Deed::Touch(touching, place) => match agents.get(place % agents.len().max(1)) {
            Some(path) => touch(root, path, touching, *own),
            None => Ok(()),
        },
        Deed::Put(place, kind) => put(&root.join(named(place)), kind, *own),
        Deed::Take(place) => std::fs::remove_file(root.join(named(place))),
        Deed::SetZone(zone) => replace_by_link(&root.join("etc/localtime"), zone_link(zone)),
        Deed::CopyZone => replace_by_file(&root.join("etc/localtime"), "TZif of somewhere\n"),
        Deed::Rename(name) => replace_by_file(&root.join("etc/hostname"), &format!("desk-{name}\n")),
        Deed::SetDconfProfile => {
            let path = root.join("etc/dconf/profile/user");
            parents(&path).and_then(|()| replace_by_file(&path, "user-db:user\nsystem-db:site\n"))
        }
        Deed::Program(place, true) => write_new(&root.join(SOME_PROGRAMS[place]), b""),
        Deed::Program(place, false) => std::fs::remove_file(root.join(SOME_PROGRAMS[place])),
        Deed::Stack(has_modules) => {
            let text =
                if has_modules { "auth required pam_faillock.so preauth\n" } else { "auth required pam_unix.so\n" };
            replace_by_file(&root.join("etc/pam.d/common-auth"), text)
        }
        Deed::Configure(place) => {
            let path = root.join(CONFIGURED[place]);
            if path.symlink_metadata().is_ok() && !path.is_file() {
                return;
            }
            let had = std::fs::read_to_string(&path).unwrap_or_default();
            std::fs::write(path, format!("{had}# own {own}\ndeny = 9\n"))
        }
    };
}

/// A place by its number, and the name of the first network's file.
pub(super) fn named(place: usize) -> String {
    let network = mdm_protocol::LocUri::parse("./Device/Vendor/MSFT/WiFi/Profile/W1").ok();
    let address = network.and_then(|uri| mdm_protocol::csp::profile::ProfileAddress::locate(&uri));
    let name = address.map(|address| {
        mdm_agent::platform::path::MachinePath::named("/x", &address, ".nmconnection").name().to_owned()
    });
    NAMED[place % NAMED.len()].replace("@W1@", &name.unwrap_or_default())
}

fn zone_link(zone: u8) -> &'static str {
    if zone == 0 { "../usr/share/zoneinfo/Europe/Berlin" } else { "../usr/share/zoneinfo/America/Lima" }
}

fn touch(root: &Path, path: &str, touching: Touching, own: u32) -> std::io::Result<()> {
    let path = root.join(path);
    let is_link = path.is_symlink();
    if !is_link && !path.is_file() {
        // Somebody has replaced it before; a pipe would keep everybody waiting.
        return Ok(());
    }
    match touching {
        Touching::Append if is_link => replace_by_link(&path, "/usr/share/zoneinfo/Own"),
        Touching::Append => {
            let had = std::fs::read(&path)?;
            std::fs::write(&path, [had.as_slice(), format!("# own {own}\n").as_bytes()].concat())
        }
        Touching::Rewrite if is_link => replace_by_link(&path, &format!("/own/{own}")),
        Touching::Rewrite => std::fs::write(&path, format!("own {own}\n")),
        Touching::Empty if is_link => Ok(()),
        Touching::Empty => std::fs::write(&path, ""),
        Touching::Delete => std::fs::remove_file(&path),
        Touching::Mode(_) | Touching::Touch if is_link => Ok(()),
        Touching::Mode(mode) => std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)),
        Touching::Owner(id) => std::os::unix::fs::lchown(&path, Some(id), Some(id)),
        Touching::LinkElsewhere => std::fs::hard_link(&path, root.join(format!("etc/kept-{own}"))),
        Touching::ReplaceByDirectory => std::fs::remove_file(&path).and_then(|()| std::fs::create_dir(&path)),
        Touching::ReplaceByFullDirectory => {
            std::fs::remove_file(&path)?;
            std::fs::create_dir(&path)?;
            std::fs::write(path.join("own"), format!("own {own}\n"))
        }
        Touching::ReplaceByLink => replace_by_link(&path, "/usr/local/own"),
        Touching::ReplaceByPipe => std::fs::remove_file(&path).and_then(|()| pipe(&path)),
        Touching::ReplaceByFile => replace_by_file(&path, &format!("own {own}\n")),
        Touching::Copy if is_link => replace_by_link(&path, &std::fs::read_link(&path)?.to_string_lossy()),
        Touching::Copy => copy(&path),
        Touching::Touch => std::fs::File::open(&path)?.set_modified(std::time::UNIX_EPOCH),
        Touching::RemoveDirectory => remove_directory(root, &path),
        Touching::PutBeside => {
            path.parent().map_or(Ok(()), |directory| write_new(&directory.join(format!("own-{own}")), b"mine\n"))
        }
    }
}

/// The same content in another file, as editors write it.
fn copy(path: &Path) -> std::io::Result<()> {
    let (content, mode) = (std::fs::read(path)?, path.metadata()?.permissions());
    let beside = path.with_extension("own-new");
    std::fs::write(&beside, content)?;
    std::fs::set_permissions(&beside, mode)?;
    std::fs::rename(&beside, path)
}

/// Removes the directory that a file of the agent's is in, if everything that is in it can only be the agent's.
fn remove_directory(root: &Path, path: &Path) -> std::io::Result<()> {
    let Some(directory) = path.parent().filter(|directory| *directory != root.join("etc")) else { return Ok(()) };
    std::fs::remove_dir_all(directory)
}

pub(super) fn put(path: &Path, kind: Kind, own: u32) -> std::io::Result<()> {
    parents(path)?;
    match kind {
        _ if path.symlink_metadata().is_ok() => Ok(()),
        Kind::Plain => write_new(path, format!("own {own}\n").as_bytes()),
        Kind::Marked => write_new(path, format!("# Made by mdm-agent\nown {own}\n").as_bytes()),
        Kind::Link => symlink("/usr/local/own", path),
        Kind::Directory => std::fs::create_dir(path),
        Kind::Pipe => pipe(path),
        Kind::Comments => write_new(path, b"# only\r\n\n  # comments"),
    }
}

fn parents(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

fn pipe(path: &Path) -> std::io::Result<()> {
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o644));
    Ok(rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0)?)
}

fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    parents(path)?;
    if path.symlink_metadata().is_ok() { Ok(()) } else { std::fs::write(path, content) }
}

fn replace_by_file(path: &Path, text: &str) -> std::io::Result<()> {
    if path.is_symlink() || path.is_file() {
        std::fs::remove_file(path)?;
    }
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    std::fs::write(path, text)?;
    chown(path, Some(0), Some(0))
}

fn replace_by_link(path: &Path, target: &str) -> std::io::Result<()> {
    if path.is_symlink() || path.is_file() {
        std::fs::remove_file(path)?;
    }
    symlink(target, path)
}
