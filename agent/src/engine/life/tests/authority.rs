//! From one authority to the next (rules A1 to A3).

use super::*;
use crate::engine::authority::Destination;
use crate::engine::progress::Triggers;

/// A device that knows the name of its authority.
fn at_home() -> World {
    let mut world = World::new();
    let (_, follow) = world.ask(Ended::Completed, Some(&told("Office 365", SERVER)));
    assert_eq!(follow.named.as_deref(), Some("Contoso"));
    assert!(world.life.begin(world.now).is_none(), "a name is no move");
    world
}

#[test]
fn s44_a_move_begins_at_once_when_it_is_told_and_ends_with_the_first_completed_session() {
    let mut world = at_home();
    let (_, follow) = world.ask(Ended::Completed, Some(&told("Intune", OTHER)));
    assert!(follow.announced && follow.arrived_from.is_none());
    let plan = world.life.begin(world.now).unwrap();
    assert_eq!((plan.triggers, plan.destination), (Triggers::of(Trigger::AuthorityMoved), Destination::Next));
    assert_eq!((world.life.address(plan.destination), world.life.home()), (OTHER, SERVER));
    assert_eq!(&*world.life.authority_at(plan.destination), "Intune");
    let told = told("Intune", OTHER);
    let follow = world.life.settle(&plan, Outcome { ended: Ended::Completed, told: Some(&told) }, world.now);
    assert_eq!(follow.arrived_from.as_deref(), Some("Office 365"));
    assert_eq!((&*world.life.authority(), world.life.home()), ("Intune", OTHER));
    assert_eq!(world.life.progress().authority.epoch, 1);
    assert!(world.life.begin(world.now).is_none());
}

#[test]
fn while_the_new_authority_cannot_be_reached_both_are_tried_in_turn_and_the_old_one_goes_on_confirming() {
    let mut world = at_home();
    let announcement = told("Intune", OTHER);
    world.ask(Ended::Completed, Some(&announcement));
    world.hold(offline(), None);
    let mut destinations = Vec::new();
    for _ in 0..6 {
        world.wait();
        let plan = world.life.begin(world.now).unwrap();
        let ended = if plan.destination == Destination::Home { Ended::Completed } else { offline() };
        world.life.settle(&plan, Outcome { ended, told: Some(&announcement) }, world.now);
        destinations.push(plan.destination);
    }
    use Destination::{Home, Next};
    assert_eq!(destinations, [Home, Next, Home, Next, Home, Next]);
    assert_eq!((&*world.life.authority(), world.life.home()), ("Office 365", SERVER));
    assert!(world.life.progress().confirmed("Office 365").unwrap() > NOW);
    assert_eq!(world.life.progress().confirmed("Intune"), None);
}

#[test]
fn a_new_authority_that_refuses_for_ever_makes_no_unknown_device_and_is_tried_less_and_less() {
    let mut world = at_home();
    world.ask(Ended::Completed, Some(&told("Intune", OTHER)));
    let mut hours = 0.0;
    for _ in 0..60 {
        let plan = world.life.begin(world.now).unwrap();
        let ended = if plan.destination == Destination::Home { Ended::Completed } else { refused() };
        world.life.settle(&plan, Outcome { ended, told: Some(&told("Intune", OTHER)) }, world.now);
        hours += world.wait().0 as f64 / 3600.0;
    }
    assert!(!world.life.progress().is_unknown_device());
    assert!(hours > 6.0, "60 attempts in {hours} hours");
}

#[test]
fn two_authorities_that_send_the_device_to_each_other_do_not_have_it_run_without_a_pause() {
    let mut world = at_home();
    let (mut sessions, begun) = (0, world.now.wall);
    world.life.request(Trigger::User);
    while world.now.wall - begun < DAY {
        while world.life.begin(world.now).is_some_and(|plan| {
            let there = world.life.authority_at(plan.destination);
            let next = if &*there == "Intune" { told("Office 365", SERVER) } else { told("Intune", OTHER) };
            world.life.settle(&plan, Outcome { ended: Ended::Completed, told: Some(&next) }, world.now);
            sessions += 1;
            sessions < 1000
        }) {}
        world.wait();
    }
    assert!((3..300).contains(&sessions), "{sessions} sessions in a day");
}

#[test]
fn s60_who_asks_by_hand_gets_the_new_authority() {
    let mut world = at_home();
    world.ask(Ended::Completed, Some(&told("Intune", OTHER)));
    world.hold(offline(), None);
    let (plan, _) = world.ask(Ended::Completed, Some(&told("Intune", OTHER)));
    assert_eq!(plan.destination, Destination::Next);
    assert_eq!(&*world.life.authority(), "Intune");
}

#[test]
fn a_move_survives_a_restart() {
    let mut world = at_home();
    world.ask(Ended::Completed, Some(&told("Intune", OTHER)));
    world.hold(offline(), None);
    let mut world = world.reboot(60);
    world.wait();
    let (plan, _) = world.hold(Ended::Completed, Some(&told("Intune", OTHER)));
    assert_eq!(plan.destination, Destination::Home, "the old one is due, and the new one after it");
    world.wait();
    let (plan, _) = world.hold(Ended::Completed, Some(&told("Intune", OTHER)));
    assert_eq!(plan.destination, Destination::Next);
    assert_eq!(world.life.home(), OTHER);
}

#[test]
fn a_move_that_is_called_off_leaves_everything_as_it_was() {
    let mut world = at_home();
    world.ask(Ended::Completed, Some(&told("Intune", OTHER)));
    world.hold(offline(), None);
    world.wait();
    let (_, follow) = world.hold(Ended::Completed, Some(&told("Office 365", SERVER)));
    assert!(follow.called_off);
    assert!(!world.life.is_still_moving());
    assert_eq!(&*world.life.authority(), "Office 365");
}

#[test]
fn a_server_that_knows_nothing_of_authorities_is_one_of_its_own() {
    let mut world = World::new();
    let (_, follow) = world.ask(Ended::Completed, Some(&Told::default()));
    assert_eq!(follow, Follow::default());
    assert_eq!((&*world.life.authority(), world.life.home()), ("Contoso", SERVER));
}
