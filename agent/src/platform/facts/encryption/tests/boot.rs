//! File systems that machines start from, by what they are.

use std::path::Path;

use super::super::super::source::Source;
use super::super::{NoZfs, volumes};
use super::*;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::Volume;

/// The volumes of a machine from the field.
fn case(path: &str) -> Vec<Volume> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(path);
    let fact = volumes(&Source::open(&root).unwrap(), &NoZfs);
    let Fact::Known { value, .. } = fact else { panic!("{fact:?}") };
    value
}

fn is_compliant(volume: &Volume) -> bool {
    volume.encryption == Encryption::Encrypted || volume.excuse.is_some()
}

/// A FAT partition next to an encrypted root.
fn fat(place: &str) -> Storage {
    encrypted_root().mount(place, "259:2", "vfat", "/dev/nvme0n1p2", "rw")
}

#[test]
fn a_machine_with_a_recovery_system_is_compliant() {
    let volumes = case("50/root-pop");
    assert_eq!(volumes.len(), 4, "{volumes:?}");
    assert!(volumes.iter().all(is_compliant), "{volumes:?}");
}

#[test]
fn ecryptfs_over_its_own_directory_is_what_it_lies_on() {
    let volumes = case("59/root-ecryptfs2");
    assert!(volumes.iter().all(is_compliant), "{volumes:?}");
    let home = volumes.iter().find(|volume| volume.place == "/home/ada").unwrap();
    assert_eq!(home.encryption, Encryption::Encrypted);
    assert_eq!(home.devices, "eCryptfs on root (LUKS2) on sda2");
}

#[test]
fn what_lies_over_its_own_source_is_what_it_lies_on() {
    let plain = Storage::new().disk("sda", "8:0").mount("/", "8:0", "ext4", "/dev/sda", "rw");
    unclear(&plain.mount("/home/a", "0:60", "ecryptfs", "/home/a/.Private", "rw"), "/home/a", "the disk below");
    let file =
        encrypted_root().looped("loop0", "7:0", "/srv/disk.img").mount("/srv", "7:0", "ext4", "/dev/loop0", "rw");
    encrypted(&file, "/srv");
    let two = encrypted_root().mount("/home/a", "259:2", "ext4", "/dev/nvme0n1p2", "rw");
    let two = two.mount("/home/a", "0:60", "ecryptfs", "/home/a/.Private", "rw");
    let volume = |kind: &str| {
        let Fact::Known { value, .. } = two.volumes() else { panic!("{:?}", two.volumes()) };
        value.into_iter().find(|volume| volume.place == "/home/a" && volume.file_system == kind).unwrap()
    };
    assert!(matches!(volume("ext4").encryption, Encryption::Plain(_)), "the one below is found, not the root");
    assert!(matches!(volume("ecryptfs").encryption, Encryption::CannotTell(_)));
}

#[test]
fn the_type_of_a_partition_says_what_it_is_wherever_it_is_mounted() {
    let typed = |storage: Storage, kind: &str| {
        storage.file("/run/udev/data/b259:2", &format!("I:1\nE:ID_PART_ENTRY_TYPE={kind}\nG:systemd\n"))
    };
    for kind in ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0xef"] {
        excused(&typed(fat("/mnt/second"), kind), "/mnt/second", "unlocked");
    }
    let extended = "bc13c2ff-59e6-4262-a352-b275fd6f7172";
    let ext4 = || encrypted_root().mount("/system/boot", "259:2", "ext4", "/dev/nvme0n1p2", "rw");
    excused(&typed(ext4(), extended), "/system/boot", "unlocked");
    plain(&typed(ext4(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"), "/system/boot", "nvme0n1p2");
    plain(&typed(fat("/data"), "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"), "/data", "nvme0n1p2");
}

#[test]
fn what_is_on_a_file_system_says_what_it_is() {
    let with = |place: &str, names: &[&str]| {
        names.iter().fold(fat(place), |storage, name| storage.file(&format!("{place}/{name}/x"), ""))
    };
    let recovery = ["EFI", "casper-0123-4567", "dists", "pool", ".disk", "recovery.conf", "System Volume Information"];
    excused(&with("/factory", &recovery), "/factory", "unlocked");
    excused(&with("/boot/efi2", &["EFI", "loader"]), "/boot/efi2", "unlocked");
    plain(&with("/data", &["EFI", "Photos"]), "/data", "nvme0n1p2");
    plain(&with("/recovery", &["Photos"]), "/recovery", "nvme0n1p2");
    plain(&with("/recovery", &["EFI", "Photos"]), "/recovery", "nvme0n1p2");
    plain(&with("/data", &["boot", "pool"]), "/data", "nvme0n1p2");
    plain(&fat("/data"), "/data", "nvme0n1p2");
    let boot = |names: &[&str]| {
        let storage = encrypted_root().mount("/boot", "259:2", "ext4", "/dev/nvme0n1p2", "rw");
        names.iter().fold(storage, |storage, name| storage.file(&format!("/boot/{name}"), ""))
    };
    excused(&boot(&["vmlinuz-6.1", "initrd.img-6.1", "notes"]), "/boot", "unlocked");
    plain(&boot(&["letters", "photos"]), "/boot", "nvme0n1p2");
    let ext4 = encrypted_root().mount("/srv", "259:2", "ext4", "/dev/nvme0n1p2", "rw").file("/srv/vmlinuz", "");
    plain(&ext4, "/srv", "nvme0n1p2");
}
