//! The agent's SCEP client against the simulated tenant's responder, over loopback: how a certificate comes, waits, is
//! refused, and is asked for again after a process was killed.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mdm_agent::shell::cms::signed::Message;
use mdm_agent::shell::scep::{ScepOutcome, chain_pem, code};
use mdm_protocol::base64;
use mdm_sim_server::service::ScepOperation;
use mdm_sim_server::tenant::{ScepMode, ScepRequestState};
use mdm_tests::hostile::{HANG_UP, HostileServer, Request, response};
use mdm_tests::hostile_scep::{operation, parameter};
use mdm_tests::scep::{Device, authority, challenge, order, set_mode, tenant, thumbprint};
use rcgen::{KeyPair, PublicKeyData as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

#[tokio::test]
async fn a_challenge_buys_one_certificate_over_plain_http_and_over_tls() {
    let server = tenant().await.unwrap();
    let root = authority(&server).unwrap();
    let over_tls = format!("{}/scep", server.device_url());
    let device = |url: String, thumbprint: Option<String>| {
        let device = Device::new(std::slice::from_ref(&root)).unwrap();
        device.begin(&order(&url, &challenge(&server).unwrap(), thumbprint.as_deref()).unwrap()).unwrap();
        device
    };
    assert!(server.scep_url().starts_with("http://"));
    for device in [
        device(server.scep_url().to_owned(), Some(thumbprint(&root))),
        device(over_tls.clone(), Some(thumbprint(&root))),
        device(over_tls, None),
    ] {
        let ScepOutcome::Issued { certificate, chain } = device.step().await.unwrap() else { panic!("not issued") };
        let state = device.state().unwrap();
        let key = KeyPair::from_pem(state.private_key().expose()).unwrap();
        let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
        assert_eq!(parsed.public_key().raw, key.subject_public_key_info());
        assert_eq!(parsed.subject().to_string(), "DC=example, DC=contoso, OU=Devices, CN=ada");
        let purposes = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(purposes.client_auth && purposes.email_protection && !purposes.any);
        assert_eq!(parsed.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 3);
        assert!(chain.is_empty(), "the root is not part of the chain");
        assert_eq!(chain_pem(&certificate, &chain).matches("BEGIN CERTIFICATE").count(), 1);
        // Until the caller has put it where it belongs, it is the same.
        assert_eq!(device.step().await.unwrap(), ScepOutcome::Issued { certificate, chain });
        assert_eq!(state.attempts(), 1);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_kept_is_private_and_goes_when_it_is_discarded() {
    let server = tenant().await.unwrap();
    let root = authority(&server).unwrap();
    let device = Device::new(&[]).unwrap();
    let password = challenge(&server).unwrap();
    device.begin(&order(server.scep_url(), &password, Some(&thumbprint(&root))).unwrap()).unwrap();
    let file = device.folder.path().join("scep/wifi%2F1.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let shown = format!("{:?}", device.state().unwrap());
    assert!(!shown.contains("PRIVATE") && !shown.contains(&password), "{shown}");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("\"request\":\"\""));
    device.step().await.unwrap();
    // The challenge is of no more use.
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"request\":\"\""));
    std::fs::write(&file, "{\"private_key\": \"secret\"").unwrap();
    let error = device.keeper.load().unwrap_err().to_string();
    assert!(error.contains("wifi%2F1.json") && !error.contains("secret"), "{error}");
    device.keeper.discard().unwrap();
    assert!(device.keeper.load().unwrap().is_none() && !file.exists());
    device.keeper.discard().unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn a_wrong_or_used_challenge_is_refused_with_its_reason() {
    let server = tenant().await.unwrap();
    let root = thumbprint(&authority(&server).unwrap());
    let used = challenge(&server).unwrap();
    let first = Device::new(&[]).unwrap();
    first.begin(&order(server.scep_url(), &used, Some(&root)).unwrap()).unwrap();
    assert!(matches!(first.step().await.unwrap(), ScepOutcome::Issued { .. }));
    for password in [used.as_str(), "guessed", ""] {
        let device = Device::new(&[]).unwrap();
        device.begin(&order(server.scep_url(), password, Some(&root)).unwrap()).unwrap();
        let ScepOutcome::Failed { code, reason } = device.step().await.unwrap() else { panic!("not refused") };
        assert_eq!(code, code::REFUSED + 3);
        assert!(reason.contains("badRequest") && reason.contains("challenge password is missing"), "{reason}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_request_waits_until_an_administrator_decides() {
    let server = tenant().await.unwrap();
    set_mode(&server, ScepMode::Manual).unwrap();
    let root = thumbprint(&authority(&server).unwrap());
    for approve in [true, false] {
        let device = Device::new(&[]).unwrap();
        device.begin(&order(server.scep_url(), "", Some(&root)).unwrap()).unwrap();
        for _ in 0..3 {
            assert_eq!(device.step().await.unwrap(), ScepOutcome::Pending);
        }
        let transaction = device.state().unwrap().transaction().to_owned();
        let view = server.service().act(|tenant, _| tenant.decide_scep_request(&transaction, approve)).unwrap();
        assert_eq!(view.subject, "CN=ada,OU=Devices,DC=contoso,DC=example");
        match (approve, device.step().await.unwrap()) {
            (true, ScepOutcome::Issued { .. }) => {}
            (false, ScepOutcome::Failed { reason, .. }) => assert!(reason.contains("rejected"), "{reason}"),
            (_, other) => panic!("{other:?}"),
        }
    }
    let states: Vec<_> = server.service().view(|tenant| Ok(tenant.scep_requests())).unwrap();
    assert!(states.iter().any(|request| request.state == ScepRequestState::Issued));
    server.shutdown().await;
}

#[tokio::test]
async fn a_request_that_waits_for_ever_stays_one_request() {
    let server = tenant().await.unwrap();
    set_mode(&server, ScepMode::Never).unwrap();
    let root = thumbprint(&authority(&server).unwrap());
    let device = Device::new(&[]).unwrap();
    device.begin(&order(server.scep_url(), "", Some(&root)).unwrap()).unwrap();
    for attempt in 1..=5 {
        assert_eq!(device.step().await.unwrap(), ScepOutcome::Pending);
        assert_eq!(device.state().unwrap().attempts(), attempt);
    }
    assert_eq!(server.service().view(|tenant| Ok(tenant.scep_requests().len())).unwrap(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_process_that_is_killed_before_the_answer_asks_again_with_the_same_key() {
    let server = tenant().await.unwrap();
    let root = authority(&server).unwrap();
    let service = Arc::clone(server.service());
    let lost = AtomicBool::new(false);
    // By GET: this front does not announce POST.
    let front = HostileServer::start(Arc::new(move |request: &Request| {
        let (asked, body) = match operation(request).as_str() {
            "GetCACaps" => return response("200 OK", &[], b"AES\nSHA-256\n"),
            "GetCACert" => (false, service.scep(&ScepOperation::Authority).body),
            _ => {
                let message = base64::decode(&parameter(request, "message").unwrap()).unwrap();
                (true, service.scep(&ScepOperation::Message(message)).body)
            }
        };
        if asked && !lost.swap(true, Ordering::SeqCst) { HANG_UP.to_vec() } else { response("200 OK", &[], &body) }
    }))
    .unwrap();
    let device = Device::new(std::slice::from_ref(&front.ca_der)).unwrap();
    let once = challenge(&server).unwrap();
    device.begin(&order(&format!("{}/scep", front.url), &once, Some(&thumbprint(&root))).unwrap()).unwrap();
    let begun = device.state().unwrap();
    let ScepOutcome::Unanswered { code, .. } = device.step().await.unwrap() else { panic!("it was answered") };
    assert_eq!(code, code::UNANSWERED);
    assert!(matches!(device.step().await.unwrap(), ScepOutcome::Issued { .. }));
    let state = device.state().unwrap();
    assert_eq!(state.private_key(), begun.private_key());
    assert_eq!((state.transaction(), state.attempts()), (begun.transaction(), 2));
    let requests = server.service().view(|tenant| Ok(tenant.scep_requests())).unwrap();
    assert_eq!((requests.len(), requests[0].state), (1, ScepRequestState::Issued));
    server.shutdown().await;
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_does_not_answer() {
    let server = tenant().await.unwrap();
    let root = thumbprint(&authority(&server).unwrap());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let device = Device::new(&[]).unwrap();
    let servers = format!("http://{nobody}/scep;{}", server.scep_url());
    device.begin(&order(&servers, &challenge(&server).unwrap(), Some(&root)).unwrap()).unwrap();
    assert!(matches!(device.step().await.unwrap(), ScepOutcome::Issued { .. }));
    assert_eq!(device.state().unwrap().server().unwrap().as_str(), server.scep_url());
    server.shutdown().await;
}

#[test]
fn an_order_that_cannot_be_carried_out_is_refused_before_a_key_is_made() {
    let refused = |url: &str, thumbprint: Option<&str>| order(url, "", thumbprint).unwrap_err().to_string();
    assert!(refused("http://ca.example/scep", None).contains("CAThumbprint"));
    assert!(refused("ftp://ca.example/scep", Some(&"A".repeat(40))).contains("address"));
    assert!(refused("https://me:secret@ca.example/scep", None).contains("password"));
}

#[tokio::test]
async fn a_message_that_was_changed_on_the_way_is_refused_and_one_that_says_nothing_is_no_message() {
    let server = tenant().await.unwrap();
    let service = Arc::clone(server.service());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    let introduced = Arc::clone(&service);
    let front = HostileServer::start(Arc::new(move |request: &Request| match operation(request).as_str() {
        "GetCACaps" => response("200 OK", &[], &introduced.scep(&ScepOperation::Capabilities).body),
        "GetCACert" => response("200 OK", &[], &introduced.scep(&ScepOperation::Authority).body),
        _ => {
            kept.lock().unwrap().clone_from(&request.body);
            response("503 Service Unavailable", &[], b"")
        }
    }))
    .unwrap();
    let device = Device::new(std::slice::from_ref(&front.ca_der)).unwrap();
    let root = thumbprint(&authority(&server).unwrap());
    device.begin(&order(&front.url, &challenge(&server).unwrap(), Some(&root)).unwrap()).unwrap();
    device.step().await.unwrap();
    let known = Message::read(&service.scep(&ScepOperation::Authority).body).unwrap().certificates();
    let answered = |message: Vec<u8>| {
        let answer = service.scep(&ScepOperation::Message(message));
        let value = |number: u8| {
            let message = Message::read(&answer.body).unwrap();
            let proved = message.verify(&known).unwrap();
            let oid = format!("2.16.840.1.113733.1.9.{number}").parse().unwrap();
            proved.attribute(oid).map(|value| String::from_utf8_lossy(value.value()).into_owned())
        };
        if answer.status == 200 { (200, value(3), value(4)) } else { (answer.status, None, None) }
    };
    let message = sent.lock().unwrap().clone();
    let mut changed = message.clone();
    *changed.last_mut().unwrap() ^= 1;
    let text = |digit: &str| Some(digit.to_owned());
    assert_eq!(answered(changed), (200, text("2"), text("1")));
    for nothing in [Vec::new(), b"<html>".to_vec(), message[..message.len() / 2].to_vec()] {
        assert_eq!(answered(nothing), (400, None, None));
    }
    assert_eq!(answered(message.clone()), (200, text("0"), None));
    assert_eq!(answered(message), (200, text("0"), None));
    server.shutdown().await;
}
