//! Streams as servers send them, and as they should not.

use proptest::prelude::*;

use super::*;
use crate::engine::testing::cases;

#[test]
fn a_stream_opens_is_kept_alive_and_rings() {
    let mut reader = StreamReader::default();
    assert_eq!(reader.since(), "none");
    let events = read(&mut reader, &format!("{OPEN}{KEEP_ALIVE}{}", ring("abc", "spread=60")));
    let message = PushMessage { id: "abc".to_owned(), time: 1002, text: "spread=60".to_owned() };
    assert_eq!(events, [StreamEvent::Open, StreamEvent::KeepAlive, StreamEvent::Message(message)]);
    assert_eq!(reader.since(), "abc");
}

#[test]
fn before_the_first_ring_the_server_is_asked_for_what_came_since_it_last_spoke() {
    let mut reader = StreamReader::default();
    read(&mut reader, OPEN);
    assert_eq!(reader.since(), "1000");
    read(&mut reader, KEEP_ALIVE);
    assert_eq!(reader.since(), "1001");
    read(&mut reader, "{\"event\":\"keepalive\",\"time\":0}\n");
    assert_eq!(reader.since(), "1001");
}

#[test]
fn a_ring_that_is_repeated_rings_once() {
    let mut reader = StreamReader::new(Some("old".to_owned()));
    let stream: String = ["old", "a", "b", "a", "b", "c"].map(|id| ring(id, "")).concat();
    assert_eq!(ids(&read(&mut reader, &stream)), ["a", "b", "c"]);
    reader.reconnected();
    assert_eq!(ids(&read(&mut reader, &stream)), [""; 0]);
}

#[test]
fn garbage_is_counted_and_what_follows_it_is_read() {
    let mut reader = StreamReader::default();
    let bad_ids = ["", "a b", "a/b", &"x".repeat(65)].map(|id| ring(id, "")).concat();
    let garbage = "<html>\n[1,2]\n{\"event\":7}\n\u{fffd}\n\n  \r\n{\"event\":\"poll_request\",\"id\":\"x\"}\n";
    let events = read(&mut reader, &format!("{garbage}{bad_ids}{}", ring("a", "")));
    assert_eq!(ids(&events), ["a"]);
    assert_eq!(reader.garbage(), 8, "neither empty lines nor unknown events");
    assert!(read(&mut reader, "{\"event\":\"message\",\"id\":\"\\ud800\"}\n").is_empty());
}

#[test]
fn a_line_that_is_too_long_is_skipped_without_being_kept() {
    let mut reader = StreamReader::default();
    for piece in std::iter::repeat_n([b'x'; 1024], 1000) {
        reader.feed(&piece, &mut Vec::new());
        assert!(reader.line.capacity() <= 2 * MAX_LINE);
    }
    assert_eq!(ids(&read(&mut reader, &format!("\n{}", ring("a", "")))), ["a"]);
    assert_eq!((reader.oversized(), reader.garbage()), (1, 0));
}

#[test]
fn half_a_line_of_a_broken_connection_is_forgotten() {
    let mut reader = StreamReader::default();
    assert!(read(&mut reader, "{\"event\":\"mess").is_empty());
    reader.reconnected();
    assert_eq!(read(&mut reader, OPEN), [StreamEvent::Open]);
    reader.feed(&[b'x'; MAX_LINE + 1], &mut Vec::new());
    reader.reconnected();
    assert_eq!(read(&mut reader, OPEN), [StreamEvent::Open]);
}

#[test]
fn a_flood_is_read_in_bounded_memory() {
    let mut reader = StreamReader::default();
    let mut events = Vec::new();
    for number in 0..10_000 {
        reader.feed(ring(&number.to_string(), &"x".repeat(5000)).as_bytes(), &mut events);
        assert!(matches!(&events[..], [StreamEvent::Message(message)] if message.text.len() == MAX_TEXT));
        events.clear();
    }
    assert!(reader.seen.len() == REMEMBERED && reader.line.capacity() <= MAX_LINE);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn pieces_of_any_size_say_the_same_as_the_whole(
        lines in proptest::collection::vec((0_u8..5, 0_u16..20), 0..40),
        cuts in proptest::collection::vec(1_usize..90, 1..40),
    ) {
        let line = |(kind, number): &(u8, u16)| match kind {
            0 => OPEN.to_owned(),
            1 => KEEP_ALIVE.to_owned(),
            2 => "no line\n".to_owned(),
            _ => ring(&number.to_string(), "tëxt"),
        };
        let stream: String = lines.iter().map(line).collect();
        let mut whole = StreamReader::default();
        let expected = read(&mut whole, &stream);
        let (mut reader, mut events, mut rest) = (StreamReader::default(), Vec::new(), stream.as_bytes());
        for cut in cuts.iter().cycle() {
            let (piece, later) = rest.split_at((*cut).min(rest.len()));
            reader.feed(piece, &mut events);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(&events, &expected);
        let ids = ids(&events);
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        prop_assert_eq!(unique.len(), ids.len());
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut events = Vec::new();
        StreamReader::default().feed(&bytes, &mut events);
    }
}

const OPEN: &str = "{\"id\":\"x1\",\"time\":1000,\"event\":\"open\",\"topic\":\"t\"}\n";
const KEEP_ALIVE: &str = "{\"id\":\"x2\",\"time\":1001,\"event\":\"keepalive\",\"topic\":\"t\"}\n";

fn ring(id: &str, text: &str) -> String {
    format!("{{\"id\":{id:?},\"time\":1002,\"event\":\"message\",\"topic\":\"t\",\"message\":{text:?},\"tags\":[]}}\n")
}

fn read(reader: &mut StreamReader, text: &str) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    reader.feed(text.as_bytes(), &mut events);
    events
}

fn ids(events: &[StreamEvent]) -> Vec<&str> {
    let mut ids = Vec::new();
    for event in events {
        if let StreamEvent::Message(message) = event {
            ids.push(message.id.as_str());
        }
    }
    ids
}
