//! What a change leaves on the machine, and what becomes of a part of it that fails.

use super::*;
use mdm_protocol::syncml::StatusCode;

#[test]
fn a_profile_that_its_owner_made_incomplete_is_no_longer_applied() {
    let site = Site::new();
    let whole = wifi("Corp", "correct horse");
    let bare = site.tree();
    site.apply(&[], std::slice::from_ref(&whole));
    let half = profile(&whole.root.to_string(), &[("WiFiCost", "2")]);
    let outcome = site.apply(&[whole], &[half]);
    assert_eq!((outcome.failed.len(), outcome.machine.unwrap().applied.len()), (0, 0));
    assert_eq!(site.tree(), bare, "the key is gone with the node that held it");
}

#[test]
fn a_profile_that_waits_again_because_of_another_keeps_what_it_had() {
    let site = Site::new();
    let (root, network) = (authority(), wifi("Corp", "correct horse"));
    let held = profile(&network.root.to_string(), &[("WlanXml", &held_to(&root))]);
    site.apply(&[], &[root.clone(), held.clone()]);
    let file = || site.tree().into_keys().find(|path| path.ends_with(".nmconnection"));
    assert!(file().is_some());
    let removal = Application { profiles: [(root.root.to_string(), None)].into(), ..Application::default() };
    site.platform.put_in_force(&[root, held.clone()], &removal, Others::Go).unwrap();
    assert!(file().is_some(), "only its owner takes it away");
    let found = site.platform.converge(std::slice::from_ref(&held), Others::Go).unwrap();
    assert!(file().is_some() && found.applied.is_empty(), "{found:?}");
}

#[test]
fn a_holder_has_its_place_back_when_its_removal_was_not_kept() {
    let site = Site::new();
    let holder = sysctl("vm.swappiness", "10");
    let waiting = profile("./User/Vendor/LinuxMDM/Config/Sysctl/vm.swappiness", &[("", "70")]);
    let both = [holder.clone(), waiting.clone()];
    site.apply(&[], std::slice::from_ref(&holder));
    let value = || site.read("etc/sysctl.d/90-mdm-agent.conf").unwrap().lines().last().unwrap().to_owned();
    let found = site.platform.converge(&both, Others::Go).unwrap();
    assert_eq!(
        (found.refused.keys().cloned().collect(), value()),
        (roots(&[&waiting]), "vm.swappiness = 10".to_owned())
    );
    let removal = Application { profiles: [(holder.root.to_string(), None)].into(), ..Application::default() };
    site.platform.put_in_force(&both, &removal, Others::Go).unwrap();
    assert_eq!(value(), "vm.swappiness = 70", "when it goes, the next is applied");
    // The process ends here, and the store has both.
    let found = site.platform.converge(&both, Others::Go).unwrap();
    assert_eq!(
        (found.refused.keys().cloned().collect(), value()),
        (roots(&[&waiting]), "vm.swappiness = 10".to_owned())
    );
    site.platform.put_in_force(&both, &removal, Others::Go).unwrap();
    // And here the store has the change.
    site.platform.converge(std::slice::from_ref(&waiting), Others::Go).unwrap();
    let outcome = site.apply(std::slice::from_ref(&waiting), std::slice::from_ref(&holder));
    assert_eq!((outcome.failed.len(), value()), (1, "vm.swappiness = 70".to_owned()), "now the other one holds it");
}

/// A network that is held to an authority of another profile.
fn held_to(authority: &Profile) -> String {
    format!(
        "<WLANProfile><name>Corp</name><SSIDConfig><SSID><name>Corp</name></SSID></SSIDConfig><MSM><security>\
         <authEncryption><authentication>WPA2</authentication><encryption>AES</encryption></authEncryption><OneX><EAPConfig>\
         <EapHostConfig><EapMethod><Type>25</Type></EapMethod><Config><Eap><Type>25</Type><EapType>\
         <ServerValidation><TrustedRootCA>{}</TrustedRootCA></ServerValidation></EapType></Eap></Config>\
         </EapHostConfig></EAPConfig></OneX></security></MSM></WLANProfile>",
        authority.root.name()
    )
}

#[test]
fn every_bad_profile_of_many_is_refused_for_its_own_reason() {
    let site = Site::new();
    let good: Vec<Profile> = (0..20).map(|number| wifi(&format!("Net{number}"), "correct horse")).collect();
    let bad =
        [policy("Camera/AllowCamera", "7"), policy("No/Such", "1"), policy("DeviceLock/MinDevicePasswordLength", "8")];
    let outcome = site.apply(&[], &[good.clone(), bad.to_vec()].concat());
    let codes: Vec<u16> = bad.iter().map(|profile| outcome.failed[&profile.root.to_string()].status.0).collect();
    let expected = [StatusCode::NOT_SUPPORTED, StatusCode::NOT_FOUND, StatusCode::NOT_SUPPORTED].map(|code| code.0);
    // There is no udev here, so a value out of range is met first.
    assert_eq!(codes, [StatusCode::UNSUPPORTED_FORMAT.0, expected[1], expected[2]]);
    assert_eq!(site.tree().keys().filter(|path| path.ends_with(".nmconnection")).count(), good.len());
}

/// A consumer that does not take a file with a certain text in it.
#[derive(Debug)]
struct Fussy;

impl crate::platform::messenger::Messenger for Fussy {
    fn tell(
        &self,
        consumer: crate::platform::consumer::Consumer,
        _news: &crate::platform::messenger::News,
        root: &crate::platform::root::Root,
    ) -> Result<(), Vec<crate::platform::messenger::Declined>> {
        let text = root.read_text("/etc/sysctl.d/90-mdm-agent.conf").unwrap_or_default();
        if consumer == crate::platform::consumer::Consumer::Sysctl && text.contains("nonsense") {
            let reason = "sysctl: cannot stat /proc/sys/kernel/nonsense".to_owned();
            return Err(vec![crate::platform::messenger::Declined { path: None, reason }]);
        }
        Ok(())
    }
}

#[test]
fn of_several_in_one_file_only_the_one_that_its_consumer_does_not_take_is_refused() {
    let site = Site::new();
    let platform = Platform::new(&site.root, &site.state, Arc::new(Fussy));
    let profiles = [
        sysctl("kernel.sysrq", "0"),
        sysctl("kernel.nonsense", "1"),
        sysctl("kernel.dmesg_restrict", "1"),
        wifi("Corp", "correct horse"),
    ];
    let outcome = platform.put_in_force(&[], &application(&profiles), Others::Go).unwrap();
    assert_eq!(outcome.failed.keys().cloned().collect::<BTreeSet<_>>(), roots(&[&profiles[1]]));
    assert!(outcome.failed.values().all(|refusal| refusal.reason.contains("cannot stat")), "{outcome:?}");
    let text = site.read("etc/sysctl.d/90-mdm-agent.conf").unwrap();
    assert!(text.ends_with("kernel.dmesg_restrict = 1\nkernel.sysrq = 0\n"), "{text}");
}

/// A consumer that cannot be told of anything.
#[derive(Debug)]
struct Deaf;

impl crate::platform::messenger::Messenger for Deaf {
    fn tell(
        &self,
        _consumer: crate::platform::consumer::Consumer,
        _news: &crate::platform::messenger::News,
        _root: &crate::platform::root::Root,
    ) -> Result<(), Vec<crate::platform::messenger::Declined>> {
        Err(vec![crate::platform::messenger::Declined { path: None, reason: "it did not listen".to_owned() }])
    }
}

#[test]
fn a_removal_that_its_consumer_does_not_hear_of_is_not_done() {
    let site = Site::new();
    let network = wifi("Corp", "correct horse");
    site.apply(&[], std::slice::from_ref(&network));
    let deaf = Platform::new(&site.root, &site.state, Arc::new(Deaf));
    let root = network.root.to_string();
    let removal = Application { profiles: [(root.clone(), None)].into(), ..Application::default() };
    let outcome = deaf.put_in_force(std::slice::from_ref(&network), &removal, Others::Go).unwrap();
    assert_eq!(outcome.failed[&root].reason, "it did not listen");
    assert!(deaf.clear(&mut Vec::new()).unwrap_err().to_string().contains("NetworkManager"));
    site.platform.clear(&mut Vec::new()).unwrap();
    assert!(!site.tree().keys().any(|path| path.ends_with(".nmconnection")));
}

#[test]
fn what_the_machine_can_no_longer_do_stays_until_its_owner_takes_it_away() {
    let site = Site::new();
    let network = wifi("Corp", "correct horse");
    site.apply(&[], std::slice::from_ref(&network));
    std::fs::remove_file(site.root.join("usr/sbin/NetworkManager")).unwrap();
    let both = [network, sysctl("kernel.sysrq", "0")];
    let found = site.platform.converge(&both, Others::Go).unwrap();
    assert_eq!(found.refused.keys().cloned().collect::<BTreeSet<_>>(), roots(&[&both[0]]));
    assert!(site.tree().keys().any(|path| path.ends_with(".nmconnection")));
    site.platform.converge(&both[1..], Others::Go).unwrap();
    assert!(!site.tree().keys().any(|path| path.ends_with(".nmconnection")));
}
