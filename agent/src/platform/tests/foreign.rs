//! Beside what was there first, and under names that lead elsewhere.

use super::*;
use mdm_protocol::syncml::StatusCode;

fn code(outcome: &ApplicationOutcome) -> (StatusCode, String) {
    let [(_, refusal)] = outcome.failed.iter().collect::<Vec<_>>()[..] else { panic!("{outcome:?}") };
    (refusal.status, refusal.reason.clone())
}

#[test]
fn a_file_that_was_there_first_is_never_written_over_and_the_rest_is_in_force() {
    let site = Site::new();
    let mine = "kernel.sysrq = 1 # by hand\n";
    site.write("etc/sysctl.d/90-mdm-agent.conf", mine);
    let outcome = site.apply(&[], &[sysctl("kernel.sysrq", "0"), wifi("Corp", "correct horse")]);
    let (status, reason) = code(&outcome);
    assert_eq!(status, StatusCode::ALREADY_EXISTS);
    assert!(reason.contains("/etc/sysctl.d/90-mdm-agent.conf"), "{reason}");
    assert_eq!(site.read("etc/sysctl.d/90-mdm-agent.conf").unwrap(), mine);
    assert!(site.tree().keys().any(|path| path.ends_with(".nmconnection")));
}

#[test]
fn a_default_that_sets_nothing_is_put_aside_and_one_that_sets_something_is_not() {
    let site = Site::new();
    let rule = policy("DeviceLock/MaxDevicePasswordFailedAttempts", "5");
    site.write("etc/security/faillock.conf", "# comment\ndeny = 3\n");
    let (status, reason) = code(&site.apply(&[], std::slice::from_ref(&rule)));
    assert_eq!((status, reason.contains("faillock.conf")), (StatusCode::ALREADY_EXISTS, true));
    assert_eq!(site.read("etc/security/faillock.conf").unwrap(), "# comment\ndeny = 3\n");
    site.write("etc/security/faillock.conf", "# comment\n");
    std::fs::set_permissions(site.root.join("etc/security/faillock.conf"), std::fs::Permissions::from_mode(0o640))
        .unwrap();
    let before = site.tree();
    assert_eq!(site.apply(&[], &[rule]).failed, BTreeMap::new());
    site.platform.converge(&[], Others::Go).unwrap();
    assert_eq!(site.tree(), before);
}

#[test]
fn an_authority_is_trusted_even_where_firefox_has_policies_of_somebody_else() {
    let site = Site::new();
    site.write("etc/firefox/policies/policies.json", "{\"policies\":{}}");
    assert_eq!(site.apply(&[], &[authority()]).failed, BTreeMap::new());
    assert!(site.tree().keys().any(|path| path.starts_with("usr/local/share/ca-certificates/mdm-agent-")));
    assert_eq!(site.read("etc/firefox/policies/policies.json").unwrap(), "{\"policies\":{}}");
    assert!(site.platform.ledger().unwrap().settled.is_some(), "and that is not tried again and again");
}

#[test]
fn a_link_in_the_way_leads_nowhere_outside_the_root() {
    let site = Site::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(site.root.join("etc")).unwrap();
    std::os::unix::fs::symlink(outside.path(), site.root.join("etc/sysctl.d")).unwrap();
    std::os::unix::fs::symlink("../../../../../../../..", site.root.join("etc/NetworkManager")).unwrap();
    site.apply(&[], &[sysctl("kernel.sysrq", "0"), wifi("Corp", "correct horse")]);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!Path::new("/system-connections").exists());
}

#[test]
fn a_directory_in_the_place_of_a_file_is_left_alone() {
    let site = Site::new();
    let rule = sysctl("kernel.sysrq", "0");
    site.apply(&[], std::slice::from_ref(&rule));
    let path = site.root.join("etc/sysctl.d/90-mdm-agent.conf");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let found = site.platform.converge(&[rule], Others::Go).unwrap();
    assert_eq!(found.refused.values().next().unwrap().status, StatusCode::ALREADY_EXISTS);
    assert!(path.is_dir());
}

#[test]
fn certificates_that_are_none_or_over_or_no_authority_are_refused() {
    let site = Site::new();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let leaf = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let mut over = rcgen::CertificateParams::default();
    over.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    over.not_before = rcgen::date_time_ymd(2001, 1, 1);
    over.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let over = over.self_signed(&key).unwrap();
    for (der, status, words) in [
        (leaf.der().to_vec(), StatusCode::UNSUPPORTED_FORMAT, "not the certificate of an authority"),
        (over.der().to_vec(), StatusCode::FAILED, "over since 20020101"),
        (b"nonsense".to_vec(), StatusCode::UNSUPPORTED_FORMAT, "not an X.509"),
    ] {
        let (code, reason) = code(&site.apply(&[], &[trusted(&der)]));
        assert_eq!(code, status);
        assert!(reason.contains(words), "{reason}");
    }
    // One that is in force already and then runs out stays until its owner takes it away.
    assert_eq!(site.platform.converge(&[trusted(over.der())], Others::Go).unwrap().refused, BTreeMap::new());
}

#[test]
fn a_link_to_what_this_machine_does_not_have_is_refused() {
    let site = Site::new();
    let (status, reason) = code(&site.apply(&[], &[policy("TimeLanguageSettings/ConfigureTimeZone", "Mars/Olympus")]));
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
    assert!(reason.contains("Mars/Olympus"), "{reason}");
}

#[test]
fn the_ledger_of_one_machine_is_not_taken_for_that_of_another() {
    let (site, other) = (Site::new(), Site::new());
    let network = wifi("Corp", "correct horse");
    site.apply(&[], std::slice::from_ref(&network));
    let confused = Platform::new(&other.root, &site.state, Arc::new(Silent));
    let error = confused.converge(&[], Others::Go).unwrap_err().to_string();
    assert!(error.contains("use another state directory"), "{error}");
    assert!(site.tree().keys().any(|path| path.ends_with(".nmconnection")));
}
