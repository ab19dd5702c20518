//! SCEP servers, and what answers in their place, that misbehave in one way at a time: every failure has its number and
//! its reason, and whatever may pass can be tried again with the same key.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mdm_agent::shell::scep::{ScepOutcome, code};
use mdm_tests::hostile::{HANG_UP, HostileServer, Request, response};
use mdm_tests::hostile_scep::{Forger, Forgery, MODERN, operation, parameter, serve};
use mdm_tests::scep::{Device, order, thumbprint};
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

type Answer = fn(&Forger, &Request) -> Vec<u8>;

fn forged(forger: &Forger, request: &Request, forgery: &Forgery) -> Vec<u8> {
    response("200 OK", &[], &forger.answer(&request.body, forgery).unwrap())
}

#[tokio::test]
async fn an_answer_that_proves_nothing_changes_nothing() {
    let cases: &[(&str, u32, Answer)] = &[
        ("its recipient nonce is another one", code::ANSWER, |forger, request| {
            forged(forger, request, &Forgery { nonce: Some(&[1; 16]), ..Forgery::new("3") })
        }),
        ("its transaction is another one", code::ANSWER, |forger, request| {
            forged(forger, request, &Forgery { transaction: Some("7"), ..Forgery::new("3") })
        }),
        ("signature of the message is wrong", code::ANSWER, |forger, request| {
            forged(forger, request, &Forgery { is_foreign: true, ..Forgery::new("2") })
        }),
        ("signature of the message is wrong", code::ANSWER, |forger, request| {
            let mut answer = forged(forger, request, &Forgery::new("2"));
            *answer.last_mut().unwrap() ^= 1;
            answer
        }),
        ("has no status", code::ANSWER, |forger, request| forged(forger, request, &Forgery::new("7"))),
        ("not signed by a certificate of the authority", code::ANSWER, |_, request| {
            response("200 OK", &[], &request.body)
        }),
        ("truncated", code::ANSWER, |forger, request| {
            let answer = forger.answer(&request.body, &Forgery::new("3")).unwrap();
            response("200 OK", &[], &answer[..answer.len() / 2])
        }),
        ("truncated", code::ANSWER, |_, _| response("200 OK", &[], b"")),
        ("the connection broke", code::UNANSWERED, |_, _| {
            [b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n0", HANG_UP].concat()
        }),
        ("larger than", code::UNANSWERED, |_, _| response("200 OK", &[], &vec![0x30; (1 << 20) + 1])),
        ("larger than", code::UNANSWERED, |_, _| b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n0".to_vec()),
        ("HTML page", code::UNANSWERED, |_, _| response("200 OK", &[], b"\n<!DOCTYPE html><p>Sign in")),
        ("HTTP 500", code::UNANSWERED, |_, _| response("500 Internal Server Error", &[], b"")),
        ("HTTP 302", code::UNANSWERED, |_, _| response("302 Found", &[("Location", "http://127.0.0.1:9/scep")], b"")),
    ];
    let forger = Arc::new(Forger::new().unwrap());
    let authority = thumbprint(&forger.der);
    for (expected, number, answer) in cases {
        let server = serve(Arc::clone(&forger), answer).unwrap();
        let device = device(&server, Some(&authority));
        let begun = device.state().unwrap();
        for _ in 0..2 {
            let ScepOutcome::Unanswered { code, reason } = device.step().await.unwrap() else { panic!("{expected}") };
            assert!(code == *number && reason.contains(expected), "{expected}: {reason}");
        }
        let state = device.state().unwrap();
        assert_eq!((state.transaction(), state.private_key()), (begun.transaction(), begun.private_key()));
        assert_eq!(state.attempts(), 2, "{expected}");
    }
}

#[tokio::test]
async fn what_the_authority_itself_says_is_final() {
    let cases: &[(&str, u32, Answer)] = &[
        ("no valid certificate for this key", code::CERTIFICATE, |forger, request| {
            forged(forger, request, &Forgery::new("0"))
        }),
        ("badAlg", code::REFUSED + 1, |forger, request| {
            forged(forger, request, &Forgery { fail_info: Some("0"), ..Forgery::new("2") })
        }),
        ("badTime", code::REFUSED + 4, |forger, request| {
            forged(forger, request, &Forgery { fail_info: Some("3"), ..Forgery::new("2") })
        }),
        ("gave no reason", code::REFUSED, |forger, request| {
            forged(forger, request, &Forgery { fail_info: Some("9"), ..Forgery::new("2") })
        }),
    ];
    let forger = Arc::new(Forger::new().unwrap());
    let authority = thumbprint(&forger.der);
    for (expected, number, answer) in cases {
        let server = serve(Arc::clone(&forger), answer).unwrap();
        let ScepOutcome::Failed { code, reason } = device(&server, Some(&authority)).step().await.unwrap() else {
            panic!("{expected}")
        };
        assert!(code == *number && reason.contains(expected), "{expected}: {reason}");
    }
}

#[tokio::test]
async fn a_server_that_encrypts_with_what_no_device_opens_is_a_final_error_at_once() {
    let forger = Arc::new(Forger::new().unwrap());
    let authority = thumbprint(&forger.der);
    let forgery = || Forgery { is_old_cipher: true, ..Forgery::new("0") };
    let server = serve(forger, move |forger, request| forged(forger, request, &forgery())).unwrap();
    for device in [device(&server, Some(&authority)), device(&server, Some(&authority)).with_legacy()] {
        let ScepOutcome::Failed { code, reason } = device.step().await.unwrap() else { panic!("it is tried again") };
        assert!(code == code::ANSWER && reason.contains("1.2.840.113549.3.6"), "{reason}");
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_spoken_to_only_where_the_configuration_allows_it() {
    for capabilities in ["DES3\nSHA-1\nPOSTPKIOperation\n", "Renewal\n", "AES\nPOSTPKIOperation\n"] {
        let forger = Arc::new(Forger::new().unwrap().as_old(capabilities));
        let authority = thumbprint(&forger.der);
        let script = move |forger: &Forger, request: &Request| {
            let message = match request.body.is_empty() {
                true => mdm_protocol::base64::decode(&parameter(request, "message").unwrap()).unwrap(),
                false => request.body.clone(),
            };
            let asked = forger.open(&message).unwrap();
            let (_, asked) = X509CertificationRequest::from_der(&asked).unwrap();
            asked.verify_signature().unwrap();
            // sha1WithRSAEncryption, which is all that such a server verifies.
            assert_eq!(asked.signature_algorithm.algorithm.to_id_string(), "1.2.840.113549.1.1.5");
            response("200 OK", &[], &forger.answer(&message, &Forgery::new("3")).unwrap())
        };
        let server = serve(forger, script).unwrap();
        let ScepOutcome::Failed { code, reason } = device(&server, Some(&authority)).step().await.unwrap() else {
            panic!("{capabilities}")
        };
        assert!(code == code::CAPABILITIES && reason.contains("legacy-scep = true"), "{reason}");
        let device = device(&server, Some(&authority)).with_legacy();
        assert_eq!(device.step().await.unwrap(), ScepOutcome::Pending, "{capabilities}");
    }
}

#[tokio::test]
async fn an_answer_that_is_signed_with_sha_1_is_a_final_error_where_that_is_not_allowed() {
    let forger = Arc::new(Forger::new().unwrap().as_old(MODERN));
    let authority = thumbprint(&forger.der);
    let server = serve(forger, |forger, request| forged(forger, request, &Forgery::new("3"))).unwrap();
    let ScepOutcome::Failed { code, reason } = device(&server, Some(&authority)).step().await.unwrap() else {
        panic!("it is tried again")
    };
    assert!(code == code::ANSWER && reason.contains("legacy-scep = true"), "{reason}");
    let device = device(&server, Some(&authority)).with_legacy();
    assert_eq!(device.step().await.unwrap(), ScepOutcome::Pending);
}

#[tokio::test]
async fn nothing_is_sent_to_another_authority_or_to_a_server_that_is_too_old() {
    let server = serve(Arc::new(Forger::new().unwrap()), |_, _| panic!("the request was sent")).unwrap();
    let ScepOutcome::Failed { code, reason } = device(&server, Some(&"AB".repeat(20))).step().await.unwrap() else {
        panic!("another authority was believed")
    };
    assert!(code == code::AUTHORITY && reason.contains(&"AB".repeat(20)), "{reason}");
    for (offer, missing) in [("DES3\nSHA-1", "AES and SHA-256"), ("DES3\nSHA-256\nPOSTPKIOperation", "AES")] {
        let script = move |request: &Request| {
            assert_eq!(operation(request), "GetCACaps");
            response("200 OK", &[], offer.as_bytes())
        };
        let server = HostileServer::start(Arc::new(script)).unwrap();
        let ScepOutcome::Failed { code, reason } = device(&server, None).step().await.unwrap() else {
            panic!("{offer}")
        };
        assert!(code == code::CAPABILITIES && reason.contains(&format!("does not offer {missing} ")), "{reason}");
    }
}

#[tokio::test]
async fn a_challenge_that_was_used_up_by_a_lost_request_is_no_refusal() {
    let forger = Arc::new(Forger::new().unwrap());
    let authority = thumbprint(&forger.der);
    let messages = AtomicUsize::new(0);
    let server = serve(forger, move |forger, request| match messages.fetch_add(1, Ordering::SeqCst) {
        0 => HANG_UP.to_vec(),
        1 => forged(forger, request, &Forgery { fail_info: Some("2"), ..Forgery::new("2") }),
        _ => forged(forger, request, &Forgery::new("3")),
    });
    let server = server.unwrap();
    let device = device(&server, Some(&authority));
    assert!(matches!(device.step().await.unwrap(), ScepOutcome::Unanswered { .. }));
    assert_eq!(device.step().await.unwrap(), ScepOutcome::Pending);
    assert_eq!(device.step().await.unwrap(), ScepOutcome::Pending);
}

fn device(server: &HostileServer, thumbprint: Option<&str>) -> Device {
    let device = Device::new(std::slice::from_ref(&server.ca_der)).unwrap();
    device.begin(&order(&format!("{}/scep", server.url), "once", thumbprint).unwrap()).unwrap();
    device
}
