//! Commands that meet in one message, each line once found wrong: what every one is answered, and what is left.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_protocol::syncml::Verb;
use mdm_tests::packages::nodes::{PROVIDER, enterprise_network, root_authority};
use mdm_tests::packages::{Device, Single, Top};

const SW: &str = "./Device/Vendor/LinuxMDM/Config/Sysctl/vm.swappiness";
/// The same parameter, set for the user.
const SW2: &str = "./User/Vendor/LinuxMDM/Config/Sysctl/vm.swappiness";
const IP: &str = "./Device/Vendor/LinuxMDM/Config/Sysctl/net.ipv4.ip_forward";
const BAD: &str = "a\nb";
/// A setting for which this machine lacks the program.
const DC: &str = "./Device/Vendor/LinuxMDM/Config/ScreenLock/IdleSeconds";
const ZONE: &str = "./Device/Vendor/LinuxMDM/Config/Time/Zone";
const MZONE: &str = "./Device/Vendor/MSFT/Policy/Config/TimeLanguageSettings/ConfigureTimeZone";
const W1: &str = "./Device/Vendor/MSFT/WiFi/Profile/W1";
const W2: &str = "./Device/Vendor/MSFT/WiFi/Profile/W2";
const LENGTH: &str = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
const LENGTH_RESULT: &str = "./Device/Vendor/MSFT/Policy/Result/DeviceLock/MinDevicePasswordLength";
const SCEP: &str = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office";
const NAME: &str = "./DevDetail/Ext/Microsoft/DeviceName";
const VPN: &str = "./Device/Vendor/MSFT/VPNv2/Head";

fn r(address: &str, value: &str) -> Single {
    Single::one(Verb::Replace, address, value)
}

fn d(address: &str) -> Single {
    Single::one(Verb::Delete, address, "")
}

fn x(address: &str) -> Single {
    Single::one(Verb::Exec, address, "")
}

fn get(address: &str) -> Single {
    Single::one(Verb::Get, address, "")
}

fn one(single: Single) -> Top {
    Top::Single(single)
}

fn at<const N: usize>(members: [Single; N]) -> Top {
    Top::Atomic(members.to_vec())
}

fn help() -> String {
    format!("{PROVIDER}/HelpPhoneNumber")
}

fn wlan() -> String {
    "<WLANProfile><name>W1</name><SSIDConfig><SSID><name>W1</name></SSID></SSIDConfig><MSM><security><authEncryption>\
     <authentication>WPA2PSK</authentication><encryption>AES</encryption></authEncryption><sharedKey><keyType>passPhrase\
     </keyType><protected>false</protected><keyMaterial>correct horse</keyMaterial></sharedKey></security></MSM></WLANProfile>"
        .to_owned()
}

/// A device to which this was sent before.
struct Given(Device, #[expect(dead_code, reason = "removed with the device")] tempfile::TempDir);

fn given<const N: usize>(before: [Top; N]) -> Given {
    let folder = tempfile::tempdir().unwrap();
    mdm_tests::packages::root(folder.path()).unwrap();
    let mut device = Device::new(folder.path());
    device.run(&before.to_vec());
    Given(device, folder)
}

impl Given {
    /// Sends a message; every status has this code.
    fn answers<const N: usize>(&mut self, package: [Top; N], codes: &[u16]) -> Vec<(String, Option<String>)> {
        let answers = self.0.run(&package.to_vec());
        let found: Vec<u16> = answers.statuses.iter().map(|(.., code)| *code).collect();
        assert_eq!(found, codes, "{}", mdm_tests::packages::command::print(&package));
        answers.results.into_iter().map(|(_, address, value)| (address, value)).collect()
    }

    fn value(&self, address: &str) -> Option<String> {
        let state = self.0.state();
        let profile = state.profiles.get(address).and_then(|nodes| nodes.first()).cloned();
        profile
            .or_else(|| state.settings.get(address).cloned())
            .and_then(|text| Some(text.rsplit_once(" = ")?.1.to_owned()))
    }

    fn file(&self, path: &str) -> Option<String> {
        self.0.state().files.get(path).map(|(content, _)| content.clone())
    }
}

#[test]
fn actions_of_an_atomic_that_falls_do_not_begin() {
    let renew = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewNow";
    for action in [format!("{PROVIDER}/Unenroll"), renew.to_owned(), "./Device/Vendor/MSFT/RemoteLock/Lock".to_owned()]
    {
        let mut device = given([]);
        device.answers([at([r(SW, BAD), x(&action)])], &[507, 415, 216]);
        device.answers([at([x(&action), r(DC, "60")])], &[507, 216, 406]);
        let actions = device.0.state().actions;
        assert_eq!((actions.unenroll, actions.renew, actions.remote.len()), (false, false, 0), "{action}");
    }
}

#[test]
fn settings_without_a_profile_survive_a_failed_atomic_beside_them() {
    let help = help();
    let mut device = given([]);
    device.answers([at([r(&help, "1"), r(DC, "60")]), one(r(&help, "2"))], &[507, 216, 406, 200]);
    assert_eq!(device.value(&help).as_deref(), Some("2"));
    device.answers([at([r(&help, "1"), r(DC, "60")]), one(d(&help))], &[507, 216, 406, 200]);
    assert_eq!(device.value(&help), None);
    device
        .answers([at([r(&help, "1"), r(DC, "60")]), at([r(&help, "1"), r(SW, "10")])], &[507, 216, 406, 200, 200, 200]);
    assert_eq!((device.value(&help).as_deref(), device.value(SW).as_deref()), (Some("1"), Some("10")));
}

#[test]
fn atomics_are_judged_each_by_itself() {
    let mut device = given([]);
    let package = [at([r(DC, "60"), r(SW, "10")]), at([r(DC, "60"), r(IP, "1")])];
    device.answers(package, &[507, 406, 216, 507, 406, 216]);
    device.answers([one(r(DC, "60")), at([r(DC, "60"), r(IP, "1")])], &[406, 507, 406, 216]);
    let package = [at([r(SW, "10"), r(DC, "60")]), at([r(SW, "10"), r(IP, "1")])];
    device.answers(package, &[507, 216, 406, 200, 200, 200]);
    assert_eq!((device.value(SW).as_deref(), device.value(IP).as_deref()), (Some("10"), Some("1")));
    let package = [at([r(SW, "60"), r(IP, "1")]), at([r(SW, BAD), r(IP, "0")])];
    device.answers(package, &[200, 200, 200, 507, 415, 216]);
    assert_eq!((device.value(SW).as_deref(), device.value(IP).as_deref()), (Some("60"), Some("1")));
    let (proxy, xml) = (format!("{W1}/Proxy"), format!("{W1}/WlanXml"));
    device.answers([one(r(&proxy, "no port")), at([r(&xml, &wlan())])], &[415, 200, 200]);
}

#[test]
fn a_command_beside_a_failed_atomic_of_the_same_profile_is_done() {
    let (xml, cost, proxy) = (format!("{W1}/WlanXml"), format!("{W1}/WiFiCost"), format!("{W1}/Proxy"));
    let mut device = given([one(r(&xml, &wlan()))]);
    let package = [one(r(&cost, "2")), at([d(&cost), r(DC, "60")]), one(r(&proxy, "proxy.example:1")), one(d(&cost))];
    device.answers(package, &[200, 507, 216, 406, 200, 200]);
    device.answers([one(r(&cost, "2")), one(r(&proxy, "bad"))], &[200, 415]);
    device.answers([one(r(SW, "10")), one(r(SW, BAD)), one(d(SW)), one(r(SW, BAD))], &[200, 415, 200, 415]);
    assert_eq!(device.value(SW), None);
    let items =
        Single { verb: Verb::Replace, items: [r(SW, "10"), r(SW, BAD)].map(|each| each.items[0].clone()).to_vec() };
    device.answers([one(items)], &[200, 415]);
    assert_eq!(device.value(SW).as_deref(), Some("10"));
}

#[test]
fn a_neighbour_that_is_refused_itself_blocks_no_other() {
    let mut device = given([]);
    device.answers([one(r(ZONE, "Mars/Phobos")), one(r(MZONE, "Europe/Berlin"))], &[415, 200]);
    device.answers([at([r(SW, "60"), r(DC, "60")]), one(r(SW2, "70"))], &[507, 216, 406, 200]);
    let add = |value: &str| one(Single::one(Verb::Add, IP, value));
    device.answers([add(BAD), add("1")], &[415, 200]);
    device.answers([one(r(IP, BAD)), one(r(IP, "0"))], &[415, 200]);
}

#[test]
fn the_first_to_take_a_place_holds_it_and_the_next_follows_without_being_sent_again() {
    for apart in [false, true] {
        let mut device = given([]);
        if apart {
            device.answers([one(r(MZONE, "Europe/Berlin"))], &[200]);
            device.answers([one(r(ZONE, "Etc/UTC")), one(get(ZONE))], &[418, 404]);
        } else {
            device.answers([one(r(MZONE, "Europe/Berlin")), one(r(ZONE, "Etc/UTC"))], &[200, 418]);
        }
        assert_eq!(device.file("/etc/localtime").as_deref(), Some("-> /usr/share/zoneinfo/Europe/Berlin"));
        device.answers([one(d(MZONE))], &[200]);
        assert_eq!(device.file("/etc/localtime").as_deref(), Some("-> /usr/share/zoneinfo/Etc/UTC"));
        device.answers([one(r(ZONE, "Etc/UTC"))], &[200]);
    }
}

#[test]
fn what_waits_for_its_place_is_forgotten_once_the_server_says_otherwise_in_an_atomic_too() {
    for again in [one(r(MZONE, "Europe/Berlin")), at([r(MZONE, "Europe/Berlin")])] {
        let mut device = given([one(r(ZONE, "Europe/Berlin")), one(r(MZONE, "Europe/Berlin"))]);
        device.answers([one(r(MZONE, "Etc/UTC"))], &[418]);
        device.0.run(&vec![again]);
        device.answers([one(d(ZONE))], &[200]);
        assert_eq!(device.file("/etc/localtime").as_deref(), Some("-> /usr/share/zoneinfo/Europe/Berlin"));
    }
}

#[test]
fn a_certificate_request_stands_or_falls_with_its_own_command() {
    let enroll = || x(&format!("{SCEP}/Install/Enroll"));
    let [url, subject] = ["ServerURL", "SubjectName"].map(|name| format!("{SCEP}/Install/{name}"));
    let before = || [one(r(&url, "https://ca.example/scep")), one(r(&subject, "CN=device"))];
    let mut device = given(before());
    device.answers([one(enroll()), at([enroll(), r(DC, "60")])], &[202, 507, 216, 406]);
    assert_eq!(device.0.state().requests.len(), 1);
    let mut device = given(before());
    device.answers([at([enroll(), r(DC, "60")]), at([enroll(), d(IP)])], &[507, 216, 406, 507, 216, 404]);
    assert_eq!(device.0.state().requests.len(), 0);
}

#[test]
fn a_get_answers_what_holds_at_its_place() {
    let mut device = given([one(r(LENGTH, "8")), one(r(NAME, "lap-1"))]);
    let read = device.answers(
        [one(r(SW, BAD)), one(get(SW)), at([r(IP, "1"), r(DC, "60")]), one(get(IP))],
        &[415, 404, 507, 216, 406, 404],
    );
    assert!(read.is_empty(), "{read:?}");
    let package =
        [one(get(LENGTH_RESULT)), one(d(LENGTH)), one(get(LENGTH_RESULT)), one(r(NAME, "lap-2")), one(get(NAME))];
    let read = device.answers(package, &[200, 200, 404, 200, 200]);
    let values: Vec<&str> = read.iter().filter_map(|(_, value)| value.as_deref()).collect();
    assert_eq!(values, ["8", "lap-2"]);
    device.answers([one(get(&format!("{SCEP}/Install/Enroll")))], &[405]);
    let poll = format!("{PROVIDER}/Poll/PollOnLogin");
    device.answers([one(d(&poll))], &[200]);
    device.answers([one(get(&poll))], &[404]);
}

#[test]
fn what_is_deleted_and_comes_back_in_part_is_no_longer_applied() {
    let (xml, proxy) = (format!("{W1}/WlanXml"), format!("{W1}/Proxy"));
    let mut device = given([one(r(&xml, &wlan()))]);
    assert_eq!(device.0.state().files.len(), 1);
    device.answers([one(d(W1)), one(r(&proxy, "proxy.example:1"))], &[200, 202]);
    assert_eq!(device.0.state().files.len(), 0, "the connection is gone with its key");
}

#[test]
fn single_nodes_of_a_tunnel_may_come_in_any_order() {
    let mut device = given([]);
    let node = |name: &str, value: &str| one(r(&format!("{VPN}/{name}"), value));
    let servers = format!("{VPN}/NativeProfile/Servers");
    let package = [
        node("RouteList/0/Address", "10.0.0.0"),
        node("NativeProfile/Servers", "vpn.example.org"),
        node("RouteList/0/PrefixSize", "8"),
        node("NativeProfile/Authentication/MachineMethod", "Certificate"),
        node("NativeProfile/RoutingPolicyType", "SplitTunnel"),
    ];
    device.answers(package, &[202, 202, 202, 202, 202]);
    // With its protocol it still waits for the device's own certificate.
    let reads = device.answers([node("NativeProfile/NativeProtocolType", "IKEv2"), one(get(&servers))], &[202, 200]);
    assert_eq!(reads, [(servers, Some("vpn.example.org".to_owned()))]);
}

#[test]
fn a_network_keeps_its_authority_when_that_is_deleted_later_in_the_same_message() {
    let (root, certificate) = root_authority();
    let network = format!("{W2}/WlanXml");
    let trust = || one(r(&format!("{root}/EncodedCertificate"), &certificate));
    let connect = || one(r(&network, &enterprise_network()));
    // The reference: the same, each in a session of its own.
    let mut apart = given([]);
    apart.answers([trust()], &[200]);
    apart.answers([connect()], &[200]);
    apart.answers([one(d(&root))], &[200]);
    assert_eq!(apart.0.state().files.len(), 2, "the connection and its copy of the authority");
    let mut together = given([]);
    together.answers([trust(), connect(), one(d(&root))], &[200, 200, 200]);
    assert_eq!(together.0.state(), apart.0.state());
    // The verdict on another setting comes after it, and may be a refusal.
    for (setting, code) in [(r(SW, "10"), 200), (r(SW, BAD), 415)] {
        let mut together = given([trust()]);
        together.answers([connect(), one(d(&root)), one(setting)], &[200, 200, code]);
        assert!(together.0.state().applied.contains_key(W2));
    }
    // A network that is set after that waits.
    let mut after = given([trust()]);
    after.answers([connect(), one(d(&root)), one(d(W2)), connect()], &[200, 200, 200, 202]);
    assert!(after.0.state().files.is_empty());
    let mut fallen = given([trust()]);
    fallen.answers([connect(), at([d(&root), r(SW, BAD)])], &[200, 507, 216, 415]);
    assert_eq!(fallen.0.state(), given([trust(), connect()]).0.state());
}
