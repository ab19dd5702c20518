//! Profiles whose time is over are removed between sessions (rules R2 and R4).

use super::{Server, World, content, not_opened, opened};
use crate::engine::failure::StoreFailure;
use crate::engine::profile::{Changes, RemovalReason, Stored};
use crate::engine::progress::{Progress, Trigger};
use crate::engine::testing::{DAY, account, add, config};
use crate::engine::time::TimerReason;
use crate::engine::{Action, Engine, Event, Phase};

const DAY_SECONDS: u64 = DAY.unsigned_abs();

#[test]
fn a_profile_is_warned_of_once_and_told_by_name() {
    let mut world = with_profiles(&["Door"]);
    assert_eq!(world.next(), Some((6 * DAY_SECONDS, TimerReason::RetentionWarning)));
    world.pass(6 * DAY_SECONDS);
    let actions = handle(&mut world, Event::DeadlineReached);
    assert_eq!(actions, [Action::OpenStore]);
    assert!(matches!(world.engine.phase(), Phase::OpeningToSweep));
    let event = opened(&world.stored);
    let actions = handle(&mut world, event);
    let [Action::Note(notes), Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    let names: Vec<&str> = notes.iter().map(|note| note.what).collect();
    assert_eq!(names, ["profile-expires-soon"]);
    assert!(notes[0].particulars.contains(&("name", "Linux/Test/Door".to_owned())), "{notes:?}");
    assert!(changes.profiles.is_empty() && changes.progress.is_some());
    world.stored.apply(changes);
    assert_eq!(handle(&mut world, Event::Kept(Ok(()))), [Action::CloseStore]);
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::LastChance));
    // Neither later nor after a restart is it warned of again.
    let world = world.restart(3600);
    assert_ne!(world.next().map(|(_, reason)| reason), Some(TimerReason::RetentionWarning));
}

#[test]
fn at_its_end_a_profile_goes_in_one_step_with_what_remains_of_it() {
    let mut world = with_profiles(&["Door", "Printer"]);
    until_the_sweep(&mut world);
    assert!(world.stored.profiles.len() == 2, "not before");
    let event = opened(&world.stored);
    let actions = handle(&mut world, event);
    let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(removed(changes), 2);
    let tombstones = changes.tombstones.as_ref().unwrap();
    let told: Vec<(&str, RemovalReason, bool)> =
        tombstones.iter().map(|gone| (gone.name.as_str(), gone.reason, gone.reported)).collect();
    assert_eq!(
        told,
        [("Linux/Test/Door", RemovalReason::Retention, false), ("Linux/Test/Printer", RemovalReason::Retention, false)]
    );
    world.stored.apply(changes);
    let actions = handle(&mut world, Event::Kept(Ok(())));
    let [Action::CloseStore, Action::Note(notes)] = &actions[..] else { panic!("{actions:?}") };
    let names: Vec<&str> = notes.iter().map(|note| note.what).collect();
    assert_eq!(names, ["profile-removed", "profile-removed"]);
    assert!(matches!(world.engine.phase(), Phase::Idle));
    assert_eq!(world.engine.progress().retention.deadlines.first(), None);
}

#[test]
fn a_store_that_cannot_be_opened_at_the_end_is_tried_again_and_nothing_is_lost() {
    let mut world = with_profiles(&["Door"]);
    until_the_sweep(&mut world);
    assert_eq!(handle(&mut world, not_opened()), [Action::CloseStore]);
    assert_eq!(world.stored.profiles.len(), 1);
    assert!(finish(&mut world) <= 1200, "it is tried again soon");
}

#[test]
fn a_removal_that_cannot_be_kept_is_tried_again_and_noted_only_once() {
    for others in [&["Door"][..], &["Door", "Printer"][..]] {
        let mut world = with_profiles(others);
        until_the_sweep(&mut world);
        let warned = warnings(&world);
        for _ in 0..3 {
            let event = opened(&world.stored);
            let actions = handle(&mut world, event);
            assert!(matches!(&actions[..], [Action::Keep(changes)] if removed(changes) == others.len()), "{actions:?}");
            let full = Err(StoreFailure::Full("no room".to_owned()));
            assert_eq!(handle(&mut world, Event::Kept(full)), [Action::CloseStore]);
            let waited = until_the_sweep(&mut world);
            assert!(waited <= 1200, "{waited} s");
        }
        let event = opened(&world.stored);
        let actions = handle(&mut world, event);
        let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
        world.stored.apply(changes);
        let actions = handle(&mut world, Event::Kept(Ok(())));
        let [Action::CloseStore, Action::Note(notes)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((notes.len(), warnings(&world)), (others.len(), warned));
        assert!(world.stored.profiles.is_empty());
    }
}

#[test]
fn a_store_that_is_found_lost_between_sessions_is_told_of_in_the_next_one() {
    for rebuilt in [true, false] {
        let mut world = with_profiles(&["Door"]);
        world.notes.clear();
        world.pass(6 * DAY_SECONDS);
        world.handle(Event::DeadlineReached);
        world.stored = Stored::default();
        let empty = Stored { progress: rebuilt.then(Progress::default), ..Stored::default() };
        let actions = world.handle(Event::StoreOpened {
            stored: Ok(Box::new(empty)),
            rebuilt,
            facts: Box::new(crate::engine::testing::facts()),
            machine: Box::default(),
        });
        world.serve(actions, &Server::Content);
        let events: Vec<&str> = world.notes.iter().map(|note| note.what).collect();
        assert_eq!(events, ["store-rebuilt"]);
        let mut told = String::new();
        let actions = world.handle(Event::CheckInRequested(Trigger::User));
        world.serve_by(actions, |_, body| {
            told.push_str(std::str::from_utf8(body).unwrap());
            content(body)
        });
        assert!(told.contains("store.rebuilt"), "{told}");
        assert_eq!(world.notes.iter().filter(|note| note.what == "store-rebuilt").count(), 1);
    }
}

#[test]
fn the_process_may_end_at_any_step_of_a_removal() {
    for steps in 0..3 {
        let mut world = with_profiles(&["Door"]);
        until_the_sweep(&mut world);
        if steps > 0 {
            let event = opened(&world.stored);
            let actions = handle(&mut world, event);
            if let ([Action::Keep(changes)], 2) = (&actions[..], steps) {
                world.stored.apply(changes);
            }
        }
        let mut world = world.restart(60);
        if steps < 2 {
            finish(&mut world);
        }
        assert!(world.stored.profiles.is_empty());
        assert_eq!(world.stored.tombstones.len(), 1, "cut after {steps}");
    }
}

#[test]
fn a_completed_check_in_at_the_last_chance_keeps_the_profile_for_another_week() {
    let mut world = with_profiles(&["Door"]);
    world.pass(6 * DAY_SECONDS);
    let actions = world.handle(Event::DeadlineReached);
    world.serve(actions, &Server::Content);
    let (seconds, reason) = world.next().unwrap();
    assert_eq!(reason, TimerReason::LastChance);
    world.pass(seconds);
    let actions = world.handle(Event::DeadlineReached);
    world.serve(actions, &Server::Content);
    assert_eq!(world.history().last().unwrap(), &(vec![Trigger::LastChance], "completed"));
    assert_eq!(world.next(), Some((6 * DAY_SECONDS, TimerReason::RetentionWarning)));
    assert_eq!(world.stored.profiles.len(), 1);
}

/// A device with profiles, whose schedule is out of the way.
fn with_profiles(names: &[&str]) -> World {
    let mut account = account();
    account.poll.sets = [(10_000_000, 0); 3];
    let mut world = World::with(account, Progress::default());
    let commands = names.iter().map(|name| add(name, &config(name), "1")).collect();
    world.ask(Trigger::User, &Server::Says(commands));
    assert_eq!(world.stored.profiles.len(), names.len());
    world
}

/// What is to be done, notes in their place.
fn handle(world: &mut World, event: Event) -> Vec<Action> {
    let mut actions = Vec::new();
    Engine::handle(&mut world.engine, event, world.now, &mut actions);
    actions
}

/// Nobody answers, until the store is opened to remove profiles; the seconds that took.
fn until_the_sweep(world: &mut World) -> u64 {
    let begun = world.now.boot_ms;
    loop {
        let (seconds, _) = world.next().expect("the removal is planned");
        world.pass(seconds + 1);
        let actions = world.handle(Event::DeadlineReached);
        if matches!(world.engine.phase(), Phase::OpeningToSweep) && world.engine.life().removal_is_due(world.now) {
            assert_eq!(actions, [Action::OpenStore]);
            return (world.now.boot_ms - begun) / 1000;
        }
        world.serve(actions, &Server::Gone);
    }
}

/// Removes what is due with a store that works; the seconds that took.
fn finish(world: &mut World) -> u64 {
    let waited = until_the_sweep(world);
    let actions = vec![Action::OpenStore];
    world.serve(actions, &Server::Gone);
    assert!(world.stored.profiles.is_empty());
    waited
}

fn warnings(world: &World) -> usize {
    world.notes.iter().filter(|note| note.what == "profile-expires-soon").count()
}

fn removed(changes: &Changes) -> usize {
    changes.profiles.values().filter(|profile| profile.is_none()).count()
}
