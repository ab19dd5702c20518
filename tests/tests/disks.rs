//! Real disks: LUKS, LVM, RAID, btrfs and swap in a virtual machine with Debian's kernel, and what the agent says of each.
//! This machine's own kernel need not have any of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Programs that the virtual machine needs.
const PROGRAMS: &[&str] =
    &["/usr/sbin/cryptsetup", "/usr/sbin/lvm", "/usr/sbin/mdadm", "/sbin/mkfs.btrfs", "/sbin/mke2fs"];
/// Folders with the kernel's modules for disks, file systems and ciphers; what is built in has none.
const MODULES: &[&str] =
    &["arch/x86/crypto", "crypto", "drivers/block", "drivers/md", "drivers/virtio", "fs/btrfs", "lib"];

#[test]
#[ignore = "needs root, qemu, a Debian kernel, cryptsetup, lvm2, mdadm, btrfs-progs, busybox and cpio"]
fn every_way_of_encrypting_a_real_disk_is_told_from_every_way_of_not_doing_it() {
    let seen = look_at_disks();
    let place = |layout: &str, place: &str| {
        let volumes =
            &seen.get(layout).unwrap_or_else(|| panic!("{layout} was not made: {:?}", seen.keys()))["volumes"];
        let volumes = volumes["known"]["value"].as_array().unwrap_or_else(|| panic!("{layout}: {volumes}"));
        let volume = volumes.iter().find(|volume| volume["place"].as_str().unwrap().starts_with(place));
        volume.unwrap_or_else(|| panic!("{layout} has no {place}: {volumes:?}"))["encryption"].clone()
    };
    for layout in
        ["luks1", "luks2", "dm-crypt-plain", "lvm-on-luks", "luks-on-lvm", "raid-of-two-luks", "btrfs-on-luks"]
    {
        assert_eq!(place(layout, "/data"), "encrypted", "{layout}");
    }
    assert_eq!(place("file-on-luks", "/mnt"), "encrypted");
    assert_eq!(place("swap-on-luks", "swap"), "encrypted");
    for layout in ["plain", "lvm-plain", "raid-with-a-plain-half", "btrfs-with-a-plain-half"] {
        assert!(place(layout, "/data")["plain"].is_string(), "{layout}: {}", place(layout, "/data"));
    }
    assert!(place("swap-plain", "swap")["plain"].is_string());
}

/// Boots the machine; the facts by the name of the layout.
fn look_at_disks() -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let (kernel, modules) = kernel(folder.path());
    let archive = archive(folder.path(), &modules);
    let mut command = Command::new("timeout");
    command.args(["300", "qemu-system-x86_64", "-m", "2200", "-nographic", "-no-reboot", "-net", "none", "-kernel"]);
    command.arg(&kernel).arg("-initrd").arg(&archive).args(["-append", "console=ttyS0 quiet panic=-1 rdinit=/init"]);
    for disk in ["one", "two", "three", "four"] {
        let image = folder.path().join(disk);
        std::fs::File::create(&image).unwrap().set_len(160 << 20).unwrap();
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", image.display()));
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let console = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(console.contains("=== end"), "the machine did not come to its end:\n{console}");
    let mut seen = BTreeMap::new();
    for part in console.split("=== ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
        let facts = rest.lines().find(|line| line.starts_with('{'));
        if let Some(facts) = facts {
            seen.insert(name.trim().to_owned(), serde_json::from_str(facts).unwrap());
        }
    }
    seen
}

/// Debian's kernel for virtual machines, unpacked and not installed.
fn kernel(folder: &Path) -> (PathBuf, PathBuf) {
    let run = |script: &str| {
        let output = Command::new("sh").arg("-c").arg(script).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    run("apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get update -q");
    run("package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2; exit}') && \
         apt-get download -q \"$package\" && dpkg-deb -x \"$package\"_*.deb kernel");
    (PathBuf::from(run("ls -d $PWD/kernel/boot/vmlinuz-*")), PathBuf::from(run("ls -d $PWD/kernel/lib/modules/*")))
}

/// The file system that the machine starts with.
fn archive(folder: &Path, modules: &Path) -> PathBuf {
    let tree = folder.join("tree");
    let copy = |from: &Path| {
        let to = tree.join(from.strip_prefix("/").unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    };
    copy(Path::new("/bin/busybox"));
    let facts = PathBuf::from(env!("CARGO_BIN_EXE_facts"));
    for program in PROGRAMS.iter().map(Path::new).chain([facts.as_path()]) {
        if program != facts {
            copy(program);
        }
        let libraries = Command::new("ldd").arg(program).output().unwrap();
        let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
        for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
            copy(Path::new(library));
        }
    }
    std::fs::copy(&facts, tree.join("facts")).unwrap();
    std::fs::write(tree.join("init"), include_str!("disks/init.sh")).unwrap();
    std::fs::set_permissions(tree.join("init"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let version = modules.file_name().unwrap();
    let place = tree.join("lib/modules").join(version);
    std::fs::create_dir_all(&place).unwrap();
    for folder in MODULES {
        let to = place.join("kernel").join(folder);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-r").arg(modules.join("kernel").join(folder)).arg(&to).status();
        assert!(copied.unwrap().success(), "{folder}");
    }
    for list in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
        let _ = std::fs::copy(modules.join(list), place.join(list));
    }
    let depmod = Command::new("depmod").arg("-b").arg(&tree).arg(version).status().unwrap();
    assert!(depmod.success());
    let archive = folder.join("initrd");
    let pack = format!("cd {} && find . | cpio --quiet -o -H newc > {}", tree.display(), archive.display());
    assert!(Command::new("sh").arg("-c").arg(pack).status().unwrap().success());
    archive
}
