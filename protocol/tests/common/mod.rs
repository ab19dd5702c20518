//! One whole, realistic message of every kind, for the tests that need a valid document to start from.
#![allow(dead_code, reason = "every test file uses its own part of these")]

use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::enrolment::{
    AdditionalContext, AuthPolicy, CertificatePolicy, Discover, DiscoverResponse, GetPolicies, RequestSecurityToken,
    RequestType, SecurityTokenResponse,
};
use mdm_protocol::provisioning::{Characteristic, Provisioning, WapDocument};
use mdm_protocol::soap::{Fault, FaultKind, RequestHeader, ResponseHeader, Security};
use mdm_protocol::syncml::{
    Alert, AlertCode, Challenge, Command, Credentials, CredentialsKind, Format, Group, Header, Item, Message, Meta,
    Operation, Results, Status, StatusCode, Verb, alert_type,
};
use mdm_protocol::{Secret, Thumbprint, base64};

pub(crate) const DEVICE: &str = "5f1c-device";
pub(crate) const SERVER: &str = "https://mdm.example.org/ManagementServer/MDM.svc";

/// Every kind of document, by name: a valid one each.
pub(crate) fn documents() -> Vec<(&'static str, String)> {
    vec![
        ("discover", discover().encode(&request_header(None))),
        ("discover_response", discover_response().encode(&response_header())),
        ("get_policies", GetPolicies::encode(&request_header(Some(password())))),
        ("policies_response", certificate_policy().encode(&response_header())),
        ("request_security_token", token_request(RequestType::Issue).encode(&request_header(Some(password())))),
        ("request_security_token_with_token", token_request(RequestType::Issue).encode(&request_header(Some(token())))),
        ("renew_security_token", token_request(RequestType::Renew).encode(&request_header(None))),
        ("security_token_response", token_response().encode(&response_header())),
        ("fault", Fault::new(FaultKind::Authentication, "no such user").encode(&response_header())),
        ("fault_with_detail", detailed_fault().encode(&response_header())),
        ("provisioning_document", provisioning_document().encode()),
        ("syncml_package_1", package_1().encode()),
        ("syncml_challenge", challenge().encode()),
        ("syncml_with_credentials", with_credentials().encode()),
        ("syncml_commands", commands().encode()),
        ("syncml_answers", answers().encode()),
    ]
}

pub(crate) fn request_header(security: Option<Security>) -> RequestHeader {
    RequestHeader {
        message_id: "urn:uuid:0d5a6d2e-0000-4000-8000-000000000001".to_owned(),
        to: "https://mdm.example.org/EnrollmentServer/Service.svc".to_owned(),
        security,
    }
}

pub(crate) fn password() -> Security {
    Security::UsernameToken { username: "ada@example.org".to_owned(), password: Secret::new("s3cret & <more>") }
}

pub(crate) fn token() -> Security {
    Security::BinaryToken { is_jwt: false, content: Secret::new(base64::encode("opaque token")) }
}

pub(crate) fn response_header() -> ResponseHeader {
    ResponseHeader {
        relates_to: "urn:uuid:0d5a6d2e-0000-4000-8000-000000000001".to_owned(),
        activity_id: "0d5a6d2e-0000-4000-8000-000000000002".to_owned(),
        valid_around: Some(1_750_000_000),
    }
}

pub(crate) fn discover() -> Discover {
    Discover {
        email: "ada@example.org".to_owned(),
        request_version: "4.0".to_owned(),
        device_type: "CIMClient_Windows".to_owned(),
        application_version: "10.0.19045.1".to_owned(),
        os_edition: "48".to_owned(),
        auth_policies: vec![AuthPolicy::OnPremise, AuthPolicy::Federated],
    }
}

pub(crate) fn discover_response() -> DiscoverResponse {
    DiscoverResponse {
        auth_policy: AuthPolicy::Federated,
        enrollment_version: "4.0".to_owned(),
        policy_url: Some("https://mdm.example.org/EnrollmentServer/Policy.svc".to_owned()),
        enrollment_url: "https://mdm.example.org/EnrollmentServer/Enrollment.svc".to_owned(),
        authentication_url: Some("https://mdm.example.org/auth?a=1&b=2".to_owned()),
    }
}

pub(crate) fn certificate_policy() -> CertificatePolicy {
    CertificatePolicy {
        minimal_key_length: Some(2048),
        key_algorithm: Some("1.2.840.113549.1.1.1".to_owned()),
        hash_algorithm: Some("2.16.840.1.101.3.4.2.1".to_owned()),
        validity_seconds: Some(31_536_000),
        renewal_seconds: Some(3_628_800),
    }
}

pub(crate) fn token_request(request_type: RequestType) -> RequestSecurityToken {
    let context = AdditionalContext::default()
        .with("DeviceName", "ada's laptop")
        .with("MAC", "00-11-22-33-44-55")
        .with("MAC", "00-11-22-33-44-66")
        .with("EnrollmentType", "Full");
    RequestSecurityToken { request_type, certificate_request: vec![0x30, 0x82, 0x01, 0x00, 0xff], context }
}

pub(crate) fn token_response() -> SecurityTokenResponse {
    SecurityTokenResponse { provisioning_document: provisioning_document().encode().into_bytes() }
}

pub(crate) fn detailed_fault() -> Fault {
    let trace_id = Some("trace-17".to_owned());
    Fault { trace_id, ..Fault::new(FaultKind::DeviceCapReached, "at most 5 devices") }
}

pub(crate) const ROOT_DER: &[u8] = b"a root certificate";
pub(crate) const CLIENT_DER: &[u8] = b"a client certificate";

pub(crate) fn certificate(der: &[u8]) -> Characteristic {
    Characteristic::new(Thumbprint::of(der).to_string()).with("EncodedCertificate", base64::encode(der))
}

pub(crate) fn provisioning_document() -> WapDocument {
    let renew = Characteristic::new("Renew")
        .with_typed("ROBOSupport", "true", "boolean")
        .with_typed("RenewPeriod", "42", "integer")
        .with_typed("RetryInterval", "7", "integer");
    let my = Characteristic::new("My")
        .with_child(Characteristic::new("User").with_child(certificate(CLIENT_DER)))
        .with_child(Characteristic::new("WSTEP").with_child(renew));
    let root = Characteristic::new("Root").with_child(Characteristic::new("System").with_child(certificate(ROOT_DER)));
    let authentication = Characteristic::new("APPAUTH")
        .with("AAUTHLEVEL", "APPSRV")
        .with("AAUTHTYPE", "DIGEST")
        .with("AAUTHNAME", DEVICE)
        .with("AAUTHSECRET", "wire secret")
        .with("AAUTHDATA", base64::encode("first nonce"));
    let application = Characteristic::new("APPLICATION")
        .with("APPID", "w7")
        .with("PROVIDER-ID", "Example")
        .with("NAME", "Example & Sons")
        .with("ADDR", SERVER)
        .with_child(authentication);
    let poll = Poll::DEFAULT.to_nodes().into_iter().fold(Characteristic::new("Poll"), |poll, (name, value)| {
        poll.with_typed(name, value.clone(), if value.parse::<u32>().is_ok() { "integer" } else { "boolean" })
    });
    let provider = Characteristic::new("Provider")
        .with_child(Characteristic::new("Example").with("EntDMID", "enterprise id").with_child(poll));
    WapDocument {
        characteristics: vec![
            Characteristic::new("CertificateStore").with_child(root).with_child(my),
            application,
            Characteristic::new("DMClient").with_child(provider),
        ],
    }
}

pub(crate) fn header(message_id: u32, from_device: bool) -> Header {
    let (target, source) = if from_device { (SERVER, DEVICE) } else { (DEVICE, SERVER) };
    Header {
        session_id: "1".to_owned(),
        message_id,
        target: target.to_owned(),
        source: source.to_owned(),
        ..Header::default()
    }
}

pub(crate) fn operation(id: u32, verb: Verb, items: Vec<Item>) -> Command {
    Command::Operation(Operation { id: id.into(), verb, meta: Meta::default(), items })
}

pub(crate) fn status(id: u32, reference: u32, command: &str, code: StatusCode) -> Status {
    Status {
        id: id.into(),
        message_ref: 1,
        command_ref: reference.into(),
        command: command.to_owned(),
        target_ref: None,
        source_ref: None,
        challenge: None,
        code,
        items: Vec::new(),
    }
}

pub(crate) fn package_1() -> Message {
    let login = Item { meta: Meta::media_type(alert_type::LOGIN_STATUS), ..Item::default() }.with_data("user");
    let info = [("DevId", DEVICE), ("Man", "Example"), ("Mod", "Laptop"), ("DmV", "1.3"), ("Lang", "en-GB")];
    let items = info.map(|(name, value)| Item::source(format!("./DevInfo/{name}")).with_data(value));
    let commands = vec![
        Command::Alert(Alert { id: 1.into(), code: AlertCode::CLIENT_INITIATED, items: vec![] }),
        Command::Alert(Alert { id: 2.into(), code: AlertCode::CLIENT_EVENT, items: vec![login] }),
        operation(3, Verb::Replace, items.to_vec()),
    ];
    Message { header: header(1, true), commands, is_final: true }
}

pub(crate) fn challenge() -> Message {
    let demand = Challenge { kind: CredentialsKind::Md5, nonce: Some(b"Nonce".to_vec()) };
    let refused = Status { challenge: Some(demand), ..status(1, 0, "SyncHdr", StatusCode::MISSING_CREDENTIALS) };
    Message { header: header(1, false), commands: vec![Command::Status(refused)], is_final: true }
}

pub(crate) fn with_credentials() -> Message {
    let header = Header {
        source_name: Some("Bruce2".to_owned()),
        credentials: Some(Credentials::md5("Bruce2", &"OhBehave".into(), b"Nonce")),
        meta: Meta { max_message_size: Some(524_288), max_object_size: Some(1_048_576), ..Meta::default() },
        ..header(2, true)
    };
    Message { header, commands: vec![], is_final: true }
}

pub(crate) fn commands() -> Message {
    let wifi = "./Device/Vendor/MSFT/WiFi/Profile/Caf%C3%A9/WlanXml";
    let xml = Item::target(wifi).with_meta(Meta::format(Format::Xml)).with_data("<WLANProfile>\r\n</WLANProfile>");
    let number = Item::target("./Device/Vendor/MSFT/Policy/Config/Area/Limit");
    let number = number.with_meta(Meta { media_type: Some("text/plain".to_owned()), ..Meta::format(Format::Int) });
    let inner = vec![
        operation(3, Verb::Add, vec![xml]),
        Command::Sequence(Group {
            id: 4.into(),
            commands: vec![operation(5, Verb::Replace, vec![number.with_data("7")])],
        }),
    ];
    let piece = Meta { size: Some(3000), ..Meta::format(Format::Chr) };
    let piece = Item { more_data: true, ..Item::target("./Vendor/MSFT/Big").with_meta(piece).with_data("begin") };
    let commands = vec![
        Command::Status(status(1, 0, "SyncHdr", StatusCode::AUTHENTICATED)),
        Command::Atomic(Group { id: 2.into(), commands: inner }),
        operation(6, Verb::Get, vec![Item::target("./DevInfo/DevId"), Item::target("./DevDetail/SwV")]),
        operation(7, Verb::Exec, vec![Item::target("./Vendor/MSFT/Reboot/RebootNow")]),
        operation(8, Verb::Delete, vec![Item::target("./User/Vendor/MSFT/EMAIL2/%7Bid%7D")]),
        operation(9, Verb::Add, vec![piece]),
    ];
    Message { header: header(1, false), commands, is_final: true }
}

pub(crate) fn answers() -> Message {
    let found = Item::source("./DevInfo/DevId").with_data(DEVICE);
    let reason = vec![Item::default().with_data("no such node")];
    let missing = Status {
        target_ref: Some("./DevDetail/SwV".to_owned()),
        source_ref: Some("./DevInfo".to_owned()),
        items: reason,
        ..status(2, 6, "Get", StatusCode::NOT_FOUND)
    };
    let results = Results {
        id: 3.into(),
        message_ref: 1,
        command_ref: 6.into(),
        meta: Meta::format(Format::Chr),
        items: vec![found],
    };
    let commands = vec![
        Command::Status(status(1, 0, "SyncHdr", StatusCode::OK)),
        Command::Status(missing),
        Command::Results(results),
    ];
    Message { header: header(2, true), commands, is_final: true }
}

/// Whether the reader for this kind of document takes it.
pub(crate) fn is_accepted(name: &str, bytes: &[u8]) -> bool {
    match name {
        "discover" => Discover::decode(bytes).is_ok(),
        "discover_response" => DiscoverResponse::decode(bytes).is_ok(),
        "get_policies" => GetPolicies::decode(bytes).is_ok(),
        "policies_response" => CertificatePolicy::decode(bytes).is_ok(),
        "security_token_response" => SecurityTokenResponse::decode(bytes).is_ok(),
        "provisioning_document" => WapDocument::decode(bytes).is_ok() && Provisioning::decode(bytes).is_ok(),
        _ if name.starts_with("fault") => Fault::decode(bytes).is_some(),
        _ if name.starts_with("syncml") => Message::decode(bytes).is_ok(),
        _ => RequestSecurityToken::decode(bytes).is_ok(),
    }
}
