use super::*;

const HOME: &str = "https://a.example/MDM.svc";
const OTHER: &str = "https://b.example/MDM.svc";

fn told(name: &str, addresses: &[&str]) -> ToldAuthority {
    let addresses = addresses.iter().map(|address| Arc::from(*address)).collect();
    ToldAuthority { name: Some(Arc::from(name)), changed_at: None, addresses }
}

fn hear(state: &mut AuthorityState, told: &ToldAuthority, home: &str, at: i64) -> Heard {
    let authority = state.name.clone().unwrap_or_else(|| Arc::from("Account"));
    state.hear(told, &authority, home, at)
}

#[test]
fn a_server_that_names_nobody_can_still_give_other_addresses() {
    let nameless = |addresses: &[&str]| ToldAuthority { name: None, ..told("", addresses) };
    let mut state = AuthorityState::default();
    assert_eq!(hear(&mut state, &nameless(&[HOME, OTHER]), HOME, 1), Heard::Nothing);
    let tried: Vec<&str> = (0..3).map(|failures| &**state.address_after(failures, HOME).unwrap()).collect();
    assert_eq!(tried, [HOME, OTHER, HOME]);
    assert_eq!(hear(&mut state, &nameless(&[OTHER]), HOME, 2), Heard::MoveAnnounced);
    let arrived = state.arrive(3).unwrap();
    assert_eq!((&*arrived.name, state.address.as_deref()), ("Account", Some(OTHER)));
    assert_eq!(hear(&mut state, &nameless(&[OTHER]), OTHER, 4), Heard::Nothing);
}

#[test]
fn a_list_whose_first_address_is_dead_is_no_other_authority() {
    let dead = "https://dead.example/";
    let mut state = AuthorityState { name: Some(Arc::from("Office 365")), ..AuthorityState::default() };
    let list = told("Intune", &[dead, OTHER]);
    assert_eq!(hear(&mut state, &list, HOME, 1), Heard::MoveAnnounced);
    state.note_attempt(Destination::Next, false);
    state.arrive(2);
    assert_eq!(state.address.as_deref(), Some(OTHER));
    for at in 3..6 {
        assert_eq!(hear(&mut state, &list, OTHER, at), Heard::Nothing);
    }
    let tried: Vec<&str> = (0..3).map(|failures| &**state.address_after(failures, OTHER).unwrap()).collect();
    assert_eq!(tried, [OTHER, dead, OTHER]);
}

#[test]
fn a_name_that_is_told_for_the_first_time_is_no_change() {
    let mut state = AuthorityState::default();
    assert_eq!(hear(&mut state, &ToldAuthority::default(), HOME, 1), Heard::Nothing);
    assert_eq!(hear(&mut state, &told("Intune", &[]), HOME, 1), Heard::Named);
    assert_eq!(hear(&mut state, &told("Intune", &[HOME]), HOME, 1), Heard::Nothing);
    assert_eq!((state.epoch, state.moving), (0, None));
}

#[test]
fn another_name_or_address_is_a_move_and_the_first_completed_session_ends_it() {
    let mut state = AuthorityState { name: Some(Arc::from("Office 365")), ..AuthorityState::default() };
    assert_eq!(hear(&mut state, &told("Intune", &[OTHER]), HOME, 5), Heard::MoveAnnounced);
    assert_eq!(hear(&mut state, &told("Intune", &[OTHER]), HOME, 6), Heard::Nothing, "it is known already");
    assert_eq!(state.moving.as_ref().map(|moving| moving.heard), Some(5));
    let arrived = state.arrive(9).unwrap();
    assert_eq!(
        (&*arrived.name, state.name.as_deref(), state.address.as_deref()),
        ("Intune", Some("Intune"), Some(OTHER))
    );
    assert_eq!((state.epoch, state.since, state.moving.clone()), (1, Some(9), None));
    assert_eq!(hear(&mut state, &told("Intune", &[OTHER]), OTHER, 10), Heard::Nothing);
    // The same address under another name is another authority too (rule A1), and there is nowhere to go first.
    assert_eq!(hear(&mut state, &told("Co-management", &[OTHER]), OTHER, 11), Heard::Replaced);
    assert_eq!((state.epoch, state.since, state.name.as_deref()), (2, Some(11), Some("Co-management")));
}

#[test]
fn a_move_can_be_called_off_and_changed() {
    let mut state = AuthorityState { name: Some(Arc::from("Office 365")), ..AuthorityState::default() };
    hear(&mut state, &told("Intune", &[OTHER]), HOME, 5);
    assert_eq!(hear(&mut state, &told("Intune", &["https://c.example/"]), HOME, 6), Heard::MoveAnnounced);
    assert_eq!(hear(&mut state, &told("Office 365", &[HOME]), HOME, 7), Heard::MoveCalledOff);
    assert_eq!(state.moving, None);
}

#[test]
fn both_authorities_and_all_addresses_are_tried_in_turn() {
    let mut state = AuthorityState { name: Some(Arc::from("Office 365")), ..AuthorityState::default() };
    hear(&mut state, &told("Intune", &[OTHER, "https://c.example/"]), HOME, 5);
    let address = |state: &AuthorityState| state.moving.as_ref().unwrap().address().unwrap().to_string();
    assert_eq!(address(&state), OTHER);
    state.note_attempt(Destination::Next, false);
    assert!(state.moving.as_ref().unwrap().old_is_due);
    assert_eq!(address(&state), "https://c.example/");
    state.note_attempt(Destination::Home, true);
    assert!(!state.moving.as_ref().unwrap().old_is_due);
    state.note_attempt(Destination::Next, false);
    assert_eq!(address(&state), OTHER);
}
