//! Keep-alive messages: when they are sent, and that the session stays one exchange at a time whatever comes
//! between.

use mdm_protocol::syncml::{AlertCode, Command, Message, alert_type};
use proptest::prelude::*;

use super::{World, answer, opened};
use crate::engine::progress::{Progress, Trigger};
use crate::engine::server_settings::ServerSettings;
use crate::engine::testing::{account, add, alert, cases, config, ok, statuses};
use crate::engine::time::TimerReason;
use crate::engine::verdict::Verdicts;
use crate::engine::{Action, ConnectionFailure, Event, Phase};

/// A session whose every step is taken by hand.
struct Held {
    world: World,
    /// What was ordered and is not reported.
    orders: Vec<Action>,
}

impl Held {
    /// A device whose server wants to hear of it, in its first message.
    fn begin(keeps_alive: bool) -> Self {
        let settings = ServerSettings { keeps_alive, ..ServerSettings::default() };
        let progress = Progress { server_settings: Some(Box::new(settings)), ..Progress::default() };
        let mut held = Self { world: World::with(account(), progress), orders: Vec::new() };
        held.feed(Event::CheckInRequested(Trigger::User));
        held.orders.clear();
        let begun = opened(&held.world.stored);
        held.feed(begun);
        held
    }

    fn feed(&mut self, event: Event) {
        self.world.engine.handle(event, self.world.now, &mut self.orders);
        self.orders.retain(|action| !matches!(action, Action::Note(_)));
    }

    /// The message that is under way.
    fn message(&self) -> Option<Message> {
        let mut posts = self.orders.iter().filter_map(|action| match action {
            Action::Post { body, .. } => Some(Message::decode(body).unwrap()),
            _ => None,
        });
        let message = posts.next();
        assert!(posts.next().is_none(), "one exchange at a time: {:?}", self.orders);
        message
    }

    /// The server answers the message that is under way.
    fn say(&mut self, commands: Vec<Command>) {
        let message = self.message().expect("the device waits for an answer");
        self.orders.retain(|action| !matches!(action, Action::Post { .. }));
        self.feed(Event::Replied(ok(answer(&message, commands))));
    }

    /// The next step of the work is done, if one is under way.
    fn work(&mut self) -> bool {
        let is_work = |action: &Action| matches!(action, Action::Evaluate(_) | Action::Apply(_) | Action::Keep(_));
        let Some(place) = self.orders.iter().position(is_work) else { return false };
        let event = match self.orders.remove(place) {
            Action::Evaluate(request) => Event::Evaluated(Box::new(Verdicts::all_applicable(&request))),
            Action::Apply(_) => Event::Applied(Box::default()),
            _ => Event::Kept(Ok(())),
        };
        self.feed(event);
        true
    }

    fn wait(&mut self, seconds: u64) {
        self.world.pass(seconds);
        self.feed(Event::DeadlineReached);
    }
}

fn is_keep_alive(message: &Message) -> bool {
    let is_pending = |command: &Command| {
        matches!(command, Command::Alert(alert)
        if alert.code == AlertCode::CLIENT_EVENT
            && alert.items.iter().any(|item| item.meta.media_type.as_deref() == Some(alert_type::REQUEST_PENDING)))
    };
    message.commands.iter().any(is_pending)
}

/// The codes for commands, header aside, by message and command.
fn codes(message: &Message) -> Vec<(u32, String, u16)> {
    let statuses = message.commands.iter().filter_map(|command| match command {
        Command::Status(status) if status.command != "SyncHdr" => {
            Some((status.message_ref, status.command_ref.0.clone(), status.code.0))
        }
        _ => None,
    });
    statuses.collect()
}

/// The messages whose headers are answered.
fn header_answers(message: &Message) -> Vec<u32> {
    let statuses = message.commands.iter().filter_map(|command| match command {
        Command::Status(status) if status.command == "SyncHdr" => Some(status.message_ref),
        _ => None,
    });
    statuses.collect()
}

#[test]
fn without_the_setting_nothing_is_said() {
    let mut held = Held::begin(false);
    held.say(vec![add("1", &config("A"), "1")]);
    assert_eq!(held.world.next(), None);
    held.wait(600);
    assert_eq!(held.message(), None);
}

#[test]
fn every_half_minute_of_work_the_server_hears_that_its_answer_is_still_to_come() {
    let mut held = Held::begin(true);
    held.say(vec![add("a", &config("A"), "1")]);
    for expected in 2..5 {
        assert_eq!(held.world.next(), Some((30, TimerReason::KeepAlive)));
        held.wait(29);
        assert_eq!(held.message(), None);
        held.wait(1);
        let message = held.message().unwrap();
        assert!(is_keep_alive(&message) && !message.is_final, "{message:?}");
        assert_eq!((message.header.message_id, message.commands.len()), (expected, 2));
        assert_eq!(header_answers(&message), [expected - 1]);
        assert_eq!(held.world.next(), None, "the next one waits for the answer to this one");
        held.say(vec![alert("n", 1222)]);
    }
    while held.work() {}
    let last = held.message().unwrap();
    assert_eq!(statuses(&last), [("0", "SyncHdr", 200), ("a", "Add", 200)]);
    assert_eq!(header_answers(&last), [4], "each header is answered once, in the next message");
    assert!(last.is_final);
    held.wait(600);
    assert!(
        !is_keep_alive(&held.message().unwrap()),
        "a server that is asked for something gets no keep-alive message"
    );
}

#[test]
fn a_keep_alive_message_that_is_lost_fails_nothing() {
    let mut held = Held::begin(true);
    held.say(vec![add("a", &config("A"), "1")]);
    held.wait(30);
    while held.work() {}
    assert!(is_keep_alive(&held.message().unwrap()), "the answer waits until the exchange is complete");
    held.orders.clear();
    held.feed(Event::ConnectionFailed(ConnectionFailure::TimedOut));
    assert_eq!(statuses(&held.message().unwrap()), [("0", "SyncHdr", 200), ("a", "Add", 200)]);
}

#[test]
fn what_the_server_says_meanwhile_comes_after_its_commands_and_an_abort_ends_the_session() {
    let mut held = Held::begin(true);
    held.say(vec![add("a", &config("A"), "1")]);
    held.wait(30);
    held.say(vec![add("b", &config("B"), "2")]);
    while held.work() {}
    assert_eq!(codes(&held.message().unwrap()), [(1, "a".to_owned(), 200), (2, "b".to_owned(), 200)]);

    let mut held = Held::begin(true);
    held.say(vec![add("a", &config("A"), "1")]);
    held.wait(30);
    held.say(vec![alert("x", 1223)]);
    let mut kept = 0;
    while held.work() {
        kept += 1;
    }
    assert!(kept > 1, "what was begun is brought to its end");
    let reports = held.orders.iter().filter_map(|action| match action {
        Action::Report(record) => Some(record.outcome.as_str()),
        _ => None,
    });
    assert_eq!(reports.collect::<Vec<_>>(), ["aborted"]);
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Work,
    Wait(u64),
    /// The server answers what is under way, with this many commands of its own.
    Say(usize),
    /// Nothing comes back of a message.
    Lose,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => Just(Turn::Work),
        3 => (0_u64..70).prop_map(Turn::Wait),
        3 => (0_usize..3).prop_map(Turn::Say),
        1 => Just(Turn::Lose),
    ]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn every_command_is_answered_once_and_one_message_is_under_way(turns in prop::collection::vec(turn(), 1..80)) {
        let mut held = Held::begin(true);
        let mut said: Vec<(u32, String)> = Vec::new();
        let mut answered: Vec<(u32, String)> = Vec::new();
        let say = |held: &mut Held, count: usize, said: &mut Vec<(u32, String)>| {
            let message = held.message().unwrap().header.message_id;
            let names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
            let node = |name: &str| config(&format!("{name}{message}"));
            let commands = names.iter().map(|name| add(name, &node(name), "1")).collect();
            said.extend(names.iter().map(|name| (message, name.clone())));
            held.say(commands);
        };
        say(&mut held, 1, &mut said);
        for turn in turns {
            match turn {
                Turn::Work => drop(held.work()),
                Turn::Wait(seconds) => held.wait(seconds),
                Turn::Say(count) => {
                    let Some(message) = held.message() else { continue };
                    answered.extend(codes(&message).into_iter().map(|(message, id, _)| (message, id)));
                    // A server that has nothing more to say ends the session.
                    say(&mut held, if is_keep_alive(&message) { count } else { count.max(1) }, &mut said);
                }
                Turn::Lose => {
                    if held.message().is_some_and(|message| is_keep_alive(&message)) {
                        held.orders.retain(|action| !matches!(action, Action::Post { .. }));
                        held.feed(Event::ConnectionFailed(ConnectionFailure::TimedOut));
                    }
                }
            }
            prop_assert!(matches!(held.world.engine.phase(), Phase::Running(_)), "the session goes on");
            let has_work = held.orders.iter().any(|action| !matches!(action, Action::Post { .. }));
            prop_assert!(has_work || held.message().is_some(), "something is always under way");
        }
        for _ in 0..1000 {
            if held.work() {
                continue;
            }
            let Some(message) = held.message() else { break };
            answered.extend(codes(&message).into_iter().map(|(message, id, _)| (message, id)));
            let is_over = !is_keep_alive(&message);
            held.say(Vec::new());
            if is_over {
                break;
            }
        }
        prop_assert_eq!(answered, said, "each once, in the order in which they were said");
    }
}
