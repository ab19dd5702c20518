//! What `plan` says is what the next application does, file by file.

use super::*;
use crate::platform::preview::Preview;

/// What is done to a machine before a case.
type Prepare = fn(&Site);

/// The files that a plan names, and whether each is there afterwards.
fn planned(preview: &Preview) -> BTreeMap<String, bool> {
    let steps = preview.steps.iter();
    steps.map(|step| (step.path.trim_start_matches('/').to_owned(), step.action != "remove")).collect()
}

/// The files that are different, and whether each is there.
fn changed(before: &BTreeMap<String, (u64, i64, i64)>, site: &Site) -> BTreeMap<String, bool> {
    let after = stamps(&site.root);
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let is_file = |path: &str| !site.root.join(path).is_dir() || site.root.join(path).is_symlink();
    let different = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    different.filter(|path| is_file(path)).map(|path| (path.clone(), after.contains_key(path))).collect()
}

#[test]
fn a_plan_of_changes_names_what_the_session_does_and_no_more() {
    let cases: [(&str, Prepare, Vec<Profile>); 5] = [
        ("good ones", |_| {}, vec![wifi("Corp", "correct horse"), sysctl("kernel.sysrq", "0"), authority()]),
        (
            "refused ones",
            |_| {},
            vec![sysctl("kernel.sysrq", "0"), policy("No/Such", "1"), policy("Camera/AllowCamera", "0")],
        ),
        ("a dead link", |_| {}, vec![policy("TimeLanguageSettings/ConfigureTimeZone", "Mars/Olympus")]),
        (
            "a parent that is a file",
            |site| site.write("etc/sysctl.d", "mine"),
            vec![sysctl("kernel.sysrq", "0"), wifi("A", "correct horse")],
        ),
        (
            "a place that is taken",
            |site| site.write("etc/firefox/policies/policies.json", "{}"),
            vec![authority(), policy("DeviceLock/MaxDevicePasswordFailedAttempts", "5")],
        ),
    ];
    for (name, prepare, profiles) in cases {
        let site = Site::new();
        prepare(&site);
        let before = stamps(&site.root);
        let preview = site.platform.foresee_change(&[], &application(&profiles)).unwrap();
        assert_eq!(stamps(&site.root), before, "{name}: a plan changes nothing");
        assert!(!site.state.join("ledger.json").exists());
        let outcome = site.apply(&[], &profiles);
        assert_eq!(planned(&preview), changed(&before, &site), "{name}");
        let refused: BTreeSet<String> = preview.refused.into_iter().map(|(root, _)| root).collect();
        assert_eq!(refused, outcome.failed.keys().cloned().collect::<BTreeSet<_>>(), "{name}");
        let kept: Vec<Profile> =
            profiles.into_iter().filter(|profile| !refused.contains(&profile.root.to_string())).collect();
        assert_eq!(site.platform.foresee(&kept).unwrap(), Preview::default(), "{name}: nothing is left to do");
    }
}

#[test]
fn a_plan_of_what_is_held_names_what_the_next_look_does() {
    let network = [wifi("Corp", "correct horse"), sysctl("kernel.sysrq", "0")];
    let changes: [(&str, Prepare); 5] = [
        ("nothing", |_| {}),
        ("an edit", |site| site.write("etc/sysctl.d/90-mdm-agent.conf", "mine")),
        ("a deletion", |site| std::fs::remove_file(site.root.join("etc/sysctl.d/90-mdm-agent.conf")).unwrap()),
        ("a directory", |site| {
            let path = site.root.join("etc/sysctl.d/90-mdm-agent.conf");
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(path).unwrap();
        }),
        ("a program that is gone", |site| std::fs::remove_file(site.root.join("usr/sbin/NetworkManager")).unwrap()),
    ];
    for (name, change) in changes {
        let site = Site::new();
        site.apply(&[], &network);
        change(&site);
        let before = stamps(&site.root);
        let preview = site.platform.foresee(&network).unwrap();
        let found = site.platform.converge(&network, Others::Go).unwrap();
        assert_eq!(planned(&preview), changed(&before, &site), "{name}");
        let drift: Vec<_> = found.drift.iter().map(crate::platform::ledger::Drift::brief).collect();
        assert_eq!(preview.drift, drift, "{name}");
        assert_eq!(site.platform.foresee(&network).unwrap().steps, [], "{name}");
    }
}
