//! From one authority to the next, with real messages (rules A2 and A3).

use mdm_protocol::csp::authority::{CHANGED_AT, NAME};
use mdm_protocol::syncml::{Command, Message};

use super::{Server, World, content, content_in, opened, reply};
use crate::engine::failure::StoreFailure;
use crate::engine::progress::{Progress, Trigger};
use crate::engine::reply::Reply;
use crate::engine::testing::{PROVIDER, SERVER, account, add, atomic, config, replace, statuses};
use crate::engine::{Action, ConnectionFailure, Event};

pub(super) const NEXT: &str = "https://mdm.example.org/ManagementServer/CoManagement/MDM.svc";

#[test]
fn a_move_goes_to_the_new_address_at_once_and_is_written_down_after_arrival() {
    let mut world = named();
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    let mut asked = Vec::new();
    let server = Server::Says(vec![change("Co-management", NEXT)]);
    world.serve_by(actions, |url, body| {
        asked.push(address(url));
        if address(url) == NEXT { content(body) } else { reply(&server, body) }
    });
    assert_eq!(asked, [SERVER, SERVER, NEXT]);
    let authorities: Vec<&str> = world.reports.iter().map(|record| record.authority.as_str()).collect();
    assert_eq!(authorities, ["Contoso", "Intune", "Co-management"], "the first is named by its account");
    let [Action::SaveAccount(saved)] = &world.deeds[..] else { panic!("{:?}", world.deeds) };
    assert_eq!((saved.management_url.as_str(), saved.authority.as_deref()), (NEXT, Some("Co-management")));
    assert_eq!(world.engine.account().unwrap().management_url, NEXT);
    let events: Vec<&str> = world.notes.iter().map(|note| note.what).collect();
    assert_eq!(events, ["session", "authority-announced", "session", "authority-changed"]);
    assert_eq!(asked_next(&mut world, Trigger::User, content), NEXT);
}

#[test]
fn what_is_written_down_survives_the_loss_of_the_store() {
    let mut world = named();
    move_to(&mut world, NEXT, content);
    let account = (**world.engine.account().unwrap()).clone();
    let mut bare = World::with(account, Progress::default());
    assert_eq!(&*bare.engine.life().authority(), "Co-management");
    assert_eq!(asked_next(&mut bare, Trigger::User, content), NEXT);
}

#[test]
fn the_name_that_an_authority_tells_first_is_written_down_once() {
    let mut world = World::enrolled();
    let naming = || Server::Says(vec![replace("n", NAME, "Intune")]);
    world.ask(Trigger::User, &naming());
    let [Action::SaveAccount(saved)] = &world.deeds[..] else { panic!("{:?}", world.deeds) };
    assert_eq!((saved.management_url.as_str(), saved.authority.as_deref()), (SERVER, Some("Intune")));
    world.ask(Trigger::User, &naming());
    world.ask(Trigger::User, &Server::Content);
    assert_eq!(world.deeds.len(), 1);
}

#[test]
fn arrival_is_kept_before_the_account_is_written_and_then_survives_a_restart() {
    let mut world = named();
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    let [Action::OpenStore] = actions[..] else { panic!("{actions:?}") };
    let mut actions = world.handle(opened(&world.stored));
    let server = Server::Says(vec![change("Co-management", NEXT)]);
    let mut order = Vec::new();
    while let Some(action) = actions.pop() {
        // One at a time: every order but these two has at most one follower.
        let event = match action {
            Action::Post { url, body, .. } if address(&url) == NEXT => {
                order.push("post");
                assert!(Message::decode(&body).is_ok());
                Some(content(&body))
            }
            Action::Post { body, .. } => Some(reply(&server, &body)),
            Action::Keep(changes) => {
                if order == ["post"] {
                    assert_eq!(changes.progress.as_ref().unwrap().authority.address.as_deref(), Some(NEXT));
                    order.push("keep");
                }
                world.stored.apply(&changes);
                Some(Event::Kept(Ok(())))
            }
            Action::SaveAccount(_) => {
                order.push("save");
                None
            }
            Action::OpenStore => Some(opened(&world.stored)),
            _ => None,
        };
        if let Some(event) = event {
            actions.extend(world.handle(event));
        }
    }
    assert_eq!(order, ["post", "keep", "save"]);
    // The process ended before the account was written: the kept progress knows the address.
    let mut world = World::with(account(), world.stored.progress.clone().unwrap());
    assert_eq!(asked_next(&mut world, Trigger::User, content), NEXT);
}

#[test]
fn a_new_authority_that_refuses_for_ever_never_disowns_the_device() {
    let mut world = named();
    let refused = |_: &[u8]| Event::Replied(Reply { status: 401, ..Reply::default() });
    move_to(&mut world, NEXT, refused);
    let mut asked = Vec::new();
    for _ in 0..40 {
        let (seconds, _) = world.next().unwrap();
        world.pass(seconds + 1);
        let actions = world.handle(Event::DeadlineReached);
        world.serve_by(actions, |url, body| {
            asked.push(address(url));
            if address(url) == NEXT { refused(body) } else { content(body) }
        });
    }
    let (new, old) = asked.iter().partition::<Vec<&String>, _>(|url| *url == NEXT);
    assert!(new.len() >= 10 && old.len() >= 10, "both are tried in turn: {} and {}", new.len(), old.len());
    assert!(!world.engine.progress().is_unknown_device());
    assert_eq!(world.engine.account().unwrap().management_url, SERVER);
    assert!(world.deeds.is_empty(), "{:?}", world.deeds);
    assert_eq!(&*world.engine.life().authority(), "Intune");
    let last = world.engine.progress().last_completed.unwrap();
    assert!(world.now.wall - last < 86_400, "the old authority is spoken with");
}

#[test]
fn an_authority_that_changes_its_mind_calls_the_move_off() {
    let mut world = named();
    move_to(&mut world, NEXT, |_| Event::ConnectionFailed(ConnectionFailure::TimedOut));
    assert!(world.engine.life().is_still_moving());
    let back = Server::Says(vec![change("Intune", SERVER)]);
    for _ in 0..4 {
        let (seconds, _) = world.next().unwrap();
        world.pass(seconds + 1);
        let actions = world.handle(Event::DeadlineReached);
        world.serve_by(actions, |url, body| match address(url) == NEXT {
            true => Event::ConnectionFailed(ConnectionFailure::TimedOut),
            false => reply(&back, body),
        });
    }
    assert!(!world.engine.life().is_still_moving());
    assert!(world.notes.iter().any(|note| note.what == "authority-move-called-off"));
    assert_eq!(asked_next(&mut world, Trigger::User, content), SERVER);
}

#[test]
fn an_address_without_encryption_is_refused_with_the_whole_change() {
    for bad in ["http://mdm.example.org/x", "https://ada:lovelace@mdm.example.org/x", "file:///etc/passwd", "mdm"] {
        let mut world = named();
        let mut answered = Vec::new();
        let actions = world.handle(Event::CheckInRequested(Trigger::User));
        let server = Server::Says(vec![change("Co-management", bad)]);
        world.serve_by(actions, |url, body| {
            assert_eq!(address(url), SERVER, "{bad}");
            let message = Message::decode(body).unwrap();
            answered.extend(statuses(&message).iter().map(|(.., code)| *code));
            reply(&server, body)
        });
        assert_eq!(answered, [200, 507, 216, 216, 406], "{bad}");
        assert!(!world.engine.life().is_still_moving());
        assert_eq!(&*world.engine.life().authority(), "Intune");
        assert_eq!(asked_next(&mut world, Trigger::User, content), SERVER);
    }
}

#[test]
fn an_announcement_that_cannot_be_kept_is_not_followed() {
    let mut world = named();
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(opened(&world.stored));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let Event::Replied(said) = reply(&Server::Says(vec![change("Co-management", NEXT)]), body) else { unreachable!() };
    let actions = world.handle(Event::Replied(said));
    assert!(matches!(actions[..], [Action::Keep(_)]), "{actions:?}");
    let actions = world.handle(Event::Kept(Err(StoreFailure::Full("no room".to_owned()))));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let codes: Vec<u16> = statuses(&Message::decode(body).unwrap()).iter().map(|(.., code)| *code).collect();
    assert!(codes[1..].iter().all(|code| *code >= 400), "{codes:?}");
    let actions = world.handle(content_in(&world.engine));
    world.serve(actions, &Server::Content);
    assert!(!world.engine.life().is_still_moving());
}

#[test]
fn profiles_of_the_old_authority_stay_and_are_told_as_redundant() {
    let mut world = named();
    world.ask(Trigger::User, &Server::Says(vec![add("a", &config("Door"), "open")]));
    let redundant = std::cell::RefCell::new(Vec::new());
    move_to(&mut world, NEXT, content);
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    world.serve_by(actions, |_, body| {
        let commands = Message::decode(body).unwrap().commands;
        redundant.borrow_mut().extend(commands.into_iter().filter_map(|command| match command {
            Command::Alert(alert) if alert.code.0 == 1226 => alert.items.into_iter().next()?.data,
            _ => None,
        }));
        content(body)
    });
    let told = redundant.into_inner().join("");
    assert!(told.contains("Door") && told.contains("Intune"), "{told}");
    assert_eq!(world.stored.profiles.len(), 1);
}

/// A device whose authority has told its name.
fn named() -> World {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Says(vec![replace("n", NAME, "Intune")]));
    assert_eq!(&*world.engine.life().authority(), "Intune");
    world.notes.clear();
    world.deeds.clear();
    world
}

pub(super) fn change(name: &str, address: &str) -> Command {
    let list = format!("{PROVIDER}/ManagementServerAddressList");
    let commands = vec![
        replace("n", NAME, name),
        replace("c", CHANGED_AT, "2027-01-02T03:04:05Z"),
        replace("l", &list, &format!("<{address}>")),
    ];
    atomic("a", commands)
}

/// The authority announces another at this address, which answers like this.
fn move_to(world: &mut World, next: &str, answer: impl Fn(&[u8]) -> Event) {
    let server = Server::Says(vec![change("Co-management", next)]);
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    world.serve_by(actions, |url, body| if address(url) == next { answer(body) } else { reply(&server, body) });
}

/// Where the next session goes.
fn asked_next(world: &mut World, trigger: Trigger, answer: impl Fn(&[u8]) -> Event) -> String {
    let actions = world.handle(Event::CheckInRequested(trigger));
    let mut asked = Vec::new();
    world.serve_by(actions, |url, body| {
        asked.push(address(url));
        answer(body)
    });
    asked.remove(0)
}

pub(super) fn address(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}
