//! A rewrite that is interrupted, or fails, at any step.

use std::io::ErrorKind;
use std::path::Path;

use super::super::super::testing::{
    NO_FILE, copy_tree, files_with, keep, keys, open, place, place_in, put, read, remove,
};
use super::*;
use crate::shell::files::FileError;
use crate::shell::store::rewrite::Step;

const EXCHANGED: [Step; 6] =
    [Step::Copy, Step::Verify, Step::Sync, Step::ClearQuarantine, Step::Exchange, Step::Remove];
const RENAMED: [Step; 7] =
    [Step::Copy, Step::Verify, Step::Sync, Step::ClearQuarantine, Step::Exchange, Step::Place, Step::Remove];

#[test]
fn a_process_that_is_killed_before_any_step_leaves_all_that_was_acknowledged() {
    for (can_exchange, expected) in [(true, &EXCHANGED[..]), (false, &RENAMED[..])] {
        let (folder, place) = due();
        let killed = tempfile::tempdir().unwrap();
        let (mut store, _) = open(&place);
        let mut steps = Vec::new();
        let mut watch = |step| {
            copy_tree(folder.path(), &killed.path().join(format!("{step:?}")));
            steps.push(step);
            exchanging(step, can_exchange)
        };
        store.finish(&mut watch).unwrap();
        drop(store);
        assert_eq!(steps, expected);
        assert_whole_and_erased(folder.path());
        for step in steps {
            assert_whole_and_erased(&killed.path().join(format!("{step:?}")));
        }
    }
}

#[test]
fn a_copy_that_was_interrupted_anywhere_is_removed() {
    let (folder, place) = due();
    let killed = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&place);
    let mut watch = |step| {
        if step == Step::Verify {
            copy_tree(folder.path(), killed.path());
        }
        Ok(())
    };
    store.finish(&mut watch).unwrap();
    let copy = place_in(killed.path()).copy();
    for (name, length) in [("db", 100), ("db", 1), ("conf", 0), ("mark", 3)] {
        let folder = tempfile::tempdir().unwrap();
        copy_tree(killed.path(), folder.path());
        let file = folder.path().join("store.new").join(name);
        assert!(copy.join(name).exists());
        std::fs::File::options().write(true).open(&file).unwrap().set_len(length).unwrap();
        assert_whole_and_erased(folder.path());
    }
}

#[test]
fn a_step_that_fails_leaves_the_store_as_it_was_and_is_made_again() {
    for (can_exchange, steps) in [(true, &EXCHANGED[..]), (false, &RENAMED[..])] {
        for failing in steps {
            let (folder, place) = due();
            let (mut store, _) = open(&place);
            let mut watch = |step| {
                if step == *failing {
                    Err(failure("write", ErrorKind::StorageFull))
                } else {
                    exchanging(step, can_exchange)
                }
            };
            assert!(matches!(store.finish(&mut watch), Err(StoreFailure::Full(_))), "{failing:?}");
            drop(store);
            if *failing != Step::Remove {
                assert!(!place.copy().exists() && !place.replaced().exists(), "{failing:?}: the room is free again");
            }
            assert_whole_and_erased(folder.path());
        }
    }
}

#[test]
fn what_was_acknowledged_holds_where_the_store_cannot_be_rewritten() {
    let (folder, place) = due();
    // No copy can be made: the name is in use by something that cannot be removed as a directory.
    std::fs::write(place.copy(), b"in the way").unwrap();
    let (mut store, _) = open(&place);
    store.keep(&put("another", "another-key")).unwrap();
    assert!(store.close().is_err());
    let (store, stored) = open(&place);
    assert_eq!(keys(&stored)["another"], "another-key");
    assert!(store.close().is_err());
    assert!(!files_with(folder.path(), "first-passphrase").is_empty(), "it is still due");
    std::fs::remove_file(place.copy()).unwrap();
    assert_whole_and_erased(folder.path());
}

#[test]
fn what_is_removed_while_leftovers_cannot_be_removed_is_erased_after_them() {
    let (folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    std::fs::write(place.copy(), b"in the way").unwrap();
    let (mut store, _) = open(&place);
    store.keep(&remove("tunnel")).unwrap();
    assert!(store.close().is_err());
    std::fs::remove_file(place.copy()).unwrap();
    read(&place);
    assert_eq!(files_with(folder.path(), "passphrase"), NO_FILE);
}

#[test]
fn a_process_that_is_killed_after_a_commit_leaves_the_rewrite_to_the_next_one() {
    let (folder, _place) = due();
    assert_whole_and_erased(folder.path());
}

#[test]
fn an_opener_that_comes_during_a_rewrite_waits_for_it() {
    let (folder, place) = due();
    let (mut store, _) = open(&place);
    let mut opener = None;
    let mut watch = |step| {
        if step == Step::Exchange {
            let place = place.clone();
            opener = Some(std::thread::spawn(move || keep(&place, &put("another", "another-key"))));
            std::thread::sleep(std::time::Duration::from_millis(40));
        }
        Ok(())
    };
    store.finish(&mut watch).unwrap();
    drop(store);
    opener.unwrap().join().unwrap();
    assert_eq!(keys(&read(&place))["another"], "another-key");
    assert_whole_and_erased(folder.path());
}

/// A store in which a key was replaced by a process that was killed before it closed the store.
fn due() -> (tempfile::TempDir, StorePlace) {
    let (original, place) = place();
    for number in 0..3 {
        keep(&place, &put(&format!("tunnel-{number}"), &format!("key-{number}")));
    }
    keep(&place, &put("secret", "first-passphrase"));
    std::fs::create_dir_all(place.quarantine.join("store-000000000000-0")).unwrap();
    std::fs::write(place.quarantine.join("store-000000000000-0/db"), b"first-passphrase").unwrap();
    let (mut store, _) = open(&place);
    store.keep(&put("secret", "second-passphrase")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy_tree(original.path(), folder.path());
    let place = place_in(folder.path());
    assert!(!files_with(folder.path(), "first-passphrase").is_empty());
    (folder, place)
}

/// Whether a store has everything when it is opened, takes another commit, and holds no removed key once it is closed.
fn assert_whole_and_erased(folder: &Path) {
    let place = place_in(folder);
    let (mut store, stored) = open(&place);
    let keys = keys(&stored);
    assert_eq!(keys["secret"], "second-passphrase");
    assert_eq!(keys.keys().filter(|name| name.starts_with("tunnel-")).count(), 3);
    store.keep(&put("later", "later-key")).unwrap();
    store.close().unwrap();
    for text in ["first-passphrase", "in the way"] {
        assert_eq!(files_with(folder, text), NO_FILE, "{}", folder.display());
    }
    assert!(!place.copy().exists() && !place.replaced().exists() && !place.quarantine.exists());
    let (_, stored) = open(&place);
    assert_eq!(super::super::super::testing::keys(&stored)["later"], "later-key");
}

fn exchanging(step: Step, can_exchange: bool) -> Result<(), FileError> {
    let unknown = rustix::io::Errno::INVAL.kind();
    if step == Step::Exchange && !can_exchange { Err(failure("exchange", unknown)) } else { Ok(()) }
}

fn failure(action: &'static str, kind: ErrorKind) -> FileError {
    let source = match action {
        "exchange" => std::io::Error::from_raw_os_error(rustix::io::Errno::INVAL.raw_os_error()),
        _ => kind.into(),
    };
    FileError::of(action, Path::new("store"))(source)
}
