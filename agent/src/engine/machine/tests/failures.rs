//! Failures: waits, Retry-After, and the device that the server no longer knows (rules C3 and I4).

use super::{Server, World, opened};
use crate::engine::progress::{Progress, Trigger};
use crate::engine::reply::Reply;
use crate::engine::testing::{account, ok};
use crate::engine::time::TimerReason::{Retry, ScheduledCheckIn};
use crate::engine::{ConnectionFailure, Engine, Event};

#[test]
fn a_failed_check_in_is_tried_again_within_a_bounded_and_growing_wait() {
    let mut world = slow();
    let mut longest = Vec::new();
    for failures in 1..=12u32 {
        world.ask(Trigger::User, &Server::Gone);
        assert_eq!(world.engine.progress().failures, failures);
        let (seconds, reason) = world.next().unwrap();
        assert_eq!(reason, Retry);
        let ceiling = (16u64 << (failures - 1)).min(3600);
        assert!(seconds <= ceiling, "{seconds} s after {failures} failures");
        longest.push(seconds);
    }
    assert!(longest.iter().any(|seconds| *seconds > 16), "the wait does not grow: {longest:?}");
}

#[test]
fn terms_of_nought_do_not_make_a_failing_device_knock_without_a_pause() {
    let account = crate::engine::Account { initial_backoff_ms: 0, max_backoff_ms: 0, ..slow_account() };
    let mut world = World::with(account, Progress::default());
    let waits: Vec<u64> = (0..40)
        .map(|_| {
            world.ask(Trigger::User, &Server::Gone);
            world.engine.next_deadline().map_or(0, |deadline| deadline.boot_ms - world.now.boot_ms)
        })
        .collect();
    assert!(waits[10..].iter().sum::<u64>() > 30 * 10_000, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 60_000));
}

#[test]
fn two_devices_that_failed_together_do_not_come_back_together_even_at_the_bound() {
    let wait = |seed: u64| {
        let progress = Progress { failures: 20, ..Progress::default() };
        let mut world = World::with(slow_account(), progress.clone());
        world.engine = Engine::new(crate::engine::testing::beginning(Some(slow_account()), progress, seed), world.now);
        world.ask(Trigger::User, &Server::Gone);
        world.engine.next_deadline().unwrap().boot_ms
    };
    let waits: std::collections::BTreeSet<u64> = (0..20).map(wait).collect();
    assert!(waits.len() >= 19, "{waits:?}");
}

#[test]
fn a_success_forgets_the_failures_and_the_retry() {
    let mut world = slow();
    (0..5).for_each(|_| world.ask(Trigger::User, &Server::Gone));
    world.ask(Trigger::User, &Server::Content);
    assert_eq!((world.engine.progress().failures, world.engine.progress().refusals), (0, 0));
    assert_eq!(world.next().map(|(_, reason)| reason), Some(ScheduledCheckIn));
}

#[test]
fn a_retry_is_a_session_of_its_own_name() {
    let mut world = slow();
    world.ask(Trigger::User, &Server::Gone);
    world.wait(&Server::Content);
    assert_eq!(world.history(), [(vec![Trigger::User], "timed-out"), (vec![Trigger::Retry], "completed")]);
    assert!(world.reports[0].unreachable);
}

#[test]
fn a_retry_and_a_check_in_of_the_schedule_that_are_both_due_are_one_session() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Gone);
    world.pass(86_400);
    let actions = world.handle(crate::engine::Event::DeadlineReached);
    world.serve(actions, &Server::Content);
    assert_eq!(world.history()[1..], [(vec![Trigger::Schedule, Trigger::Retry], "completed")]);
}

#[test]
fn what_retry_after_says_is_obeyed_by_retry_and_schedule_but_not_by_a_person() {
    let mut world = World::enrolled();
    world.wait(&busy(3600));
    let (seconds, _) = world.next().unwrap();
    assert!(seconds >= 3600, "back after {seconds} s");
    world.pass(600);
    assert_eq!(world.handle(crate::engine::Event::DeadlineReached), []);
    world.ask(Trigger::User, &Server::Content);
    assert_eq!(world.next(), Some((0, ScheduledCheckIn)), "the schedule is late, and nobody asks for quiet any more");
}

#[test]
fn a_server_cannot_silence_the_device_for_more_than_a_day() {
    for seconds in [u64::MAX, u64::MAX / 1000, 1 << 40] {
        let mut world = World::enrolled();
        world.ask(Trigger::User, &busy(seconds));
        let (seconds, _) = world.next().unwrap();
        assert!((86_400..=86_400 + 3600).contains(&seconds), "{seconds}");
    }
}

#[test]
fn five_refusals_make_an_unknown_device_that_is_no_longer_retried_but_keeps_to_its_schedule() {
    for status in [401, 403] {
        let mut world = slow();
        let refused = Server::Answers(Reply { status, ..Reply::default() });
        for refusals in 1..=4 {
            world.ask(Trigger::User, &refused);
            assert_eq!(world.engine.progress().refusals, refusals);
            assert!(!world.engine.progress().is_unknown_device());
            assert_eq!(world.next().map(|(_, reason)| reason), Some(Retry));
        }
        world.ask(Trigger::User, &refused);
        assert!(world.engine.progress().is_unknown_device());
        assert_eq!(world.next().map(|(_, reason)| reason), Some(ScheduledCheckIn));
        assert!(world.engine.account().is_some(), "a refusal removes nothing");
        assert_eq!(world.erased, 0);
        world.ask(Trigger::User, &Server::Content);
        assert!(!world.engine.progress().is_unknown_device());
    }
}

#[test]
fn other_failures_never_make_an_unknown_device() {
    let mut world = slow();
    for reply in [404, 410, 500].map(|status| Reply { status, ..Reply::default() }) {
        (0..5).for_each(|_| world.ask(Trigger::User, &Server::Answers(reply.clone())));
    }
    world.ask(Trigger::User, &Server::Answers(crate::engine::testing::ok("<html>")));
    assert!(!world.engine.progress().is_unknown_device());
}

#[test]
fn refusals_survive_a_restart() {
    let mut world = slow();
    (0..5).for_each(|_| world.ask(Trigger::User, &Server::Answers(Reply { status: 403, ..Reply::default() })));
    assert!(world.restart(0).engine.progress().is_unknown_device());
}

fn slow_account() -> crate::engine::Account {
    let mut account = account();
    account.poll.sets = [(10_000_000, 0); 3];
    account
}

/// A device whose schedule does not get in the way.
fn slow() -> World {
    World::with(slow_account(), Progress::default())
}

fn busy(retry_after: u64) -> Server {
    Server::Answers(Reply { status: 503, retry_after: Some(retry_after), ..Reply::default() })
}

#[test]
fn where_the_agent_stood_is_taken_up_when_the_store_can_be_read_again() {
    let mut world = World::enrolled();
    let progress = Progress { session_id: 40, scheduled_done: 9, ..Progress::default() };
    world.stored.progress = Some(progress);
    world.engine = Engine::new(crate::engine::testing::beginning(Some(account()), Progress::default(), 1), world.now);
    world.handle(Event::CheckInRequested(Trigger::User));
    world.handle(opened(&world.stored));
    let progress = world.engine.progress();
    assert_eq!((progress.session_id, progress.scheduled_done, progress.rebuilt_unreported), (41, 9, false));
}

#[test]
fn what_a_server_says_of_a_failure_is_kept_only_in_bounds_and_comes_with_advice() {
    let mut world = World::enrolled();
    let reason = "x".repeat(100_000);
    let fault = mdm_protocol::soap::Fault::new(mdm_protocol::soap::FaultKind::Authorization, reason);
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(opened(&world.stored));
    world.serve(actions, &Server::Answers(ok(fault.encode(&Default::default()))));
    let record = &world.reports[0];
    assert_eq!((record.outcome.as_str(), record.detail.chars().count()), ("fault", 400));
    assert!(record.advice.as_ref().is_some_and(|advice| advice.contains("administrator")));
}

#[test]
fn an_identity_that_cannot_be_used_is_not_the_servers_fault() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    world.handle(opened(&world.stored));
    let actions = world.handle(Event::ConnectionFailed(ConnectionFailure::Identity("no key".to_owned())));
    world.serve(actions, &Server::Gone);
    assert_eq!((world.reports[0].outcome.as_str(), world.reports[0].unreachable), ("identity", false));
}
