//! The literal forms that known peers compare as text, each asserted by itself.

mod common;

use mdm_protocol::enrolment::{GetPolicies, RequestType};
use mdm_protocol::soap::Security;
use mdm_protocol::syncml::{Command, Item, Message, Meta, Verb};

const ENVELOPE: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const TRUST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
const AUTHORIZATION: &str = "http://schemas.xmlsoap.org/ws/2006/12/authorization";
const DISCOVERY: &str = "http://schemas.microsoft.com/windows/management/2012/01/enrollment";
const POLICY: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy";
const ENROLLMENT: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";
const CONFIGURATION_MANAGER: &str = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment";

#[test]
fn every_request_declares_the_six_prefixes_on_its_envelope() {
    for text in [discover(), get_policies(), token_request(RequestType::Issue), token_request(RequestType::Renew)] {
        has(
            &text,
            &format!(
                "<s:Envelope xmlns:s=\"{ENVELOPE}\" xmlns:a=\"{ADDRESSING}\" xmlns:u=\"{UTILITY}\" \
                 xmlns:wsse=\"{SECURITY}\" xmlns:wst=\"{TRUST}\" xmlns:ac=\"{AUTHORIZATION}\"><s:Header>"
            ),
        );
    }
}

#[test]
fn every_request_has_its_action_and_asks_for_it_to_be_understood() {
    let actions = [
        (discover(), format!("{DISCOVERY}/IDiscoveryService/Discover")),
        (get_policies(), format!("{POLICY}/IPolicy/GetPolicies")),
        (token_request(RequestType::Issue), format!("{ENROLLMENT}/RST/wstep")),
        (token_request(RequestType::Renew), format!("{ENROLLMENT}/RST/wstep")),
    ];
    for (text, action) in actions {
        has(&text, &format!("<s:Header><a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:MessageID>urn:uuid:"));
        has(&text, &format!("<a:ReplyTo><a:Address>{ADDRESSING}/anonymous</a:Address></a:ReplyTo>"));
        has(&text, "<a:To s:mustUnderstand=\"1\">https://mdm.example.org/");
    }
}

#[test]
fn every_response_has_its_action_and_names_the_request() {
    let documents = common::documents();
    let actions = [
        ("discover_response", format!("{DISCOVERY}/IDiscoveryService/DiscoverResponse")),
        ("policies_response", format!("{POLICY}/IPolicy/GetPoliciesResponse")),
        ("security_token_response", format!("{ENROLLMENT}/RSTRC/wstep")),
    ];
    for (name, action) in actions {
        let (_, text) = documents.iter().find(|(known, _)| *known == name).unwrap();
        has(text, &format!(">{action}</a:Action>"));
        has(text, "<a:RelatesTo>urn:uuid:0d5a6d2e-0000-4000-8000-000000000001</a:RelatesTo>");
        has(text, "<u:Timestamp u:Id=\"_0\"><u:Created>2025-06-15T15:01:40.000Z</u:Created>");
        has(text, "<u:Expires>2025-06-15T15:11:40.000Z</u:Expires>");
    }
}

#[test]
fn body_elements_carry_their_namespace_as_default_namespace() {
    has(
        &discover(),
        &format!(
            "<s:Body><Discover xmlns=\"{DISCOVERY}\"><request xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">"
        ),
    );
    has(
        &get_policies(),
        &format!(
            "<s:Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><GetPolicies xmlns=\"{POLICY}\">"
        ),
    );
    has(
        &token_request(RequestType::Issue),
        &format!("<ac:AdditionalContext xmlns=\"{AUTHORIZATION}\"><ac:ContextItem Name=\""),
    );
}

#[test]
fn the_discovery_request_has_its_fields_in_the_order_of_real_clients() {
    in_order(
        &discover(),
        &[
            "<EmailAddress>",
            "<RequestVersion>",
            "<DeviceType>",
            "<ApplicationVersion>",
            "<OSEdition>",
            "<AuthPolicies>",
        ],
    );
    has(
        &discover(),
        "<AuthPolicies><AuthPolicy>OnPremise</AuthPolicy><AuthPolicy>Federated</AuthPolicy></AuthPolicies>",
    );
}

#[test]
fn the_policy_request_names_a_trusted_platform_module_and_leaves_the_rest_nil() {
    has(
        &get_policies(),
        "<client><lastUpdate xsi:nil=\"true\"/><preferredLanguage xsi:nil=\"true\"/><TPMManufacturer>",
    );
    has(&get_policies(), "</TPMFirmwareVersion></client><requestFilter xsi:nil=\"true\"/></GetPolicies>");
}

#[test]
fn a_password_has_its_type_in_the_security_namespace() {
    let kind = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";
    has(
        &token_request(RequestType::Issue),
        &format!(
            "<wsse:Security s:mustUnderstand=\"1\">\
             <wsse:UsernameToken u:Id=\"uuid-cc1ccc1f-2fba-4bcf-b063-ffc0cac77917-4\">\
             <wsse:Username>ada@example.org</wsse:Username>\
             <wsse:Password wsse:Type=\"{kind}\">s3cret &amp; &lt;more&gt;</wsse:Password>"
        ),
    );
}

#[test]
fn a_binary_token_has_its_value_type_before_its_encoding_type() {
    let encoding = format!("EncodingType=\"{SECURITY}#base64binary\"");
    let user = common::token();
    let jwt = Security::BinaryToken { is_jwt: true, content: "YQ==".into() };
    let kinds = [
        (user, format!("{CONFIGURATION_MANAGER}/DeviceEnrollmentUserToken")),
        (jwt, "urn:ietf:params:oauth:token-type:jwt".to_owned()),
    ];
    for (security, kind) in kinds {
        let text = common::token_request(RequestType::Issue).encode(&common::request_header(Some(security)));
        has(&text, &format!("<wsse:BinarySecurityToken ValueType=\"{kind}\" {encoding}>"));
    }
}

#[test]
fn a_certificate_request_is_announced_as_what_it_is() {
    for (request_type, verb, kind) in [(RequestType::Issue, "Issue", "PKCS10"), (RequestType::Renew, "Renew", "PKCS7")]
    {
        has(
            &token_request(request_type),
            &format!(
                "<wst:RequestSecurityToken><wst:TokenType>{CONFIGURATION_MANAGER}/DeviceEnrollmentToken</wst:TokenType>\
                 <wst:RequestType>{TRUST}/{verb}</wst:RequestType><wsse:BinarySecurityToken \
                 ValueType=\"{ENROLLMENT}#{kind}\" EncodingType=\"{SECURITY}#base64binary\">MIIBAP8=</wsse:BinarySecurityToken>"
            ),
        );
    }
}

#[test]
fn no_document_has_white_space_between_its_elements() {
    for (name, text) in common::documents() {
        assert!(!text.contains("> <") && !text.contains(">\n") && !text.contains("\n<"), "{name}: {text}");
        assert!(text.starts_with('<') && text.ends_with('>'), "{name}");
    }
}

#[test]
fn a_message_header_has_the_order_of_the_document_type() {
    let text = common::with_credentials().encode();
    assert!(text.starts_with(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>2</MsgID><Target><LocURI>"
    ));
    has(&text, "</LocURI></Target><Source><LocURI>5f1c-device</LocURI><LocName>Bruce2</LocName></Source><Cred><Meta>");
    has(
        &text,
        "<Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type></Meta>",
    );
    has(&text, "</Cred><Meta><MaxMsgSize xmlns=\"syncml:metinf\">524288</MaxMsgSize>");
}

#[test]
fn a_status_has_the_order_of_the_document_type() {
    let elements =
        ["<CmdID>2", "<MsgRef>", "<CmdRef>", "<Cmd>Get", "<TargetRef>./", "<SourceRef>./", "<Data>404", "<Item>"];
    in_order(&common::answers().encode(), &elements);
    has(&common::challenge().encode(), "<Cmd>SyncHdr</Cmd><Chal><Meta><Format xmlns=\"syncml:metinf\">b64</Format>");
    has(
        &common::challenge().encode(),
        "<NextNonce xmlns=\"syncml:metinf\">Tm9uY2U=</NextNonce></Meta></Chal><Data>407</Data>",
    );
}

#[test]
fn an_item_has_the_order_of_the_document_type() {
    let item = Item { source: Some("./S".to_owned()), more_data: true, ..Item::target("./T") };
    let item = item.with_meta(Meta { size: Some(9), ..Meta::media_type("text/plain") }).with_data("d");
    let text = message_of(common::operation(1, Verb::Add, vec![item])).encode();
    has(&text, "<Add><CmdID>1</CmdID><Item><Target><LocURI>./T</LocURI></Target><Source><LocURI>./S</LocURI></Source>");
    in_order(&text, &["<Item><Target>", "</Source><Meta><Type", "<Size", "</Meta><Data>d</Data><MoreData/></Item>"]);
}

#[test]
fn results_and_alerts_have_the_order_of_the_document_type() {
    in_order(
        &common::answers().encode(),
        &["<Results><CmdID>", "<MsgRef>1</MsgRef><CmdRef>6</CmdRef><Meta>", "</Meta><Item><Source>"],
    );
    has(
        &common::package_1().encode(),
        "<Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Alert><CmdID>2</CmdID><Data>1224</Data><Item><Meta>",
    );
}

#[test]
fn the_end_of_a_package_is_the_last_thing_in_the_body() {
    assert!(common::package_1().encode().ends_with("<Final/></SyncBody></SyncML>"));
}

#[test]
fn a_provisioning_document_names_its_version_and_its_groups() {
    let text = common::provisioning_document().encode();
    assert!(text.starts_with("<wap-provisioningdoc version=\"1.1\"><characteristic type=\"CertificateStore\">"));
    has(&text, "<parm name=\"RenewPeriod\" value=\"42\" datatype=\"integer\"/>");
}

fn discover() -> String {
    common::discover().encode(&common::request_header(None))
}

fn get_policies() -> String {
    GetPolicies::encode(&common::request_header(Some(common::password())))
}

fn token_request(request_type: RequestType) -> String {
    common::token_request(request_type).encode(&common::request_header(Some(common::password())))
}

fn message_of(command: Command) -> Message {
    Message { header: common::header(1, true), commands: vec![command], is_final: true }
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "there is no\n{part}\nin\n{text}");
}

#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    parts.iter().fold(text, |rest, part| rest.split_once(part).unwrap_or_else(|| panic!("no {part} in {rest}")).1);
}
