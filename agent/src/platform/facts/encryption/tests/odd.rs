use super::*;
use crate::engine::compliance::Fact;

#[derive(Debug)]
struct Pool(&'static str, &'static [&'static str]);

impl super::super::Zfs for Pool {
    fn encryption(&self, dataset: &str) -> Result<String, String> {
        assert!(dataset.starts_with("rpool/"));
        Ok(self.0.to_owned())
    }

    fn devices(&self, pool: &str) -> Result<Vec<String>, String> {
        assert_eq!(pool, "rpool");
        Ok(self.1.iter().map(|name| (*name).to_owned()).collect())
    }
}

fn why(fact: Fact<Vec<crate::engine::compliance::facts::Volume>>) -> String {
    let Fact::Unknown { reason } = fact else { panic!("{fact:?}") };
    reason
}

fn zfs() -> Storage {
    Storage::new()
        .disk("sda", "8:0")
        .partition("sda", "sda2", "8:2")
        .mapped("dm-0", "253:0", "one", "CRYPT-LUKS2-0-one", &["sda2"])
        .mount("/", "0:30", "zfs", "rpool/ROOT/ubuntu", "rw")
}

#[test]
fn zfs_is_asked_for() {
    unclear(&zfs(), "/", "zfs get encryption");
    encrypted(&zfs().with_zfs(Pool("aes-256-gcm", &[])), "/");
    encrypted(&zfs().with_zfs(Pool("off", &["/dev/dm-0"])), "/");
    plain(&zfs().with_zfs(Pool("off", &["/dev/dm-0", "/dev/sda2"])), "/", "sda2");
    unclear(&zfs().with_zfs(Pool("off", &[])), "/", "nothing is known");
}

#[test]
fn verity_and_integrity_do_not_encrypt() {
    for kind in ["VERITY", "INTEGRITY", "SUBDEV"] {
        let storage = Storage::new()
            .disk("sda", "8:0")
            .partition("sda", "sda2", "8:2")
            .mapped("dm-0", "253:0", "usr", &format!("CRYPT-{kind}-0-usr"), &["sda2"])
            .mount("/", "253:0", "ext4", "/dev/mapper/usr", "rw");
        plain(&storage, "/", "sda2");
    }
}

#[test]
fn luks_with_integrity() {
    let storage = Storage::new()
        .disk("sda", "8:0")
        .mapped("dm-0", "253:0", "root_dif", "CRYPT-SUBDEV-0-root_dif", &["sda"])
        .mapped("dm-1", "253:1", "root", "CRYPT-LUKS2-0-root", &["dm-0"])
        .mount("/", "253:1", "ext4", "/dev/mapper/root", "rw");
    encrypted(&storage, "/");
}

#[test]
fn a_disk_that_is_being_encrypted() {
    let storage = Storage::new()
        .disk("sda", "8:0")
        .mapped("dm-1", "253:1", "root-hotzone-forward", "CRYPT-SUBDEV-0-root-hotzone-forward", &["sda"])
        .mapped("dm-0", "253:0", "root", "CRYPT-LUKS2-0-root", &["dm-1", "sda"])
        .mount("/", "253:0", "ext4", "/dev/mapper/root", "rw");
    unclear(&storage, "/", "at the moment");
}

#[test]
fn a_name_that_says_crypt_is_no_proof() {
    let storage = Storage::new()
        .disk("sda", "8:0")
        .mapped("dm-0", "253:0", "CRYPT-LUKS2-luks-crypt", "LVM-crypt", &["sda"])
        .mount("/", "253:0", "ext4", "/dev/mapper/CRYPT-LUKS2-luks-crypt", "rw");
    plain(&storage, "/", "sda");
}

#[test]
fn a_mapping_that_says_nothing_of_itself() {
    let made = |of: &[&str]| {
        Storage::new().disk("sda", "8:0").mapped("dm-0", "253:0", "byhand", "", of).mount(
            "/",
            "253:0",
            "ext4",
            "/dev/mapper/byhand",
            "rw",
        )
    };
    unclear(&made(&["sda"]), "/", "what it does");
    unclear(&made(&[]), "/", "what it is made of");
}

#[test]
fn a_drive_that_may_encrypt_by_itself() {
    let storage = Storage::new()
        .disk("sda", "8:0")
        .partition("sda", "sda2", "8:2")
        .file("/sys/module/libata/parameters/allow_tpm", "1\n")
        .mount("/", "8:2", "ext4", "/dev/sda2", "rw");
    unclear(&storage, "/", "Opal");
}

#[test]
fn overlays_are_what_they_are_made_of() {
    let over = encrypted_root().mount("/over", "0:40", "overlay", "overlay", "rw,lowerdir=/a,upperdir=/b,workdir=/c");
    assert_eq!(over.places(), ["/"], "its layers are listed themselves");
    let container =
        Storage::new().mount("/", "0:40", "overlay", "overlay", "rw,lowerdir=/var/lib/docker/l/A:/var/lib/docker/l/B");
    unclear(&container, "/", "leads back");
    let live = Storage::new()
        .disk("sr0", "11:0")
        .looped("loop0", "7:0", "/cdrom/casper/filesystem.squashfs")
        .mount("/cdrom", "11:0", "iso9660", "/dev/sr0", "ro")
        .mount("/rofs", "7:0", "squashfs", "/dev/loop0", "ro")
        .mount("/", "0:40", "overlay", "/cow", "rw,lowerdir=/rofs,upperdir=/run/cow/upper,workdir=/run/cow/work");
    plain(&live, "/", "sr0");
}

#[test]
fn directories_that_are_encrypted_on_a_plain_disk() {
    let storage = Storage::new()
        .disk("sda", "8:0")
        .partition("sda", "sda2", "8:2")
        .partition("sda", "sda3", "8:3")
        .mount("/", "8:2", "ext4", "/dev/sda2", "rw")
        .mount("/home", "8:3", "ext4", "/dev/sda3", "rw")
        .mount("/home/alice", "0:60", "ecryptfs", "/home/.ecryptfs/alice/.Private", "rw")
        .file("/home/.fscrypt/policies/a", "")
        .file("/.fscrypt/policies/a", "");
    plain(&storage, "/", "sda2");
    unclear(&storage, "/home", "fscrypt");
    unclear(&storage, "/home/alice", "eCryptfs");
}

#[test]
fn devices_that_lead_back_to_themselves() {
    let storage = Storage::new()
        .mapped("dm-0", "253:0", "a", "LVM-a", &["dm-1"])
        .mapped("dm-1", "253:1", "b", "LVM-b", &["dm-0"])
        .mount("/", "253:0", "ext4", "/dev/mapper/a", "rw");
    unclear(&storage, "/", "leads back");
    let looped = Storage::new().looped("loop0", "7:0", "/disk.img").mount("/", "7:0", "ext4", "/dev/loop0", "rw");
    unclear(&looped, "/", "leads back");
}

#[test]
fn layers_without_end_and_layers_without_number() {
    let mut tower = Storage::new().disk("sda", "8:0").mapped("dm-0", "253:0", "a", "LVM-a", &["sda"]);
    for level in 1..40 {
        let below = format!("dm-{}", level - 1);
        tower = tower.mapped(&format!("dm-{level}"), &format!("253:{level}"), "a", "LVM-a", &[&below]);
    }
    unclear(&tower.mount("/", "253:39", "ext4", "/dev/dm-39", "rw"), "/", "too many layers");
    // Each layer has the two below twice over: more ways than could ever be walked.
    let mut wide = Storage::new().made("md0", "9:0", &[]).made("md1", "9:1", &[]);
    for level in 1..20 {
        let (one, two) = (format!("md{}", 2 * level - 2), format!("md{}", 2 * level - 1));
        for half in 0..2 {
            let number = 2 * level + half;
            wide = wide.made(&format!("md{number}"), &format!("9:{number}"), &[&one, &two]);
        }
    }
    let wide = wide.file("/sys/devices/block/md0/md/level", "raid1").file("/sys/devices/block/md1/md/level", "raid1");
    unclear(&wide.mount("/", "9:39", "ext4", "/dev/md39", "rw"), "/", "");
}

#[test]
fn a_kernel_that_shows_nothing() {
    unclear(&Storage::new().mount("/", "8:2", "ext4", "/dev/sda2", "rw"), "/", "does not show");
    let stray = Storage::new().disk("sda", "8:0").file("/sys/devices/block/sda/slaves/x/dev", "../../etc\n");
    unclear(&stray.mount("/", "8:0", "ext4", "/dev/sda", "rw"), "/", "number of x");
}

#[test]
fn lists_of_mounts_that_cannot_be_used() {
    assert!(why(Storage::new().found()).contains("not there"));
    assert!(why(Storage::new().file("/proc/self/mountinfo", "").found()).contains("does not list /"));
    assert!(why(Storage::new().file("/proc/self/mountinfo", "1 2 3").found()).contains("cannot be understood"));
    let large = "1 0 0:1 / /x rw - proc proc rw\n".repeat(60_000);
    assert!(why(Storage::new().file("/proc/self/mountinfo", &large).found()).contains("larger"));
    let other = "1 0 8:2 / / rw - ext4 /dev/sda2 rw\n";
    let fallback = Storage::new().file("/proc/self/mountinfo", "").file("/proc/1/mountinfo", other);
    assert!(matches!(fallback.found(), Fact::Known { evidence, .. } if evidence.starts_with("/proc/1/mountinfo")));
}

#[test]
fn swap_that_cannot_be_read_is_not_taken_for_none() {
    let mounts = "1 0 0:2 / / rw - tmpfs tmpfs rw\n";
    let places = |storage: &Storage| {
        let Fact::Known { value, .. } = storage.found() else { panic!("{:?}", storage.found()) };
        value.into_iter().map(|volume| (volume.place, volume.encryption)).collect::<Vec<_>>()
    };
    let found = places(&Storage::new().file("/proc/self/mountinfo", mounts));
    assert!(matches!(&found[1], (place, Encryption::CannotTell(_)) if place == "swap"));
    let without = Storage::new()
        .file("/proc/self/mountinfo", mounts)
        .file("/proc/meminfo", "MemTotal: 1 kB\nSwapTotal:       0 kB\n");
    assert_eq!(places(&without).len(), 1);
}
