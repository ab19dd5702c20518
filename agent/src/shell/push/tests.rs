//! The link against a small server on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::engine::push_link::LINES_A_MINUTE;

const OPEN: &str = "{\"id\":\"x\",\"time\":1000,\"event\":\"open\",\"topic\":\"t\"}\n";
const KEEP_ALIVE: &str = "{\"id\":\"x\",\"time\":1001,\"event\":\"keepalive\",\"topic\":\"t\"}\n";

#[test]
fn rings_arrive_once_the_link_is_up() {
    let world = World::new(|mut stream, _| {
        stream.send(&format!("{OPEN}{KEEP_ALIVE}{}", ring("a", "spread=5")));
        stream.stay();
    });
    assert_eq!(world.events(2), [PushEvent::Up, rung("a", "spread=5")]);
    assert_eq!(world.requests.recv().unwrap(), "GET /push/topic/json?since=none HTTP/1.1");
}

#[test]
fn a_run_goes_on_after_the_last_ring_of_the_one_before() {
    let world = World::with(PushConfig { since: Some("last".to_owned()), ..config() }, |mut stream, _| {
        stream.send(&format!("{OPEN}{}{}", ring("last", ""), ring("next", "")));
        stream.stay();
    });
    assert_eq!(world.events(2), [PushEvent::Up, rung("next", "")]);
    assert_eq!(world.requests.recv().unwrap(), "GET /push/topic/json?since=last HTTP/1.1");
}

#[test]
fn a_connection_that_ends_is_made_again_and_repeated_rings_ring_once() {
    let world = World::new(|mut stream, number| {
        let rings: String = ["a", "b", "c"].iter().take(number + 1).map(|id| ring(id, "")).collect();
        // In the middle of a line too.
        stream.send(&format!("{OPEN}{rings}{{\"event\":\"mess"));
        if number == 2 {
            stream.stay();
        }
    });
    let broken = |event: &PushEvent| matches!(event, PushEvent::Down { reason: LinkProblem::Broken(_) });
    let events = world.events(8);
    assert!(broken(&events[2]) && broken(&events[5]), "{events:?}");
    let rest: Vec<_> = events.into_iter().filter(|event| !broken(event)).collect();
    let expected = ["a", "b", "c"].map(|id| [PushEvent::Up, rung(id, "")]).concat();
    assert_eq!(rest, expected);
    let asked: Vec<_> = (0..3).map(|_| since(&world.requests.recv().unwrap())).collect();
    assert_eq!(asked, ["none", "a", "b"]);
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let timing = LinkTiming { silence: 300, ..config().timing };
    let world = World::with(PushConfig { timing, ..config() }, |mut stream, number| {
        stream.send(&format!("{OPEN}{}", ring(&number.to_string(), "")));
        stream.stay();
    });
    let silent = PushEvent::Down { reason: LinkProblem::Silent };
    assert_eq!(world.events(5), [PushEvent::Up, rung("0", ""), silent, PushEvent::Up, rung("1", "")]);
}

#[test]
fn a_page_that_is_no_stream_never_gets_the_link_up() {
    let timing = LinkTiming { connecting: 300, ..config().timing };
    let world = World::with(PushConfig { timing, ..config() }, |mut stream, _| {
        stream.send("<html>\nSign in!\n</html>\n");
        stream.stay();
    });
    assert_eq!(world.events(1), [PushEvent::Down { reason: LinkProblem::TimedOut }]);
}

#[test]
fn garbage_between_the_lines_does_no_harm() {
    let world = World::new(|mut stream, _| {
        let long = "x".repeat(100_000);
        stream.send(&format!("{OPEN}garbage\n{long}\n\n{}{{}}\n{}", ring("a", ""), ring("../b", "")));
        stream.send(&ring("c", ""));
        stream.stay();
    });
    assert_eq!(world.events(3), [PushEvent::Up, rung("a", ""), rung("c", "")]);
}

#[test]
fn as_many_rings_as_a_minute_may_bring_arrive_in_order_at_a_reader_that_is_slow_and_no_more() {
    let world = World::new(|mut stream, _| {
        stream.send(OPEN);
        for number in 0..10_000 {
            stream.send(&ring(&number.to_string(), "flood"));
        }
        stream.stay();
    });
    let most = usize::try_from(LINES_A_MINUTE).unwrap();
    let mut events = world.events(2).into_iter().skip(1).collect::<Vec<_>>();
    while !matches!(events.last(), Some(PushEvent::Down { .. })) {
        events.extend(world.events(1));
    }
    assert_eq!(events.pop(), Some(PushEvent::Down { reason: LinkProblem::Flooding }));
    let arrived = events.len();
    assert!((1..most).contains(&arrived), "{arrived} rings");
    let expected = (0..10_000).map(|number: u32| rung(&number.to_string(), "flood"));
    assert!(events.into_iter().eq(expected.take(arrived)));
}

#[test]
fn an_answer_that_refuses_is_named_and_not_asked_for_again_soon() {
    for (status, name) in [(401, "device-auth"), (403, "device-auth"), (404, "wrong-address"), (302, "wrong-address")] {
        let world = World::refusing(status);
        let [PushEvent::Down { reason }] = &world.events(1)[..] else { panic!("{status}") };
        assert_eq!(reason.name(), name);
        world.runtime.block_on(async { tokio::task::yield_now().await });
        assert!(world.requests.try_iter().count() == 1);
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let world = World::refusing(507);
    let busy = PushEvent::Down { reason: LinkProblem::Busy(507) };
    assert_eq!(world.events(3), [busy.clone(), busy.clone(), busy]);
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let world = World::at("http://127.0.0.1:1", config());
    let [PushEvent::Down { reason: LinkProblem::Broken(text) }] = &world.events(1)[..] else { panic!() };
    assert!(text.contains("cannot be reached"), "{text}");
}

#[test]
fn a_new_network_ends_the_wait_for_the_next_attempt() {
    let timing = LinkTiming { first_wait: u64::MAX, longest_wait: u64::MAX, ..config().timing };
    let world = World::with(PushConfig { timing, ..config() }, |mut stream, number| {
        if number == 1 {
            stream.send(OPEN);
            stream.stay();
        }
    });
    assert!(matches!(&world.events(1)[..], [PushEvent::Down { .. }]));
    world.handle.network_up();
    assert_eq!(world.events(1), [PushEvent::Up]);
}

#[test]
fn a_link_ends_when_its_handle_or_its_receiver_is_dropped() {
    let world = World::new(|mut stream, _| {
        stream.send(OPEN);
        stream.stay();
    });
    world.events(1);
    let World { runtime, handle, events, .. } = world;
    drop(handle);
    let mut events = events.into_inner();
    assert_eq!(runtime.block_on(events.recv()), None);
}

#[test]
fn without_tls_only_this_machine_is_listened_to() {
    for base in ["https://push.example.org", "https://push.example.org/", "http://127.0.0.1:1", "http://[::1]:1"] {
        assert!(address(base, "topic").unwrap().path().ends_with("/topic/json"), "{base}");
    }
    assert_eq!(address("https://a/b/?x#y", "t").unwrap().as_str(), "https://a/b/t/json");
    for base in ["http://push.example.org", "ftp://127.0.0.1", "push", "http://localhost.example.org", "mailto:a"] {
        assert!(matches!(address(base, "topic"), Err(PushError::Address { .. })), "{base}");
    }
    for topic in ["", "a/b", "a b", "ä", &"x".repeat(65)] {
        assert!(matches!(address("https://a", topic), Err(PushError::Topic)), "{topic}");
    }
}

/// A server with this behaviour, told the connection and its number, and a link to it.
struct World {
    runtime: tokio::runtime::Runtime,
    handle: PushHandle,
    events: std::cell::RefCell<mpsc::Receiver<PushEvent>>,
    requests: Receiver<String>,
}

impl World {
    fn new(serve: impl Fn(Stream, usize) + Send + 'static) -> Self {
        Self::with(config(), serve)
    }

    fn with(config: PushConfig, serve: impl Fn(Stream, usize) + Send + 'static) -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (address, requests) = server(move |mut stream, number| {
            let _ = stream.write_all(head.as_bytes());
            serve(Stream(stream), number);
        });
        Self { requests, ..Self::at(&format!("http://{address}/push"), config) }
    }

    fn refusing(status: u16) -> Self {
        let (address, requests) = server(move |mut stream, _| {
            let _ = write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        });
        Self { requests, ..Self::at(&format!("http://{address}"), config()) }
    }

    fn at(base: &str, config: PushConfig) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sender, events) = mpsc::channel(4);
        let config = PushConfig { base: base.to_owned(), ..config };
        let handle = runtime.block_on(async { start(&config, sender).unwrap() });
        Self { runtime, handle, events: events.into(), requests: channel().1 }
    }

    fn events(&self, count: usize) -> Vec<PushEvent> {
        let mut events = self.events.borrow_mut();
        self.runtime.block_on(async {
            let mut seen = Vec::new();
            while seen.len() < count {
                seen.push(events.recv().await.unwrap());
            }
            seen
        })
    }
}

/// An answer that goes on.
struct Stream(TcpStream);

impl Stream {
    fn send(&mut self, text: &str) {
        let _ = write!(self.0, "{:x}\r\n{text}\r\n", text.len());
    }

    /// Says nothing more until the other side hangs up.
    fn stay(&mut self) {
        let _ = std::io::copy(&mut self.0, &mut std::io::sink());
    }
}

fn server(serve: impl Fn(TcpStream, usize) + Send + 'static) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, requests) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            let _ = reader.read_line(&mut request);
            let mut line = request.clone();
            while line.trim_end() != "" {
                line.clear();
                let _ = reader.read_line(&mut line);
            }
            let _ = asked.send(request.trim_end().to_owned());
            serve(stream, number);
        }
    });
    (address, requests)
}

fn config() -> PushConfig {
    let timing =
        LinkTiming { silence: 10_000, connecting: 10_000, first_wait: 1, longest_wait: 1, ..LinkTiming::default() };
    PushConfig {
        base: String::new(),
        topic: "topic".to_owned(),
        since: None,
        trust: Trust::default(),
        proxy: ProxySettings::none(),
        seed: 1,
        timing,
    }
}

fn ring(id: &str, text: &str) -> String {
    format!("{{\"id\":{id:?},\"time\":1002,\"event\":\"message\",\"topic\":\"t\",\"message\":{text:?}}}\n")
}

fn rung(id: &str, text: &str) -> PushEvent {
    PushEvent::Rung { id: id.to_owned(), text: text.to_owned() }
}

fn since(request: &str) -> String {
    request.split("since=").nth(1).unwrap().trim_end_matches(" HTTP/1.1").to_owned()
}
