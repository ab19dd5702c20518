//! Large objects in both directions.

use mdm_protocol::syncml::{AlertCode, Assembler, Command, Item, Meta, Piece, StatusCode, split};

use crate::tenant::test_support::*;
use crate::tenant::{CommandState, DeliveryState};

const NODE: &str = "./Vendor/MSFT/WiFi/Profile/Big/WlanXml";

#[test]
fn an_object_larger_than_a_message_is_sent_in_pieces() {
    let mut talker = Talker::new();
    talker.meta = Meta { max_message_size: Some(4096), ..Meta::default() };
    let value = "a&lt;b\u{e9}".repeat(2000);
    talker.profile("big", &fragment("Replace", NODE, &value));
    talker.profile("small", &fragment("Replace", "./Vendor/MSFT/VPNv2/v/AlwaysOn", "true"));
    let mut assembler = Assembler::new(1 << 20);
    let mut reply = talker.begin(Vec::new());
    let (mut whole, mut others) = (None, 0);
    while let Some(message) = reply {
        assert!(message.encode().len() <= 4096, "{} bytes", message.encode().len());
        let mut answers = Vec::new();
        let cut_off = |command: &Command| matches!(command, Command::Operation(whole) if whole.items[0].more_data);
        assert_eq!(message.is_final, !work(&message).last().is_some_and(cut_off));
        for command in work(&message) {
            let Command::Operation(operation) = &command else { panic!("{command:?}") };
            let item = operation.items[0].clone();
            let mut code = StatusCode::OK;
            if item.target.as_deref() == Some(NODE) {
                assert!(!assembler.interrupted_by(&item));
                match assembler.accept(item).unwrap() {
                    Piece::Whole(item) => whole = item.data,
                    Piece::Buffered => code = StatusCode::CHUNK_BUFFERED,
                }
            } else {
                assert!(!assembler.is_open());
                others += 1;
            }
            answers.push(status(&message, &command, code));
        }
        reply = if answers.is_empty() { None } else { talker.send(answers) };
    }
    assert_eq!(whole.unwrap(), "a<b\u{e9}".repeat(2000));
    assert_eq!(others, 1);
    assert_eq!(talker.delivery("big"), Some(DeliveryState::Delivered));
    assert_eq!(talker.delivery("small"), Some(DeliveryState::Delivered));
}

#[test]
fn a_refused_piece_ends_the_object() {
    let mut talker = Talker::new();
    talker.meta = Meta { max_message_size: Some(4096), ..Meta::default() };
    talker.profile("big", &fragment("Replace", NODE, &"x".repeat(20_000)));
    let seen = talker.check_in_answering(|_| StatusCode::DEVICE_FULL);
    assert_eq!(seen.len(), 1);
    assert_eq!(talker.delivery("big"), Some(DeliveryState::Failed(420)));
}

#[test]
fn an_object_larger_than_the_device_accepts_is_not_sent() {
    let mut talker = Talker::new();
    talker.meta = Meta { max_object_size: Some(1000), ..Meta::default() };
    talker.profile("big", &fragment("Replace", NODE, &"x".repeat(1001)));
    assert!(talker.check_in().is_empty());
    assert_eq!(talker.delivery("big"), Some(DeliveryState::Failed(413)));
}

#[test]
fn results_in_pieces_are_put_together() {
    let mut talker = Talker::new();
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail", ""), NOW).unwrap();
    let reply = talker.begin(Vec::new()).unwrap();
    let get = work(&reply).remove(0);
    let pieces = split(Item::source("./DevDetail").with_data("0123456789".repeat(10)), 40);
    assert_eq!(pieces.len(), 3);
    for (index, piece) in pieces.into_iter().enumerate() {
        let result = results(&reply, &get, piece);
        let said = if index == 0 { vec![status(&reply, &get, StatusCode::OK), result] } else { vec![result] };
        let answer = talker.send(said);
        if index < 2 {
            let answer = answer.unwrap();
            assert_eq!(alerts(&answer), [AlertCode::NEXT_MESSAGE]);
            let Command::Status(status) = &answer.commands[1] else { panic!("no status") };
            assert_eq!((status.command.as_str(), status.code), ("Results", StatusCode::CHUNK_BUFFERED));
        }
    }
    let command = talker.tenant.commands("device-1").unwrap().remove(0);
    assert_eq!(command.state, CommandState::Done);
    assert_eq!(command.results[0].data.as_deref(), Some("0123456789".repeat(10).as_str()));
}

#[test]
fn results_larger_than_announced_limits_are_refused() {
    let mut talker = Talker::new();
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail", ""), NOW).unwrap();
    let reply = talker.begin(Vec::new()).unwrap();
    let get = work(&reply).remove(0);
    let meta = Meta { size: Some(100 << 20), ..Meta::default() };
    let item = Item { more_data: true, ..Item::source("./DevDetail").with_data("x").with_meta(meta) };
    let answer = talker.send(vec![results(&reply, &get, item)]).unwrap();
    let Command::Status(status) = &answer.commands[1] else { panic!("no status") };
    assert_eq!(status.code, StatusCode::SIZE_TOO_BIG);
}

#[test]
fn the_next_piece_waits_for_the_last_ones_acknowledgement() {
    let mut talker = Talker::new();
    talker.meta = Meta { max_message_size: Some(4096), ..Meta::default() };
    talker.profile("big", &fragment("Replace", NODE, &"x".repeat(20_000)));
    assert_eq!(work(&talker.begin(Vec::new()).unwrap()).len(), 1);
    let reply = talker.send(vec![alert(AlertCode::NEXT_MESSAGE, Vec::new())]).unwrap();
    assert!(work(&reply).is_empty());
    assert_eq!(talker.delivery("big"), Some(DeliveryState::Pending));
}
