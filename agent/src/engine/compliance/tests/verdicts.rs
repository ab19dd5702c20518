use super::super::State;
use super::super::facts::{
    AutomaticUpdates, Firewall, Kernel, PasswordPolicy, ScreenLock, ScriptValue, SecureBoot, Tpm,
};
use super::*;

const ALLOWED: &str = "linux_distribution_alloweddistros";

fn state(id: &str, value: &str, facts: &Facts) -> State {
    judged(id, value, facts).state
}

#[test]
fn nothing_asked_is_compliant_and_nothing_known_is_not() {
    let report = evaluate(&BTreeMap::new(), &Facts::default(), &Report::default(), NOW);
    assert_eq!((report.overall, report.verdicts.len()), (State::Compliant, 0));
    let all = [
        (ALLOWED, r#"[{"type":"ubuntu"}]"#),
        ("linux_deviceencryption_required", "true"),
        ("linux_passwordpolicy_minimumlength", "8"),
        ("linux_passwordpolicy_minimumsymbols", "1"),
        ("firewall_required", "true"),
        ("secureboot_required", "true"),
        ("tpm_required", "true"),
        ("automaticupdates_required", "true"),
        ("screenlock_maximumidle", "300"),
        ("kernel_minimumversion", "6"),
        ("patch_maximumage", "30"),
    ];
    let report = evaluate(&rules(&all), &Facts::default(), &Report::default(), NOW);
    assert_eq!(report.verdicts.len(), all.len());
    for verdict in &report.verdicts {
        assert_eq!(verdict.state, State::CannotTell, "{}", verdict.id);
        assert_eq!(verdict.evidence, "nobody has looked yet");
        assert!(!verdict.fix.is_empty() && !verdict.expected.is_empty());
    }
    assert_eq!(report.overall, State::CannotTell);
}

#[test]
fn a_rule_that_is_false_asks_nothing() {
    for id in ["linux_deviceencryption_required", "firewall_required", "secureboot_required", "tpm_required"] {
        assert_eq!(state(id, "false", &Facts::default()), State::Compliant, "{id}");
    }
    assert_eq!(state("linux_passwordpolicy_minimumdigits", "0", &Facts::default()), State::Compliant);
}

#[test]
fn distributions_are_held_against_their_own_bounds() {
    let check = |value: &str, version: &str| state(ALLOWED, value, &ubuntu(version));
    let open = r#"[{"type":"ubuntu","minimumversion":"","maximumversion":""}]"#;
    assert_eq!(check(open, "24.04"), State::Compliant, "empty bounds block nobody");
    assert_eq!(check(open, ""), State::Compliant);
    let bounds =
        r#"[{"type":"rhel","minimumversion":"9"},{"type":"ubuntu","minimumversion":"22.04","maximumversion":"24"}]"#;
    assert_eq!(check(bounds, "22.04"), State::Compliant);
    assert_eq!(check(bounds, "24.10"), State::Compliant, "24 leaves the rest open");
    assert_eq!(check(bounds, "20.04"), State::NotCompliant);
    assert_eq!(check(bounds, "25.04"), State::NotCompliant);
    assert_eq!(check(bounds, ""), State::CannotTell, "a release without a version");
    assert_eq!(check(r#"[{"type":"debian"}]"#, "24.04"), State::NotCompliant, "made from Debian is not Debian");
}

#[test]
fn one_volume_in_the_clear_outweighs_the_rest() {
    let with = |volumes: Vec<super::super::facts::Volume>| Facts {
        volumes: Fact::known(volumes, "mountinfo"),
        ..ubuntu("24.04")
    };
    let check = |volumes| judged("linux_deviceencryption_required", "true", &with(volumes));
    let (root, boot) = (volume("/", Encryption::Encrypted, None), volume("/boot", plain(), Some("needed to start")));
    assert_eq!(check(vec![root.clone(), boot.clone()]).state, State::Compliant);
    assert_eq!(check(vec![boot]).state, State::CannotTell, "excused volumes alone show nothing");
    assert_eq!(check(vec![root.clone(), volume("/data", unclear(), None)]).state, State::CannotTell);
    let verdict = check(vec![root, volume("/data", unclear(), None), volume("/home", plain(), None)]);
    assert_eq!((verdict.state, verdict.actual.as_str()), (State::NotCompliant, "/home: sda2 is not encrypted"));
    assert!(verdict.fix.contains("LUKS"));
}

#[test]
fn password_rules_are_held_against_what_is_enforced() {
    let with = |policy: PasswordPolicy| Facts { password: Fact::known(policy, "pwquality.conf"), ..ubuntu("24.04") };
    let facts = with(PasswordPolicy { length: 12, digits: 1, ..PasswordPolicy::default() });
    let check =
        |id: &str, value: &str, facts: &Facts| state(&format!("linux_passwordpolicy_minimum{id}"), value, facts);
    assert_eq!(check("length", "12", &facts), State::Compliant);
    assert_eq!(check("length", "13", &facts), State::NotCompliant);
    assert_eq!(check("digits", "1", &facts), State::Compliant);
    assert_eq!(check("symbols", "1", &facts), State::NotCompliant);
    let classes = |classes| with(PasswordPolicy { length: 12, classes, ..PasswordPolicy::default() });
    assert_eq!(check("symbols", "1", &classes(4)), State::Compliant, "all four classes: one of each");
    assert_eq!(check("symbols", "1", &classes(3)), State::NotCompliant);
    assert_eq!(check("symbols", "2", &classes(4)), State::NotCompliant);
    assert!(judged("linux_passwordpolicy_minimumsymbols", "2", &facts).fix.contains("ocredit = -2"));
}

#[test]
fn the_machine_and_its_upkeep() {
    let mut facts = ubuntu("24.04");
    facts.firewall = Fact::known(Firewall { active: false, tool: "ufw".to_owned() }, "/etc/ufw/ufw.conf");
    facts.secure_boot = Fact::known(SecureBoot::Unsupported, "/sys/firmware");
    facts.tpm = Fact::known(Some(Tpm { version: "2.0".to_owned(), ..Tpm::default() }), "/sys/class/tpm");
    facts.automatic_updates =
        Fact::known(AutomaticUpdates { enabled: true, tool: "unattended-upgrades".to_owned() }, "apt");
    facts.kernel = Fact::known(Kernel { release: "6.8.0-45-generic".to_owned(), built_at: None }, "osrelease");
    facts.updated_at = Fact::known(NOW - 31 * 86_400, "dpkg.log");
    assert_eq!(state("firewall_required", "true", &facts), State::NotCompliant);
    assert!(judged("firewall_required", "true", &facts).fix.contains("ufw enable"));
    assert_eq!(state("secureboot_required", "true", &facts), State::NotCompliant);
    assert_eq!(state("tpm_required", "true", &facts), State::Compliant);
    assert_eq!(state("automaticupdates_required", "true", &facts), State::Compliant);
    assert_eq!(state("kernel_minimumversion", "6.10", &facts), State::NotCompliant, "6.8 is older than 6.10");
    assert_eq!(state("kernel_minimumversion", "6.8.0-45", &facts), State::Compliant);
    assert_eq!(state("patch_maximumage", "31", &facts), State::Compliant);
    assert_eq!(state("patch_maximumage", "30", &facts), State::NotCompliant);
    facts.updated_at = Fact::known(NOW + 40 * 86_400, "dpkg.log");
    assert_eq!(state("patch_maximumage", "30", &facts), State::CannotTell, "an update from the future shows nothing");
}

#[test]
fn a_screen_lock_counts_only_if_users_cannot_undo_it() {
    let with = |lock| Facts { screen_lock: Fact::known(lock, "dconf"), ..ubuntu("24.04") };
    let lock = ScreenLock { enabled: true, idle_seconds: 240, delay_seconds: 60, enforced: true };
    let check = |lock| state("screenlock_maximumidle", "300", &with(lock));
    assert_eq!(check(Some(lock.clone())), State::Compliant);
    assert_eq!(check(Some(ScreenLock { delay_seconds: 61, ..lock.clone() })), State::NotCompliant);
    assert_eq!(check(Some(ScreenLock { idle_seconds: 0, ..lock.clone() })), State::NotCompliant, "0 is never");
    assert_eq!(check(Some(ScreenLock { enabled: false, ..lock.clone() })), State::NotCompliant);
    assert_eq!(check(Some(ScreenLock { enforced: false, ..lock })), State::NotCompliant);
    assert_eq!(check(None), State::Compliant, "nothing to lock");
}

#[test]
fn custom_rules_have_a_verdict_for_each_setting() {
    let id = "linux_customcompliance_disk";
    let setting = |name: &str, operator: &str, operand: u32| {
        format!(r#"{{"SettingName":"{name}","Operator":"{operator}","DataType":"Int64","Operand":{operand}}}"#)
    };
    let list = [setting("Free", "GreaterThan", 5), setting("Free", "LessThan", 50), setting("Gone", "IsEquals", 1)];
    let nodes = BTreeMap::from([
        ("Script".to_owned(), "true".to_owned()),
        ("Rules".to_owned(), format!(r#"{{"Rules":[{}]}}"#, list.join(","))),
    ]);
    let rules = BTreeMap::from([(id.to_owned(), Rule::read(id, &nodes).unwrap())]);
    let mut facts = ubuntu("24.04");
    let judge = |facts: &Facts| {
        let report = evaluate(&rules, facts, &Report::default(), NOW);
        report.verdicts.into_iter().map(|verdict| (verdict.id, verdict.state)).collect::<Vec<_>>()
    };
    assert!(judge(&facts).iter().all(|(_, state)| *state == State::CannotTell), "the script has not run");
    let found = BTreeMap::from([("Free".to_owned(), ScriptValue::Integer(60))]);
    facts.scripts.insert(id.to_owned(), Fact::known(found, "the script"));
    let expected = [
        (format!("{id}/Free"), State::Compliant),
        (format!("{id}/Free (2)"), State::NotCompliant),
        (format!("{id}/Gone"), State::CannotTell),
    ];
    assert_eq!(judge(&facts), expected);
    facts.scripts.insert(id.to_owned(), Fact::unknown("it was stopped after 60 seconds"));
    let report = evaluate(&rules, &facts, &Report::default(), NOW);
    assert_eq!(report.verdicts[0].evidence, "it was stopped after 60 seconds");
}

#[test]
fn the_texts_of_a_custom_rule_name_the_value_that_was_found() {
    let id = "linux_customcompliance_bios";
    let list = r#"{"Rules":[{"SettingName":"Bios","Operator":"IsEquals","DataType":"String","Operand":"2.3",
        "MoreInfoUrl":"https://example.com/{ActualValue}","RemediationStrings":[{"Language":"en_US",
        "Title":"BIOS {ActualValue} is too old","Description":"Version {ActualValue}; again: {ActualValue}, {Other}"}]}]}"#;
    let nodes = BTreeMap::from([("Script".to_owned(), "true".to_owned()), ("Rules".to_owned(), list.to_owned())]);
    let rules = BTreeMap::from([(id.to_owned(), Rule::read(id, &nodes).unwrap())]);
    let verdict = |script: Fact<BTreeMap<String, ScriptValue>>| {
        let mut facts = ubuntu("24.04");
        facts.scripts.insert(id.to_owned(), script);
        evaluate(&rules, &facts, &Report::default(), NOW).verdicts.remove(0)
    };
    let found = |value: &str| {
        let values = BTreeMap::from([("Bios".to_owned(), ScriptValue::Text(value.to_owned()))]);
        verdict(Fact::known(values, "the script"))
    };
    let old = found("1.9");
    assert_eq!(old.state, State::NotCompliant);
    assert_eq!(old.title, "BIOS 1.9 is too old");
    assert_eq!(old.fix, "Version 1.9; again: 1.9, {Other} (see https://example.com/1.9)");
    let recursive = found("{ActualValue}");
    assert_eq!(recursive.title, "BIOS {ActualValue} is too old", "a value is not filled in once more");
    assert!(found(&"x".repeat(60_000)).title.len() < 300);
    assert_eq!(found("2.3").title, "BIOS 2.3 is too old");
    let unknown = verdict(Fact::unknown("it was stopped"));
    assert!(!format!("{} {}", unknown.title, unknown.fix).contains("{ActualValue}"), "{unknown:?}");
}
