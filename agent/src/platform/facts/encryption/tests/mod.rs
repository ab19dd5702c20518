mod boot;
mod layouts;
mod machine;
mod odd;

use machine::Storage;

use crate::engine::compliance::facts::Encryption;

/// The device of `/` is a LUKS volume on the third partition of a disk.
fn encrypted_root() -> Storage {
    Storage::new()
        .disk("nvme0n1", "259:0")
        .partition("nvme0n1", "nvme0n1p1", "259:1")
        .partition("nvme0n1", "nvme0n1p2", "259:2")
        .partition("nvme0n1", "nvme0n1p3", "259:3")
        .mapped("dm-0", "253:0", "luks-root", "CRYPT-LUKS2-0123-luks-root", &["nvme0n1p3"])
        .mount("/", "253:0", "ext4", "/dev/mapper/luks-root", "rw")
}

#[track_caller]
fn encrypted(storage: &Storage, place: &str) {
    let volume = storage.volume(place);
    assert_eq!(volume.encryption, Encryption::Encrypted, "{volume:?}");
    assert_eq!(volume.excuse, None, "{volume:?}");
}

#[track_caller]
fn plain(storage: &Storage, place: &str, device: &str) {
    let volume = storage.volume(place);
    let Encryption::Plain(what) = &volume.encryption else { panic!("{volume:?}") };
    assert_eq!(what, &format!("{device} is not encrypted"));
    assert_eq!(volume.excuse, None, "{volume:?}");
}

#[track_caller]
fn unclear(storage: &Storage, place: &str, word: &str) {
    let volume = storage.volume(place);
    let Encryption::CannotTell(why) = &volume.encryption else { panic!("{volume:?}") };
    assert!(why.contains(word), "{volume:?}");
    assert_eq!(volume.excuse, None, "{volume:?}");
}

#[track_caller]
fn excused(storage: &Storage, place: &str, word: &str) {
    let volume = storage.volume(place);
    assert!(volume.excuse.as_ref().is_some_and(|excuse| excuse.contains(word)), "{volume:?}");
}
