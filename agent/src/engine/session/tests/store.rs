//! Nothing is acknowledged that is not kept (rules C4, C5 and T4).

use mdm_protocol::syncml::StatusCode;

use crate::engine::application::{ApplicationOutcome, MachineReport};
use crate::engine::profile::Stored;
use crate::engine::session::{SessionContext, SessionEnd, Step};
use crate::engine::testing::{
    NOW, PROVIDER, Talk, add, atomic, config, context, delete, exec, get, ok, replace, sequence, stored_after, tree,
};
use crate::engine::verdict::Verdicts;

#[test]
fn changes_are_handed_out_before_anything_is_acknowledged_and_carry_owner_and_date() {
    let mut session =
        crate::engine::session::Session::new(context(), tree(&Stored::default()), &MachineReport::default());
    session.begin(NOW);
    let step = session.received(&ok(message(&[("a", "A")])), NOW + 5);
    let Step::Evaluate(request) = step else { panic!("not handed out to be judged: {step:?}") };
    let step = session.evaluated(&Verdicts::all_applicable(&request));
    let Step::Apply(_) = step else { panic!("not handed out to be put in force: {step:?}") };
    let step = session.applied(&ApplicationOutcome::default());
    let Step::Keep(changes) = step else { panic!("not handed out to be kept: {step:?}") };
    let profile = changes.profiles[&config("A")].as_ref().unwrap();
    assert_eq!((profile.authority.as_str(), profile.received), ("Contoso", NOW + 5));
    assert!(matches!(session.kept(Ok(())), Step::Send(_)));
}

#[test]
fn what_could_not_be_kept_is_not_acknowledged_and_is_gone_from_the_tree() {
    for code in [StatusCode::DEVICE_FULL, StatusCode::FAILED] {
        let stored = stored_after(vec![add("a", &config("Old"), "old")]);
        let mut talk = Talk::begin_with(context(), &stored);
        talk.store = Err(code);
        talk.say([
            add("new", &config("New"), "1"),
            replace("old", &config("Old"), "changed"),
            add("refused", "./DevInfo/DevId", "x"),
            get("read", "./DevInfo/DevId"),
        ]);
        let codes = [talk.code("new"), talk.code("old"), talk.code("refused"), talk.code("read")];
        assert_eq!(codes, [code.0, code.0, 405, 200]);
        talk.say([get("new", &config("New")), get("old", &config("Old"))]);
        assert_eq!(talk.code("new"), 404);
        assert_eq!(talk.results(), [(config("Old"), Some("old".to_owned()))]);
    }
}

#[test]
fn the_message_after_a_store_failure_is_kept_and_acknowledged() {
    let mut talk = Talk::begin();
    talk.store = Err(StatusCode::DEVICE_FULL);
    talk.say([add("1", &config("A"), "1")]);
    talk.store = Ok(());
    talk.say([add("2", &config("B"), "2")]);
    assert_eq!(talk.code("2"), 200);
    assert_eq!(talk.kept[1].profiles.keys().collect::<Vec<_>>(), [&config("B")]);
}

#[test]
fn a_failure_takes_back_only_its_own_message() {
    let mut talk = Talk::begin();
    talk.say([add("1", &config("A"), "1")]);
    talk.store = Err(StatusCode::FAILED);
    talk.say([replace("2", &config("A"), "2")]);
    talk.say([get("3", &config("A"))]);
    assert_eq!(talk.results(), [(config("A"), Some("1".to_owned()))]);
}

#[test]
fn an_atomic_whose_effect_is_lost_says_that_it_failed() {
    let mut talk = Talk::begin();
    talk.store = Err(StatusCode::DEVICE_FULL);
    talk.say([
        atomic("a", vec![add("1", &config("A"), "1"), add("2", &config("B"), "2")]),
        sequence("s", vec![add("3", &config("C"), "1")]),
        atomic("empty", Vec::new()),
    ]);
    let codes = ["a", "1", "2", "s", "3", "empty"].map(|id| talk.code(id));
    assert_eq!(codes, [507, 420, 420, 200, 420, 200]);
}

#[test]
fn setting_a_node_to_what_it_is_keeps_nothing_and_succeeds() {
    let stored = stored_after(vec![add("a", &config("A"), "1")]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say([replace("r", &config("A"), "1")]);
    assert_eq!((talk.code("r"), talk.kept.len()), (200, 0));
}

#[test]
fn changing_a_node_there_and_back_keeps_nothing() {
    let address = format!("{PROVIDER}/ExchangeID");
    let stored = stored_after(vec![add("a", &config("A"), "1"), add("b", &address, "1")]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say([
        replace("1", &config("A"), "2"),
        replace("2", &config("A"), "1"),
        delete("3", &address),
        add("4", &address, "2"),
        replace("5", &address, "1"),
        add("6", &config("B"), "1"),
        delete("7", &config("B")),
    ]);
    assert!(["1", "2", "3", "4", "5", "6", "7"].iter().all(|id| talk.code(id) == 200));
    assert_eq!(talk.kept, []);
}

#[test]
fn a_device_without_its_store_refuses_changes_and_does_not_claim_to_lack_what_it_cannot_see() {
    for status in [StatusCode::DEVICE_FULL, StatusCode::FAILED] {
        let mut talk = Talk::begin_with(SessionContext { store_status: Some(status), ..context() }, &Stored::default());
        talk.say([
            add("a", &config("A"), "1"),
            replace("r", &config("A"), "1"),
            delete("d", &config("A")),
            atomic("t", vec![add("1", &config("A"), "1")]),
            get("unknown", &config("A")),
            get("known", "./DevInfo/DevId"),
            get("malformed", ""),
        ]);
        let refused = ["a", "r", "d", "1"].map(|id| talk.code(id));
        assert_eq!(refused, [status.0; 4]);
        assert_eq!(["t", "unknown", "known", "malformed"].map(|id| talk.code(id)), [507, 417, 200, 400]);
        assert!(talk.kept.is_empty());
    }
}

#[test]
fn a_device_without_its_store_can_still_be_released() {
    let degraded = SessionContext { store_status: Some(StatusCode::FAILED), ..context() };
    let mut talk = Talk::begin_with(degraded, &Stored::default());
    talk.say([exec("x", &format!("{PROVIDER}/Unenroll"), "Contoso")]);
    assert_eq!(talk.end, Some(SessionEnd::Unenrolled));
}

#[test]
fn an_address_that_could_not_be_read_back_from_the_store_is_refused() {
    // Short on the wire, but three times as long in the escaped form under which it would be filed.
    let name = "é".repeat(500);
    let uri = config(&name);
    assert!(uri.len() < 2048);
    let mut talk = Talk::begin();
    talk.say([add("a", &uri, "1"), add("b", &config(&"é".repeat(300)), "1")]);
    assert_eq!([talk.code("a"), talk.code("b")], [414, 200]);
    let mut stored = Stored::default();
    talk.kept.iter().for_each(|changes| stored.apply(changes));
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<Stored>(&text).unwrap(), stored);
}

fn message(adds: &[(&str, &str)]) -> String {
    use mdm_protocol::syncml::{Header, Message};
    let header = Header { session_id: "7".to_owned(), message_id: 1, ..Header::default() };
    let commands = adds.iter().map(|(id, name)| add(id, &config(name), "1")).collect();
    Message { header, commands, is_final: true }.encode()
}
