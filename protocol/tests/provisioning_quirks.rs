//! Provisioning documents in every form that real servers give them.

mod common;

use common::{CLIENT_DER, ROOT_DER, certificate};
use mdm_protocol::csp::dm_client::PollSet;
use mdm_protocol::provisioning::{
    AuthLevel, Characteristic, Provisioning, ProvisioningError, RenewalTerms, StoreName, WapDocument,
};
use mdm_protocol::{Secret, Thumbprint, base64};

const ACCOUNT: &str = "<characteristic type='APPLICATION'><parm name='APPID' value='w7'/>\
                       <parm name='PROVIDER-ID' value='Example'/><parm name='ADDR' value='https://x/'/></characteristic>";

#[test]
fn several_certificate_stores_count_as_one() {
    let document = WapDocument {
        characteristics: vec![
            store("Root", "System", certificate(ROOT_DER)),
            store("CA", "System", certificate(b"an intermediate")),
            store("My", "User", certificate(CLIENT_DER)),
        ],
    };
    let found = decode(&document.encode()).certificates;
    let stores: Vec<_> = found.iter().map(|entry| (entry.store, entry.der.as_slice())).collect();
    let expected: [(_, &[u8]); 3] =
        [(StoreName::Root, ROOT_DER), (StoreName::Intermediate, b"an intermediate"), (StoreName::My, CLIENT_DER)];
    assert_eq!(stores, expected);
}

#[test]
fn the_clients_certificate_may_be_the_users_or_the_systems() {
    for place in ["User", "System"] {
        let document = WapDocument { characteristics: vec![store("My", place, certificate(CLIENT_DER))] };
        assert_eq!(decode(&document.encode()).certificates[0].der, CLIENT_DER);
    }
}

#[test]
fn the_placeholder_of_the_private_key_may_stand_beside_or_inside() {
    let placeholder = Characteristic::new("PrivateKeyContainer");
    let inside = store("My", "User", certificate(CLIENT_DER).with_child(placeholder.clone()));
    let user = Characteristic::new("User").with_child(certificate(CLIENT_DER)).with_child(placeholder);
    let beside = Characteristic::new("CertificateStore").with_child(Characteristic::new("My").with_child(user));
    for each in [inside, beside] {
        let document = WapDocument { characteristics: vec![each] };
        assert_eq!(decode(&document.encode()).certificates.len(), 1);
    }
}

#[test]
fn a_thumbprint_may_be_in_lower_case_and_a_certificate_on_several_lines() {
    let name = Thumbprint::of(ROOT_DER).to_string().to_lowercase();
    let text = base64::encode(ROOT_DER);
    let entry = Characteristic::new(name).with("EncodedCertificate", format!("\r\n {}\n{} ", &text[..8], &text[8..]));
    let document = WapDocument { characteristics: vec![store("Root", "System", entry)] };
    assert_eq!(decode(&document.encode()).certificates[0].der, ROOT_DER);
}

#[test]
fn a_certificate_under_a_wrong_thumbprint_is_refused() {
    for name in [Thumbprint::of(b"another").to_string(), "not a thumbprint".to_owned()] {
        let entry = Characteristic::new(name.clone()).with("EncodedCertificate", base64::encode(ROOT_DER));
        let document = WapDocument { characteristics: vec![store("Root", "System", entry)] };
        let expected = ProvisioningError::Thumbprint { claimed: name, actual: Thumbprint::of(ROOT_DER) };
        assert_eq!(refuse(&document.encode()), expected);
    }
}

#[test]
fn a_certificate_that_is_not_base64_is_refused() {
    let entry = Characteristic::new("AA").with("EncodedCertificate", "%%%");
    let document = WapDocument { characteristics: vec![store("My", "User", entry)] };
    assert_eq!(refuse(&document.encode()), ProvisioningError::Encoding("AA".to_owned()));
}

#[test]
fn a_parameter_may_be_there_without_a_value() {
    let text = wrap("<characteristic type='APPLICATION'><parm name='BACKCOMPATRETRYDISABLED'/></characteristic>");
    let document = WapDocument::decode(text.as_bytes()).unwrap();
    assert_eq!(document.characteristics[0].parameters[0].value, None);
    assert_eq!(document.characteristics[0].value("BACKCOMPATRETRYDISABLED"), Some(""));
    assert_eq!(document.characteristics[0].value("INIT"), None);
}

#[test]
fn the_address_may_stand_in_a_group_of_its_own() {
    let text = wrap(
        "<characteristic type='APPLICATION'><parm name='APPID' value='w7'/><parm name='PROVIDER-ID' value='P'/>\
         <characteristic type='APPADDR'><parm name='ADDRTYPE' value='URI'/><parm name='ADDR' value=' https://y/ '/>\
         <characteristic type='PORT'><parm name='PORTNBR' value='443'/></characteristic></characteristic></characteristic>",
    );
    assert_eq!(Provisioning::decode(text.as_bytes()).unwrap().management_url, "https://y/");
}

#[test]
fn what_every_account_needs_is_asked_for_by_name() {
    let account = |parameters: &str| {
        refuse_whole(&wrap(&format!("<characteristic type='APPLICATION'>{parameters}</characteristic>")))
    };
    let id = "<parm name='APPID' value='w7'/>";
    assert_eq!(refuse_whole(&wrap("")), ProvisioningError::Missing("APPLICATION with APPID w7"));
    assert_eq!(account("<parm name='APPID' value='w4'/>"), ProvisioningError::Missing("APPLICATION with APPID w7"));
    assert_eq!(account(id), ProvisioningError::Missing("PROVIDER-ID"));
    assert_eq!(account(&format!("{id}<parm name='PROVIDER-ID' value='P'/>")), ProvisioningError::Missing("ADDR"));
}

#[test]
fn what_is_not_said_of_the_account_has_its_default() {
    let provisioning = decode("");
    assert_eq!((provisioning.connection_retries, provisioning.initial_backoff_ms), (3, 16_000));
    assert_eq!((provisioning.max_backoff_ms, provisioning.poll), (86_400_000, None));
    assert_eq!(provisioning.renewal, RenewalTerms::default());
}

#[test]
fn a_first_nonce_that_is_no_base64_is_no_nonce() {
    for (data, nonce) in [("nonce", None), ("", None), ("bm9uY2U=", Some(b"nonce".to_vec()))] {
        let auth = app_auth(&format!("<parm name='AAUTHDATA' value='{data}'/>"));
        assert_eq!(auth.nonce, nonce, "{data}");
    }
}

#[test]
fn the_white_space_of_a_secret_is_part_of_it() {
    assert_eq!(app_auth("<parm name='AAUTHSECRET' value=' pass word '/>").secret, Secret::new(" pass word "));
}

#[test]
fn both_directions_of_proof_are_told_apart_and_unknown_ones_left_out() {
    let auth = |level: &str| {
        format!("<characteristic type='APPAUTH'><parm name='AAUTHLEVEL' value='{level}'/></characteristic>")
    };
    let text = wrap(&ACCOUNT.replace(
        "</characteristic>",
        &format!("{}{}{}</characteristic>", auth("CLIENT"), auth("appsrv"), auth("OTHER")),
    ));
    let levels: Vec<_> =
        Provisioning::decode(text.as_bytes()).unwrap().authentication.iter().map(|auth| auth.level).collect();
    assert_eq!(levels, [AuthLevel::Server, AuthLevel::Client]);
}

#[test]
fn renewal_terms_out_of_range_are_brought_into_it() {
    let cases = [
        (("365", "4"), (365, 4)),
        (("5000", "2000"), (1000, 1000)),
        (("0", "0"), (1, 1)),
        (("10", "30"), (10, 10)),
        (("-3", "soon"), (42, 7)),
        (("99999999999", ""), (42, 7)),
    ];
    for ((period, retry), expected) in cases {
        let renew = Characteristic::new("Renew").with("RenewPeriod", period).with("RetryInterval", retry);
        let terms = decode(&renewal_document(renew)).renewal;
        assert_eq!((terms.period_days, terms.retry_days), expected, "{period} {retry}");
    }
}

#[test]
fn renewal_by_itself_can_be_switched_off() {
    for (text, expected) in [("true", true), ("TRUE", true), ("1", true), ("false", false), ("0", false)] {
        let renew = Characteristic::new("Renew").with("ROBOSupport", text).with("ServerURL", "https://renew/");
        let terms = decode(&renewal_document(renew)).renewal;
        assert_eq!((terms.automatic, terms.server_url.as_deref()), (expected, Some("https://renew/")), "{text}");
    }
}

#[test]
fn the_account_settings_are_read_below_its_own_id_only() {
    let provider = Characteristic::new("Provider")
        .with_child(Characteristic::new("Example").with("UPN", "ada").with_child(
            Characteristic::new("Poll").with("IntervalForFirstSetOfRetries", "1").with("NumberOfFirstRetries", "0"),
        ))
        .with_child(Characteristic::new("Other").with("UPN", "eve"));
    let document = WapDocument { characteristics: vec![Characteristic::new("DMClient").with_child(provider)] };
    let provisioning = decode(&document.encode());
    assert_eq!(provisioning.settings, [(vec!["UPN".to_owned()], "ada".to_owned())]);
    assert_eq!(provisioning.poll.unwrap().sets[0], PollSet { interval_minutes: 1, count: 0 });
}

fn store(name: &str, place: &str, entry: Characteristic) -> Characteristic {
    let place = Characteristic::new(place).with_child(entry);
    Characteristic::new("CertificateStore").with_child(Characteristic::new(name).with_child(place))
}

fn renewal_document(renew: Characteristic) -> String {
    WapDocument { characteristics: vec![store("My", "WSTEP", renew)] }.encode()
}

fn app_auth(parameters: &str) -> mdm_protocol::provisioning::AppAuth {
    let auth =
        format!("<characteristic type='APPAUTH'><parm name='AAUTHLEVEL' value='APPSRV'/>{parameters}</characteristic>");
    let text = wrap(&ACCOUNT.replace("</characteristic>", &format!("{auth}</characteristic>")));
    Provisioning::decode(text.as_bytes()).expect("a document that is accepted").authentication.remove(0)
}

fn wrap(content: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<wap-provisioningdoc version=\"1.1\">{content}</wap-provisioningdoc>")
}

/// The document with a complete account added to it.
fn with_account(document: &str) -> String {
    let content = document.replace("<wap-provisioningdoc version=\"1.1\">", "").replace("</wap-provisioningdoc>", "");
    wrap(&format!("{content}{ACCOUNT}"))
}

fn decode(document: &str) -> Provisioning {
    Provisioning::decode(with_account(document).as_bytes()).expect("a document that is accepted")
}

fn refuse(document: &str) -> ProvisioningError {
    refuse_whole(&with_account(document))
}

fn refuse_whole(text: &str) -> ProvisioningError {
    Provisioning::decode(text.as_bytes()).expect_err("a document that is refused")
}
