//! What was there before the agent comes back as it was, unless somebody has made something else of it.

use std::os::unix::fs::{chown, symlink};

use super::others::{FAILLOCK, LOCALTIME, attempts, one, zone};
use super::*;
use crate::engine::application::DriftOutcome;

#[test]
fn what_somebody_made_of_a_file_that_replaced_another_is_newer_than_the_original() {
    for (edit, expected, what) in [(Some("deny = 9\n"), Some("deny = 9\n"), "changed"), (None, None, "removed")] {
        let site = Site::new();
        site.write(FAILLOCK, "# the original\n");
        site.apply(&[], &[attempts()]);
        match edit {
            Some(text) => site.write(FAILLOCK, text),
            None => std::fs::remove_file(site.root.join(FAILLOCK)).unwrap(),
        }
        assert_eq!(site.clear(), one(FAILLOCK, what, DriftOutcome::LeftAlone));
        assert_eq!(site.read(FAILLOCK).as_deref(), expected);
        assert_eq!(site.quarantined(), ["# the original\n"]);
        assert!(!site.state.join("ledger.json").exists());
    }
}

#[test]
fn an_original_is_given_back_with_all_that_it_had() {
    let site = Site::new();
    site.write(FAILLOCK, "# the original\r\n\r\n# no newline at the end");
    let place = site.root.join(FAILLOCK);
    let link = site.root.join(LOCALTIME);
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o640)).unwrap();
    chown(&place, Some(1234), Some(1235)).unwrap();
    rustix::fs::lsetxattr(&place, "user.note", b"mine", rustix::fs::XattrFlags::empty()).unwrap();
    std::os::unix::fs::lchown(&link, Some(1234), Some(1235)).unwrap();
    let past = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 123_456_789 };
    let times = rustix::fs::Timestamps { last_access: past, last_modification: past };
    for path in [&place, &link] {
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    let facts = |path: &Path| {
        let facts = path.symlink_metadata().unwrap();
        (facts.mode(), facts.uid(), facts.gid(), facts.mtime(), facts.mtime_nsec(), facts.len())
    };
    let before = [facts(&place), facts(&link)];
    assert_eq!(site.apply(&[], &[attempts(), zone("Europe/Berlin")]).failed, BTreeMap::new());
    assert_ne!([facts(&place), facts(&link)], before);
    site.clear();
    assert_eq!([facts(&place), facts(&link)], before);
    let mut note = [0; 16];
    let length = rustix::fs::lgetxattr(&place, "user.note", &mut note).unwrap();
    assert_eq!(&note[..length], b"mine");
}

#[test]
fn an_original_of_the_very_content_that_a_profile_asks_for_comes_back_as_it_was() {
    let site = Site::new();
    let link = site.root.join(LOCALTIME);
    let past = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: past, last_modification: past };
    rustix::fs::utimensat(rustix::fs::CWD, &link, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    site.apply(&[], &[zone("Etc/UTC")]);
    site.clear();
    assert_eq!(link.symlink_metadata().unwrap().mtime(), 1_000_000_000);
}

#[test]
fn a_ledger_of_an_earlier_version_knows_the_target_of_a_link_alone() {
    let former: crate::platform::root::Former = serde_json::from_str(r#"{"Link":"/usr/share/zoneinfo/UTC"}"#).unwrap();
    assert_eq!(former.bytes(), b"/usr/share/zoneinfo/UTC");
    let old = r#"{"File":{"content":"eA==","mode":420,"user":0,"group":0}}"#;
    let former: crate::platform::root::Former = serde_json::from_str(old).unwrap();
    assert_eq!(former.bytes(), b"x");
}

#[test]
fn a_file_that_was_made_through_a_link_is_removed_where_it_really_is() {
    let site = Site::new();
    for name in ["one", "two"] {
        std::fs::create_dir_all(site.root.join("srv").join(name)).unwrap();
    }
    let link = site.root.join("etc/sysctl.d");
    symlink("/srv/one", &link).unwrap();
    let rule = [sysctl("kernel.sysrq", "0")];
    site.apply(&[], &rule);
    assert!(site.read("srv/one/90-mdm-agent.conf").is_some());
    std::fs::remove_file(&link).unwrap();
    symlink("/srv/two", &link).unwrap();
    site.drift(&rule);
    assert!(site.read("srv/one/90-mdm-agent.conf").is_none());
    assert!(site.read("srv/two/90-mdm-agent.conf").is_some());
    std::fs::remove_file(&link).unwrap();
    symlink("/srv/one", &link).unwrap();
    site.clear();
    assert!(!site.tree().keys().any(|path| path.contains("90-mdm-agent")), "{:?}", site.tree());
}

#[test]
fn a_directory_of_the_agents_goes_once_nobody_has_anything_in_it() {
    let site = Site::new();
    let rule = [sysctl("kernel.sysrq", "0")];
    site.apply(&[], &rule);
    site.write("etc/sysctl.d/mine.conf", "x");
    site.platform.converge(&[], Others::Go).unwrap();
    std::fs::remove_file(site.root.join("etc/sysctl.d/mine.conf")).unwrap();
    site.clear();
    assert!(!site.root.join("etc/sysctl.d").exists());
    let site = Site::new();
    site.apply(&[], &rule);
    site.write("etc/sysctl.d/mine.conf", "x");
    site.clear();
    assert!(site.read("etc/sysctl.d/mine.conf").is_some());
    assert!(!site.state.join("ledger.json").exists());
}

#[test]
fn a_value_that_a_machine_always_has_takes_the_place_of_what_somebody_put_there_and_gives_that_back() {
    let site = Site::new();
    site.apply(&[], &[zone("Europe/Berlin")]);
    site.replace(LOCALTIME, |path| std::fs::write(path, "TZif").unwrap());
    assert_eq!(site.drift(&[zone("Europe/Berlin")]), one(LOCALTIME, "replaced", DriftOutcome::PutBack));
    assert_eq!(site.quarantined(), ["/usr/share/zoneinfo/Etc/UTC"], "the older original");
    site.clear();
    assert_eq!(site.read(LOCALTIME).as_deref(), Some("TZif"));
}
