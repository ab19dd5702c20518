//! The end of an enrolment.

use mdm_protocol::syncml::{Command, Message};

use super::{Server, World, content_in, opened};
use crate::engine::progress::Trigger;
use crate::engine::testing::{NOW, PROVIDER, account, add, config, exec, ok};
use crate::engine::{Action, Engine, Event, Phase, TimerReason};

#[test]
fn a_person_who_ends_the_enrolment_has_the_server_told_and_everything_removed() {
    for (server, outcome) in [(Server::Content, "completed"), (Server::Gone, "timed-out")] {
        let mut world = World::enrolled();
        assert!(world.engine.restores_files());
        let actions = world.handle(Event::UnenrolRequested);
        assert_eq!(actions, [Action::OpenStore]);
        assert!(!world.engine.restores_files(), "what is about to be given back is not put back");
        let actions = world.handle(opened(&world.stored));
        assert!(says_farewell(&actions));
        world.serve(actions, &server);
        assert_eq!(world.history(), [(vec![Trigger::Farewell], outcome)]);
        assert_eq!((world.erased, world.engine.account()), (1, None));
        assert_eq!(world.engine.next_deadline(), None);
    }
}

#[test]
fn the_farewell_waits_for_the_session_that_runs_and_goes_before_what_else_was_asked() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    world.handle(opened(&world.stored));
    assert_eq!(world.handle(Event::UnenrolRequested), []);
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::User)), []);
    let actions = world.handle(content_in(&world.engine));
    world.serve(actions, &Server::Content);
    let expected = [(vec![Trigger::User], "completed"), (vec![Trigger::Farewell], "completed")];
    assert_eq!((world.history(), world.erased), (expected.to_vec(), 1));
}

#[test]
fn a_farewell_that_was_cut_off_by_a_restart_is_taken_up_again() {
    let mut world = World::enrolled();
    let actions = world.handle(Event::UnenrolRequested);
    assert_eq!(actions, [Action::OpenStore]);
    world.handle(opened(&world.stored));
    let actions = world.handle(content_in(&world.engine));
    let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    // Killed here: kept, but nothing removed yet.
    let progress = changes.progress.clone().unwrap();
    world.engine = Engine::new(crate::engine::testing::beginning(Some(account()), progress, 1), world.now);
    let deadline = world.engine.next_deadline().unwrap();
    assert_eq!((deadline.boot_ms, deadline.reason), (0, TimerReason::UnfinishedFarewell));
    assert!(!world.engine.restores_files(), "nor is it after a restart");
    let actions = world.handle(Event::DeadlineReached);
    world.serve(actions, &Server::Content);
    assert_eq!((world.erased, world.engine.account()), (1, None));
}

#[test]
fn a_farewell_is_said_and_everything_removed_even_without_the_store() {
    let mut world = World::enrolled();
    world.handle(Event::UnenrolRequested);
    let actions = world.handle(super::not_opened());
    assert!(says_farewell(&actions));
    world.serve(actions, &Server::Gone);
    assert_eq!(world.erased, 1);
}

#[test]
fn a_server_that_ends_the_enrolment_hears_nothing_in_that_session_and_the_farewell_in_a_new_one() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(opened(&world.stored));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let message = Message::decode(body).unwrap();
    let commands = vec![exec("x", &format!("{PROVIDER}/Unenroll"), "Contoso")];
    let actions = world.handle(Event::Replied(ok(super::answer(&message, commands))));
    assert!(matches!(&actions[..], [Action::Keep(_)]), "{actions:?}");
    let actions = world.handle(Event::Kept(Ok(())));
    let [Action::CloseStore, Action::Report(record), Action::OpenStore] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((record.outcome.as_str(), record.completed), ("unenrolled", false));
    let actions = world.handle(opened(&world.stored));
    assert!(says_farewell(&actions));
    world.serve(actions, &Server::Gone);
    assert_eq!((world.erased, world.engine.account()), (1, None));
}

#[test]
fn what_a_server_sends_in_answer_to_a_farewell_is_not_run() {
    let mut world = World::enrolled();
    let actions = world.handle(Event::UnenrolRequested);
    let commands = vec![add("a", &config("A"), "1")];
    let mut kept = 0;
    let mut queue = std::collections::VecDeque::from(actions);
    while let Some(action) = queue.pop_front() {
        match action {
            Action::OpenStore => queue.extend(world.handle(opened(&world.stored))),
            Action::Post { body, .. } => {
                let message = Message::decode(&body).unwrap();
                queue.extend(world.handle(Event::Replied(ok(super::answer(&message, commands.clone())))));
            }
            Action::Keep(changes) => {
                kept += changes.profiles.len();
                queue.extend(world.handle(Event::Kept(Ok(()))));
            }
            Action::Erase => queue.extend(world.handle(Event::Erased)),
            _ => {}
        }
    }
    assert_eq!(kept, 0);
}

#[test]
fn nothing_of_an_enrolment_that_ended_disturbs_the_next() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Gone);
    let actions = world.handle(Event::UnenrolRequested);
    world.serve(actions, &Server::Gone);
    world.pass(5);
    let actions = world.handle(Event::Enrolled(Box::new(account()), crate::engine::testing::certificates()));
    world.serve(actions, &Server::Content);
    let (seconds, reason) = world.next().unwrap();
    assert_eq!((seconds, reason.as_str()), (180, "scheduled check-in"));
    let progress = world.engine.progress();
    assert_eq!((progress.session_id, progress.failures, progress.last_completed), (1, 0, Some(NOW + 5)));
}

#[test]
fn while_everything_is_removed_nothing_else_begins() {
    let mut world = World::enrolled();
    world.handle(Event::UnenrolRequested);
    world.handle(opened(&world.stored));
    world.handle(content_in(&world.engine));
    let actions = world.handle(Event::Kept(Ok(())));
    assert_eq!(actions.last(), Some(&Action::Erase));
    assert!(matches!(world.engine.phase(), Phase::Erasing));
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::User)), []);
    assert_eq!(world.handle(Event::UnenrolRequested), []);
    assert_eq!(world.engine.next_deadline(), None);
    assert_eq!(world.handle(Event::Erased), []);
    assert!(matches!(world.engine.phase(), Phase::Idle));
}

fn says_farewell(actions: &[Action]) -> bool {
    let [Action::Post { body, .. }] = actions else { panic!("{actions:?}") };
    let message = Message::decode(body).unwrap();
    message.commands.iter().any(|command| match command {
        Command::Alert(alert) => {
            alert.code.0 == 1226
                && alert.items[0].meta.media_type.as_deref() == Some("com.microsoft:mdm.unenrollment.userrequest")
        }
        _ => false,
    })
}
