//! What stays on a machine, and for how long, while its authority changes and it is away: all five kinds really in force
//! below a root, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

use mdm_sim_server::tenant::{Authority, TenantMode};
use mdm_tests::profiles;
use mdm_tests::scenario::{DAY, World};

const HOUR: i64 = 3600;
const ADA: &str = "ada@tenant.example";

/// One file of each kind: S63 mail, S64 tunnel, S65 certificate, S66 network, S67 settings.
const FILES: [(&str, &str); 5] = [
    ("s63", "usr/share/thunderbird/isp/contoso.example.xml"),
    ("s64", "etc/NetworkManager/system-connections/mdm-agent-contoso-vpn-"),
    ("s65", "usr/local/share/ca-certificates/mdm-agent-root-"),
    ("s66", "etc/NetworkManager/system-connections/mdm-agent-contoso-corp-"),
    ("s67", "etc/security/pwquality.conf.d/90-mdm-agent.conf"),
];

/// Nobody is signed in at a simulated machine, so its mailbox is the machine's.
fn fragments() -> Vec<(&'static str, String)> {
    let all = profiles::all().unwrap().into_iter();
    all.map(|(name, fragment)| (name, fragment.replace("./User/", "./Device/"))).collect()
}

/// A device under Intune with all five kinds in force on its machine.
fn managed() -> World {
    let mut world = World::new(TenantMode::Intune).unwrap();
    world.add_user(ADA, true).unwrap();
    world.enrol(ADA).unwrap();
    world.machines[0].with_root().unwrap();
    for (name, fragment) in fragments() {
        world.assign_fragment(name, Authority::Intune, &fragment).unwrap();
    }
    world.sync(0);
    world
}

/// Which of the five are there.
fn there(world: &World) -> Vec<&'static str> {
    let tree = world.machines[0].tree();
    FILES.into_iter().filter(|(_, path)| tree.keys().any(|file| file.starts_with(path))).map(|(kind, _)| kind).collect()
}

const ALL: [&str; 5] = ["s63", "s64", "s65", "s66", "s67"];

#[test]
fn s62_to_s67_a_machine_that_is_away_keeps_all_five_kinds_for_seven_days_to_the_second() {
    let mut world = managed();
    let bare = bare();
    world.pass(DAY);
    world.sync(0);
    let confirmed = world.now();
    world.set_online(0, false);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.pass_watching(confirmed + 7 * DAY - 1 - world.now(), |world| {
        if world.now() < confirmed + 7 * DAY {
            assert_eq!(there(world), ALL, "{} s after the last word", world.now() - confirmed);
        }
    });
    assert_eq!(there(&world), ALL);
    world.pass(1);
    assert_eq!(there(&world), [""; 0]);
    assert_eq!(world.machines[0].tree(), bare, "and nothing else is left");
}

#[test]
fn s24_s68_what_the_new_authority_sets_under_the_same_name_takes_the_place_without_a_moment_between() {
    let mut world = managed();
    world.pass(3 * HOUR);
    let network = |world: &World| {
        let tree = world.machines[0].tree();
        let files: BTreeMap<String, String> =
            tree.into_iter().filter(|(path, _)| path.starts_with(FILES[3].1)).collect();
        files
    };
    let before = network(&world);
    let new = profiles::WIFI.replace("demo-only-passphrase", "another-passphrase");
    world.assign_fragment("new-wifi", Authority::CoManagement, &new).unwrap();
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.pass_watching(HOUR, |world| assert_eq!(there(world), ALL));
    let after = network(&world);
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "one file, under the same name");
    let text = after.values().next().unwrap();
    assert!(text.contains("psk=another-passphrase") && !text.contains("demo-only"), "{text}");
    // The rest is redundant and goes at its own deadline.
    let moved = world.now();
    world.pass(7 * DAY + HOUR);
    assert_eq!(there(&world), ["s66"], "{} s after the move", world.now() - moved);
}

#[test]
fn s45_what_office_365_had_set_goes_in_the_first_session_under_intune() {
    let mut world = World::new(TenantMode::Coexistence).unwrap();
    world.add_user(ADA, false).unwrap();
    world.enrol(ADA).unwrap();
    world.machines[0].with_root().unwrap();
    for (name, fragment) in fragments() {
        world.assign_fragment(name, Authority::Office365, &fragment).unwrap();
    }
    world.sync(0);
    assert_eq!(there(&world), ALL);
    let own = std::collections::BTreeSet::from(["etc/NetworkManager/system-connections/home.nmconnection"]);
    world.license(ADA, true).unwrap();
    world.pass(HOUR);
    assert_eq!(there(&world), [""; 0]);
    assert!(own.iter().all(|path| !world.machines[0].tree().contains_key(*path)));
}

#[test]
fn a_thousand_sessions_with_unchanged_profiles_change_no_file() {
    let mut world = managed();
    let root = world.machines[0].root().unwrap().to_owned();
    let stamps = || {
        let paths = mdm_tests::machine_root::tree(&root).into_keys();
        let stamp = |path: &String| {
            let facts = root.join(path).symlink_metadata().unwrap();
            (facts.ino(), facts.mtime(), facts.mtime_nsec())
        };
        paths.map(|path| (path.clone(), stamp(&path))).collect::<BTreeMap<_, _>>()
    };
    let (before, sessions) = (stamps(), world.machines[0].records.len());
    for _ in 0..1000 {
        world.sync(0);
    }
    assert!(world.machines[0].records.len() >= sessions + 1000);
    assert!(world.machines[0].records.iter().all(|record| record.completed));
    assert_eq!(stamps(), before);
}

/// A machine on which nothing was ever put in force.
fn bare() -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    mdm_tests::machine_root::debian(folder.path()).unwrap();
    mdm_tests::machine_root::tree(folder.path())
}
