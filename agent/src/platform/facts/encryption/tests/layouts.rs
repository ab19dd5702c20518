use super::*;

fn two_disks() -> Storage {
    Storage::new()
        .disk("sda", "8:0")
        .partition("sda", "sda1", "8:1")
        .partition("sda", "sda2", "8:2")
        .disk("sdb", "8:16")
        .partition("sdb", "sdb1", "8:17")
}

#[test]
fn ext4_on_a_partition() {
    plain(&two_disks().mount("/", "8:2", "ext4", "/dev/sda2", "rw"), "/", "sda2");
}

#[test]
fn ext4_on_a_whole_disk() {
    plain(&two_disks().mount("/", "8:16", "ext4", "/dev/sdb", "rw"), "/", "sdb");
}

#[test]
fn luks() {
    let storage = encrypted_root();
    encrypted(&storage, "/");
    assert_eq!(storage.volume("/").devices, "luks-root (LUKS2) on nvme0n1p3");
}

#[test]
fn luks_on_lvm() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "vg-root", "LVM-abc", &["sda2"])
        .mapped("dm-1", "253:1", "root", "CRYPT-LUKS1-0-root", &["dm-0"])
        .mount("/", "253:1", "xfs", "/dev/mapper/root", "rw");
    encrypted(&storage, "/");
}

#[test]
fn lvm_on_luks() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "pv", "CRYPT-LUKS2-0-pv", &["sda2"])
        .mapped("dm-1", "253:1", "vg-root", "LVM-abc", &["dm-0"])
        .mount("/", "253:1", "ext4", "/dev/mapper/vg-root", "rw");
    encrypted(&storage, "/");
    assert_eq!(storage.volume("/").devices, "vg-root on pv (LUKS2) on sda2");
}

#[test]
fn a_logical_volume_that_is_partly_on_a_plain_disk() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "pv", "CRYPT-LUKS2-0-pv", &["sda2"])
        .mapped("dm-1", "253:1", "vg-root", "LVM-abc", &["dm-0", "sdb1"])
        .mount("/", "253:1", "ext4", "/dev/mapper/vg-root", "rw");
    plain(&storage, "/", "sdb1");
}

#[test]
fn a_volume_group_with_one_encrypted_and_one_plain_volume() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "vg-root", "LVM-a", &["sda2"])
        .mapped("dm-1", "253:1", "vg-home", "LVM-b", &["sda2"])
        .mapped("dm-2", "253:2", "home", "CRYPT-LUKS2-0-home", &["dm-1"])
        .mount("/", "253:0", "ext4", "/dev/mapper/vg-root", "rw")
        .mount("/home", "253:2", "ext4", "/dev/mapper/home", "rw");
    plain(&storage, "/", "sda2");
    encrypted(&storage, "/home");
}

#[test]
fn raid_of_two_encrypted_disks() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "one", "CRYPT-LUKS2-0-one", &["sda2"])
        .mapped("dm-1", "253:1", "two", "CRYPT-LUKS2-1-two", &["sdb1"])
        .made("md0", "9:0", &["dm-0", "dm-1"])
        .mount("/", "9:0", "ext4", "/dev/md0", "rw");
    encrypted(&storage, "/");
}

#[test]
fn raid_with_one_plain_member() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "one", "CRYPT-LUKS2-0-one", &["sda2"])
        .made("md0", "9:0", &["dm-0", "sdb1"])
        .mount("/", "9:0", "ext4", "/dev/md0", "rw");
    plain(&storage, "/", "sdb1");
}

#[test]
fn luks_on_raid() {
    let storage = two_disks()
        .made("md0", "9:0", &["sda2", "sdb1"])
        .mapped("dm-0", "253:0", "root", "CRYPT-LUKS2-0-root", &["md0"])
        .mount("/", "253:0", "ext4", "/dev/mapper/root", "rw");
    encrypted(&storage, "/");
}

#[test]
fn btrfs_with_subvolumes_on_luks_is_listed_once() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "luks-1", "CRYPT-LUKS2-0-luks-1", &["sda2"])
        .btrfs("f00d", &["dm-0"])
        .mount("/", "0:33", "btrfs", "/dev/mapper/luks-1", "rw,subvol=/root")
        .mount("/home", "0:33", "btrfs", "/dev/mapper/luks-1", "rw,subvol=/home");
    encrypted(&storage, "/");
    assert_eq!(storage.places(), ["/"]);
}

#[test]
fn btrfs_on_two_devices_of_which_one_is_plain() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "luks-1", "CRYPT-LUKS2-0-luks-1", &["sda2"])
        .btrfs("beef", &["sda1"])
        .btrfs("f00d", &["dm-0", "sdb1"])
        .mount("/", "0:33", "btrfs", "/dev/mapper/luks-1", "rw");
    plain(&storage, "/", "sdb1");
}

#[test]
fn btrfs_that_the_kernel_does_not_show() {
    let storage = two_disks().mapped("dm-0", "253:0", "luks-1", "CRYPT-LUKS2-0-luks-1", &["sda2"]).mount(
        "/",
        "0:33",
        "btrfs",
        "/dev/mapper/luks-1",
        "rw",
    );
    unclear(&storage, "/", "btrfs");
}

#[test]
fn an_encrypted_root_beside_a_plain_home() {
    let storage = encrypted_root().mount("/home", "259:2", "ext4", "/dev/nvme0n1p2", "rw");
    encrypted(&storage, "/");
    plain(&storage, "/home", "nvme0n1p2");
}

#[test]
fn boot_and_efi_may_be_plain() {
    let storage = encrypted_root().mount("/boot", "259:2", "ext4", "/dev/nvme0n1p2", "rw").mount(
        "/boot/efi",
        "259:1",
        "vfat",
        "/dev/nvme0n1p1",
        "rw",
    );
    encrypted(&storage, "/");
    excused(&storage, "/boot", "unlocked");
    excused(&storage, "/boot/efi", "unlocked");
    assert!(matches!(storage.volume("/boot").encryption, Encryption::Plain(_)), "it is reported all the same");
}

#[test]
fn only_what_the_machine_starts_from_has_an_excuse() {
    for place in ["/boot/data", "/bootleg", "/srv/boot"] {
        let storage = encrypted_root().mount(place, "259:2", "ext4", "/dev/nvme0n1p2", "rw");
        plain(&storage, place, "nvme0n1p2");
    }
    let twice = encrypted_root().mount("/boot", "259:2", "ext4", "/dev/nvme0n1p2", "rw").mount(
        "/srv/data",
        "259:2",
        "ext4",
        "/dev/nvme0n1p2",
        "rw",
    );
    plain(&twice, "/srv/data", "nvme0n1p2");
}

#[test]
fn swap_on_a_plain_partition() {
    let storage = encrypted_root().swap("/dev/nvme0n1p2", "partition");
    plain(&storage, "swap /dev/nvme0n1p2", "nvme0n1p2");
}

#[test]
fn swap_with_a_key_of_its_own() {
    let storage = encrypted_root()
        .mapped("dm-1", "253:1", "swap", "CRYPT-PLAIN-swap", &["nvme0n1p2"])
        .swap("/dev/dm-1", "partition");
    encrypted(&storage, "swap /dev/dm-1");
    assert!(storage.volume("swap /dev/dm-1").devices.contains("dm-crypt"));
}

#[test]
fn swap_in_memory() {
    let storage = encrypted_root().disk("zram0", "252:0").swap("/dev/zram0", "partition");
    excused(&storage, "swap /dev/zram0", "memory");
    let written = encrypted_root()
        .disk("zram0", "252:0")
        .file("/sys/devices/block/zram0/backing_dev", "/dev/nvme0n1p2\n")
        .swap("/dev/zram0", "partition");
    plain(&written, "swap /dev/zram0", "nvme0n1p2");
}

#[test]
fn swap_in_a_file() {
    encrypted(&encrypted_root().swap("/swap\\040file", "file"), "swap /swap file");
    let elsewhere = encrypted_root().mount("/data", "259:2", "ext4", "/dev/nvme0n1p2", "rw").swap("/data/swap", "file");
    plain(&elsewhere, "swap /data/swap", "nvme0n1p2");
}

#[test]
fn ostree_with_a_composed_root() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "luks-1", "CRYPT-LUKS2-0-luks-1", &["sda2"])
        .mount(
            "/",
            "0:35",
            "overlay",
            "composefs",
            "ro,lowerdir+=/run/ostree/.private/cfsroot-lower,datadir+=/sysroot/ostree/repo/objects",
        )
        .mount("/sysroot", "253:0", "xfs", "/dev/mapper/luks-1", "rw")
        .mount("/var", "253:0", "xfs", "/dev/mapper/luks-1", "rw");
    encrypted(&storage, "/");
    encrypted(&storage, "/var");
    let in_the_clear = two_disks()
        .mount(
            "/",
            "0:35",
            "overlay",
            "composefs",
            "ro,lowerdir=/run/ostree/.private/cfsroot-lower::/sysroot/ostree/repo/objects",
        )
        .mount("/sysroot", "8:2", "xfs", "/dev/sda2", "rw");
    plain(&in_the_clear, "/", "sda2");
}

#[test]
fn xfs_with_its_log_on_a_plain_disk() {
    let storage = two_disks().mapped("dm-0", "253:0", "root", "CRYPT-LUKS2-0-root", &["sda2"]).mount(
        "/",
        "253:0",
        "xfs",
        "/dev/mapper/root",
        "rw,logdev=/dev/sdb1,noquota",
    );
    plain(&storage, "/", "sdb1");
}

#[test]
fn a_file_as_a_disk_on_an_encrypted_file_system() {
    let storage = encrypted_root()
        .looped("loop3", "7:3", "/var/disk.img (deleted)")
        .mount("/srv", "7:3", "ext4", "/dev/loop3", "rw")
        .looped("loop4", "7:4", "/var/lib/snapd/snaps/core.snap")
        .mount("/snap/core/1", "7:4", "squashfs", "/dev/loop4", "ro");
    encrypted(&storage, "/srv");
    excused(&storage, "/snap/core/1", "image");
    let part = storage.partition("loop3", "loop3p1", "259:9").mount("/part", "259:9", "ext4", "/dev/loop3p1", "rw");
    encrypted(&part, "/part");
}

#[test]
fn several_ways_to_one_disk() {
    let storage = two_disks()
        .mapped("dm-0", "253:0", "mpatha", "mpath-3600", &["sda", "sdb"])
        .mapped("dm-1", "253:1", "mpatha2", "part2-mpath-3600", &["dm-0"])
        .mount("/", "253:1", "ext4", "/dev/mapper/mpatha2", "rw");
    plain(&storage, "/", "sda");
    let storage = storage.mapped("dm-2", "253:2", "root", "CRYPT-LUKS2-0-root", &["dm-1"]).mount(
        "/data",
        "253:2",
        "ext4",
        "/dev/mapper/root",
        "rw",
    );
    encrypted(&storage, "/data");
}

#[test]
fn a_home_on_another_machine() {
    let storage = encrypted_root().mount("/home", "0:50", "nfs4", "server:/home", "rw");
    excused(&storage, "/home", "another machine");
}

#[test]
fn a_disk_that_people_carry_around() {
    let stick = || Storage::new().disk("sdc", "8:32").removable("sdc").partition("sdc", "sdc1", "8:33");
    excused(
        &stick().mount("/", "0:2", "tmpfs", "tmpfs", "rw").mount("/media/a/STICK", "8:33", "vfat", "/dev/sdc1", "rw"),
        "/media/a/STICK",
        "removable",
    );
    plain(&stick().mount("/", "8:33", "ext4", "/dev/sdc1", "rw"), "/", "sdc1");
    let fixed = encrypted_root().mount("/mnt/data", "259:2", "ext4", "/dev/nvme0n1p2", "rw");
    plain(&fixed, "/mnt/data", "nvme0n1p2");
}
