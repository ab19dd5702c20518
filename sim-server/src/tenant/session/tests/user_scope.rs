//! What is the enrolled user's waits until the user is signed in (MS-MDM, LoginStatus).

use mdm_protocol::syncml::{Command, StatusCode, Verb};

use crate::tenant::test_support::*;
use crate::tenant::{CommandState, DeliveryState};

const MAIL: &str = "./User/Vendor/MSFT/EMAIL2/%7BA%7D/NAME";

fn check_in_as(talker: &mut Talker, who: &str) -> Vec<Command> {
    let reply = talker.begin(vec![signed_in(who)]);
    talker.go_on(reply, |_| StatusCode::OK)
}

#[test]
fn a_user_profile_waits_until_its_user_is_signed_in() {
    let mut talker = Talker::new();
    talker.profile("mail", &format!("<Atomic>{}</Atomic>", fragment("Replace", MAIL, "Alice")));
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    assert_eq!(check_in_as(&mut talker, "none").len(), 1);
    assert!(check_in_as(&mut talker, "others").is_empty());
    assert!(talker.check_in().is_empty());
    assert_eq!(talker.delivery("mail"), Some(DeliveryState::Pending));
    assert_eq!(check_in_as(&mut talker, "user").len(), 1);
    assert_eq!(talker.delivery("mail"), Some(DeliveryState::Delivered));
}

#[test]
fn the_removal_of_a_user_profile_waits_too() {
    let mut talker = Talker::new();
    talker.profile("mail", &fragment("Replace", MAIL, "Alice"));
    check_in_as(&mut talker, "user");
    talker.tenant.remove_profile("mail").unwrap();
    assert!(check_in_as(&mut talker, "none").is_empty());
    assert_eq!(talker.delivery("mail"), Some(DeliveryState::Removing));
    let root = "./User/Vendor/MSFT/EMAIL2/{A}".to_owned();
    assert_eq!(targets(&check_in_as(&mut talker, "user")), [(Verb::Delete, root)]);
    assert_eq!(talker.delivery("mail"), None);
}

#[test]
fn a_command_for_the_user_waits_too() {
    let mut talker = Talker::new();
    let id = talker.tenant.queue_command("device-1", &fragment("Get", MAIL, ""), NOW).unwrap();
    assert!(check_in_as(&mut talker, "others").is_empty());
    assert_eq!(talker.tenant.command("device-1", id).unwrap().state, CommandState::Queued);
    assert_eq!(check_in_as(&mut talker, "user").len(), 1);
}
