//! The package on a machine: installed, enrolled, profiles in force from within the unit's sandbox, a reboot, an upgrade,
//! the removal and the purge, after which nothing is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mdm_tests::container::{Container, alone, package, prepare, run};
use mdm_tests::processes::{silent, wait_until};
use mdm_tests::profiles;
use mdm_tests::programs;
use mdm_tests::server::{ServerProcess, USER};
use mdm_tests::world::block_on;
use serde_json::Value;

/// How NetworkManager knows the plugin for IKEv2.
const STRONGSWAN: &str = "[VPN Connection]\nname=strongswan\nservice=org.freedesktop.NetworkManager.strongswan\n";
/// Set by systemd, for the sandbox does not let the agent write below /proc/sys.
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// Networks beside one profile of every kind.
const MANY: usize = 40;
/// All profiles.
const PROFILES: usize = 50;

#[test]
#[ignore = "needs root, debootstrap, systemd-nspawn, cargo-deb and cargo-generate-rpm"]
fn the_package_lives_and_goes_on_a_machine_with_systemd() {
    prepare().unwrap();
    alone(the_package_lives_and_goes_on_a_machine_with_systemd, || {
        let programs = programs::build()?;
        let folder = tempfile::tempdir()?;
        let package = package(&programs, folder.path())?;
        let server = ServerProcess::start(&programs, folder.path(), "intune", &silent())?;
        let mut machine = Machine::new(folder.path(), &server)?;
        let before = machine.files()?;
        machine.install(&package)?;
        machine.enrol(&server)?;
        machine.profiles_in_force(&server)?;
        machine.reload()?;
        let device = machine.device()?;
        machine.container.reboot()?;
        machine.is_well(&device)?;
        let newer = with_version(&package, folder.path(), "0.1.1-1")?;
        machine.upgrade_that_is_killed(&newer)?;
        machine.is_well(&device)?;
        machine.remove(&device)?;
        machine.purge(&before, &server)
    });
}

/// The same package with another version.
fn with_version(package: &Path, folder: &Path, version: &str) -> anyhow::Result<PathBuf> {
    let (tree, other) = (folder.join("package"), folder.join("other.deb"));
    run(Command::new("dpkg-deb").arg("--raw-extract").args([package, &tree]))?;
    let control = std::fs::read_to_string(tree.join("DEBIAN/control"))?;
    let lines = control.lines().map(|line| match line.strip_prefix("Version: ") {
        Some(_) => format!("Version: {version}\n"),
        None => format!("{line}\n"),
    });
    std::fs::write(tree.join("DEBIAN/control"), lines.collect::<String>())?;
    run(Command::new("dpkg-deb").args(["-Znone", "--root-owner-group", "--build"]).args([&tree, &other]))?;
    Ok(other)
}

struct Machine {
    container: Container,
}

impl Machine {
    fn new(folder: &Path, server: &ServerProcess) -> anyhow::Result<Self> {
        let mut container = Container::new(folder)?;
        std::fs::copy(&server.ca_file, container.path("/root/ca.pem"))?;
        // Where systemd looks for credentials that a unit asks for by name.
        std::fs::create_dir_all(container.path("/etc/credstore"))?;
        std::fs::copy(&server.password_file, container.path("/etc/credstore/mdm-agent.proof"))?;
        // Programs with windows would be larger than everything else; what the agent looks at are names.
        std::fs::write(container.path("/usr/bin/thunderbird"), "")?;
        let plugin = "/usr/lib/NetworkManager/VPN/nm-strongswan-service.name";
        std::fs::create_dir_all(container.path("/usr/lib/NetworkManager/VPN"))?;
        std::fs::write(container.path(plugin), STRONGSWAN)?;
        std::fs::create_dir_all(container.path("/usr/share/thunderbird/isp"))?;
        container.boot()?;
        Ok(Self { container })
    }

    fn install(&self, package: &Path) -> anyhow::Result<()> {
        std::fs::copy(package, self.container.path("/root/package.deb"))?;
        self.container.to(&["dpkg", "--install", "/root/package.deb"])?;
        std::fs::remove_file(self.container.path("/root/package.deb"))?;
        // Every program that the unit names is there, and every line of it is understood.
        let units = ["mdm-agent.service", "mdm-agent-enroll.service", "mdm-agent-unlock.service"];
        let whole = ["sh", "-c", "exec \"$@\" 2>&1", "sh", "systemd-analyze"];
        let said = self.container.to(&[&whole[..], &["verify", "--man=no"], &units].concat())?;
        ensure!(said.is_empty(), "systemd-analyze says {said}");
        self.is_active()
    }

    /// Wherever dpkg is killed, the old program or the new one is there, and the upgrade can be done again.
    fn upgrade_that_is_killed(&self, package: &Path) -> anyhow::Result<()> {
        std::fs::copy(package, self.container.path("/root/package.deb"))?;
        for seconds in ["0.05", "0.2", "0.4", "0.8"] {
            let killed = ["timeout", "--signal=KILL", seconds, "dpkg", "--install", "/root/package.deb"];
            self.container.try_to(&killed)?;
            let account = self.agent(&["status"])?["account"].is_object();
            ensure!(account, "killed after {seconds} s, the identity is gone");
        }
        self.install(package)
    }

    fn is_active(&self) -> anyhow::Result<()> {
        let active = wait_until(Duration::from_secs(30), || {
            let state = self.container.try_to(&["systemctl", "is-active", "mdm-agent"])?;
            Ok(state.status.success().then_some(()))
        });
        active.with_context(|| self.journal())?;
        let enabled = self.container.to(&["systemctl", "is-enabled", "mdm-agent"])?;
        ensure!(enabled.trim() == "enabled", "the unit is {enabled}");
        Ok(())
    }

    fn agent(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let said = self.container.to(&[&["mdm-agent", "--json"], arguments].concat());
        let said = said.with_context(|| self.journal())?;
        serde_json::from_str(&said).with_context(|| format!("{arguments:?} printed no JSON"))
    }

    fn enrol(&self, server: &ServerProcess) -> anyhow::Result<()> {
        // Nobody signs in on this machine.
        let drop_in = "[sessions]\nassume-signed-in = true\n";
        std::fs::create_dir_all(self.container.path("/etc/mdm-agent/agent.d"))?;
        std::fs::write(self.container.path("/etc/mdm-agent/agent.d/test.toml"), drop_in)?;
        self.container.to(&["systemctl", "restart", "mdm-agent"])?;
        let options = format!(
            "MDM_ENROLL=--server {} --ca-file /root/ca.pem --user {USER} --password-credential mdm-agent.proof\n",
            server.device_url
        );
        std::fs::write(self.container.path("/etc/mdm-agent/enroll.env"), options)?;
        let said = self.container.to(&[
            "sh",
            "-c",
            "systemctl start mdm-agent-enroll 2>&1; journalctl -u mdm-agent-enroll",
        ])?;
        self.device().map(drop).context(said)
    }

    /// A profile of every kind, and settings whose consumers are told in different ways.
    fn profiles_in_force(&self, server: &ServerProcess) -> anyhow::Result<()> {
        let setting = |path: &str, value: &str| {
            let address = format!("./Device/Vendor/LinuxMDM/Config/{path}");
            format!(
                "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{address}</LocURI></Target><Data>{value}</Data></Item></Replace>"
            )
        };
        for (name, fragment) in profiles::all()? {
            block_on(server.admin.assign(name, &fragment))?;
        }
        for (name, path, value) in [
            ("forwarding", "Sysctl/net.ipv4.ip_forward", "1"),
            ("screen", "ScreenLock/IdleSeconds", "300"),
            ("camera", "Hardware/Camera", "0"),
        ] {
            block_on(server.admin.assign(name, &setting(path, value)))?;
        }
        for number in 1..=MANY {
            let fragment = profiles::WIFI
                .replace("Contoso%20Corp", &format!("Many%20{number}"))
                .replace("Contoso Corp", &format!("Many {number}"));
            block_on(server.admin.assign(&format!("many-{number}"), &fragment))?;
        }
        for (name, path, value) in [("zone", "Time/Zone", "Europe/Berlin"), ("classes", "Password/MinimumClasses", "3")]
        {
            block_on(server.admin.assign(name, &setting(path, value)))?;
        }
        self.agent(&["sync"])?;
        let status = self.agent(&["status"])?;
        ensure!(
            status["not_in_force"].as_object().is_none_or(serde_json::Map::is_empty),
            "{status}\n{}",
            self.journal()
        );
        let held = self.agent(&["profiles", "list"])?;
        ensure!(held.as_array().is_some_and(|held| held.len() == PROFILES), "{held}\n{status}\n{}", self.journal());
        let forwarding = self.container.to(&["cat", FORWARDING])?;
        ensure!(forwarding.trim() == "1", "{FORWARDING} is {forwarding}");
        let trusted = self.container.to(&["sh", "-c", "ls /etc/ssl/certs | grep -c mdm-agent"])?;
        ensure!(trusted.trim() != "0", "the root is not in the trust store");
        let networks = self.container.to(&["nmcli", "--terse", "--fields", "NAME", "connection", "show"])?;
        ensure!(networks.contains("Contoso"), "NetworkManager knows {networks}");
        Ok(())
    }

    fn reload(&self) -> anyhow::Result<()> {
        std::fs::write(self.container.path("/etc/mdm-agent/agent.d/level.toml"), "[log]\nlevel = \"loud\"\n")?;
        self.container.to(&["systemctl", "reload", "mdm-agent"])?;
        self.journal_says("level.toml, line 2, column 9")?;
        std::fs::write(self.container.path("/etc/mdm-agent/agent.d/level.toml"), "[log]\nlevel = \"debug\"\n")?;
        self.container.to(&["systemctl", "reload", "mdm-agent"])?;
        self.journal_says("the configuration changed")
    }

    fn journal_says(&self, words: &str) -> anyhow::Result<()> {
        let heard = wait_until(Duration::from_secs(20), || Ok(self.journal().contains(words).then_some(())));
        heard.with_context(|| format!("the journal does not say {words:?}: {}", self.journal()))
    }

    fn device(&self) -> anyhow::Result<String> {
        let status = self.agent(&["status"])?;
        Ok(status["account"]["device_id"].as_str().context("not enrolled")?.to_owned())
    }

    /// The same device, active, checking in, with its profiles in force.
    fn is_well(&self, device: &str) -> anyhow::Result<()> {
        self.is_active()?;
        let record = self.agent(&["sync"])?;
        ensure!(record["completed"] == true, "{record}\n{}", self.journal());
        ensure!(self.device()? == device, "another device");
        let held = self.agent(&["profiles", "list"])?;
        ensure!(held.as_array().is_some_and(|held| held.len() == PROFILES), "{held}");
        let status = self.container.to(&["systemctl", "show", "--property=StatusText", "mdm-agent"])?;
        ensure!(status.contains("the last check-in was completed"), "{status}");
        Ok(())
    }

    fn remove(&self, device: &str) -> anyhow::Result<()> {
        self.container.to(&["dpkg", "--remove", "mdm-agent"])?;
        let active = self.container.try_to(&["systemctl", "is-active", "mdm-agent"])?;
        ensure!(!active.status.success(), "the service still runs");
        let account = std::fs::read_to_string(self.container.path("/var/lib/mdm-agent/identity/account.json"))?;
        ensure!(account.contains(device), "the identity is gone");
        ensure!(self.container.path("/etc/mdm-agent/agent.toml").exists(), "the configuration is gone");
        Ok(())
    }

    /// What a person does to managed files, while there is no agent on the machine that would put it back.
    fn edits(&self) -> anyhow::Result<()> {
        let edit = r"set -e
            printf '# mine\n' >>/etc/security/pwquality.conf.d/90-mdm-agent.conf
            chmod 0644 /etc/NetworkManager/system-connections/mdm-agent-many-1-*.nmconnection
            chown daemon:daemon /etc/NetworkManager/system-connections/mdm-agent-many-2-*.nmconnection
            rm /etc/NetworkManager/system-connections/mdm-agent-many-3-*.nmconnection
            ln /etc/NetworkManager/system-connections/mdm-agent-many-4-*.nmconnection /root/linked
            rm /etc/sysctl.d/90-mdm-agent.conf
            mkdir /etc/sysctl.d/90-mdm-agent.conf
            printf mine >/etc/sysctl.d/90-mdm-agent.conf/mine";
        self.container.to(&["sh", "-c", edit]).map(drop)
    }

    /// What they did is theirs: the directory in its place, the edit in the quarantine.
    fn keeps_what_is_theirs(&self) -> anyhow::Result<()> {
        let mine = self.container.to(&["cat", "/etc/sysctl.d/90-mdm-agent.conf/mine"])?;
        let kept = self.container.to(&["sh", "-c", "cat /var/lib/mdm-agent/quarantined-files/*"])?;
        ensure!(mine == "mine" && kept.ends_with("# mine\n"), "{mine:?} {kept:?}");
        let modes = self.container.to(&[
            "sh",
            "-c",
            "stat -c %a /var/lib/mdm-agent/quarantined-files /var/lib/mdm-agent/quarantined-files/*",
        ])?;
        ensure!(modes == "700\n600\n", "{modes}");
        let theirs = ["/etc/sysctl.d/90-mdm-agent.conf", "/var/lib/mdm-agent", "/root/linked"];
        self.container.to(&[&["rm", "-r"], &theirs[..]].concat()).map(drop)
    }

    fn purge(&self, before: &BTreeMap<String, String>, server: &ServerProcess) -> anyhow::Result<()> {
        self.edits()?;
        self.purge_what_cannot_be_removed()?;
        let said = self.container.to(&["dpkg", "--purge", "mdm-agent"])?;
        ensure!(said.contains("is removed"), "{said}");
        self.keeps_what_is_theirs()?;
        let devices = block_on(server.admin.get("/devices"))?;
        let after = self.files()?;
        let differs = |from: &BTreeMap<String, String>, to: &BTreeMap<String, String>| {
            let lines = from.iter().filter(|(path, facts)| to.get(*path) != Some(facts));
            lines.map(|(path, facts)| format!("{path}: {facts}")).collect::<Vec<_>>()
        };
        let (gone, left) = (differs(before, &after), differs(&after, before));
        ensure!(gone.is_empty() && left.is_empty(), "before: {gone:#?}, after: {left:#?}");
        ensure!(!devices.to_string().contains("\"enrolled\""), "{devices}");
        Ok(())
    }

    /// A file that cannot be removed is named, and stays on record with the program that can remove it.
    fn purge_what_cannot_be_removed(&self) -> anyhow::Result<()> {
        let state = "/var/lib/mdm-agent";
        let ledger = std::fs::read_to_string(self.container.path(&format!("{state}/ledger.json")))?;
        let ledger: Value = serde_json::from_str(&ledger)?;
        let files = ledger["files"].as_object().context("the ledger names no files")?;
        let secret = files.keys().find(|file| file.ends_with(".nmconnection")).context("there is no connection")?;
        self.container.to(&["mount", "--bind", secret, secret])?;
        for _ in 0..2 {
            let said = self.container.try_to(&["dpkg", "--purge", "mdm-agent"])?;
            let errors = String::from_utf8_lossy(&said.stderr);
            ensure!(!said.status.success() && errors.contains(secret), "{errors}");
            for kept in ["ledger.json", "removed/mdm-agent"] {
                ensure!(self.container.path(&format!("{state}/{kept}")).exists(), "{kept} is gone");
            }
            ensure!(!self.container.path(&format!("{state}/identity")).exists(), "the key is still there");
        }
        self.container.to(&["umount", secret])?;
        Ok(())
    }

    /// Every file that the package or a profile could have made, with what can be told of it.
    fn files(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let list = r"find /etc /usr /opt /root /var/lib -xdev \
            -not -path '/var/lib/dpkg/*' -not -path '/var/lib/systemd/*' -not -path '/var/lib/NetworkManager/*' \
            -not -name '*.cache' -not -path '/var/lib/dpkg' -not -name package.deb \
            \( -path '/etc/ssl/certs/*' -o -path /etc/ssl/certs -o -type d -printf '%p|%m %U:%G\n' \
               -o -type f -printf '%p|%m %U:%G %T@ ' -exec sha256sum {} ';' -o -printf '%p|%m %U:%G %T@ %l\n' \)";
        let list = self.container.to(&["sh", "-c", list])?;
        let pairs = list.lines().filter_map(|line| line.split_once('|'));
        Ok(pairs.map(|(path, facts)| (path.to_owned(), facts.to_owned())).collect())
    }

    fn journal(&self) -> String {
        let journal = [
            "journalctl",
            "--unit=mdm-agent",
            "--no-pager",
            "--lines=80",
            "--output=verbose",
            "--output-fields=MESSAGE,F_PROFILE,F_REASON,F_ERROR",
        ];
        self.container.to(&journal).unwrap_or_else(|error| error.to_string())
    }
}
