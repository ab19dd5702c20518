//! Each verb with each status.

use mdm_protocol::syncml::{Command, Item, Unrecognised, Verb};

use crate::engine::profile::Stored;
use crate::engine::session::LoginStatus;
use crate::engine::testing::{
    PROVIDER, Talk, WIFI, add, alert, config, context, delete, exec, get, operation, replace, stored_after, wlan,
};

#[test]
fn every_verb_is_answered_with_the_status_that_the_protocol_prescribes() {
    let long = format!("./Device/Vendor/LinuxMDM/Config/Test/{}", "x".repeat(2100));
    let unenroll = format!("{PROVIDER}/Unenroll");
    let number = format!("{PROVIDER}/Poll/NumberOfFirstRetries");
    let kept = config("Kept");
    let table: Vec<(Command, u16)> = vec![
        (add("c", &config("New"), "1"), 200),
        (add("c", &kept, "2"), 418),
        (add("c", "./DevInfo/DevId", "x"), 405),
        (add("c", "./Device/Vendor/MSFT/Nowhere/X", "1"), 404),
        (add("c", "", "1"), 400),
        (add("c", "/DevInfo/DevId", "1"), 400),
        (add("c", "./Device/Vendor/MSFT/WiFi/*/WlanXml", "1"), 400),
        (add("c", &long, "1"), 414),
        (replace("c", &kept, "2"), 200),
        (replace("c", &config("Implicit"), "2"), 200),
        (replace("c", "./DevDetail/SwV", "2"), 405),
        (replace("c", "./Device/Vendor/MSFT/WiFi", "2"), 405),
        (replace("c", &number, "ten"), 415),
        (replace("c", &number, "99999999999"), 415),
        (replace("c", &format!("{PROVIDER}/Poll/PollOnLogin"), "perhaps"), 415),
        (replace("c", WIFI, "<WLANProfile>"), 415),
        (replace("c", "./Device/Vendor/MSFT/WiFi/Profile/Corp", "text"), 415),
        (delete("c", &kept), 200),
        (delete("c", &config("Missing")), 404),
        (delete("c", "./DevInfo/DevId"), 405),
        (delete("c", &format!("{kept}?list=Struct")), 406),
        (get("c", &kept), 200),
        (get("c", &config("Missing")), 404),
        (get("c", ""), 400),
        (get("c", "./DevInfo?list=Everything"), 406),
        (get("c", "./SyncML/DMAcc/F/AppAuth/CLCRED/AAuthName"), 404),
        (exec("c", "./DevInfo/DevId", ""), 405),
        (exec("c", "./Device/Vendor/MSFT/RemoteFind/Ping", ""), 406),
        (exec("c", &unenroll, "SomeoneElse"), 404),
        (operation("c", Verb::Get, Vec::new()), 412),
        (operation("c", Verb::Add, Vec::new()), 412),
        (alert("c", 1222), 200),
        (alert("c", 1226), 406),
        (Command::Unrecognised(Unrecognised { id: "c".into(), name: "Copy".to_owned() }), 400),
    ];
    let stored = stored_after(vec![add("a", &kept, "1")]);
    for (command, expected) in table {
        let described = format!("{command:?}");
        let name = command.name().to_owned();
        let mut talk = Talk::begin_with(context(), &stored);
        talk.say([command]);
        assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("c", name.as_str(), expected)], "{described}");
        assert_eq!(talk.kept.is_empty(), expected != 200 || !matches!(name.as_str(), "Add" | "Replace" | "Delete"));
    }
}

#[test]
fn an_item_that_names_its_node_as_source_is_understood() {
    let mut talk = Talk::begin();
    talk.say([operation("c", Verb::Replace, vec![Item::source(config("A")).with_data("1")])]);
    assert_eq!(talk.code("c"), 200);
}

#[test]
fn items_that_fare_alike_share_one_status_and_others_have_one_each_with_their_target() {
    let mut talk = Talk::begin();
    let item = |name: &str| Item::target(config(name)).with_data("1");
    talk.say([
        operation("alike", Verb::Add, vec![item("A"), item("B")]),
        operation("mixed", Verb::Add, vec![item("C"), item("A"), item("D")]),
    ]);
    assert_eq!(
        references(&talk),
        [
            ("0".to_owned(), None, 200),
            ("alike".to_owned(), None, 200),
            ("mixed".to_owned(), Some(config("C")), 200),
            ("mixed".to_owned(), Some(config("A")), 418),
            ("mixed".to_owned(), Some(config("D")), 200),
        ]
    );
}

#[test]
fn a_command_without_a_number_is_refused_with_an_empty_reference_and_has_no_effect() {
    let mut talk = Talk::begin();
    talk.say([add("", &config("A"), "1"), get("", "./DevInfo/DevId"), alert("", 1222), get("x", "./DevInfo/Man")]);
    assert_eq!(
        talk.statuses(),
        [("0", "SyncHdr", 200), ("", "Add", 400), ("", "Get", 400), ("", "Alert", 400), ("x", "Get", 200)]
    );
    assert!(talk.kept.is_empty());
    assert_eq!(talk.results().len(), 1);
}

#[test]
fn nodes_of_the_user_are_refused_while_the_enrolled_user_is_not_signed_in() {
    let uri = "./User/Vendor/MSFT/EMAIL2/%7B1%7D/SERVICENAME";
    for (login, expected) in [(LoginStatus::EnrolledUser, 200), (LoginStatus::Others, 405), (LoginStatus::Nobody, 405)]
    {
        let mut talk = Talk::begin_with(
            crate::engine::session::SessionContext { login, ..context() },
            &stored_after(vec![add("a", uri, "Mail")]),
        );
        talk.say([replace("r", uri, "Post"), get("g", uri), delete("d", uri)]);
        assert_eq!([talk.code("r"), talk.code("g"), talk.code("d")], [expected; 3], "{login:?}");
    }
}

#[test]
fn fixed_names_are_matched_in_any_case_and_kept_in_their_conventional_one() {
    let mut talk = Talk::begin();
    talk.say([add("a", "./device/vendor/msft/wifi/PROFILE/Corp/wlanxml", &wlan("swordfish"))]);
    assert_eq!(talk.code("a"), 200);
    let profiles: Vec<&String> = talk.kept[0].profiles.keys().collect();
    assert_eq!(profiles, ["./Device/Vendor/MSFT/WiFi/Profile/Corp"]);
    let nodes = &talk.kept[0].profiles.values().next().and_then(Option::as_ref).unwrap().nodes;
    assert_eq!(nodes.keys().collect::<Vec<_>>(), ["WlanXml"]);
}

#[test]
fn a_node_that_may_not_be_added_is_not_made_by_replace_below_a_profile_that_is_not_there() {
    let source = "./Device/Vendor/MSFT/WiFi/Profile/Corp/ProfileSource";
    let mut talk = Talk::begin();
    talk.say([replace("early", source, "1"), add("a", WIFI, &wlan("swordfish")), replace("late", source, "1")]);
    assert_eq!([talk.code("early"), talk.code("a"), talk.code("late")], [404, 200, 200]);
    talk.say([
        replace("own", &format!("{PROVIDER}/ManagementServerAddressList"), "<https://b.example.org>"),
        replace("foreign", &format!("{PROVIDER}2/ManagementServerAddressList"), "<https://b.example.org>"),
    ]);
    assert_eq!([talk.code("own"), talk.code("foreign")], [200, 404]);
}

#[test]
fn statuses_of_commands_that_were_never_sent_are_counted_and_ignored() {
    use crate::engine::testing::status;
    let mut talk = Talk::begin();
    talk.say([
        status("1", 1, "3", "Replace", 200),
        status("2", 1, "3", "Replace", 200),
        status("3", 1, "99", "Get", 500),
        status("4", 5, "1", "Alert", 200),
        get("g", "./DevInfo/DevId"),
    ]);
    assert_eq!(talk.session.tally().stray_statuses, 2, "a Replace of several items may have several statuses");
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("g", "Get", 200)]);
}

#[test]
fn results_from_the_server_are_counted_and_not_answered() {
    let results = Command::Results(mdm_protocol::syncml::Results {
        id: "r".into(),
        message_ref: 1,
        command_ref: "1".into(),
        meta: mdm_protocol::syncml::Meta::default(),
        items: vec![Item::source("./DevInfo/DevId").with_data("x")],
    });
    let mut talk = Talk::begin();
    talk.say([results, get("g", "./DevInfo/DevId")]);
    assert_eq!(talk.session.tally().stray_statuses, 1);
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("g", "Get", 200)]);
}

#[test]
fn the_tally_counts_what_was_done_and_what_was_refused() {
    let mut talk = Talk::begin_with(context(), &Stored::default());
    talk.say([add("a", &config("A"), "1"), add("b", &config("A"), "1"), get("c", "./DevInfo/DevId")]);
    let tally = talk.session.tally();
    assert_eq!((tally.rounds, tally.succeeded, tally.refused), (2, 2, 1));
}

fn references(talk: &Talk) -> Vec<(String, Option<String>, u16)> {
    let statuses = talk.message.commands.iter().filter_map(|command| match command {
        Command::Status(status) => Some((status.command_ref.0.clone(), status.target_ref.clone(), status.code.0)),
        _ => None,
    });
    statuses.collect()
}
