//! The whole server over real TLS on loopback: enrolment, sessions, refusals, the admin API, a restart.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use mdm_protocol::enrolment::{AuthPolicy, CertificatePolicy, Discover, DiscoverResponse, GetPolicies};
use mdm_protocol::soap::{Fault, FaultKind, RequestHeader};
use mdm_protocol::syncml::{Command, CommandId, Header, Message, Status, StatusCode};
use mdm_sim_server::{Server, ServerError, ServerOptions};
use support::{USER, acknowledged, admin, client, enrol, hello, options, post, token_request};

const MANAGEMENT: &str = "/ManagementServer/MDM.svc";
const FRAGMENT: &str = "<Replace><Item><Target><LocURI>./Vendor/MSFT/WiFi/Profile/A/WlanXml</LocURI></Target>\
    <Data>x</Data></Item></Replace>";

#[tokio::test]
async fn a_management_request_without_a_certificate_is_refused_in_words() {
    let server = Server::start(options()).await.unwrap();
    let url = format!("{}{MANAGEMENT}?mode=Machine", server.device_url());
    let message = hello("device-1", 1, &url).encode();
    let response = post(&client(&server, None), &url, message).await;
    assert_eq!(response.status(), 403);
    assert!(response.text().await.unwrap().contains("needs the client certificate"));
    // However much a stranger sends, it is the stranger that is refused, not the amount.
    assert_eq!(post(&client(&server, None), &url, vec![b' '; 5 << 20]).await.status(), 403);
    server.shutdown().await;
}

#[tokio::test]
async fn a_device_enrols_and_is_given_what_is_assigned_to_it() {
    let server = Server::start(options()).await.unwrap();
    let base = server.device_url().to_owned();
    let anonymous = client(&server, None);
    let probe = anonymous.get(format!("{base}/EnrollmentServer/Discovery.svc")).send().await.unwrap();
    assert_eq!((probe.status().as_u16(), probe.headers()["content-length"].to_str().unwrap()), (200, "0"));
    let discover = Discover {
        email: USER.to_owned(),
        request_version: "4.0".to_owned(),
        device_type: "CIMClient_Windows".to_owned(),
        application_version: "10.0.26100.0".to_owned(),
        os_edition: "4".to_owned(),
        auth_policies: vec![AuthPolicy::OnPremise],
    };
    let request = discover.encode(&header());
    let response = post(&anonymous, &format!("{base}/EnrollmentServer/Discovery.svc"), request).await;
    assert!(response.headers().contains_key("content-length"));
    let found = DiscoverResponse::decode(&response.bytes().await.unwrap()).unwrap();
    let response = post(&anonymous, &found.policy_url.unwrap(), GetPolicies::encode(&header())).await;
    let policy = CertificatePolicy::decode(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(policy.minimal_key_length, Some(2048));

    let (document, identity) = enrol(&server, "device-1").await;
    assert_eq!(document.management_url, format!("{base}/ManagementServer/Intune/MDM.svc"));
    assert_eq!((document.provider_id.as_str(), document.renewal.period_days), ("LinuxMDM", 42));
    assert_eq!(document.poll.unwrap().sets[2].interval_minutes, 480);
    assert_eq!(document.authentication.len(), 2);
    assert_eq!(admin(&server, "PUT", "/profiles/wifi", FRAGMENT).await.0, 200);
    assert_eq!(admin(&server, "PUT", "/profiles/wifi/assignment", r#"{"all": true}"#).await.0, 200);

    let own = client(&server, Some(&identity));
    let url = &document.management_url;
    let response = post(&own, url, hello("device-1", 1, url).encode()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/vnd.syncml.dm+xml");
    let reply = Message::decode(&response.bytes().await.unwrap()).unwrap();
    assert!(reply.commands.iter().any(|command| matches!(command, Command::Operation(_))));
    let (status, device) = admin(&server, "GET", "/devices/device-1", "").await;
    assert_eq!((status, device["profiles"][0]["state"].as_str()), (200, Some("pending")));
    assert_eq!(device["user"], USER);

    let response = post(&own, url, answer_all(&reply).encode()).await;
    assert_eq!(response.status(), 200);
    let end = Message::decode(&response.bytes().await.unwrap()).unwrap();
    assert!(matches!(&end.commands[..], [Command::Status(status)] if status.command == "SyncHdr"));
    let (_, device) = admin(&server, "GET", "/devices/device-1", "").await;
    assert_eq!(device["profiles"][0]["state"], "delivered");
    assert_eq!(device["last_session"]["outcome"], "completed");

    let response = post(&own, url, hello("device-2", 1, url).encode()).await;
    assert_eq!(response.status(), 403);
    assert_eq!(admin(&server, "DELETE", "/devices/device-1", "").await.0, 204);
    let response = post(&own, url, hello("device-1", 2, url).encode()).await;
    assert_eq!(response.status(), 403);
    server.shutdown().await;
}

#[tokio::test]
async fn s44_s50_s57_a_device_moves_to_the_address_that_it_is_told() {
    let server = Server::start(options()).await.unwrap();
    let (document, identity) = enrol(&server, "device-1").await;
    let own = client(&server, Some(&identity));
    let check_in = async |url: &str, session| {
        let reply = post(&own, url, hello("device-1", session, url).encode()).await;
        let reply = Message::decode(&reply.bytes().await.unwrap()).unwrap();
        assert_eq!(post(&own, url, answer_all(&reply).encode()).await.status(), 200);
        reply.commands.into_iter().filter(|command| command.name() == "Atomic").collect::<Vec<_>>()
    };
    let old = document.management_url.as_str();
    let told = format!("{:?}", check_in(old, 1).await);
    assert!(told.contains("Authority/Name") && !told.contains("ManagementServerAddressList"), "{told}");
    assert_eq!(admin(&server, "PATCH", "/tenant", r#"{"authority": "co-management"}"#).await.0, 200);
    let moved = format!("{:?}", check_in(old, 2).await);
    assert!(moved.contains("ManagementServerAddressList"), "{moved}");
    let listed = async |authority: &str| {
        let (_, devices) = admin(&server, "GET", &format!("/devices?authority={authority}"), "").await;
        devices.as_array().unwrap().iter().map(|device| device["state"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((listed("intune").await, listed("co-management").await.len()), (vec!["pending".into()], 0));
    let new = format!("{}/ManagementServer/CoManagement/MDM.svc", server.device_url());
    assert!(check_in(&new, 3).await.is_empty());
    assert_eq!((listed("intune").await.len(), listed("co-management").await), (0, vec!["registered".into()]));
    server.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_is_a_fault_in_the_style_that_is_set() {
    let server = Server::start(options()).await.unwrap();
    let url = format!("{}/EnrollmentServer/Enrollment.svc", server.device_url());
    let anonymous = client(&server, None);
    for (patch, status) in [("{}", 500), (r#"{"fault_style": "lower", "fault_http_status": 200}"#, 200)] {
        assert_eq!(admin(&server, "PATCH", "/tenant", patch).await.0, 200);
        let response = post(&anonymous, &url, token_request("device-1", "wrong").0).await;
        assert_eq!(response.status(), status);
        let fault = Fault::decode(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(fault.kind, FaultKind::Authentication);
    }
    let response = post(&anonymous, &url, "<html>").await;
    assert_eq!(Fault::decode(&response.bytes().await.unwrap()).unwrap().kind, FaultKind::MessageFormat);
    for bytes in [(512 << 10) + 1, 5 << 20] {
        assert_eq!(post(&anonymous, &url, vec![b' '; bytes]).await.status(), 413);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn the_admin_api_wants_its_token_and_answers_errors_as_json() {
    let server = Server::start(options()).await.unwrap();
    let url = format!("{}/api/v1/tenant", server.admin_url());
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(plain.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(plain.get(&url).header("authorization", "Bearer wrong").send().await.unwrap().status(), 401);
    assert_eq!(plain.get(&url).header("authorization", "Bear\u{e9}").send().await.unwrap().status(), 401);
    let lower = format!("bearer {}", server.admin_token());
    assert_eq!(plain.get(&url).header("authorization", lower).send().await.unwrap().status(), 200);

    assert_eq!(admin(&server, "GET", "/tenant", "").await.1["authority"], "intune");
    let (status, error) = admin(&server, "PATCH", "/tenant", r#"{"authority": "unknown"}"#).await;
    assert_eq!(status, 409);
    assert!(error["error"].as_str().unwrap().contains("authority"));
    assert_eq!(admin(&server, "PATCH", "/tenant", "{").await.0, 400);
    assert_eq!(admin(&server, "GET", "/nothing", "").await.0, 404);
    let (status, error) = admin(&server, "DELETE", "/tenant", "").await;
    assert_eq!(status, 405);
    assert!(error["error"].is_string());
    for path in ["/devices/%FF", "/users/%C3%28/tokens", "/devices/x/commands/%FE"] {
        let method = if path.ends_with("tokens") { "POST" } else { "GET" };
        let (status, error) = admin(&server, method, path, "").await;
        assert_eq!((status, error["error"].is_string()), (400, true), "{path}: {error}");
    }
    for nothing in ["", "no elements at all"] {
        assert_eq!(admin(&server, "PUT", "/profiles/empty", nothing).await.0, 400);
    }
    let (status, error) = admin(&server, "PUT", "/profiles/bad", "<Get/>").await;
    assert_eq!(status, 400);
    assert!(error["error"].as_str().unwrap().contains("<Get>"));

    let bob = r#"{"name": "bob@contoso.example", "password": "pw"}"#;
    assert_eq!(admin(&server, "POST", "/users", bob).await.0, 201);
    assert_eq!(admin(&server, "POST", "/users", bob).await.0, 409);
    let (status, token) = admin(&server, "POST", "/users/bob%40contoso.example/tokens", "").await;
    assert_eq!((status, token["token"].as_str().unwrap().len()), (201, 64));
    assert_eq!(admin(&server, "POST", "/tokens", "").await.0, 201);
    assert_eq!(admin(&server, "DELETE", "/users/bob@contoso.example", "").await.0, 204);
    assert_eq!(admin(&server, "GET", "/users", "").await.1.as_array().unwrap().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = || ServerOptions { state: Some(directory.path().join("state")), ..options() };
    let server = Server::start(options()).await.unwrap();
    let (token, ca) = (server.admin_token().to_owned(), server.ca_pem().to_owned());
    let (_, identity) = enrol(&server, "device-1").await;
    admin(&server, "PUT", "/profiles/wifi", FRAGMENT).await;
    let (_, queued) = admin(&server, "POST", "/devices/device-1/commands", &FRAGMENT.replace("Replace", "Get")).await;
    assert_eq!(queued["id"], 1);
    let before = admin(&server, "GET", "/devices/device-1", "").await;
    server.shutdown().await;

    let server = Server::start(options()).await.unwrap();
    assert_eq!((server.admin_token(), server.ca_pem()), (token.as_str(), ca.as_str()));
    assert_eq!(admin(&server, "GET", "/devices/device-1", "").await, before);
    assert_eq!(admin(&server, "GET", "/profiles/wifi", "").await.1["fragment"], FRAGMENT);
    assert_eq!(admin(&server, "GET", "/devices/device-1/commands/1", "").await.1["state"], "queued");
    let url = format!("{}{MANAGEMENT}", server.device_url());
    let response = post(&client(&server, Some(&identity)), &url, hello("device-1", 1, &url).encode()).await;
    let reply = Message::decode(&response.bytes().await.unwrap()).unwrap();
    assert!(reply.commands.iter().any(|command| command.name() == "Get"));
    server.shutdown().await;
}

#[tokio::test]
async fn the_admin_api_stays_on_loopback_unless_told_otherwise() {
    let options = ServerOptions { admin_listen: ([0, 0, 0, 0], 0).into(), ..options() };
    assert!(matches!(Server::start(options).await, Err(ServerError::RemoteAdmin(_))));
}

#[tokio::test]
async fn a_web_page_of_another_origin_cannot_use_the_admin_api() {
    let options = ServerOptions { host_names: vec!["mdm.contoso.example".to_owned()], ..options() };
    let server = Server::start(options).await.unwrap();
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1/tenant", server.admin_url());
    let ask = |host: &str| {
        let request = plain.get(&url).header("host", host);
        let request = request.header("authorization", format!("Bearer {}", server.admin_token()));
        async { request.send().await.unwrap().status().as_u16() }
    };
    for host in ["rebound.example", "localhost.rebound.example:8080", "127.0.0.1.rebound.example", ""] {
        assert!(matches!(ask(host).await, 400 | 421), "{host}");
    }
    for host in ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8080", "192.0.2.1", "MDM.contoso.example"] {
        assert_eq!(ask(host).await, 200, "{host}");
    }
    let preflight = plain.request(reqwest::Method::OPTIONS, &url).header("origin", "https://rebound.example");
    let response = preflight.header("access-control-request-headers", "authorization").send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control")));
    server.shutdown().await;
}

fn header() -> RequestHeader {
    RequestHeader { message_id: "urn:uuid:1".to_owned(), ..RequestHeader::default() }
}

/// The device's next message: everything that the server asked for is done.
fn answer_all(reply: &Message) -> Message {
    let work = reply.commands.iter().filter(|command| !matches!(command, Command::Status(_)));
    let answers = work.enumerate().map(|(index, command)| {
        Command::Status(Status {
            id: CommandId::from(u32::try_from(index).unwrap() + 1),
            message_ref: reply.header.message_id,
            command_ref: command.id().clone(),
            command: command.name().to_owned(),
            target_ref: None,
            source_ref: None,
            challenge: None,
            code: StatusCode::OK,
            items: Vec::new(),
        })
    });
    let header = Header {
        message_id: 2,
        target: reply.header.source.clone(),
        source: reply.header.target.clone(),
        ..reply.header.clone()
    };
    Message { header, commands: std::iter::once(acknowledged(reply)).chain(answers).collect(), is_final: true }
}

#[tokio::test]
async fn many_devices_enrol_and_check_in_at_once() {
    const DEVICES: usize = 20;
    let server = std::sync::Arc::new(Server::start(options()).await.unwrap());
    assert_eq!(admin(&server, "PATCH", "/tenant", r#"{"device_limit": 100}"#).await.0, 200);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..DEVICES {
        let server = server.clone();
        tasks.spawn(async move {
            let device = format!("device-{number}");
            let (document, identity) = enrol(&server, &device).await;
            let own = client(&server, Some(&identity));
            let message = hello(&device, 1, &document.management_url).encode();
            let response = post(&own, &document.management_url, message).await;
            let reply = Message::decode(&response.bytes().await.unwrap()).unwrap();
            post(&own, &document.management_url, answer_all(&reply).encode()).await.status().as_u16()
        });
    }
    assert_eq!(tasks.join_all().await, [200; DEVICES]);
    let (_, devices) = admin(&server, "GET", "/devices", "").await;
    let sessions = devices.as_array().unwrap().iter().filter(|device| device["last_session"]["outcome"] == "completed");
    assert_eq!(sessions.count(), DEVICES);
    std::sync::Arc::into_inner(server).unwrap().shutdown().await;
}
