//! A running server and a client that can enrol and hold a session, over real TLS on loopback.

use mdm_protocol::enrolment::{AdditionalContext, RequestSecurityToken, RequestType, SecurityTokenResponse, item};
use mdm_protocol::provisioning::{Provisioning, StoreName};
use mdm_protocol::soap::{RequestHeader, Security};
use mdm_protocol::{Secret, soap, syncml};
use mdm_sim_server::tenant::TenantMode;
use mdm_sim_server::{Server, ServerOptions};
use rcgen::{CertificateParams, DnType, KeyPair};
use reqwest::{Client, Method, Response};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

pub(crate) const USER: &str = "alice@contoso.example";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) fn options() -> ServerOptions {
    ServerOptions {
        authority: Some(TenantMode::Intune),
        strict: true,
        user: Some((USER.to_owned(), Secret::new(PASSWORD))),
        ..ServerOptions::default()
    }
}

/// A certificate in DER and its key in PKCS#8.
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// A client that trusts the server and presents an identity, if it is given one.
pub(crate) fn client(server: &Server, identity: Option<&Identity>) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
            let chain = vec![CertificateDer::from(identity.certificate.clone())];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap()
}

/// Posts with the media type that the address takes.
pub(crate) async fn post(client: &Client, url: &str, body: impl Into<reqwest::Body>) -> Response {
    let kind = if url.contains("/ManagementServer/") { syncml::CONTENT_TYPE } else { soap::CONTENT_TYPE };
    client.post(url).header("content-type", kind).body(body).send().await.unwrap()
}

pub(crate) fn token_request(device: &str, password: &str) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, device);
    let context = AdditionalContext::default()
        .with(item::DEVICE_TYPE, "CIMClient_Windows")
        .with(item::ENROLLMENT_TYPE, "Full")
        .with(item::DEVICE_ID, device)
        .with(item::HARDWARE_ID, device)
        .with(item::DEVICE_NAME, "laptop")
        .with(item::OS_VERSION, "12.0")
        .with(item::APPLICATION_VERSION, "0.1.0");
    let request = RequestSecurityToken {
        request_type: RequestType::Issue,
        certificate_request: params.serialize_request(&key).unwrap().der().to_vec(),
        context,
    };
    let security = Security::UsernameToken { username: USER.to_owned(), password: Secret::new(password) };
    let header = RequestHeader { message_id: "urn:uuid:1".to_owned(), to: String::new(), security: Some(security) };
    (request.encode(&header), key)
}

pub(crate) async fn enrol(server: &Server, device: &str) -> (Provisioning, Identity) {
    let (request, key) = token_request(device, PASSWORD);
    let url = format!("{}/EnrollmentServer/Enrollment.svc", server.device_url());
    let response = post(&client(server, None), &url, request).await;
    assert_eq!(response.status(), 200);
    let response = SecurityTokenResponse::decode(&response.bytes().await.unwrap()).unwrap();
    let document = Provisioning::decode(&response.provisioning_document).unwrap();
    let own = document.certificates.iter().find(|entry| entry.store == StoreName::My).unwrap();
    let identity = Identity { certificate: own.der.clone(), key: key.serialize_der() };
    (document, identity)
}

/// A first message: an alert and what the device reports of itself.
pub(crate) fn hello(device: &str, session: u32, url: &str) -> syncml::Message {
    syncml::Message {
        header: syncml::Header {
            session_id: session.to_string(),
            message_id: 1,
            target: url.to_owned(),
            source: device.to_owned(),
            ..syncml::Header::default()
        },
        commands: vec![
            syncml::Command::Alert(syncml::Alert {
                id: 1.into(),
                code: syncml::AlertCode::CLIENT_INITIATED,
                items: Vec::new(),
            }),
            syncml::Command::Operation(syncml::Operation {
                id: 2.into(),
                verb: syncml::Verb::Replace,
                meta: syncml::Meta::default(),
                items: device_information(device),
            }),
        ],
        is_final: true,
    }
}

/// What the device's next message begins with.
pub(crate) fn acknowledged(reply: &syncml::Message) -> syncml::Command {
    let header = syncml::CommandId::from(0);
    let status = syncml::Status::new(reply.header.message_id, &header, "SyncHdr", syncml::StatusCode::OK);
    syncml::Command::Status(syncml::Status { id: "header".into(), ..status })
}

fn device_information(device: &str) -> Vec<syncml::Item> {
    let nodes = [("DevId", device), ("Man", "Contoso"), ("Mod", "Laptop"), ("DmV", "1.3"), ("Lang", "en-US")];
    nodes.map(|(name, value)| syncml::Item::source(format!("./DevInfo/{name}")).with_data(value)).to_vec()
}

/// Asks the admin API; returns status and JSON (null where there is none).
pub(crate) async fn admin(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let url = format!("{}/api/v1{path}", server.admin_url());
    let request =
        Client::builder().no_proxy().build().unwrap().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    let request = request.header("authorization", format!("Bearer {}", server.admin_token())).body(body.to_owned());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}
