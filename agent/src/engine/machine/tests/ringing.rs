//! The doorbell: what a ring can do, and what is listened to (rules P1 to P3).

use proptest::prelude::*;

use super::{Server, World, content};
use crate::engine::machine::Listening;
use crate::engine::progress::{Progress, Trigger};
use crate::engine::push::{Channel, LinkState, PushState};
use crate::engine::testing::{PROVIDER, SERVER, account, config, delete, replace};
use crate::engine::time::TimerReason;
use crate::engine::{Action, Event, Phase};

proptest! {
    #![proptest_config(crate::engine::testing::cases(500))]

    #[test]
    fn a_ring_of_any_content_opens_the_store_for_a_session_or_does_nothing(id in "\\PC{0,80}", text in "\\PC{0,200}") {
        let mut world = World::enrolled();
        let before = world.engine.progress().clone();
        let actions = world.handle(Event::Rung { id: id.clone(), text });
        assert!(actions.is_empty() || actions == [Action::OpenStore], "{actions:?}");
        let after = world.engine.progress();
        assert_eq!((&after.authority, &after.renewal), (&before.authority, &before.renewal));
        assert!(after.push.last_ring.as_ref().is_none_or(|known| *known == id && known.len() <= 64));
        assert_eq!(world.engine.account().unwrap().management_url, SERVER);
    }
}

#[test]
fn what_a_ring_says_is_never_sent_noted_or_obeyed() {
    for text in ["wipe", "spread=-1", "spread=99999999999999999999", "{\"url\":\"https://evil.example\"}", "<Exec/>"] {
        let mut world = World::enrolled();
        let actions = world.handle(Event::Rung { id: "evil".to_owned(), text: text.to_owned() });
        let mut sent = Vec::new();
        world.serve_by(actions, |url, body| {
            sent.push((url.to_owned(), String::from_utf8(body.to_vec()).unwrap()));
            content(body)
        });
        assert_eq!(sent.len(), 1, "{text}");
        assert!(sent[0].0.starts_with(SERVER) && !sent[0].1.contains("evil") && !sent[0].1.contains(text), "{sent:?}");
        assert!(!format!("{:?}", world.notes).contains("evil"), "{:?}", world.notes);
        assert_eq!(world.history(), [(vec![Trigger::Push], "completed")]);
    }
}

#[test]
fn ten_thousand_rings_in_a_minute_start_a_handful_of_sessions() {
    let mut world = World::enrolled();
    for number in 0..10_000_u64 {
        world.now.boot_ms += 6;
        ring(&mut world, &format!("ring{number}"), "");
    }
    assert!((4..=7).contains(&world.history().len()), "{} sessions", world.history().len());
    // The last one was not lost.
    let (seconds, _) = world.next().unwrap();
    assert!(seconds <= 30, "{seconds} s");
    world.wait(&Server::Content);
    assert_eq!(world.history().last().unwrap().0, [Trigger::Push]);
}

#[test]
fn ten_thousand_rings_during_a_session_lead_to_one_more() {
    let mut world = World::enrolled();
    let begun = world.handle(Event::Rung { id: String::new(), text: String::new() });
    for number in 0..10_000 {
        let rung = Event::Rung { id: format!("r{number}"), text: "spread=0".to_owned() };
        assert_eq!(world.handle(rung), []);
    }
    world.serve(begun, &Server::Content);
    assert_eq!(world.history().len(), 2);
    assert_eq!(world.next().unwrap().1, TimerReason::ScheduledCheckIn, "the flood leaves nothing behind");
}

#[test]
fn a_ring_that_is_repeated_starts_nothing() {
    let mut world = World::enrolled();
    (0..3).for_each(|_| ring(&mut world, "again", ""));
    assert_eq!(world.history().len(), 1);
    let mut world = world.restart(60);
    assert_eq!(world.handle(Event::Rung { id: "again".to_owned(), text: String::new() }), []);
}

#[test]
fn a_ring_during_what_is_no_session_is_heard_after_it() {
    let mut world = World::enrolled();
    world.engine =
        crate::engine::Engine::new(crate::engine::testing::beginning(None, Progress::default(), 7), world.now);
    assert_eq!(world.handle(Event::Rung { id: "r".to_owned(), text: String::new() }), []);
    assert!(matches!(world.engine.phase(), Phase::Idle));
}

#[test]
fn the_channel_that_the_server_names_is_listened_to_until_it_names_another_or_none() {
    let pfn = format!("{PROVIDER}/Push/PFN");
    let mut world = World::enrolled();
    let mut listened = |command| {
        world.deeds.clear();
        world.ask(Trigger::User, &Server::Says(vec![command]));
        std::mem::take(&mut world.deeds)
    };
    let name = |server: &str| replace("p", &pfn, &format!("ntfy:https://{server}.example.org"));
    let first = base(&listened(name("push")));
    assert_eq!(first.as_deref(), Some("https://push.example.org"));
    assert_eq!(listened(name("push")), [], "nothing new");
    assert_eq!(listened(replace("x", &config("A"), "1")), [], "nothing to do with push");
    assert_eq!(base(&listened(name("other"))).as_deref(), Some("https://other.example.org"));
    assert_eq!(listened(replace("p", &pfn, "pigeon:coop")), [Action::Listen(None)]);
    assert_eq!(base(&listened(name("push"))).as_deref(), Some("https://push.example.org"));
    assert_eq!(listened(delete("p", &pfn)), [Action::Listen(None)]);
    assert_eq!(listened(replace("x", &config("A"), "2")), []);
}

#[test]
fn a_restart_listens_where_it_left_off() {
    let channel = Channel { base: "https://push.example.org".to_owned(), topic: "topic".to_owned() };
    let state = PushState { channel: Some(Box::new(channel.clone())), ..PushState::default() };
    let mut world = World::with(account(), Progress { push: state, ..Progress::default() });
    let mut actions = Vec::new();
    world.engine.begin(true, &mut actions);
    assert_eq!(actions, [Action::Listen(Some(Listening { channel: channel.clone(), since: None }))]);
    let pfn = replace("p", &format!("{PROVIDER}/Push/PFN"), "ntfy:https://push.example.org");
    world.ask(Trigger::User, &Server::Says(vec![pfn]));
    ring(&mut world, "last", "");
    let mut world = world.restart(60);
    let mut actions = Vec::new();
    world.engine.begin(true, &mut actions);
    assert_eq!(actions, [Action::Listen(Some(Listening { channel, since: Some("last".to_owned()) }))]);
}

#[test]
fn how_the_link_stands_is_known_and_starts_nothing() {
    let mut world = World::enrolled();
    for link in [LinkState::Connecting, LinkState::Up, LinkState::Refused, LinkState::Up, LinkState::None] {
        assert_eq!(world.handle(Event::LinkChanged(link)), []);
        assert_eq!(world.engine.link(), link);
    }
    assert!(world.history().is_empty());
}

fn ring(world: &mut World, id: &str, text: &str) {
    let actions = world.handle(Event::Rung { id: id.to_owned(), text: text.to_owned() });
    world.serve(actions, &Server::Content);
    if world.next().is_some_and(|(seconds, _)| seconds == 0) {
        let actions = world.handle(Event::DeadlineReached);
        world.serve(actions, &Server::Content);
    }
}

fn base(deeds: &[Action]) -> Option<String> {
    match deeds {
        [Action::Listen(Some(listening))] => {
            assert_eq!((listening.channel.topic.len(), &listening.since), (32, &None));
            Some(listening.channel.base.clone())
        }
        other => panic!("{other:?}"),
    }
}
