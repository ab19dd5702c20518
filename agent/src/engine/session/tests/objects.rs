//! Large objects, in and out.

use mdm_protocol::syncml::{Command, Item, Meta, Operation, Verb};

use crate::engine::profile::Stored;
use crate::engine::session::SessionEnd;
use crate::engine::testing::{Talk, add, atomic, config, context, get, piece, stored_after};

#[test]
fn pieces_are_acknowledged_one_by_one_and_the_whole_is_kept_once() {
    let uri = config("Large");
    let mut talk = Talk::begin();
    talk.say([piece("1", &uri, "Hello, ", Some(13), true)]);
    assert_eq!((talk.code("1"), talk.alerts()), (213, vec![(1222, None)]));
    assert!(!talk.message.is_final, "who asks for more has not said the last of this package");
    talk.say([piece("2", &uri, "wor", None, true)]);
    assert_eq!((talk.code("2"), talk.alerts()), (213, vec![(1222, None)]));
    assert!(talk.kept.is_empty());
    talk.say([piece("3", &uri, "ld!", None, false)]);
    assert_eq!((talk.code("3"), talk.alerts(), talk.message.is_final), (200, vec![], true));
    assert_eq!(kept_values(&talk), ["Hello, world!"]);
}

#[test]
fn the_server_is_asked_for_the_next_piece_even_after_a_message_of_statuses_alone() {
    let mut talk = Talk::begin();
    talk.say([piece("1", &config("L"), "a", Some(2), true)]);
    talk.say([]);
    assert_eq!((talk.end.clone(), talk.alerts()), (None, vec![(1222, None)]));
}

#[test]
fn what_the_command_says_of_its_data_counts_as_if_the_first_piece_said_it() {
    let uri = config("L");
    let whole_command = |id: &str, data: &str, meta: Meta, more_data: bool| {
        let item = Item { more_data, ..Item::target(&uri).with_data(data) };
        Command::Operation(Operation { id: id.into(), verb: Verb::Add, meta, items: vec![item] })
    };
    let meta = Meta { size: Some(5), ..Meta::format(mdm_protocol::syncml::Format::Xml) };
    let mut talk = Talk::begin();
    talk.say([whole_command("1", "<a", meta.clone(), true)]);
    talk.say([whole_command("2", "/>", Meta::default(), false)]);
    assert_eq!(talk.code("2"), 424);
    let mut talk = Talk::begin();
    talk.say([whole_command("1", "<a/", Meta { size: Some(4), ..meta }, true)]);
    talk.say([whole_command("2", ">", Meta::default(), false)]);
    assert_eq!(talk.code("2"), 200);
    let node = &talk.kept[0].profiles.values().next().and_then(Option::as_ref).unwrap().nodes[""];
    assert_eq!((node.format.as_str(), node.value.as_str()), ("xml", "<a/>"));
}

#[test]
fn pieces_that_do_not_add_up_are_refused_and_nothing_is_kept() {
    let uri = config("L");
    let mut talk = Talk::begin();
    talk.say([piece("1", &uri, "abc", Some(5), true)]);
    talk.say([piece("2", &uri, "defg", None, false)]);
    assert_eq!((talk.code("2"), talk.alerts()), (424, vec![]));
    assert!(talk.kept.is_empty());
}

#[test]
fn an_object_that_is_too_big_is_refused_by_its_announcement_or_when_it_grows_too_big() {
    let uri = config("L");
    let mut talk = Talk::begin();
    talk.say([piece("1", &uri, "abc", Some((4 << 20) + 1), true)]);
    assert_eq!((talk.code("1"), talk.alerts()), (416, vec![]));
    talk.say([piece("2", &uri, "def", None, true)]);
    assert_eq!(talk.code("2"), 416, "what is left of a refused object is refused too");
    let mut talk = Talk::begin();
    let part = "x".repeat(3 << 20);
    talk.say([piece("1", &uri, &part, None, true)]);
    assert_eq!(talk.code("1"), 213);
    talk.say([piece("2", &uri, &part, None, true)]);
    assert_eq!(talk.code("2"), 413);
    assert!(talk.kept.is_empty());
}

#[test]
fn another_object_in_the_middle_ends_the_first_and_the_server_is_told_which() {
    let (first, second) = (config("First"), config("Second"));
    let mut talk = Talk::begin();
    talk.say([piece("1", &first, "abc", Some(6), true)]);
    talk.say([piece("2", &second, "whole", None, false)]);
    assert_eq!((talk.code("2"), talk.alerts()), (200, vec![(1225, Some(first.clone()))]));
    assert_eq!(kept_values(&talk), ["whole"]);
    let mut talk = Talk::begin();
    talk.say([piece("1", &first, "abc", Some(6), true), piece("2", &second, "ab", Some(4), true)]);
    assert_eq!(talk.alerts(), [(1225, Some(first)), (1222, None)]);
    talk.say([piece("3", &second, "cd", None, false)]);
    assert_eq!(kept_values(&talk), ["abcd"]);
}

#[test]
fn an_atomic_in_the_middle_ends_the_object_and_takes_none_of_its_pieces() {
    let uri = config("L");
    let mut talk = Talk::begin();
    talk.say([piece("1", &uri, "abc", Some(6), true)]);
    talk.say([atomic("a", vec![add("2", &config("Other"), "1")])]);
    assert_eq!((talk.code("a"), talk.alerts()), (200, vec![(1225, Some(uri))]));
    assert_eq!(kept_values(&talk), ["1"]);
}

#[test]
fn a_piece_inside_an_atomic_is_refused() {
    let mut talk = Talk::begin();
    talk.say([atomic("a", vec![piece("1", &config("L"), "abc", Some(6), true)])]);
    assert_eq!([talk.code("a"), talk.code("1")], [507, 406]);
    assert_eq!(talk.alerts(), []);
}

#[test]
fn an_object_that_is_not_complete_when_the_session_ends_leaves_nothing() {
    let mut talk = Talk::begin();
    talk.say([piece("1", &config("L"), "abc", Some(6), true)]);
    talk.answer(&crate::engine::testing::ok(""));
    assert!(talk.kept.is_empty());
    assert_eq!(talk.session.tree().changes(0), crate::engine::Changes::default());
}

#[test]
fn results_that_do_not_fit_go_out_in_pieces_which_together_are_the_value() {
    let value = "<&é\"x".repeat(3000);
    let stored = stored_after(vec![add("a", &config("Large"), &value)]);
    for (limit, at_least) in [(4096, 8), (1, 20), (16_384, 2)] {
        let mut talk = Talk::begin_with(context(), &stored);
        talk.server_limits = Meta { max_message_size: Some(limit), ..Meta::default() };
        talk.say([get("g", &config("Large"))]);
        assert_eq!(talk.code("g"), 200);
        let mut pieces: Vec<Item> = Vec::new();
        while talk.end.is_none() {
            let item = result_item(&talk).expect("every message carries a piece");
            assert!(talk.bytes as u64 <= limit.max(2048), "{} bytes with a limit of {limit}", talk.bytes);
            assert_eq!(talk.message.is_final, !item.more_data);
            pieces.push(item);
            talk.say([]);
        }
        let size = value.len() as u64;
        assert_eq!(pieces.iter().map(|item| item.meta.size).collect::<Vec<_>>()[..2], [Some(size), None]);
        assert!(pieces.len() >= at_least, "{}", pieces.len());
        let more: Vec<bool> = pieces.iter().map(|item| item.more_data).collect();
        assert!(more[..more.len() - 1].iter().all(|more| *more) && !more[more.len() - 1]);
        assert_eq!(pieces.into_iter().filter_map(|item| item.data).collect::<String>(), value);
    }
}

#[test]
fn every_message_stays_within_the_servers_limit_and_everything_arrives_in_order() {
    let mut talk = Talk::begin();
    talk.server_limits = Meta { max_message_size: Some(4096), ..Meta::default() };
    talk.say((0..100).map(|number| get(&format!("g{number}"), "./DevInfo/DevId")));
    let mut references: Vec<String> = Vec::new();
    while talk.end.is_none() {
        assert!(talk.bytes <= 4096);
        let found = talk.statuses().into_iter().filter(|(_, name, _)| *name == "Get");
        references.extend(found.map(|(id, ..)| id.to_owned()));
        assert_eq!(talk.statuses().first().map(|(_, name, _)| *name), Some("SyncHdr"));
        talk.say([]);
    }
    assert_eq!(references, (0..100).map(|number| format!("g{number}")).collect::<Vec<_>>());
}

#[test]
fn a_value_of_any_length_is_answered_whatever_the_servers_limit() {
    for limit in [2048_usize, 4096, 16_384] {
        // Round the lengths at which a value just fills a message, or just does not.
        for length in (0..limit + 200).step_by(limit / 64) {
            let value = "x".repeat(length);
            let stored = stored_after(vec![add("a", &config("Value"), &value)]);
            let mut talk = Talk::begin_with(context(), &stored);
            talk.server_limits = Meta { max_message_size: Some(limit as u64), ..Meta::default() };
            let mut read = String::new();
            talk.say([get("g", &config("Value"))]);
            while talk.end.is_none() {
                assert!(talk.bytes <= limit, "{} bytes with a limit of {limit}", talk.bytes);
                read.extend(talk.results().into_iter().filter_map(|(_, data)| data));
                talk.say([]);
            }
            assert_eq!((read.len(), talk.end.clone()), (length, Some(SessionEnd::Completed)), "{limit}");
        }
    }
}

#[test]
fn status_and_results_of_a_get_travel_together_where_both_fit_a_message() {
    for limit in (2048..3200).step_by(16) {
        let mut talk = Talk::begin();
        talk.server_limits = Meta { max_message_size: Some(limit), ..Meta::default() };
        talk.say((0..30).map(|number| get(&format!("g{number}"), "./DevInfo/DevId")));
        while talk.end.is_none() {
            assert!(talk.bytes as u64 <= limit, "{} bytes with a limit of {limit}", talk.bytes);
            let answered = talk.statuses().iter().filter(|(_, name, _)| *name == "Get").count();
            assert_eq!(answered, talk.results().len(), "with a limit of {limit}");
            talk.say([]);
        }
    }
}

#[test]
fn an_answer_that_the_server_cannot_receive_is_413_for_its_command_and_the_others_are_answered() {
    let long = config(&"n".repeat(1900));
    let stored = stored_after(vec![
        add("a", &long, "1"),
        add("b", &config("Large"), &"x".repeat(5000)),
        add("c", &config("Small"), "1"),
    ]);
    let small = Meta { max_message_size: Some(2048), ..Meta::default() };
    let few = Meta { max_object_size: Some(4096), ..Meta::default() };
    for (limits, refused) in [(small.clone(), long.clone()), (few, config("Large"))] {
        let mut talk = Talk::begin_with(context(), &stored);
        talk.server_limits = limits;
        talk.say([get("g", &refused), get("s", &config("Small"))]);
        assert_eq!([talk.code("g"), talk.code("s")], [413, 200], "{refused}");
        assert_eq!(talk.results(), [(config("Small"), Some("1".to_owned()))]);
        talk.say([]);
        assert_eq!(talk.end, Some(SessionEnd::Completed));
    }
    // More than the messages of one session can carry.
    let stored = stored_after(vec![add("a", &config("Huge"), &"x".repeat(500_000))]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.server_limits = small;
    talk.say([get("g", &config("Huge"))]);
    assert_eq!(talk.code("g"), 413);
    talk.say([]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
}

#[test]
fn messages_are_as_full_as_they_may_be() {
    for limit in [4096_usize, 65_536] {
        let mut talk = Talk::begin();
        talk.server_limits = Meta { max_message_size: Some(limit as u64), ..Meta::default() };
        talk.say((0..limit / 20).map(|number| get(&format!("g{number}"), "./DevInfo/DevId")));
        while !talk.message.is_final {
            assert!(talk.bytes <= limit && talk.bytes > limit - 1024, "{} bytes with a limit of {limit}", talk.bytes);
            talk.say([]);
        }
    }
}

#[test]
fn without_a_limit_a_large_value_goes_out_whole() {
    let value = "x".repeat(100_000);
    let stored = stored_after(vec![add("a", &config("Large"), &value)]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say([get("g", &config("Large"))]);
    assert_eq!(talk.results(), [(config("Large"), Some(value))]);
}

fn result_item(talk: &Talk) -> Option<Item> {
    let mut items = talk.message.commands.iter().filter_map(|command| match command {
        Command::Results(results) => results.items.first().cloned(),
        _ => None,
    });
    items.next_back()
}

fn kept_values(talk: &Talk) -> Vec<String> {
    let mut stored = Stored::default();
    talk.kept.iter().for_each(|changes| stored.apply(changes));
    stored.profiles.iter().map(|profile| profile.nodes[""].value.clone()).collect()
}
