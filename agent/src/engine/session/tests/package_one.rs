//! Package 1 and what every message has.

use mdm_protocol::syncml::{Command, Message, Verb};

use crate::engine::session::{LoginStatus, SessionAlert, SessionContext};
use crate::engine::testing::{DEVICE, SERVER, Talk, context, format_of, get};

#[test]
fn package_one_says_who_is_there_and_what_the_device_is_in_the_order_of_the_protocol() {
    let talk = Talk::begin();
    let header = &talk.message.header;
    assert_eq!((header.session_id.as_str(), header.message_id), ("7", 1));
    assert_eq!((header.target.as_str(), header.source.as_str()), (SERVER, DEVICE));
    assert_eq!((header.meta.max_message_size, header.meta.max_object_size), (Some(1 << 20), Some(4 << 20)));
    assert_eq!((&header.credentials, &header.source_name), (&None, &None));
    assert!(talk.message.is_final);
    assert_eq!(names(&talk.message), ["1 Alert", "2 Alert", "3 Replace"]);
    assert_eq!(alert(&talk.message, 0), (1201, "", ""));
    assert_eq!(alert(&talk.message, 1), (1224, "com.microsoft/MDM/LoginStatus", "user"));
    assert_eq!(
        device_info(&talk.message),
        [
            ("./DevInfo/DevId", DEVICE),
            ("./DevInfo/Man", "Analytical"),
            ("./DevInfo/Mod", "Engine 2"),
            ("./DevInfo/DmV", "1.3"),
            ("./DevInfo/Lang", "en-GB"),
        ]
    );
}

#[test]
fn a_session_that_the_server_rang_for_says_so_with_alert_1200() {
    let talk = with(|context| context.server_initiated = true);
    assert_eq!(alert(&talk.message, 0).0, 1200);
}

#[test]
fn whoever_is_signed_in_is_named_as_servers_compare_it_and_sets_the_mode_of_the_address() {
    for (login, name, mode) in [
        (LoginStatus::EnrolledUser, "user", "Maintenance"),
        (LoginStatus::Others, "others", "Machine"),
        (LoginStatus::Nobody, "none", "Machine"),
    ] {
        let talk = with(|context| context.login = login);
        assert_eq!(alert(&talk.message, 1).2, name);
        assert_eq!(talk.session.context().request_url(), format!("{SERVER}?mode={mode}&Platform=WoA"));
    }
}

#[test]
fn the_mode_is_appended_to_an_address_that_has_a_query_already_and_the_header_names_the_address_without_it() {
    let talk = with(|context| context.server_url = "https://mdm.example.org/m?tenant=1".to_owned());
    assert_eq!(
        talk.session.context().request_url(),
        "https://mdm.example.org/m?tenant=1&mode=Maintenance&Platform=WoA"
    );
    assert_eq!(talk.message.header.target, "https://mdm.example.org/m?tenant=1");
}

#[test]
fn announcements_stand_between_login_status_and_device_information() {
    let talk = with(|context| context.alerts = vec![SessionAlert::Unenrolment, SessionAlert::StoreRebuilt]);
    assert_eq!(names(&talk.message), ["1 Alert", "2 Alert", "3 Alert", "4 Alert", "5 Replace"]);
    assert_eq!(alert(&talk.message, 2), (1226, "com.microsoft:mdm.unenrollment.userrequest", "1"));
    assert_eq!(alert(&talk.message, 3), (1226, "org.linuxmdm:store.rebuilt", "1"));
    let Command::Alert(unenrolment) = &talk.message.commands[2] else { panic!("no alert") };
    assert_eq!(format_of(&unenrolment.items[0]), "int");
}

#[test]
fn later_messages_count_on_and_number_their_commands_from_one_without_a_gap() {
    let mut talk = Talk::begin();
    for message_id in 2..5 {
        talk.say([get("a", "./DevInfo/DevId"), get("b", "./DevInfo/Man")]);
        assert_eq!(talk.message.header.message_id, message_id);
        assert_eq!(names(&talk.message), ["1 Status", "2 Status", "3 Results", "4 Status", "5 Results"]);
    }
}

fn with(change: impl FnOnce(&mut SessionContext)) -> Talk {
    let mut context = context();
    change(&mut context);
    Talk::begin_with(context, &crate::engine::profile::Stored::default())
}

fn names(message: &Message) -> Vec<String> {
    message.commands.iter().map(|command| format!("{} {}", command.id(), command.name())).collect()
}

fn alert(message: &Message, index: usize) -> (u16, &str, &str) {
    let Command::Alert(alert) = &message.commands[index] else { panic!("no alert at {index}") };
    let item = alert.items.first();
    let media_type = item.and_then(|item| item.meta.media_type.as_deref()).unwrap_or_default();
    (alert.code.0, media_type, item.and_then(|item| item.data.as_deref()).unwrap_or_default())
}

fn device_info(message: &Message) -> Vec<(&str, &str)> {
    let Some(Command::Operation(replace)) = message.commands.last() else { panic!("no Replace") };
    assert_eq!(replace.verb, Verb::Replace);
    let pairs = replace.items.iter().map(|item| {
        assert!(item.meta.is_empty() && item.target.is_none());
        (item.source.as_deref().unwrap_or_default(), item.data.as_deref().unwrap_or_default())
    });
    pairs.collect()
}
