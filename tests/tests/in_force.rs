//! Profiles in force on a machine, with the two real programs: what appears below the machine's root, what the server is
//! told, and what is left when it goes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use mdm_tests::machine_root::tree;
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

/// What appeared below the root since then.
fn new(world: &World, before: &BTreeMap<String, String>) -> Vec<String> {
    tree(&world.agent.root)
        .into_iter()
        .filter(|(path, text)| !path.ends_with('/') && before.get(path) != Some(text))
        .map(|(path, _)| path)
        .collect()
}

fn assign(world: &World, name: &str, fragment: &str) {
    block_on(world.server.admin.assign(name, fragment)).unwrap();
}

fn withdraw(world: &World, name: &str) {
    block_on(world.server.admin.assignment(name, &json!({ "all": false }))).unwrap();
}

fn sync(world: &World) -> Value {
    world.agent.json(["sync"]).unwrap()
}

fn device(world: &World) -> Value {
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    let path = format!("/devices/{}", devices[0]["id"].as_str().unwrap());
    block_on(world.server.admin.get(&path)).unwrap()
}

#[test]
fn all_five_kinds_are_in_force_and_unenrolling_leaves_a_byte_identical_machine() {
    let world = World::enrolled().unwrap();
    let before = tree(&world.agent.root);
    block_on(world.assign_all()).unwrap();
    assert_eq!(sync(&world)["refused"], 0);
    let files = new(&world, &before);
    for part in [
        "etc/NetworkManager/system-connections/mdm-agent-contoso-corp-",
        "etc/NetworkManager/system-connections/mdm-agent-contoso-vpn-",
        "etc/security/pwquality.conf.d/90-mdm-agent.conf",
        "etc/thunderbird/policies/policies.json",
        "usr/local/share/ca-certificates/mdm-agent-root-",
        "usr/share/thunderbird/isp/contoso.example.xml",
    ] {
        assert!(files.iter().any(|file| file.starts_with(part)), "{part}: {files:?}");
    }
    let keyfile = files.iter().find(|file| file.contains("contoso-corp")).unwrap();
    let mode = world.agent.root.join(keyfile).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let listed = world.agent.json(["profiles", "list"]).unwrap();
    for row in listed.as_array().unwrap() {
        assert_eq!(row["not_in_force"], Value::Null, "{row}");
        assert!(!row["files"].as_array().unwrap().is_empty(), "{row}");
    }
    assert_eq!(world.agent.json(["plan"]).unwrap()["steps"], json!([]));
    let said = world.agent.verb(["unenroll"]).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    assert_eq!(tree(&world.agent.root), before);
    assert!(world.agent.is_blank() && !world.agent.state.join("ledger.json").exists());
}

#[test]
fn what_cannot_be_had_is_refused_alone_with_its_reason_and_the_rest_is_in_force() {
    let world = World::enrolled().unwrap();
    let occupied = world.agent.root.join("etc/security/pwquality.conf.d/90-mdm-agent.conf");
    std::fs::write(&occupied, "minlen = 8\n").unwrap();
    block_on(world.assign_all()).unwrap();
    assert_eq!(sync(&world)["refused"], 1);
    assert_eq!(std::fs::read_to_string(&occupied).unwrap(), "minlen = 8\n");
    let listed = world.agent.json(["profiles", "list"]).unwrap();
    let refused =
        |row: &&Value| row["not_in_force"].as_str().is_some_and(|why| why.starts_with("refused with status 418"));
    let rows = listed.as_array().unwrap().iter();
    let (refused, held): (Vec<&Value>, Vec<&Value>) = rows.partition(refused);
    let kinds = |rows: &[&Value]| rows.iter().map(|row| row["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!((kinds(&refused), kinds(&held).len()), (vec!["configuration".to_owned()], 4), "{listed}");
    assert!(held.iter().all(|row| row["not_in_force"].is_null()), "{listed}");
    let told = device(&world).to_string();
    assert!(told.contains("418"), "{told}");
}

#[test]
fn an_atomic_of_which_one_part_cannot_be_had_is_not_in_force_at_all() {
    let world = World::enrolled().unwrap();
    let before = tree(&world.agent.root);
    let set = |number: u32, address: &str, value: &str| {
        format!(
            "<Replace><CmdID>{number}</CmdID><Item><Target><LocURI>./Device/Vendor/LinuxMDM/Config/{address}</LocURI></Target><Data>{value}</Data></Item></Replace>"
        )
    };
    let good = set(2, "Sysctl/kernel.sysrq", "0");
    let atomic = format!("<Atomic><CmdID>1</CmdID>{good}{}</Atomic>", set(3, "Nonsense/X", "1"));
    assign(&world, "both", &atomic);
    sync(&world);
    assert_eq!(new(&world, &before), Vec::<String>::new());
    let told = device(&world).to_string();
    assert!(told.contains("507") || told.contains("failed"), "{told}");
    assign(&world, "both", &format!("<Atomic><CmdID>1</CmdID>{good}</Atomic>"));
    // The tenant also deletes what its former version would have set, which is not there.
    sync(&world);
    assert_eq!(new(&world, &before), ["etc/sysctl.d/90-mdm-agent.conf"]);
}

#[test]
fn a_file_changed_by_hand_is_put_back_and_both_sides_are_told() {
    let world = World::enrolled().unwrap();
    assign(&world, "configuration", profiles::CONFIGURATION);
    sync(&world);
    let path = world.agent.root.join("etc/security/pwquality.conf.d/90-mdm-agent.conf");
    let managed = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, "minlen = 1\n").unwrap();
    let planned = world.agent.verb(["plan"]).unwrap().output;
    // What is said is what is on the disk now, not what was there at the last check-in.
    for verb in [&["profiles", "list"][..], &["status"], &["doctor"]] {
        let said = world.agent.verb(verb.iter().copied()).unwrap().output;
        let word = if verb[0] == "profiles" { "no" } else { "was changed locally since the last check-in" };
        assert!(said.contains(word) && !said.contains("every profile is in force"), "{verb:?}: {said}");
    }
    let listed = world.agent.json(["profiles", "list"]).unwrap();
    let reason = listed[0]["not_in_force"].as_str().unwrap_or_default();
    assert!(reason.contains("90-mdm-agent.conf was changed locally"), "{listed}");
    assert!(planned.contains("- minlen = 1") && planned.contains("+ minlen = 12"), "{planned}");
    sync(&world);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), managed);
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap()[0]["not_in_force"], Value::Null);
    let status = world.agent.verb(["status"]).unwrap().output;
    assert!(status.contains("pwquality.conf.d/90-mdm-agent.conf (changed locally"), "{status}");
    let told = device(&world)["reports"].to_string();
    assert!(told.contains("org.linuxmdm:drift") && told.contains("pwquality"), "{told}");
    assert!(world.agent.verb(["history"]).unwrap().output.contains("file-put-back"));
}

#[test]
fn a_profile_is_tried_without_being_put_in_force() {
    let world = World::new().unwrap();
    let before = tree(&world.agent.root);
    let file = world.folder.path().join("wifi.xml");
    std::fs::write(&file, profiles::WIFI).unwrap();
    let said = world.agent.verb(["plan".as_ref(), "--profile".as_ref(), file.as_os_str()]).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    assert!(said.output.contains("create /etc/NetworkManager/system-connections/"), "{}", said.output);
    assert!(said.output.contains("psk=********") && !said.output.contains("demo-only"), "{}", said.output);
    assert_eq!(tree(&world.agent.root), before);
    std::fs::write(&file, "nonsense").unwrap();
    assert_eq!(world.agent.verb(["plan".as_ref(), "--profile".as_ref(), file.as_os_str()]).unwrap().code, 2);
}

#[test]
fn a_service_killed_again_and_again_leaves_whole_files_and_brings_the_machine_to_its_end() {
    let world = World::enrolled().unwrap();
    let before = tree(&world.agent.root);
    let mut passphrases = vec!["demo-only-passphrase".to_owned()];
    for round in 0..10 {
        let (seen, moments) = std::sync::mpsc::channel();
        let mut service = world.agent.run_verbosely(&watching(seen)).unwrap();
        passphrases.push(format!("passphrase-of-round-{round}"));
        assign(&world, "wifi", &profiles::WIFI.replace(&passphrases[0], passphrases.last().unwrap()));
        assign(&world, "configuration", &profiles::CONFIGURATION.replace(">12<", &format!(">{}<", 8 + round)));
        let mut sync = world.agent.command().arg("sync").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Killed after another step of the session in each round.
        for _ in 0..=round % 5 {
            moments.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        }
        service.kill();
        sync.wait().unwrap();
        for (path, text) in tree(&world.agent.root).iter().filter(|(path, _)| path.ends_with(".nmconnection")) {
            let whole = passphrases.iter().any(|known| text.contains(&format!("psk={known}\n")))
                && text.ends_with("[ipv6]\nmethod=auto\n");
            assert!(whole, "{path} is not whole: {text}");
        }
    }
    sync(&world);
    assert_eq!(world.agent.json(["plan"]).unwrap()["steps"], json!([]));
    let keyfile = new(&world, &before).into_iter().find(|path| path.ends_with(".nmconnection")).unwrap();
    assert!(tree(&world.agent.root)[&keyfile].contains("passphrase-of-round-9"));
    assert_eq!(world.agent.verb(["unenroll"]).unwrap().code, 0);
    assert_eq!(tree(&world.agent.root), before);
}

/// Hears of every step of a session in the service's log.
fn watching(seen: std::sync::mpsc::Sender<()>) -> mdm_tests::processes::LineSink {
    let seen = std::sync::Mutex::new(seen);
    std::sync::Arc::new(move |line| {
        if ["sending a message", "the server answered", "checked in"].iter().any(|step| line.contains(step)) {
            let _ = seen.lock().unwrap().send(());
        }
    })
}

#[test]
#[ignore = "needs root, to mount"]
fn a_read_only_and_a_full_file_system_refuse_what_would_go_there_and_nothing_else() {
    let world = World::enrolled().unwrap();
    let mount = |place: &str, options: &str| {
        let path = world.agent.root.join(place);
        let mut command = std::process::Command::new("mount");
        assert!(command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path).status().unwrap().success());
        Mounted(path)
    };
    let _read_only = mount("usr/local/share/ca-certificates", "ro");
    let full = mount("etc/NetworkManager/system-connections", "size=4k");
    std::fs::write(full.0.join("ballast"), vec![0; 4096]).unwrap();
    block_on(world.assign_all()).unwrap();
    assert_eq!(sync(&world)["completed"], true);
    let told = device(&world).to_string();
    for words in ["read-only file system here", "420"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let kinds: Vec<Value> = world
        .agent
        .json(["profiles", "list"])
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["content_hash"] != "")
        .map(|row| row["kind"].clone())
        .collect();
    assert_eq!(kinds, ["configuration", "email"]);
    assert_eq!(std::fs::read_dir(&full.0).unwrap().count(), 1, "nothing half-written");
    std::fs::remove_file(full.0.join("ballast")).unwrap();
    // The tenant does not repeat what was refused; the device tries it again by itself.
    sync(&world);
    assert_eq!(std::fs::read_dir(&full.0).unwrap().count(), 1, "there is room now");
    let state = || {
        let profiles = device(&world)["profiles"].as_array().unwrap().clone();
        profiles.into_iter().find(|profile| profile["name"] == "wifi").unwrap()["state"].clone()
    };
    assert_eq!(state(), "failed");
    assert_eq!(sync(&world)["refused"], 0, "and says so in the next session");
    assert_eq!(state(), "delivered");
    assert!(device(&world)["reports"].to_string().contains("org.linuxmdm:profile.accepted"));
}

/// A file system that is unmounted in the end.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn s36_a_mailbox_that_changes_hands_asks_its_user_to_sign_in_once() {
    let world = World::enrolled().unwrap();
    assign(&world, "email", profiles::EMAIL);
    sync(&world);
    block_on(world.server.admin.patch("/tenant", &json!({ "authority": "co-management" }))).unwrap();
    let new = profiles::EMAIL.replace("imap.contoso.example", "mail.contoso.example");
    block_on(world.server.admin.assign_under("co-management", "new-email", &new)).unwrap();
    for _ in 0..3 {
        sync(&world);
    }
    let description =
        std::fs::read_to_string(world.agent.root.join("usr/share/thunderbird/isp/contoso.example.xml")).unwrap();
    assert!(description.contains("mail.contoso.example"), "{description}");
    let history = world.agent.verb(["history", "--limit", "100"]).unwrap().output;
    assert_eq!(history.matches("mail-sign-in-needed").count(), 1, "{history}");
}

const SCEP: &str = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office";

fn scep(url: &str, challenge: &str) -> String {
    let set = |number: u32, node: &str, value: &str| {
        format!(
            "<Replace><CmdID>{number}</CmdID><Item><Target><LocURI>{SCEP}/Install/{node}</LocURI></Target><Data>{value}</Data></Item></Replace>"
        )
    };
    let nodes = [
        ("ServerURL", url),
        ("Challenge", challenge),
        ("SubjectName", "CN=ada,OU=Devices"),
        ("EKUMapping", "1.3.6.1.5.5.7.3.2"),
        ("RetryDelay", "1"),
    ];
    let sets: String = (2..).zip(nodes).map(|(number, (node, value))| set(number, node, value)).collect();
    format!(
        "<Atomic><CmdID>1</CmdID>{sets}<Exec><CmdID>9</CmdID><Item><Target><LocURI>{SCEP}/Install/Enroll</LocURI></Target></Item></Exec></Atomic>"
    )
}

fn enterprise() -> String {
    profiles::WIFI
        .replace("WPA3SAE", "WPA2")
        .replace("useOneX>false", "useOneX>true")
        .replace("<sharedKey><keyType>passPhrase</keyType><protected>false</protected><keyMaterial>demo-only-passphrase</keyMaterial></sharedKey>",
            "<OneX><EAPConfig><EapHostConfig><EapMethod><Type>13</Type></EapMethod><Config/></EapHostConfig></EAPConfig></OneX>")
}

#[test]
fn a_network_waits_for_its_certificate_and_the_certificate_stays_as_long_as_the_network() {
    let world = World::enrolled().unwrap();
    let before = tree(&world.agent.root);
    assign(&world, "wifi", &enterprise());
    assert_eq!(sync(&world)["refused"], 0);
    assert_eq!(new(&world, &before), Vec::<String>::new(), "nothing is half in force");
    let waiting = world.agent.json(["profiles", "list"]).unwrap()[0]["not_in_force"].to_string();
    assert!(waiting.contains("waiting: no certificate"), "{waiting}");
    let challenge = block_on(world.server.admin.post("/scep/challenges", &json!({}))).unwrap();
    let url = format!("{}/scep", world.server.device_url);
    assign(&world, "scep", &scep(&url, challenge["challenge"].as_str().unwrap()));
    let _service = world.agent.run(&mdm_tests::processes::silent()).unwrap();
    sync(&world);
    mdm_tests::processes::wait_until(std::time::Duration::from_secs(30), || {
        let there = new(&world, &before).iter().any(|file| file.ends_with(".nmconnection"));
        Ok(there.then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {}", world.agent.verb(["history"]).unwrap().output));
    let files = new(&world, &before);
    let key = files.iter().find(|file| file.ends_with("-key.pem")).unwrap();
    assert_eq!(world.agent.root.join(key).metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let keyfile = tree(&world.agent.root)[files.iter().find(|file| file.ends_with(".nmconnection")).unwrap()].clone();
    assert!(keyfile.contains(&format!("private-key=/{key}\n")) && keyfile.contains("identity=ada\n"), "{keyfile}");
    let history = world.agent.verb(["history", "--limit", "50"]).unwrap().output;
    assert!(history.contains("certificate-issued"), "{history}");
    withdraw(&world, "scep");
    sync(&world);
    assert!(new(&world, &before).contains(key), "the network still uses it");
    assert_eq!(world.agent.json(["plan"]).unwrap()["steps"], json!([]));
    withdraw(&world, "wifi");
    sync(&world);
    mdm_tests::processes::wait_until(std::time::Duration::from_secs(10), || {
        Ok(new(&world, &before).is_empty().then_some(()))
    })
    .unwrap();
    assert_eq!(tree(&world.agent.root), before);
}
