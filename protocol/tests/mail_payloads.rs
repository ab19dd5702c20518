//! Mailboxes by IMAP, POP and ActiveSync.

use mdm_protocol::Secret;
use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::active_sync::ExchangeAccount;
use mdm_protocol::csp::email::{EmailAccount, ServiceType};
use mdm_protocol::syncml::StatusCode;

#[test]
fn a_mailbox_is_read_from_its_nodes_whatever_their_case() {
    let nodes =
        mailbox().with("AuthName", Some("ada")).with("TagProps/8128000b", Some("1")).with("AUTHREQUIRED", Some("1"));
    let account = EmailAccount::from_leaves(&nodes).unwrap();
    assert_eq!((account.service_type, account.user_name.as_str()), (ServiceType::Imap, "ada"));
    assert_eq!((account.incoming.tls, account.outgoing.tls, account.outgoing_authentication), (true, false, true));
    assert_eq!((account.incoming.host.as_str(), account.incoming.port), ("imap.example.org", Some(993)));
    assert_eq!(
        (account.outgoing.host.as_str(), account.outgoing.port, account.password),
        ("smtp.example.org", None, None)
    );
}

#[test]
fn the_white_space_of_a_password_is_part_of_it() {
    let account = EmailAccount::from_leaves(&mailbox().with("AUTHSECRET", Some(" pass word "))).unwrap();
    assert_eq!(account.password, Some(Secret::new(" pass word ")));
}

#[test]
fn a_server_may_be_given_by_its_address() {
    let cases = [
        ("192.0.2.1:143", "192.0.2.1", Some(143)),
        ("[2001:db8::1]:993", "[2001:db8::1]", Some(993)),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("2001:db8::1", "2001:db8::1", None),
    ];
    for (text, host, port) in cases {
        let account = EmailAccount::from_leaves(&mailbox().with("INSERVER", Some(text))).unwrap();
        assert_eq!((account.incoming.host.as_str(), account.incoming.port), (host, port), "{text}");
    }
}

#[test]
fn a_server_that_is_none_is_refused() {
    for text in ["host:", "host:imap", "host:65536", "host:-1", ":993", ":"] {
        let error = EmailAccount::from_leaves(&mailbox().with("OUTSERVER", Some(text))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "OUTSERVER"), "{text}");
    }
}

#[test]
fn what_every_mailbox_needs_is_asked_for_by_name() {
    for node in ["SERVICENAME", "SERVICETYPE", "INSERVER", "OUTSERVER"] {
        let error = EmailAccount::from_leaves(&mailbox().with(node, Some(" "))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::INCOMPLETE, node));
    }
}

#[test]
fn the_name_of_a_mailbox_has_at_most_32_characters() {
    let named = |name: String| EmailAccount::from_leaves(&mailbox().with("SERVICENAME", Some(name)));
    assert!(named("é".repeat(32)).is_ok());
    assert_eq!(named("é".repeat(33)).unwrap_err().status, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn an_unknown_service_is_refused() {
    assert_eq!(
        EmailAccount::from_leaves(&mailbox().with("SERVICETYPE", Some("pop3"))).unwrap().service_type,
        ServiceType::Pop
    );
    let error = EmailAccount::from_leaves(&mailbox().with("SERVICETYPE", Some("UUCP"))).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "SERVICETYPE"));
}

#[test]
fn an_exchange_account_is_encrypted_unless_it_says_no() {
    let nodes =
        Leaves::default().with("EmailAddress", Some("ada@example.org")).with("ServerName", Some("mail.example.org"));
    assert!(ExchangeAccount::from_leaves(&nodes).unwrap().tls);
    let account = ExchangeAccount::from_leaves(&nodes.clone().with("Options/UseSSL", Some("0"))).unwrap();
    assert_eq!((account.tls, account.server.as_str()), (false, "mail.example.org"));
    let error = ExchangeAccount::from_leaves(&nodes.with("Options/UseSSL", Some("maybe"))).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "Options/UseSSL"));
}

#[test]
fn an_exchange_account_without_address_or_server_is_incomplete() {
    let error = ExchangeAccount::from_leaves(&Leaves::default().with("ServerName", Some("x"))).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::INCOMPLETE, "EmailAddress"));
    let error = ExchangeAccount::from_leaves(&Leaves::default().with("EmailAddress", Some("x"))).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::INCOMPLETE, "ServerName"));
}

fn mailbox() -> Leaves {
    Leaves::default()
        .with("SERVICENAME", Some("Work"))
        .with("SERVICETYPE", Some("IMAP4"))
        .with("INSERVER", Some("imap.example.org:993"))
        .with("OUTSERVER", Some("smtp.example.org"))
}
