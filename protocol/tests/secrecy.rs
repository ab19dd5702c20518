//! Secrets stay out of everything that may end in a log: debug output and the text of errors.

mod common;

use std::fmt::Debug;

use mdm_protocol::Secret;
use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::certificate::{PfxInstall, ScepInstall, TrustedCertificate};
use mdm_protocol::csp::email::EmailAccount;
use mdm_protocol::csp::policy::AdmxValue;
use mdm_protocol::csp::vpn::VpnProfile;
use mdm_protocol::csp::wifi::WlanProfile;
use mdm_protocol::enrolment::SecurityTokenResponse;
use mdm_protocol::provisioning::{Characteristic, Provisioning, WapDocument};
use mdm_protocol::soap::Security;
use mdm_protocol::syncml::{Credentials, Item, Message, Verb};
use mdm_protocol::xml::{Document, XmlWriter};

const CANARY: &str = "tweety-bird-yellow";

#[test]
fn a_secret_does_not_show_itself() {
    hidden(&Secret::new(CANARY));
    hidden(&Some(vec![Secret::new(CANARY)]));
}

#[test]
fn credentials_do_not_show_their_proof() {
    let password = Security::UsernameToken { username: "ada".to_owned(), password: CANARY.into() };
    hidden(&common::request_header(Some(password)));
    hidden(&common::request_header(Some(Security::BinaryToken { is_jwt: true, content: CANARY.into() })));
    let mut message = common::with_credentials();
    let credentials = Credentials::md5("ada", &CANARY.into(), b"nonce");
    let proof = credentials.data.expose().to_owned();
    message.header.credentials = Some(credentials);
    hidden(&message);
    assert!(!format!("{message:?}").contains(&proof));
}

#[test]
fn an_item_does_not_show_its_data() {
    let item = Item::target("./Vendor/MSFT/EMAIL2/x/AUTHSECRET").with_data(CANARY);
    hidden(&item);
    let message = Message { commands: vec![common::operation(1, Verb::Add, vec![item])], ..Message::default() };
    hidden(&message);
    assert!(format!("{message:?}").contains("18 bytes"));
}

#[test]
fn nodes_and_parameters_do_not_show_their_values() {
    hidden(&Leaves::default().with("AUTHSECRET", Some(CANARY)));
    let auth = Characteristic::new("APPAUTH").with("AAUTHLEVEL", "APPSRV").with("AAUTHSECRET", CANARY);
    let application = Characteristic::new("APPLICATION").with("APPID", "w7").with("PROVIDER-ID", "P").with("ADDR", "x");
    let document = WapDocument { characteristics: vec![application.with_child(auth)] };
    hidden(&document);
    let text = document.encode();
    hidden(&Provisioning::decode(text.as_bytes()).unwrap());
    let response = SecurityTokenResponse { provisioning_document: text.into_bytes() };
    let debug = format!("{response:?}");
    assert!(debug.len() < 100, "{debug}");
}

#[test]
fn raw_xml_does_not_show_its_content() {
    let text = format!("<a b='{CANARY}'>{CANARY}</a>");
    let document = Document::parse(text.as_bytes(), &mdm_protocol::Limits::PAYLOAD).unwrap();
    hidden(&document);
    hidden(&document.root());
    let mut writer = XmlWriter::new();
    writer.text_leaf("a", CANARY);
    hidden(&writer);
}

#[test]
fn payloads_do_not_show_their_secrets() {
    hidden(&WlanProfile::parse(&wlan(CANARY)).unwrap());
    hidden(
        &PfxInstall::from_leaves(
            &Leaves::default().with("PFXCertBlob", Some("AAAA")).with("PFXCertPassword", Some(CANARY)),
        )
        .unwrap(),
    );
    let scep = Leaves::default()
        .with("ServerURL", Some("x"))
        .with("SubjectName", Some("CN=x"))
        .with("Challenge", Some(CANARY));
    hidden(&ScepInstall::from_leaves(&scep).unwrap());
    let mail = Leaves::default().with("SERVICENAME", Some("x")).with("SERVICETYPE", Some("POP3"));
    let mail = mail.with("INSERVER", Some("x")).with("OUTSERVER", Some("x")).with("AUTHSECRET", Some(CANARY));
    hidden(&EmailAccount::from_leaves(&mail).unwrap());
    let vpn = Leaves::default().with("PluginProfile/PluginPackageFamilyName", Some("x"));
    hidden(&VpnProfile::from_leaves(&vpn.with("PluginProfile/CustomConfiguration", Some(CANARY))).unwrap());
    hidden(&AdmxValue::Enabled(vec![("password".to_owned(), CANARY.to_owned())]));
}

#[test]
fn the_refusal_of_a_payload_does_not_quote_it() {
    let careless = [
        "&CANARY;",
        "<CANARY>",
        "</CANARY>",
        "<CANARY a=1>",
        "<CANARY></x>",
        "a&CANARY",
        "<CANARY",
        "<x CANARY",
        "<![CDATA[CANARY",
    ];
    for material in careless.map(|text| text.replace("CANARY", CANARY)) {
        hidden(&WlanProfile::parse(&wlan(&material)).unwrap_err());
        hidden(&AdmxValue::parse("Policy", &format!("<enabled/><data id='x' value='{material}")).unwrap_err());
        hidden(&AdmxValue::parse("Policy", &material).unwrap_err());
        hidden(&VpnProfile::from_leaves(&Leaves::default().with("ProfileXML", Some(material.clone()))).unwrap_err());
    }
    let root = format!("<{CANARY}/>");
    hidden(&WlanProfile::parse(&root).unwrap_err());
    let encoding = format!("<?xml version='1.0' encoding='{CANARY}'?><a/>");
    hidden(&WlanProfile::parse(&encoding).unwrap_err());
}

#[test]
fn the_refusal_of_a_node_does_not_quote_its_value() {
    let every = [
        "AlwaysOn",
        "RouteList/0/PrefixSize",
        "PFXCertBlob",
        "KeyLocation",
        "SERVICETYPE",
        "INSERVER",
        "EncodedCertificate",
        "CAThumbprint",
        "KeyLength",
        "SERVICENAME",
    ];
    let nodes =
        every.iter().fold(Leaves::default(), |leaves, node| leaves.with(node, Some(format!("{CANARY}:{CANARY}"))));
    let nodes = nodes.with("ServerURL", Some("x")).with("SubjectName", Some("x")).with("OUTSERVER", Some("x"));
    hidden(&VpnProfile::from_leaves(&nodes).unwrap_err());
    hidden(&PfxInstall::from_leaves(&nodes).unwrap_err());
    hidden(&EmailAccount::from_leaves(&nodes).unwrap_err());
    hidden(&ScepInstall::from_leaves(&nodes).unwrap_err());
    hidden(&TrustedCertificate::from_leaves("AA", &nodes).unwrap_err());
    hidden(&WlanProfile::parse(&wlan("short").replace("short", &CANARY.repeat(9))).unwrap_err());
}

fn wlan(material: &str) -> String {
    format!(
        "<WLANProfile><name>x</name><MSM><security><authEncryption><authentication>WPA2PSK</authentication></authEncryption>\
         <sharedKey><keyMaterial>{material}</keyMaterial></sharedKey></security></MSM></WLANProfile>"
    )
}

/// Neither the compact nor the readable debug form has the canary or any half of it.
#[track_caller]
fn hidden(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains("tweety") && !text.contains("yellow"), "{text}");
    }
}
