//! Links that fail, and how they come back.

use proptest::prelude::*;

use super::*;
use crate::engine::testing::cases;

const HOUR: u64 = 3_600_000;
/// A keep-alive.
const SOME: LinkEvent = LinkEvent::Received { bytes: 100, lines: 1 };

#[test]
fn a_link_connects_at_once_and_is_up_when_the_server_says_so() {
    let mut world = World::new();
    assert_eq!(world.due(), Some(LinkOrder::Connect));
    assert_eq!(world.link.state(), LinkState::Connecting);
    world.tell(LinkEvent::Connected);
    assert_eq!((world.link.state(), world.link.problem()), (LinkState::Up, None));
}

#[test]
fn a_server_that_speaks_is_left_alone_and_one_that_falls_silent_is_given_up() {
    let mut world = World::up();
    for _ in 0..100 {
        world.now += 119_999;
        assert_eq!(world.tell(SOME), None);
        assert_eq!(world.tell(LinkEvent::Due), None);
    }
    assert_eq!(world.due(), Some(LinkOrder::HangUp));
    assert_eq!(world.link.problem(), Some(&LinkProblem::Silent));
}

#[test]
fn a_subscription_that_never_opens_is_given_up() {
    let mut world = World::new();
    world.due();
    world.tell(SOME);
    assert_eq!(world.due(), Some(LinkOrder::HangUp));
    assert_eq!(world.now, 30_000);
    assert_eq!(world.link.problem(), Some(&LinkProblem::TimedOut));
}

#[test]
fn a_server_that_floods_is_hung_up_on_ever_longer_over_all_of_its_connections() {
    for much in [
        LinkEvent::Received { bytes: BYTES_A_MINUTE / 4, lines: 0 },
        LinkEvent::Received { bytes: 0, lines: LINES_A_MINUTE / 4 },
    ] {
        let mut world = World::up();
        for _ in 0..100 {
            world.now += 20_000;
            assert_eq!(world.tell(much.clone()), None, "three quarters of it in a minute");
        }
        world.now += 60_000;
        world.tell(much.clone());
        world.tell(much.clone());
        // That the connection breaks begins no new minute.
        world.tell(broken());
        world.due();
        world.tell(LinkEvent::Connected);
        assert_eq!([world.tell(much.clone()), world.tell(much.clone())], [None, None]);
        assert_eq!(world.tell(much.clone()), Some(LinkOrder::HangUp));
        assert_eq!(world.link.problem(), Some(&LinkProblem::Flooding));
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push((world.link.deadline() - world.now) / 15_000);
            world.due();
            world.tell(LinkEvent::Connected);
            for _ in 0..5 {
                world.tell(much.clone());
            }
        }
        // The usual wait of failures in a row, five minutes at most, comes on top.
        let mut expected = [1, 4, 16, 64, 240, 240].iter().zip(&waits);
        assert!(expected.all(|(least, wait)| (*least..=least + 20).contains(wait)), "{waits:?}");
    }
}

#[test]
fn failures_in_a_row_wait_ever_longer_up_to_five_minutes() {
    let longest =
        |failures: usize| (0..200).map(|seed| *World::seeded(seed).failures(failures).last().unwrap()).max().unwrap();
    assert!((900..=1_000).contains(&longest(1)));
    assert!((3_600..=4_000).contains(&longest(3)));
    assert!((270_000..=300_000).contains(&longest(30)));
}

#[test]
fn a_connection_that_held_a_minute_makes_good_for_the_failures_before_it() {
    let mut world = World::new();
    world.failures(20);
    world.due();
    world.tell(LinkEvent::Connected);
    world.now += 59_999;
    world.tell(broken());
    assert!(world.link.failures > 20);
    world.due();
    world.tell(LinkEvent::Connected);
    world.now += 60_000;
    world.tell(broken());
    assert_eq!(world.link.failures, 1);
    assert!(world.wait() <= 1_000);
}

#[test]
fn what_the_server_asks_for_is_a_floor_on_any_network() {
    for status in [429, 503, 507] {
        let mut world = World::new();
        world.due();
        world.tell(LinkEvent::HttpStatus { status, retry_after: Some(90) });
        assert_eq!(world.link.problem().unwrap().name(), "busy");
        assert!((90_000..=91_000).contains(&world.wait()));
        assert_eq!(world.tell(LinkEvent::NetworkUp), None);
        assert_eq!(world.wait(), 90_000);
    }
    let mut world = World::new();
    world.due();
    world.tell(LinkEvent::HttpStatus { status: 500, retry_after: Some(u64::MAX) });
    assert!(world.wait() <= 24 * HOUR + 1_000);
}

#[test]
fn an_answer_that_stays_the_same_is_asked_for_hourly() {
    for (status, name) in [(401, "device-auth"), (403, "device-auth"), (404, "wrong-address"), (302, "wrong-address")] {
        let mut world = World::new();
        world.due();
        world.tell(LinkEvent::HttpStatus { status, retry_after: None });
        assert_eq!(world.link.problem().unwrap().name(), name);
        assert!((HOUR..=HOUR + 1_000).contains(&world.wait()));
    }
}

#[test]
fn a_new_network_ends_the_wait() {
    let mut world = World::new();
    world.failures(20);
    assert_eq!(world.tell(LinkEvent::NetworkUp), Some(LinkOrder::Connect));
    world.tell(broken());
    assert!(world.wait() <= 1_000, "and what was before no longer counts");
}

#[test]
fn a_new_network_replaces_a_connection_that_is_not_from_just_now() {
    let mut world = World::up();
    assert_eq!(world.tell(LinkEvent::NetworkUp), None);
    world.now += 60_000;
    assert_eq!(world.tell(LinkEvent::NetworkUp), Some(LinkOrder::Connect));
    assert_eq!(world.tell(LinkEvent::NetworkUp), None);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_link_never_rests_for_ever_and_never_asks_before_its_time(
        seed in any::<u64>(),
        events in proptest::collection::vec((0_u8..7, 0_u16..600, 0_u64..200_000), 1..200),
    ) {
        let mut world = World::seeded(seed);
        let mut held = 0;
        for (kind, status, ms) in events {
            world.now = world.now.saturating_add(ms);
            let before = world.link.state();
            let event = match kind {
                0 => LinkEvent::Connected,
                1 => SOME,
                2 => broken(),
                3 => LinkEvent::HttpStatus { status, retry_after: (ms % 2 == 0).then_some(ms / 1000) },
                4 => LinkEvent::NetworkUp,
                _ => LinkEvent::Due,
            };
            let asked = matches!(&event, LinkEvent::HttpStatus { .. } if before == LinkState::Connecting);
            let retry_after = if let LinkEvent::HttpStatus { retry_after, .. } = &event { *retry_after } else { None };
            let order = world.tell(event);
            if asked {
                held = world.now + retry_after.unwrap_or(0) * 1000;
            }
            match order {
                Some(LinkOrder::Connect) => {
                    prop_assert_eq!(world.link.state(), LinkState::Connecting);
                    prop_assert!(world.now >= held);
                }
                Some(LinkOrder::HangUp) => {
                    prop_assert_eq!(world.link.state(), LinkState::Down);
                    prop_assert!(world.link.problem().is_some());
                }
                None => prop_assert!(before == world.link.state() || world.link.state() == LinkState::Up),
            }
            prop_assert!(world.link.deadline() <= world.now + HOUR + 300_000);
        }
        // Left to itself with a server that opens, it is up after two deadlines.
        for _ in 0..2 {
            if world.link.state() != LinkState::Connecting {
                world.due();
            }
            world.tell(LinkEvent::Connected);
            if world.link.state() == LinkState::Up {
                break;
            }
        }
        prop_assert_eq!(world.link.state(), LinkState::Up);
    }
}

struct World {
    link: PushLink,
    now: u64,
    random: fastrand::Rng,
}

impl World {
    fn new() -> Self {
        Self::seeded(1)
    }

    fn seeded(seed: u64) -> Self {
        Self { link: PushLink::new(LinkTiming::default(), 0), now: 0, random: fastrand::Rng::with_seed(seed) }
    }

    fn up() -> Self {
        let mut world = Self::new();
        world.due();
        world.tell(LinkEvent::Connected);
        world
    }

    fn tell(&mut self, event: LinkEvent) -> Option<LinkOrder> {
        self.link.handle(event, self.now, &mut self.random)
    }

    /// Goes to the deadline.
    fn due(&mut self) -> Option<LinkOrder> {
        self.now = self.now.max(self.link.deadline());
        self.tell(LinkEvent::Due)
    }

    fn wait(&self) -> u64 {
        self.link.deadline() - self.now
    }

    /// The waits after so many failures in a row.
    fn failures(&mut self, count: usize) -> Vec<u64> {
        let fail = |_| {
            self.due();
            self.tell(broken());
            self.wait()
        };
        (0..count).map(fail).collect()
    }
}

fn broken() -> LinkEvent {
    LinkEvent::Broken("the connection broke".to_owned())
}
