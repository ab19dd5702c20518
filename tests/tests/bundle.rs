//! Support bundles: canaries are planted wherever the agent has secrets, and none may be in the archive, in any form.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdm_protocol::base64;
use mdm_tests::processes::{LineSink, Process, silent, wait_until};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::Value;

const PSK: &str = "psk-c&n<ry'\"one";
const WIREGUARD: &str = "YAnz5TF+lXXJte14tji3zlMNftX2JxwtzW9yS+2v0V0=";
const MAIL: &str = "mail-canary&three";
const PFX: &str = "pfx canary=four";
const CHALLENGE: &str = "SCEP-CANARY-FIVE";
const PROXY: &str = "proxy-c@nary:six";
const PROXY_FILE: &str = "proxy-file c&nary";
const TYPED: &str = "typed-canary-seven";

#[test]
fn no_secret_leaves_the_machine_in_a_bundle_in_any_form() {
    let world = World::enrolled().unwrap();
    let canaries = plant(&world);
    let log = log_with(&world, &canaries);
    // The service has its proxy of the environment, the command that of a file: both passwords are known.
    let _service = Process::start(world.agent.command().env("https_proxy", proxy()).arg("run"), &silent()).unwrap();
    wait_until(Duration::from_secs(20), || {
        Ok(std::os::unix::net::UnixStream::connect(world.agent.runtime.join("control.sock")).is_ok().then_some(()))
    })
    .unwrap();
    let said = world
        .agent
        .command()
        .arg("--config")
        .arg(configuration(&world))
        .args(["bundle", "--json", "--log-file", log.to_str().unwrap(), "--output"])
        .arg(world.folder.path().join("bundle.tar.gz"))
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let files = unpack(&world.folder.path().join("bundle.tar.gz"));
    let all = files
        .iter()
        .fold(String::from_utf8_lossy(&said.stdout).into_owned(), |all, (name, text)| all + name + "\n" + text + "\n");
    for canary in &canaries {
        // What is left of a secret inside larger base64 would be its middle, at least.
        let middles = credentials(canary).map(|encoded| encoded[8..encoded.len() - 6].to_owned());
        for form in forms(canary).into_iter().chain(middles) {
            let place = files.iter().find(|(_, text)| text.contains(&form)).map(|(name, _)| name);
            assert!(!all.contains(&form), "{canary:?} is in {place:?} as {form:?}");
        }
    }
    assert!(!all.contains("PRIVATE KEY"), "not even the beginning of a key");
    useful(&files);
}

/// What somebody who helps needs is there.
fn useful(files: &BTreeMap<String, String>) {
    let json =
        |name: &str| serde_json::from_str::<Value>(&files[name]).unwrap_or_else(|error| panic!("{name}: {error}"));
    let manifest = json("manifest.json");
    assert_eq!(manifest["missing"], serde_json::json!([]), "{manifest:#}");
    assert!(manifest["filter"].as_str().unwrap().contains("were looked for"), "{manifest:#}");
    let redacted = manifest["files"].as_array().unwrap().iter().find(|file| file["file"] == "log.txt").unwrap();
    assert!(redacted["redacted"].as_u64().unwrap() > 50, "{redacted}");
    assert!(json("machine.json")["kernel"].is_string());
    assert!(json("configuration.json")["proxy"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(json("status.json")["account"]["authority"], "Intune");
    let names: Vec<String> =
        json("profiles.json").as_array().unwrap().iter().map(|profile| profile["name"].to_string()).collect();
    assert!(names.iter().any(|name| name.contains("Contoso Corp")), "{names:?}");
    assert!(json("store.json")["profiles"]["wifi"].as_u64() == Some(1));
    assert!(files["ledger.json"].contains("/etc/NetworkManager/system-connections/"), "{}", files["ledger.json"]);
    assert!(files["history.jsonl"].lines().count() > 3 && files["history.jsonl"].contains("profile-received"));
    files["history.jsonl"].lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
    assert!(json("doctor.json").as_array().unwrap().len() > 15);
    assert!(files["doctor.txt"].contains("pass service"), "{}", files["doctor.txt"]);
    assert!(files["files.txt"].contains("identity/active/key.pem"));
    assert!(files["log.txt"].contains("checked in") && files["log.txt"].contains("********"), "{}", files["log.txt"]);
    assert!(files.contains_key("compliance.json"));
}

#[test]
fn a_bundle_is_for_its_owner_and_replaces_nothing() {
    let world = World::enrolled().unwrap();
    let path = world.folder.path().join("bundle.tar.gz");
    std::fs::write(&path, "precious").unwrap();
    let made =
        |more: &[&str]| world.agent.verb([&["bundle", "--output", path.to_str().unwrap()], more].concat()).unwrap();
    let refused = made(&[]);
    assert_eq!(refused.code, 1);
    assert!(refused.errors.contains("is there already") && refused.errors.contains("--force"), "{}", refused.errors);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(made(&["--force"]).code, 0);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let manifest: Value = serde_json::from_str(&unpack(&path)["manifest.json"]).unwrap();
    assert!(manifest["missing"].to_string().contains("log.txt"), "a machine without a journal says so: {manifest:#}");
}

#[test]
fn a_machine_that_is_not_enrolled_has_a_bundle_too() {
    let world = World::new().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let path = world.folder.path().join("bundle.tar.gz");
    let said = world.agent.verb(["bundle", "--output", path.to_str().unwrap()]).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    let files = unpack(&path);
    assert!(files["doctor.txt"].contains("pass service"), "{}", files["doctor.txt"]);
    assert!(files["manifest.json"].contains("this device is not enrolled"), "{}", files["manifest.json"]);
}

/// Puts secrets wherever the agent has some; what they are.
fn plant(world: &World) -> Vec<String> {
    let wifi = profiles::WIFI.replace("demo-only-passphrase", "psk-c&amp;n&lt;ry'\"one");
    let tunnel = format!(
        "[Interface]\nPrivateKey = {WIREGUARD}\nAddress = 10.0.0.2/32\n[Peer]\nPublicKey = \
         xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 10.0.0.0/8\nEndpoint = 192.0.2.1:51820\n"
    );
    let vpn = "./Device/Vendor/MSFT/VPNv2";
    let mail = "./User/Vendor/MSFT/EMAIL2/%7B5B3E8B1A-7C2D-4A4F-9E0B-2D1C6F8A9B10%7D";
    let install = "./Device/Vendor/MSFT/ClientCertificateInstall";
    for (name, fragment) in [
        ("wifi", wifi),
        ("email", profiles::EMAIL.to_owned()),
        ("configuration", profiles::CONFIGURATION.to_owned()),
        (
            "wireguard",
            atomic(&[
                (&format!("{vpn}/Guard/PluginProfile/PluginPackageFamilyName"), "wireguard"),
                (&format!("{vpn}/Guard/PluginProfile/ServerUrlList"), "192.0.2.1"),
                (&format!("{vpn}/Guard/PluginProfile/CustomConfiguration"), &tunnel),
            ]),
        ),
        ("mail", atomic(&[(&format!("{mail}/AUTHSECRET"), MAIL)])),
        ("pfx", atomic(&[(&format!("{install}/PFXCertInstall/own/PFXCertPassword"), PFX)])),
        ("scep", atomic(&[(&format!("{install}/SCEP/own/Install/Challenge"), CHALLENGE)])),
    ] {
        block_on(world.server.admin.assign(name, &fragment)).unwrap();
    }
    world.agent.json(["sync"]).unwrap();
    let mut canaries: Vec<String> = [PSK, WIREGUARD, MAIL, PFX, CHALLENGE, PROXY, PROXY_FILE, TYPED]
        .iter()
        .map(|canary| (*canary).to_owned())
        .collect();
    // Each of them is really held: the test would prove nothing about one that was refused.
    let listed = world.agent.json(["profiles", "list"]).unwrap();
    let mut held = String::new();
    for profile in listed.as_array().unwrap() {
        let (kind, name) = (profile["kind"].as_str().unwrap(), profile["name"].as_str().unwrap());
        let shown = world.agent.json(["profiles", "show", name, "--kind", kind, "--reveal"]).unwrap();
        shown["nodes"].as_array().unwrap().iter().for_each(|node| held.push_str(node[2].as_str().unwrap()));
    }
    for canary in ["psk-c&amp;n&lt;ry", WIREGUARD, MAIL, PFX, CHALLENGE] {
        assert!(held.contains(canary), "{canary} is not held: {listed:#}");
    }
    let account = std::fs::read(world.agent.state.join("identity/account.json")).unwrap();
    let account: Value = serde_json::from_slice(&account).unwrap();
    canaries.extend(account["credentials"]["secret"].as_str().map(str::to_owned));
    let key = std::fs::read_to_string(world.agent.state.join("identity/active/key.pem")).unwrap();
    canaries.extend(key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned));
    canaries
}

/// The log of a service at its most talkative, and lines of one that says what it must not.
fn log_with(world: &World, canaries: &[String]) -> PathBuf {
    let lines: Arc<Mutex<String>> = Arc::default();
    let kept = Arc::clone(&lines);
    let sink: LineSink = Arc::new(move |line| kept.lock().unwrap().push_str(&format!("{line}\n")));
    let mut service = world.agent.run_verbosely(&sink).unwrap();
    world.agent.json(["sync"]).unwrap();
    service.stop().unwrap();
    let mut text = lines.lock().unwrap().clone();
    for canary in canaries.iter().filter(|canary| *canary != TYPED) {
        for form in forms(canary).into_iter().chain(credentials(canary)) {
            writeln!(text, "DEBUG something went wrong with {form} and {form}, value={canary:?}").unwrap();
        }
    }
    // What a person typed is nothing that the agent still knows.
    writeln!(text, "DEBUG asking password={TYPED} proxy={}", proxy()).unwrap();
    text.push_str(&std::fs::read_to_string(world.agent.state.join("identity/active/key.pem")).unwrap());
    let path = world.folder.path().join("agent.log");
    std::fs::write(&path, text).unwrap();
    path
}

/// A configuration whose proxy has its credentials in a file of their own.
fn configuration(world: &World) -> PathBuf {
    let [file, credentials] = ["agent.toml", "proxy-credentials"].map(|name| world.folder.path().join(name));
    std::fs::write(&credentials, format!("me:{PROXY_FILE}\n")).unwrap();
    std::fs::set_permissions(&credentials, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text =
        format!("[proxy]\nurl = \"http://127.0.0.1:9\"\ncredentials-file = {:?}\n", credentials.to_str().unwrap());
    std::fs::write(&file, text).unwrap();
    file
}

fn proxy() -> String {
    format!("http://me:{}@127.0.0.1:9", percent(PROXY))
}

fn atomic(nodes: &[(&str, &str)]) -> String {
    let sets: String = (2..)
        .zip(nodes)
        .map(|(number, (address, value))| {
            let value = xml(value);
            format!("<Replace><CmdID>{number}</CmdID><Item><Target><LocURI>{address}</LocURI></Target><Data>{value}</Data></Item></Replace>")
        })
        .collect();
    format!("<Atomic><CmdID>1</CmdID>{sets}</Atomic>")
}

/// Raw, and encoded in each way.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        base64::encode(secret),
        base64::encode(secret).trim_end_matches('=').to_owned(),
        xml(secret),
        xml(&xml(secret)),
        percent(secret),
        json[1..json.len() - 1].to_owned(),
    ]
}

/// As HTTP has them; what comes first decides how the rest is encoded.
fn credentials(secret: &str) -> [String; 3] {
    ["a:", "me:", "you:"].map(|user| base64::encode(format!("{user}{secret}")))
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => write!(encoded, "%{byte:02X}").unwrap(),
        }
        encoded
    })
}

fn unpack(path: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()));
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let name = entry.path().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name, text)
    });
    files.collect()
}
