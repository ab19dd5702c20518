//! NetworkManager itself, on a system bus of the test's own: what it is told of it has to list.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mdm_agent::engine::profile::Profile;
use mdm_agent::platform::consumer::Consumer;
use mdm_agent::platform::messenger::{Declined, Messenger, News, Tools};
use mdm_agent::platform::path::uuid;
use mdm_agent::platform::root::Root;
use mdm_protocol::syncml::StatusCode;
use mdm_tests::processes::Process;

use crate::alone::alone;
use crate::certificates::Authority;
use crate::daemon::start;
use crate::keyfiles::CONNECTIONS;
use crate::machine::Machine;
use crate::programs::{ask, run, with_input};
use crate::samples::{ikev2, security, wifi};
use crate::{networks, tunnels};

/// A bus on which everybody may do everything.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>"#;

/// Breaks what is called bad before NetworkManager is told of it.
#[derive(Debug)]
struct Spoiler;

impl Messenger for Spoiler {
    fn tell(&self, consumer: Consumer, news: &News, root: &Root) -> Result<(), Vec<Declined>> {
        for path in news.changed.iter().filter(|path| path.as_str().contains("-bad-")) {
            let text = std::fs::read_to_string(path.as_str()).unwrap();
            std::fs::write(path.as_str(), text.replace("type=wifi", "type=nonsense")).unwrap();
        }
        Tools.tell(consumer, news, root)
    }
}

/// The bus and NetworkManager on it; nobody else is there.
fn services(machine: &Machine) -> [Process; 2] {
    let configuration = machine.folder().join("bus.conf");
    std::fs::write(&configuration, BUS).unwrap();
    std::fs::create_dir_all("/run/dbus").unwrap();
    let mut bus = Command::new("dbus-daemon");
    bus.arg("--config-file").arg(configuration).arg("--nofork");
    let bus = start(&mut bus, |_| Path::new("/run/dbus/system_bus_socket").exists());
    let is_running =
        |_: &Process| run("nmcli", &["--terse", "--fields", "RUNNING", "general"]).said.trim() == "running";
    [bus, start(Command::new("NetworkManager").arg("--no-daemon"), is_running)]
}

/// Every connection that NetworkManager has from a file: UUID and file.
fn listed() -> Vec<(String, String)> {
    let said = ask("nmcli", &["--terse", "--fields", "UUID,FILENAME", "connection", "show"]);
    let pairs = said.lines().filter_map(|line| line.split_once(':'));
    pairs.filter(|(_, file)| file.starts_with(CONNECTIONS)).map(|(id, file)| (id.to_owned(), file.to_owned())).collect()
}

fn identifier(profile: &Profile) -> String {
    uuid(&profile.address().unwrap())
}

#[test]
#[ignore = "needs network-manager, network-manager-strongswan, dbus, root and unshare"]
fn network_manager_lists_what_is_in_force_and_nothing_else_afterwards() {
    alone(network_manager_lists_what_is_in_force_and_nothing_else_afterwards, |machine| {
        let _services = services(machine);
        assert_eq!(listed(), []);
        let authority = Authority::new("Corp Root");
        let expected = [networks::all(&authority), tunnels::all(&authority)].concat();
        let profiles: Vec<Profile> = expected.into_iter().map(|(profile, _)| profile).collect();
        machine.put_in_force(&[authority.trusted(), authority.client(machine.folder(), "device.example")]);
        machine.put_in_force(&profiles);
        let listed_now = listed();
        assert_eq!(listed_now.len(), profiles.len(), "{listed_now:#?}");
        for profile in &profiles {
            let file = machine.file_of(profile, CONNECTIONS).display().to_string();
            assert!(listed_now.contains(&(identifier(profile), file)), "{}: {listed_now:#?}", profile.root);
        }
        machine.undo();
        assert_eq!(listed(), []);
    });
}

#[test]
#[ignore = "needs network-manager, dbus, root and unshare"]
fn a_connection_that_network_manager_declines_is_refused_by_name_and_the_others_stay() {
    alone(a_connection_that_network_manager_declines_is_refused_by_name_and_the_others_stay, |machine| {
        let _services = services(machine);
        let network = |name: &str| wifi(name, &format!("<SSID><name>{name}</name></SSID>"), &security("open", ""), &[]);
        let (good, bad) = (network("Good"), network("Bad"));
        let outcome = machine.told_by(Arc::new(Spoiler)).try_to_put_in_force(&[good.clone(), bad.clone()]);
        let refusal = &outcome.failed[&bad.root.to_string()];
        assert_eq!(refusal.status, StatusCode::FAILED, "{refusal:?}");
        assert!(refusal.reason.contains("/mdm-agent-bad-"), "{refusal:?}");
        assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
        assert_eq!(listed().into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [identifier(&good)]);
    });
}

#[test]
#[ignore = "needs network-manager, dbus, root and unshare"]
fn network_manager_ignores_a_connection_that_others_may_read_so_ours_are_for_root_alone() {
    alone(network_manager_ignores_a_connection_that_others_may_read_so_ours_are_for_root_alone, |machine| {
        let _services = services(machine);
        let network = wifi("Corp", "<SSID><name>Corp</name></SSID>", &security("open", ""), &[]);
        machine.put_in_force(std::slice::from_ref(&network));
        assert_eq!(listed().len(), 1);
        let file = machine.file_of(&network, CONNECTIONS);
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        ask("nmcli", &["connection", "reload"]);
        assert_eq!(listed(), []);
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        ask("nmcli", &["connection", "reload"]);
        assert_eq!(listed().len(), 1);
    });
}

#[test]
#[ignore = "needs network-manager, network-manager-strongswan, dbus, root and unshare"]
fn an_always_on_tunnel_is_brought_up_by_its_script_once_there_is_a_network() {
    alone(an_always_on_tunnel_is_brought_up_by_its_script_once_there_is_a_network, |machine| {
        let _services = services(machine);
        let eap = ("NativeProfile/Authentication/Eap/Type", "26");
        let tunnel = ikev2("Always", &[eap, ("AlwaysOn", "true")]);
        machine.put_in_force(std::slice::from_ref(&tunnel));
        let script = machine.file_of(&tunnel, "/etc/NetworkManager/dispatcher.d");
        let dispatch = |event: &str, connection: &str| {
            with_input(Command::new(&script).args(["eth0", event]).env("CONNECTION_ID", connection), b"")
        };
        for (event, connection) in [("down", "Office"), ("up", "")] {
            let answer = dispatch(event, connection);
            assert!(answer.success && answer.said.is_empty(), "{event}: {}", answer.said);
        }
        // It is asked for; that there is nothing to carry it is NetworkManager's to say.
        let answer = dispatch("up", "Office");
        assert!(answer.said.contains("source connection"), "{}", answer.said);
        machine.undo();
        let unknown = run("nmcli", &["--wait", "0", "connection", "up", "uuid", &identifier(&tunnel)]);
        assert!(unknown.said.contains("unknown connection"), "{}", unknown.said);
    });
}
