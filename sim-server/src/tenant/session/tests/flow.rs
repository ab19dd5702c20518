//! How sessions begin, go on and end.

use mdm_protocol::syncml::{AlertCode, Command, Item, Message, Meta, StatusCode, Verb, alert_type};

use crate::tenant::test_support::*;
use crate::tenant::{AccessRefusal, DeliveryState, Reply, SessionOutcome, SessionRefusal, SettingsPatch, fingerprint};

#[test]
fn the_first_package_is_answered_with_statuses_in_order_and_the_devinfo_is_kept() {
    let mut talker = Talker::new();
    let reply = talker.begin(Vec::new()).unwrap();
    assert_eq!(statuses(&reply), [("SyncHdr", "0", 200), ("Alert", "1", 200), ("Replace", "2", 200)]);
    assert!(reply.is_final);
    assert_eq!((reply.header.message_id, reply.header.target.as_str()), (1, "device-1"));
    assert_eq!(talker.tenant.device_view("device-1").unwrap().devinfo["Man"], "Contoso");
    let last = talker.tenant.device_view("device-1").unwrap().summary.last_session.unwrap();
    assert_eq!((last.outcome, last.messages), (SessionOutcome::Completed, 1));
}

#[test]
fn queued_commands_come_before_profiles() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker
        .tenant
        .queue_command("device-1", &fragment("Exec", "./Device/Vendor/MSFT/Reboot/RebootNow", ""), NOW)
        .unwrap();
    let names: Vec<_> = talker.check_in().iter().map(|command| command.name().to_owned()).collect();
    assert_eq!(names, ["Exec", "Replace"]);
}

#[test]
fn a_message_has_no_more_commands_than_set() {
    let mut talker = Talker::new();
    change(&mut talker.tenant, SettingsPatch { max_commands_per_message: Some(2), ..SettingsPatch::default() });
    let fragment: String =
        (0..5).map(|n| fragment("Replace", &format!("./Vendor/MSFT/VPNv2/v{n}/AlwaysOn"), "true")).collect();
    talker.profile("vpn", &fragment);
    let reply = talker.begin(Vec::new()).unwrap();
    assert_eq!(work(&reply).len(), 2);
    let answers = work(&reply).iter().map(|command| status(&reply, command, StatusCode::OK)).collect();
    assert_eq!(work(&talker.send(answers).unwrap()).len(), 2);
}

#[test]
fn a_message_is_no_larger_than_the_device_can_receive() {
    let mut talker = Talker::new();
    talker.meta = Meta { max_message_size: Some(4096), ..Meta::default() };
    let value = "v".repeat(700);
    let fragment: String =
        (0..10).map(|n| fragment("Replace", &format!("./Vendor/MSFT/VPNv2/v{n}/DnsSuffix"), &value)).collect();
    talker.profile("vpn", &fragment);
    let mut reply = talker.begin(Vec::new());
    let (mut commands, mut messages) = (0, 0);
    while let Some(message) = reply {
        assert!(message.encode().len() <= 4096, "{} bytes", message.encode().len());
        let answers: Vec<_> = work(&message).iter().map(|command| status(&message, command, StatusCode::OK)).collect();
        commands += answers.len();
        messages += 1;
        reply = if answers.is_empty() { None } else { talker.send(answers) };
    }
    assert_eq!(commands, 10);
    assert!(messages > 2);
}

#[test]
fn a_repeated_message_gets_the_same_answer_and_does_nothing_twice() {
    let mut talker = Talker::new();
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", ""), NOW).unwrap();
    talker.session = 1;
    talker.message = 1;
    let mut hello = talker.package_one();
    hello.iter_mut().zip(1_u32..).for_each(|(command, number)| command.set_id(number.into()));
    let bytes = talker.bytes(hello);
    let first = talker.raw(&bytes).unwrap();
    assert_eq!(talker.raw(&bytes).unwrap(), first);
    assert!(matches!(first, Reply::Message(_)));
}

#[test]
fn a_command_whose_session_was_lost_is_sent_again() {
    let mut talker = Talker::new();
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", ""), NOW).unwrap();
    assert_eq!(work(&talker.begin(Vec::new()).unwrap()).len(), 1);
    assert_eq!(work(&talker.begin(Vec::new()).unwrap()).len(), 1);
}

#[test]
fn an_unenrolled_device_is_removed_and_its_certificate_refused() {
    let mut talker = Talker::new();
    let certificate = talker.device.clone().into_bytes();
    assert_eq!(talker.tenant.identify(Some(&certificate), NOW).unwrap().id(), "device-1");
    let meta = Meta::media_type(alert_type::UNENROLMENT);
    let item = Item::default().with_meta(meta).with_data("1");
    assert!(talker.begin(vec![alert(AlertCode::GENERIC, vec![item])]).is_some());
    assert!(talker.tenant.device("device-1").is_none());
    assert_eq!(talker.tenant.identify(Some(&certificate), NOW), Err(AccessRefusal::UnknownDevice));
}

#[test]
fn the_order_to_unenrol_names_the_account() {
    let mut talker = Talker::new();
    talker.tenant.queue_unenrolment("device-1", NOW).unwrap();
    let Command::Operation(exec) = work(&talker.begin(Vec::new()).unwrap()).remove(0) else { panic!("no operation") };
    assert_eq!(exec.verb, Verb::Exec);
    assert_eq!(exec.items[0].target.as_deref(), Some("./Device/Vendor/MSFT/DMClient/Unenroll"));
    assert_eq!(exec.items[0].data.as_deref(), Some("LinuxMDM"));
}

#[test]
fn without_a_certificate_and_after_its_end_nobody_is_known() {
    let talker = Talker::new();
    assert_eq!(talker.tenant.identify(None, NOW), Err(AccessRefusal::NoCertificate));
    assert_eq!(talker.tenant.identify(Some(b"another"), NOW), Err(AccessRefusal::UnknownDevice));
    assert_eq!(talker.tenant.identify(Some(b"device-1"), NOW + 86_401), Err(AccessRefusal::Expired));
    assert_eq!(fingerprint(b"").len(), 64);
}

#[test]
fn a_message_for_another_device_than_the_certificates_is_refused() {
    let mut talker = Talker::new();
    enrol(&mut talker.tenant, "device-2");
    talker.device = "device-2".to_owned();
    talker.session = 1;
    talker.message = 1;
    let bytes = talker.bytes(Vec::new());
    let refusal = talker.raw(&bytes).unwrap_err();
    assert!(matches!(refusal, SessionRefusal::Access(AccessRefusal::SomeoneElse { .. })), "{refusal}");
}

#[test]
fn the_source_of_a_message_is_compared_as_an_address() {
    let mut talker = Talker::new();
    talker.device = "./device%2D1".to_owned();
    assert!(talker.begin(Vec::new()).is_some());
}

#[test]
fn a_device_that_says_that_its_answer_is_still_to_come_is_waited_for() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    let reply = talker.begin(Vec::new()).unwrap();
    for _ in 0..3 {
        let pending = Item::default().with_meta(Meta::media_type(alert_type::REQUEST_PENDING)).with_data("1");
        let message = talker.unfinished(vec![alert(AlertCode::CLIENT_EVENT, vec![pending])]);
        let Reply::Message(text) = talker.raw(&message).unwrap() else { panic!("the session is not over") };
        assert!(!text.contains("<Replace>"), "nothing is sent twice: {text}");
        assert_ne!(talker.delivery("wifi"), Some(DeliveryState::Delivered));
    }
    let answers = work(&reply).iter().map(|command| status(&reply, command, StatusCode::OK)).collect();
    talker.send(answers);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Delivered));
}

#[test]
fn what_is_no_message_is_refused() {
    let mut talker = Talker::new();
    for bytes in [&b""[..], b"<html></html>", b"\xFF\xFE", b"<SyncML><SyncHdr/>"] {
        assert!(matches!(talker.raw(bytes), Err(SessionRefusal::Unreadable(_))));
    }
}

#[test]
fn commands_that_are_not_for_a_server_are_refused_one_by_one() {
    let mut talker = Talker::new();
    let get = operation(Verb::Get, vec![Item::target("./DevInfo")]);
    let other = operation(Verb::Replace, vec![Item::source("./Vendor/X").with_data("1")]);
    let reply = talker.begin(vec![get, other]).unwrap();
    let codes: Vec<u16> = statuses(&reply).into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, [200, 200, 200, 405, 405]);
}

#[test]
fn a_command_with_a_number_that_another_had_is_refused_and_the_others_are_not() {
    let mut talker = Talker::lenient();
    (talker.session, talker.message) = (1, 1);
    let replace = |value: &str| operation(Verb::Replace, vec![Item::source("./DevInfo/Man").with_data(value)]);
    let mut commands =
        vec![alert(AlertCode::CLIENT_INITIATED, Vec::new()), replace("first"), replace("twice"), replace("last")];
    for (command, number) in commands.iter_mut().zip(["1", "2", "2", "3"]) {
        command.set_id(number.into());
    }
    let Reply::Message(text) = talker.raw(&talker.bytes(commands)).unwrap() else { panic!("no message") };
    let reply = Message::decode(text.as_bytes()).unwrap();
    let expected = [("SyncHdr", "0", 200), ("Alert", "1", 200), ("Replace", "2", 200), ("Replace", "2", 400)];
    assert_eq!(statuses(&reply), [&expected[..], &[("Replace", "3", 200)]].concat());
    assert_eq!(talker.tenant.device_view("device-1").unwrap().devinfo["Man"], "last");
}

#[test]
fn an_alert_without_a_code_is_refused_and_the_other_commands_are_not() {
    let mut talker = Talker::lenient();
    (talker.session, talker.message) = (1, 1);
    let mut replace = operation(Verb::Replace, vec![Item::source("./DevInfo/Man").with_data("Contoso")]);
    replace.set_id("3".into());
    let bytes = String::from_utf8(talker.bytes(vec![replace])).unwrap();
    let alerts = "<SyncBody><Alert><CmdID>1</CmdID></Alert><Alert><CmdID>2</CmdID><Data>soon</Data></Alert>";
    let Reply::Message(text) = talker.raw(bytes.replace("<SyncBody>", alerts).as_bytes()).unwrap() else {
        panic!("no message")
    };
    let reply = Message::decode(text.as_bytes()).unwrap();
    let expected = [("SyncHdr", "0", 200), ("Alert", "1", 400), ("Alert", "2", 400), ("Replace", "3", 200)];
    assert_eq!(statuses(&reply), expected);
}

#[test]
fn a_status_for_what_was_never_sent_is_ignored() {
    let mut talker = Talker::new();
    let reply = talker.begin(Vec::new()).unwrap();
    let mut invented = operation(Verb::Get, Vec::new());
    invented.set_id("99".into());
    assert_eq!(talker.send(vec![status(&reply, &invented, StatusCode::OK)]), None);
}

#[test]
fn a_package_in_several_messages_is_heard_to_its_end_before_anything_is_sent() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker.session = 1;
    let bytes = talker.unfinished(vec![alert(AlertCode::CLIENT_INITIATED, Vec::new())]);
    let Reply::Message(text) = talker.raw(&bytes).unwrap() else { panic!("no message") };
    assert!(text.contains("<Data>1222</Data>") && !text.contains("<Replace>"), "{text}");
    assert!(!text.contains("<Final"), "the server's package has not begun: {text}");
    assert_eq!(work(&talker.send(Vec::new()).unwrap()).len(), 1);
}

#[test]
fn a_device_that_never_says_that_its_package_ends_is_served_all_the_same() {
    for says in [Vec::new(), vec![alert(AlertCode::NEXT_MESSAGE, Vec::new())]] {
        let mut talker = Talker::lenient();
        talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
        talker.session = 1;
        let first = talker.unfinished(vec![alert(AlertCode::CLIENT_INITIATED, Vec::new())]);
        talker.raw(&first).unwrap();
        let second = talker.unfinished(says);
        let Reply::Message(text) = talker.raw(&second).unwrap() else { panic!("no message") };
        assert!(text.contains("<Replace>"), "{text}");
    }
}

#[test]
fn a_device_that_talks_for_ever_is_cut_off() {
    let mut talker = Talker::new();
    talker.session = 1;
    let ended = (0..10_000).find_map(|_| {
        let bytes = talker.unfinished(vec![alert(AlertCode::CLIENT_INITIATED, Vec::new())]);
        let Reply::Message(text) = talker.raw(&bytes).unwrap() else { panic!("no message") };
        text.contains("<Data>1223</Data>").then_some(talker.message)
    });
    assert!(ended.is_some_and(|messages| messages > 1000), "{ended:?}");
    let last = talker.tenant.device_view("device-1").unwrap().summary.last_session.unwrap();
    assert_eq!(last.outcome, SessionOutcome::Aborted);
}
