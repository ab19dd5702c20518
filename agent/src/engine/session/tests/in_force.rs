//! What the machine refuses is refused to the server, and nothing else.

use std::collections::BTreeMap;

use mdm_protocol::syncml::{Format, Item, Meta, StatusCode, Verb};

use crate::engine::application::ApplicationOutcome;
use crate::engine::profile::Stored;
use crate::engine::testing::{Talk, add, atomic, config, context, delete, exec, get, operation, replace, stored_after};
use crate::engine::tree::Refusal;

fn refusing(names: &[&str]) -> ApplicationOutcome {
    let refusal = Refusal { status: StatusCode::NOT_SUPPORTED, reason: "not on this machine".to_owned() };
    let refused = names.iter().map(|name| (config(name), refusal.clone())).collect();
    ApplicationOutcome { refused, ..ApplicationOutcome::default() }
}

fn kept(talk: &Talk) -> Vec<String> {
    talk.kept.iter().flat_map(|changes| changes.profiles.keys().cloned()).collect()
}

#[test]
fn only_the_command_that_the_machine_refuses_is_refused_and_only_the_rest_is_kept() {
    let mut talk = Talk::begin();
    talk.machine = refusing(&["B"]);
    talk.say([add("a", &config("A"), "1"), add("b", &config("B"), "1"), add("c", &config("C"), "1")]);
    assert_eq!((talk.code("a"), talk.code("b"), talk.code("c")), (200, 406, 200));
    assert_eq!(kept(&talk), [config("A"), config("C")]);
    talk.machine = ApplicationOutcome::default();
    talk.say([get("there", &config("B"))]);
    assert_eq!(talk.code("there"), 404);
}

#[test]
fn the_reason_is_told_in_words() {
    let mut talk = Talk::begin();
    talk.machine = refusing(&["A"]);
    talk.say([add("a", &config("A"), "1")]);
    assert!(talk.message.encode().contains("not on this machine"));
}

#[test]
fn an_atomic_falls_as_a_whole_and_takes_along_what_shares_a_profile_with_it() {
    let mut talk = Talk::begin();
    talk.machine = refusing(&["B"]);
    talk.say([
        atomic("all", vec![add("a", &config("A"), "1"), add("b", &config("B"), "1")]),
        replace("again", &config("A"), "2"),
        add("c", &config("C"), "1"),
    ]);
    let codes = ["all", "a", "b", "again", "c"].map(|command| talk.code(command));
    assert_eq!(codes, [507, 216, 406, 216, 200]);
    assert_eq!(kept(&talk), [config("C")]);
    let [application] = &talk.applied[..] else { panic!("{:?}", talk.applied) };
    assert_eq!(application.units, [[config("A"), config("B")].into()]);
}

#[test]
fn what_is_ordered_in_an_atomic_that_falls_is_not_ordered() {
    let scep = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/vpn/Install";
    let order = |name: &str| {
        let leaves = [("ServerURL", "https://ca.example/scep"), ("SubjectName", "CN=device"), ("KeyLength", "2048")];
        let leaves = leaves.map(|(leaf, value)| add(&format!("{name}{leaf}"), &format!("{scep}/{leaf}"), value));
        leaves.into_iter().chain([exec(name, &format!("{scep}/Enroll"), "")]).collect::<Vec<_>>()
    };
    for refused in [None, Some("B")] {
        let mut talk = Talk::begin();
        talk.machine = refusing(refused.as_slice());
        let commands = order("order").into_iter().chain([add("b", &config("B"), "1")]).collect();
        talk.say([atomic("all", commands)]);
        let expected = if refused.is_some() { (507, 216) } else { (200, 202) };
        assert_eq!((talk.code("all"), talk.code("order")), expected);
        assert_eq!(talk.session.orders().is_empty(), refused.is_some());
    }
}

#[test]
fn items_of_one_command_that_fare_differently_are_told_apart() {
    let mut talk = Talk::begin();
    talk.machine = refusing(&["B"]);
    let items = ["A", "B"].map(|name| Item::target(config(name)).with_data("1").with_meta(Meta::format(Format::Chr)));
    let both = operation("both", Verb::Add, items.to_vec());
    talk.say([both]);
    let codes: Vec<u16> = talk.statuses().into_iter().filter(|(id, ..)| *id == "both").map(|(.., code)| code).collect();
    assert_eq!(codes, [200, 406]);
}

#[test]
fn a_removal_that_fails_is_not_acknowledged_and_the_profile_stays() {
    let stored = stored_after(vec![add("a", &config("A"), "1")]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.machine = refusing(&["A"]);
    talk.say([delete("gone", &config("A"))]);
    assert_eq!(talk.code("gone"), 406);
    assert_eq!(kept(&talk), Vec::<String>::new());
    assert_eq!(talk.session.tree().profiles().count(), 1);
}

#[test]
fn what_waits_for_something_is_kept_and_accepted_but_not_called_done() {
    let mut talk = Talk::begin();
    talk.machine = ApplicationOutcome {
        waiting: BTreeMap::from([(config("A"), "a certificate is missing".to_owned())]),
        ..ApplicationOutcome::default()
    };
    talk.say([add("a", &config("A"), "1")]);
    assert_eq!(talk.code("a"), 202);
    assert_eq!(kept(&talk), [config("A")]);
    assert!(talk.message.encode().contains("a certificate is missing"));
}

#[test]
fn what_could_not_be_kept_is_taken_off_the_machine_again() {
    let stored = stored_after(vec![add("a", &config("A"), "1")]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.store = Err(StatusCode::DEVICE_FULL);
    talk.say([replace("a", &config("A"), "2"), add("b", &config("B"), "1")]);
    assert_eq!((talk.code("a"), talk.code("b")), (420, 420));
    let [_, back] = &talk.applied[..] else { panic!("{:?}", talk.applied) };
    let value = back.profiles[&config("A")].as_ref().map(|profile| profile.nodes[""].value.clone());
    assert_eq!((value.as_deref(), &back.profiles[&config("B")]), (Some("1"), &None));
}

#[test]
fn what_the_machine_tells_of_a_profile_can_be_read_and_is_no_part_of_it() {
    let mut talk = Talk::begin();
    let node = format!("{}/IssuedTo", root());
    talk.machine.nodes = vec![(node.clone(), Format::Chr, "CN=Root".to_owned())];
    talk.say([add("a", &config("A"), "1")]);
    talk.say([get("read", &node)]);
    assert_eq!(talk.results(), [(node, Some("CN=Root".to_owned()))]);
    assert_eq!(talk.session.tree().profiles().count(), 1, "only what the server has set is a profile");
}

fn root() -> String {
    format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{}", "0".repeat(40))
}

const SCEP: &str = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office";

#[test]
fn a_certificate_is_ordered_with_the_values_of_that_moment() {
    let set = |name: &str, value: &str| add(name, &format!("{SCEP}/Install/{name}"), value);
    let enroll = || exec("go", &format!("{SCEP}/Install/Enroll"), "");
    let mut talk = Talk::begin_with(context(), &Stored::default());
    talk.say([set("ServerURL", "https://ca.example/scep"), enroll()]);
    assert_eq!(talk.code("go"), 412, "there is no subject yet");
    talk.say([set("SubjectName", "CN=ada"), set("Challenge", "once"), enroll()]);
    assert_eq!(talk.code("go"), 202);
    let install = &talk.session.orders()[SCEP];
    assert_eq!((install.subject.as_str(), install.challenge.as_ref().unwrap().expose()), ("CN=ada", "once"));
    let failing = atomic("all", vec![exec("go", &format!("{SCEP}/Install/Enroll"), ""), delete("no", &config("None"))]);
    let mut talk = Talk::begin_with(
        context(),
        &stored_after(vec![set("ServerURL", "https://ca.example"), set("SubjectName", "CN=x")]),
    );
    talk.say([failing]);
    assert!(talk.session.orders().is_empty(), "what was taken back is not ordered");
}

#[test]
fn a_new_name_for_the_machine_is_a_setting_that_the_machine_may_refuse() {
    let name = "./DevDetail/Ext/Microsoft/DeviceName";
    let setting = "./Device/Vendor/LinuxMDM/Config/Device/Name".to_owned();
    let mut talk = Talk::begin();
    talk.say([replace("rename", name, "lap-42")]);
    assert_eq!((talk.code("rename"), kept(&talk)), (200, vec![setting.clone()]));
    let mut talk = Talk::begin();
    let refusal = Refusal { status: StatusCode::UNSUPPORTED_FORMAT, reason: "not a name".to_owned() };
    talk.machine = ApplicationOutcome { refused: [(setting, refusal)].into(), ..ApplicationOutcome::default() };
    talk.say([replace("rename", name, "-")]);
    assert_eq!(talk.code("rename"), 415);
    assert!(kept(&talk).is_empty());
}
