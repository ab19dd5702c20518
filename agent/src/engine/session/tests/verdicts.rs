//! Every command has its own verdict, and what fails when it is applied is taken back with what belongs to it.

use mdm_protocol::syncml::{Format, Item, Meta, StatusCode, Verb};

use crate::engine::profile::Stored;
use crate::engine::testing::{
    PROVIDER, Talk, add, atomic, config, context, delete, exec, get, operation, replace, stored_after,
};
use crate::engine::tree::Refusal;
use crate::engine::verdict::Verdict;

fn refusal() -> Refusal {
    Refusal { status: StatusCode::NOT_SUPPORTED, reason: "not on this machine".to_owned() }
}

/// A session on a machine that refuses these settings.
fn refusing(names: &[&str]) -> Talk {
    let mut talk = Talk::begin();
    talk.verdicts = names.iter().map(|name| (config(name), Verdict::Refused(refusal()))).collect();
    talk
}

fn kept(talk: &Talk) -> Vec<String> {
    talk.kept.iter().flat_map(|changes| changes.profiles.keys().cloned()).collect()
}

#[test]
fn only_the_command_that_the_machine_refuses_is_refused_and_only_the_rest_is_kept() {
    let mut talk = refusing(&["B"]);
    talk.say([add("a", &config("A"), "1"), add("b", &config("B"), "1"), add("c", &config("C"), "1")]);
    assert_eq!((talk.code("a"), talk.code("b"), talk.code("c")), (200, 406, 200));
    assert_eq!(kept(&talk), [config("A"), config("C")]);
    talk.say([get("there", &config("B"))]);
    assert_eq!(talk.code("there"), 404);
}

#[test]
fn the_reason_is_told_in_words() {
    let mut talk = refusing(&["A"]);
    talk.say([add("a", &config("A"), "1")]);
    assert!(talk.message.encode().contains("not on this machine"));
}

#[test]
fn an_atomic_falls_as_a_whole_and_takes_nothing_along_that_stands_beside_it() {
    let mut talk = refusing(&["B"]);
    talk.say([
        replace("before", &config("A"), "0"),
        atomic("all", vec![replace("a", &config("A"), "1"), add("b", &config("B"), "1")]),
        replace("again", &config("A"), "2"),
        add("c", &config("C"), "1"),
    ]);
    let codes = ["before", "all", "a", "b", "again", "c"].map(|command| talk.code(command));
    assert_eq!(codes, [200, 507, 216, 406, 200, 200]);
    assert_eq!(kept(&talk), [config("A"), config("C")]);
    assert_eq!(talk.applied.len(), 1, "the machine is changed once");
}

#[test]
fn of_several_items_of_one_profile_in_an_atomic_the_one_that_is_to_blame_says_so() {
    let wifi = "./Device/Vendor/MSFT/WiFi/Profile/Corp";
    let mut talk = Talk::begin();
    talk.verdicts = [(wifi.to_owned(), Verdict::Refused(refusal()))].into();
    // Every version of the profile is refused here, so the first is to blame.
    talk.say([atomic(
        "all",
        vec![add("cost", &format!("{wifi}/WiFiCost"), "2"), add("proxy", &format!("{wifi}/Proxy"), "bad")],
    )]);
    assert_eq!(["all", "cost", "proxy"].map(|command| talk.code(command)), [507, 406, 216]);
}

#[test]
fn what_fails_when_it_is_applied_is_taken_back_and_the_rest_is_as_if_it_had_never_been_sent() {
    let mut talk = Talk::begin();
    talk.failing = [(config("B"), Refusal::new(StatusCode::FAILED))].into();
    talk.say([
        add("a", &config("A"), "1"),
        add("b", &config("B"), "1"),
        get("there", &config("B")),
        atomic("all", vec![replace("1", &config("B"), "2"), replace("2", &config("A"), "2")]),
        replace("3", &config("A"), "3"),
    ]);
    let codes = ["a", "b", "there", "all", "1", "2", "3"].map(|command| talk.code(command));
    assert_eq!(codes, [200, 500, 404, 507, 500, 216, 200]);
    assert_eq!(kept(&talk), [config("A")]);
    let [_, again] = &talk.applied[..] else { panic!("{:?}", talk.applied) };
    assert_eq!(again.profiles[&config("B")], None, "nothing half-done stays");
}

#[test]
fn a_refused_command_for_a_profile_of_another_authority_leaves_it_to_that() {
    let mut stored = stored_after(vec![add("a", &config("A"), "1")]);
    stored.profiles[0].authority = "Former".to_owned();
    let mut talk = Talk::begin_with(context(), &stored);
    talk.verdicts = [(config("A"), Verdict::Refused(refusal()))].into();
    talk.say([replace("other", &config("A"), "2"), replace("same", &config("A"), "1")]);
    assert_eq!(([talk.code("other"), talk.code("same")], talk.applied.len(), talk.kept.len()), ([406, 406], 0, 0));
    talk.verdicts.clear();
    talk.failing = [(config("A"), Refusal::new(StatusCode::FAILED))].into();
    talk.say([replace("same", &config("A"), "1")]);
    assert_eq!((talk.code("same"), talk.kept.len()), (500, 0));
    talk.failing.clear();
    talk.say([replace("same", &config("A"), "1")]);
    assert_eq!((talk.code("same"), talk.kept.len()), (200, 1), "taken over with the same content");
}

#[test]
fn a_format_of_the_agents_own_is_no_format_on_the_wire() {
    let mut talk = Talk::begin_with(context(), &stored_after(vec![add("a", &config("A"), "1")]));
    let absent = Meta::format(Format::Other("absent".to_owned()));
    talk.say([operation("r", Verb::Replace, vec![Item::target(config("A")).with_data("2").with_meta(absent)])]);
    assert_eq!((talk.code("r"), talk.kept.len()), (415, 0));
}

#[test]
fn a_provisioned_node_that_was_changed_and_deleted_is_gone() {
    let address = format!("{PROVIDER}/Poll/PollOnLogin");
    let mut talk = Talk::begin();
    talk.say([replace("r", &address, "true"), delete("d", &address), get("g", &address), delete("again", &address)]);
    assert_eq!(["r", "d", "g", "again"].map(|command| talk.code(command)), [200, 200, 404, 404]);
    let mut stored = Stored::default();
    talk.kept.iter().for_each(|changes| stored.apply(changes));
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say([get("g", &address), add("back", &address, "true"), get("there", &address)]);
    assert_eq!(["g", "back", "there"].map(|command| talk.code(command)), [404, 200, 200]);
}

#[test]
fn what_is_as_it_was_and_applied_needs_no_verdict() {
    let stored = stored_after(vec![add("a", &config("A"), "1")]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say([replace("a", &config("A"), "1")]);
    assert_eq!((talk.code("a"), talk.asked), (200, 1), "no report says that it is applied");
    talk.say([replace("a", &config("A"), "1"), delete("b", &config("B"))]);
    assert_eq!((talk.code("a"), talk.asked), (200, 1));
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
        let mut talk = refusing(refused.as_slice());
        let commands = order("order").into_iter().chain([add("b", &config("B"), "1")]).collect();
        talk.say([atomic("all", commands)]);
        let expected = if refused.is_some() { (507, 216) } else { (200, 202) };
        assert_eq!((talk.code("all"), talk.code("order")), expected);
        assert_eq!(talk.session.orders().is_empty(), refused.is_some());
    }
}

#[test]
fn items_of_one_command_that_fare_differently_are_told_apart() {
    let mut talk = refusing(&["B"]);
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
    talk.failing = [(config("A"), refusal())].into();
    talk.say([delete("gone", &config("A"))]);
    assert_eq!(talk.code("gone"), 406);
    assert_eq!(kept(&talk), Vec::<String>::new());
    assert_eq!(talk.session.tree().profiles().count(), 1);
}

#[test]
fn what_waits_for_something_is_kept_and_accepted_but_not_called_done() {
    let mut talk = Talk::begin();
    talk.verdicts = [(config("A"), Verdict::Incomplete("a certificate is missing".to_owned()))].into();
    talk.say([add("a", &config("A"), "1")]);
    assert_eq!(talk.code("a"), 202);
    assert_eq!(kept(&talk), [config("A")]);
    assert!(talk.message.encode().contains("a certificate is missing"));
}

#[test]
fn what_waits_in_the_end_because_of_a_later_command_is_not_called_done() {
    let mut talk = Talk::begin();
    talk.waiting = [config("A")].into();
    talk.say([
        add("a", &config("A"), "1"),
        atomic("all", vec![replace("again", &config("A"), "2"), replace("b", &config("B"), "1")]),
    ]);
    assert_eq!(["a", "all", "again", "b"].map(|command| talk.code(command)), [202, 200, 202, 200]);
    assert_eq!(kept(&talk), [config("A"), config("B")]);
    assert!(talk.message.encode().contains("when its command was judged"));
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
    let root = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/office";
    let node = format!("{root}/Thumbprint");
    talk.nodes = vec![(node.clone(), Format::Chr, "CN=Root".to_owned())];
    talk.say([get("before", &node), add("a", root, ""), get("read", &node), delete("d", root), get("after", &node)]);
    assert_eq!(["before", "read", "after"].map(|command| talk.code(command)), [404, 200, 404]);
    assert_eq!(talk.results(), [(node, Some("CN=Root".to_owned()))]);
    talk.say([add("a", root, "")]);
    assert_eq!(talk.session.tree().profiles().count(), 1, "only what the server has set is a profile");
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
    talk.verdicts = [(setting, Verdict::Refused(refusal))].into();
    talk.say([replace("rename", name, "-")]);
    assert_eq!(talk.code("rename"), 415);
    assert!(kept(&talk).is_empty());
}
