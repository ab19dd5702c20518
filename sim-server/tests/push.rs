//! The push service over real TLS on loopback, as ntfy's clients use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::time::Duration;

use mdm_protocol::syncml::{Command, CommandId, Header, Message, Results, Status, StatusCode};
use mdm_sim_server::{Server, ServerOptions};
use reqwest::Response;
use serde_json::Value;
use support::{acknowledged, admin, client, enrol, hello, options, post};

const TOPIC: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz012345";

#[tokio::test]
async fn a_stream_opens_at_once_brings_messages_and_says_that_it_is_still_there() {
    let options = ServerOptions { push_keepalive: Duration::from_millis(200), ..options() };
    let server = Server::start(options).await.unwrap();
    let push = client(&server, None);
    let base = server.push_url().to_owned();
    let mut stream = push.get(format!("{base}/{TOPIC},other/json")).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "application/x-ndjson; charset=utf-8");
    let open = line(&mut stream).await;
    assert_eq!(
        (open["event"].as_str(), open["topic"].as_str()),
        (Some("open"), Some("AbCdEfGhIjKlMnOpQrStUvWxYz012345,other"))
    );

    let answer = post(&push, &format!("{base}/{TOPIC}"), "spread=30").await;
    assert_eq!(answer.headers()["x-wns-deviceconnectionstatus"], "connected");
    assert_eq!(answer.headers()["x-wns-status"], "received");
    let published: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(line(&mut stream).await, published);
    assert_eq!(published["message"], "spread=30");
    assert_eq!(line(&mut stream).await["event"], "keepalive");

    let answer = post(&push, &base, r#"{"topic": "late", "message": "hello", "priority": 5, "tags": ["a"]}"#).await;
    assert_eq!(answer.headers()["x-wns-deviceconnectionstatus"], "disconnected");
    let polled = push.get(format!("{base}/late/json?poll=1&since=10m")).send().await.unwrap().text().await.unwrap();
    let polled: Value = serde_json::from_str(polled.trim()).unwrap();
    assert_eq!((polled["message"].as_str(), polled["priority"].as_u64()), (Some("hello"), Some(5)));
    server.shutdown().await;
}

#[tokio::test]
async fn the_small_questions_are_answered_and_errors_are_as_ntfy_writes_them() {
    let server = Server::start(options()).await.unwrap();
    let push = client(&server, None);
    let get = async |path: &str| {
        let response = push.get(format!("{}{path}", server.push_url())).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap())
    };
    assert_eq!(get("/v1/health").await, (200, serde_json::json!({ "healthy": true })));
    assert_eq!(get(&format!("/{TOPIC}/auth")).await, (200, serde_json::json!({ "success": true })));
    assert_eq!(get(&format!("/{TOPIC}?up=1")).await.1["unifiedpush"]["version"], 1);
    for (path, code) in [("/docs/json", 40009), ("/a/json?since=never", 40008), ("/a/b/c", 40401)] {
        let (status, error) = get(path).await;
        assert_eq!((u64::from(status) * 100 + code % 100, error["code"].as_u64()), (code, Some(code)), "{path}");
        assert_eq!(error["http"], status);
    }
    let url = format!("{}/{TOPIC}", server.push_url());
    assert_eq!(post(&push, &url, vec![b'x'; 4097]).await.status(), 400);
    assert_eq!(post(&push, &url, vec![0xFF]).await.status(), 400);
    let mut answers = Vec::new();
    for _ in 0..70 {
        answers.push(post(&push, &url, "x").await);
    }
    let throttled = answers.iter().find(|answer| answer.status() == 429).unwrap();
    assert_eq!(throttled.headers()["x-wns-status"], "channelthrottled");
    server.shutdown().await;
}

#[tokio::test]
async fn s51_a_device_that_listens_is_rung_when_the_authority_changes() {
    let server = Server::start(options()).await.unwrap();
    let (document, identity) = enrol(&server, "device-1").await;
    let (own, url) = (client(&server, Some(&identity)), &document.management_url);
    let reply = post(&own, url, hello("device-1", 1, url).encode()).await;
    let reply = Message::decode(&reply.bytes().await.unwrap()).unwrap();
    let channel = format!("{}/{TOPIC}", server.push_url());
    assert_eq!(post(&own, url, listening(&reply, &channel).encode()).await.status(), 200);

    let mut stream = client(&server, None).get(format!("{channel}/json")).send().await.unwrap();
    assert_eq!(line(&mut stream).await["event"], "open");
    let patch = r#"{"authority": "co-management", "ring_spread_seconds": 30}"#;
    assert_eq!(admin(&server, "PATCH", "/tenant", patch).await.0, 200);
    assert_eq!(line(&mut stream).await["message"], "spread=30");
    let (_, pending) = admin(&server, "GET", "/devices?authority=intune&state=pending", "").await;
    assert_eq!(
        (pending[0]["id"].as_str(), pending[0]["due_authority"].as_str()),
        (Some("device-1"), Some("co-management"))
    );
    assert_eq!(admin(&server, "GET", "/devices?authority=co-management", "").await.1, serde_json::json!([]));
    assert_eq!(admin(&server, "GET", "/devices?authority=nobody", "").await.0, 400);
    assert_eq!(admin(&server, "POST", "/devices/device-1/ring", "").await.0, 202);
    assert_eq!(line(&mut stream).await["message"], "spread=0");
    server.shutdown().await;
}

/// The next line of a stream.
async fn line(stream: &mut Response) -> Value {
    let chunk = tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.unwrap().unwrap().unwrap();
    serde_json::from_slice(&chunk).unwrap()
}

/// The device's second message: it has done everything, and listens at this address.
fn listening(reply: &Message, channel: &str) -> Message {
    let work = reply.commands.iter().filter(|command| !matches!(command, Command::Status(_)));
    let mut commands = vec![acknowledged(reply)];
    for command in work {
        let message = reply.header.message_id;
        commands.push(Command::Status(Status::new(message, command.id(), command.name(), StatusCode::OK)));
        if command.name() == "Get" {
            let item = mdm_protocol::syncml::Item::source("ChannelURI").with_data(channel);
            commands.push(Command::Results(Results {
                id: CommandId::default(),
                message_ref: message,
                command_ref: command.id().clone(),
                meta: mdm_protocol::syncml::Meta::default(),
                items: vec![item],
            }));
        }
    }
    commands.iter_mut().zip(1_u32..).for_each(|(command, number)| command.set_id(number.into()));
    let header = Header {
        message_id: 2,
        target: reply.header.source.clone(),
        source: reply.header.target.clone(),
        ..reply.header.clone()
    };
    Message { header, commands, is_final: true }
}
