//! Who is let in at the management endpoint.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_agent::shell::http::{HttpsClient, ProxySettings};
use mdm_agent::shell::identity::Identity;
use mdm_agent::shell::paths::Paths;
use mdm_protocol::syncml::{Alert, AlertCode, Command, CommandId, Header, Item, Message, Meta, Operation, Verb};
use mdm_tests::agent::AgentFolder;
use mdm_tests::server::USER;
use mdm_tests::world::{World, block_on};

#[test]
fn without_a_certificate_or_with_someone_elses_nobody_gets_in() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let world = World::enrolled().unwrap();
    let other = AgentFolder::new(&world.programs, &world.folder.path().join("other"));
    let mut command = other.command();
    command.args(["enroll", "--server", &world.server.device_url, "--user", USER, "--device-id", "ANOTHER-DEVICE"]);
    command.arg("--ca-file").arg(&world.server.ca_file).arg("--password-file").arg(&world.server.password_file);
    let said = command.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let (first, second) = (identity(&world.agent), identity(&other));
    let url = &first.account.management_url;
    let package = package_one(&first.account.device_id, url);
    let status = |client: HttpsClient| block_on(async { client.post(url, package.clone()).await.unwrap().status });
    assert_eq!(status(authenticated(&first)), 200);
    assert_eq!(status(authenticated(&second)), 403);
    assert_eq!(status(HttpsClient::anonymous(&first.account.trust, &proxy()).unwrap()), 403);
}

#[test]
fn a_device_that_the_administrator_removed_is_refused_and_keeps_what_it_has() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    block_on(world.server.admin.delete(&format!("/devices/{}", devices[0]["id"].as_str().unwrap()))).unwrap();
    for _ in 0..5 {
        assert_eq!(world.agent.verb(["sync"]).unwrap().code, 1);
    }
    let status = world.agent.json(["status"]).unwrap();
    assert_eq!(
        (&status["last_session"]["outcome"], &status["unknown_device"]),
        (&"device-refused".into(), &true.into())
    );
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().map(Vec::len), Some(5));
    assert!(world.agent.state.join("identity/active/key.pem").exists());
}

fn identity(agent: &AgentFolder) -> Identity {
    let paths = Paths { state: agent.state.clone(), runtime: agent.runtime.clone() };
    Identity::load(&paths).unwrap().unwrap()
}

fn package_one(device: &str, url: &str) -> Vec<u8> {
    let alert = Alert { id: CommandId::from(1), code: AlertCode::CLIENT_INITIATED, items: Vec::new() };
    let nodes = [("DevId", device), ("Man", "Contoso"), ("Mod", "Laptop"), ("DmV", "1.3"), ("Lang", "en-US")];
    let items = nodes.map(|(name, value)| Item::source(format!("./DevInfo/{name}")).with_data(value)).to_vec();
    let replace = Operation { id: CommandId::from(2), verb: Verb::Replace, meta: Meta::default(), items };
    let header = Header {
        session_id: "9".to_owned(),
        message_id: 1,
        target: url.to_owned(),
        source: device.to_owned(),
        ..Header::default()
    };
    Message { header, commands: vec![Command::Alert(alert), Command::Operation(replace)], is_final: true }
        .encode()
        .into_bytes()
}

fn authenticated(identity: &Identity) -> HttpsClient {
    let account = &identity.account;
    HttpsClient::authenticated(&identity.active, &account.trust, &account.device_id, &proxy()).unwrap()
}

fn proxy() -> ProxySettings {
    ProxySettings::none()
}
