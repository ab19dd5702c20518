//! Orders as they come over the wire, and the ledger that keeps them from happening twice.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::StatusCode;

use super::*;

const SALT: &str = "c2FsdHNhbHRzYWx0";
const DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn read_exec(address: &str, command: &str, data: &str) -> Result<Received, (StatusCode, String)> {
    let uri = LocUri::parse(address).unwrap();
    let read = read(&uri, command, data, "token-1".to_owned()).expect("the node means something");
    read.map_err(|refusal| (refusal.status, refusal.reason))
}

fn order(id: &str, kind: RemoteKind) -> RemoteOrder {
    RemoteOrder {
        id: id.to_owned(),
        is_named: true,
        kind,
        state: RemoteState::Accepted,
        detail: String::new(),
        accepted: 1000,
        boot: 1,
        heard: false,
        begun: false,
        reported: false,
        under_way: false,
    }
}

fn wipe(token: &str) -> RemoteKind {
    RemoteKind::Wipe { token: token.to_owned() }
}

#[test]
fn a_lock_brings_its_message_and_its_verifier() {
    let verifier = format!("pbkdf2-sha256$100000${SALT}${DIGEST}");
    let data = serde_json::json!({ "id": "7", "message": "Call 555", "verifier": verifier }).to_string();
    let terms = LockTerms { message: "Call 555".to_owned(), verifier: Some(verifier) };
    let expected = Received::Order { id: Some("7".to_owned()), kind: RemoteKind::Lock(terms) };
    assert_eq!(read_exec(LOCK, "1", &data), Ok(expected));
}

#[test]
fn what_stock_servers_send_is_understood_and_known_again_by_a_unique_command() {
    let unique = "0b7c9d6e-8c1f-4b7a-9d55-0a3b7c1d2e3f";
    for (command, id) in [("5", None), (unique, Some(unique.to_owned()))] {
        for data in ["", "  ", "1"] {
            let kind = RemoteKind::Lock(LockTerms::default());
            assert_eq!(read_exec(LOCK, command, data), Ok(Received::Order { id: id.clone(), kind }));
        }
    }
}

#[test]
fn bad_data_is_refused_with_a_reason_and_nothing_is_locked_by_halves() {
    let long = "x".repeat(300);
    let weak = format!("pbkdf2-sha256$1${SALT}${DIGEST}");
    for (data, expected) in [
        (format!(r#"{{"message": "{long}"}}"#), "256 characters"),
        (r#"{"message": "a\u001b[2J"}"#.to_owned(), "control characters"),
        (format!(r#"{{"verifier": "{weak}"}}"#), "10,000"),
        (r#"{"verifier": "1234"}"#.to_owned(), "verifier"),
        (r#"{"id": "../../etc"}"#.to_owned(), "id of the order"),
        (r#"{"pin": "1234"}"#.to_owned(), "unknown field"),
        (r#"{"message": "#.to_owned(), "not what is understood"),
        (format!("{{\"message\": \"{}\"}}", "y".repeat(5000)), "4 KiB"),
    ] {
        let (status, reason) = read_exec(LOCK, "1", &data).unwrap_err();
        assert!(reason.contains(expected), "{data}: {reason}");
        assert!([StatusCode::UNSUPPORTED_FORMAT, StatusCode::TOO_LARGE].contains(&status), "{data}");
    }
    let (status, _) = read_exec("./Vendor/MSFT/RemoteWipe/doWipePersistUserData", "1", "").unwrap_err();
    assert_eq!(status, StatusCode::NOT_SUPPORTED);
    let (status, _) = read_exec(WIPE_CONFIRMATION, "1", " ").unwrap_err();
    assert_eq!(status, StatusCode::INCOMPLETE);
}

#[test]
fn an_order_is_handed_out_once_and_stays_known() {
    let mut orders = RemoteOrders::default();
    orders.accept(order("a", RemoteKind::Unlock));
    assert_eq!(orders.look_up(Some("a")), Known::Waiting);
    assert_eq!(orders.take_due().len(), 1);
    assert_eq!(orders.take_due(), [], "it is under way");
    orders.ended("a", &RemoteOutcome::Done("unlocked".to_owned()));
    orders.accept(order("a", RemoteKind::Unlock));
    assert_eq!((orders.look_up(Some("a")), orders.take_due()), (Known::Done, Vec::new()));
    orders.ended("a", &RemoteOutcome::Failed("late".to_owned()));
    assert_eq!(orders.look_up(Some("a")), Known::Done, "what is over stays as it is");
}

#[test]
fn another_process_goes_on_with_what_was_begun_and_a_reboot_has_happened_once_the_machine_was_restarted() {
    let mut orders = RemoteOrders::default();
    orders.accept(order("lock", RemoteKind::Lock(LockTerms::default())));
    orders.accept(order("reboot", RemoteKind::Reboot));
    orders.take_due();
    orders.resume(1);
    assert_eq!(orders.take_due().len(), 2, "the same boot: both are done again");
    orders.resume(2);
    let due: Vec<String> = orders.take_due().into_iter().map(|order| order.id).collect();
    assert_eq!((due, orders.look_up(Some("reboot"))), (vec!["lock".to_owned()], Known::Done));
}

#[test]
fn a_wipe_is_planned_then_told_then_confirmed_by_its_own_token_within_a_day() {
    let mut orders = RemoteOrders::default();
    orders.accept(order("w", wipe("t")));
    let [planned] = &orders.take_due()[..] else { panic!("one order") };
    assert!(!RemoteOrders::is_confirmed(planned));
    assert!(!orders.confirm("t", 1000), "before it was planned there is nothing to confirm");
    orders.ended("w", &RemoteOutcome::Planned(vec!["remove /home".to_owned()]));
    assert_eq!(orders.unreported().count(), 1);
    assert!(!orders.confirm("other", 1000));
    assert!(!orders.confirm("t", 1000 + 86_401));
    assert!(orders.confirm("t", 1000 + 86_400));
    let [confirmed] = &orders.take_due()[..] else { panic!("one order") };
    assert!(RemoteOrders::is_confirmed(confirmed));
    assert!(!orders.confirm("t", 1000), "a confirmation that is repeated confirms nothing");
}

#[test]
fn a_plan_that_nobody_confirms_comes_to_nothing_and_so_does_one_that_another_replaces() {
    let mut orders = RemoteOrders::default();
    orders.accept(order("old", wipe("t1")));
    orders.ended("old", &RemoteOutcome::Planned(vec!["x".to_owned()]));
    orders.accept(order("new", wipe("t2")));
    assert!(matches!(orders.look_up(Some("old")), Known::Failed(_)));
    orders.ended("new", &RemoteOutcome::Planned(vec!["x".to_owned()]));
    orders.expire(1000 + 86_401);
    assert!(matches!(orders.look_up(Some("new")), Known::Failed(reason) if reason.contains("a day")));
}

#[test]
fn the_ledger_is_bounded_and_never_forgets_what_waits() {
    let mut orders = RemoteOrders::default();
    for number in 0..200 {
        let id = format!("{number}");
        orders.accept(order(&id, RemoteKind::Unlock));
        orders.ended(&id, &RemoteOutcome::Done(String::new()));
    }
    for number in 0..16 {
        orders.accept(order(&format!("waits-{number}"), RemoteKind::Unlock));
    }
    assert_eq!(orders.look_up(Some("one-more")), Known::Full);
    assert_eq!(orders.take_due().len(), 16);
    assert!(orders.iter().count() <= 64 + 16);
}

#[test]
fn after_a_few_wrong_codes_the_wait_grows_and_a_clock_set_back_does_not_make_it_longer() {
    let mut attempts = Attempts::default();
    let mut waits = Vec::new();
    for _ in 0..14 {
        attempts.fail(1000);
        waits.push(attempts.wait(1000));
    }
    assert_eq!(waits[..7], [0, 0, 0, 0, 60, 120, 240]);
    assert_eq!(waits.last(), Some(&3600));
    assert_eq!(attempts.wait(-5_000_000), 3600);
    assert_eq!(attempts.wait(1000 + 3600), 0);
}
