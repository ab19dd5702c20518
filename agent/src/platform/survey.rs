//! Looks at what the machine has that could make use of a profile: a few dozen looks at names, no program is run.

use super::ledger::Ledger;
use super::machine::{DconfPlace, Machine, ThunderbirdPlace, TrustStore, UpdateTool, WRITTEN};
use super::path::MachinePath;
use super::root::Root;

/// Where programs are.
const PROGRAMS: &[&str] = &["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/snap/bin"];
/// What the module for former passwords calls the file that it reads.
const FILE_NAME: &[u8] = b"pwhistory.conf";
/// Where PAM stacks are that passwords go through.
const PASSWORD_STACKS: &[&str] =
    &["/etc/pam.d/common-auth", "/etc/pam.d/common-password", "/etc/pam.d/system-auth", "/etc/pam.d/password-auth"];

/// What the machine has. What the agent itself made proves nothing.
pub fn survey(root: &Root, ledger: &Ledger) -> Machine {
    let places = root.places(PROGRAMS);
    let program = |name: &str| places.have(name);
    let flatpak = |name: &str| root.has(&format!("/var/lib/flatpak/app/{name}"));
    let plugin = |name: &str| root.has(&format!("/usr/lib/NetworkManager/VPN/nm-{name}-service.name"));
    let stacks: String = PASSWORD_STACKS.iter().filter_map(|path| root.read_text(path)).collect();
    let pam = |module: &str| {
        stacks.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(&format!("{module}.so")))
    };
    Machine {
        network_manager: program("NetworkManager"),
        strongswan_plugin: plugin("strongswan"),
        openvpn_plugin: plugin("openvpn"),
        swanctl: program("swanctl"),
        openvpn: program("openvpn"),
        wireguard_tools: program("wg-quick"),
        trust_store: trust_store(root, &program),
        dconf: program("dconf").then(|| dconf_place(root, ledger)),
        pwquality: pam("pam_pwquality"),
        faillock: pam("pam_faillock"),
        pwhistory: pam("pam_pwhistory") && has_file_of_pwhistory(root, ledger),
        udev: program("udevadm"),
        modprobe: program("modprobe"),
        sysctl: program("sysctl"),
        updates: match () {
            () if program("unattended-upgrade") => Some(UpdateTool::UnattendedUpgrades),
            () if root.has("/usr/lib/systemd/system/dnf-automatic-install.timer") => Some(UpdateTool::DnfAutomatic),
            () => None,
        },
        chrome: program("google-chrome") || program("google-chrome-stable") || root.has("/opt/google/chrome/chrome"),
        chromium: chromium(root, ledger, &program),
        edge: program("microsoft-edge") || program("microsoft-edge-stable") || root.has("/opt/microsoft/msedge/msedge"),
        firefox: program("firefox") || program("firefox-esr") || flatpak("org.mozilla.firefox"),
        thunderbird: (program("thunderbird") || flatpak("org.mozilla.Thunderbird")).then(|| thunderbird(root)),
        time_zones: root.has("/usr/share/zoneinfo/Etc/UTC"),
        read_only: WRITTEN
            .iter()
            .filter(|(place, _)| root.is_read_only(place))
            .map(|(place, _)| (*place).to_owned())
            .collect(),
    }
}

fn trust_store(root: &Root, program: &dyn Fn(&str) -> bool) -> Option<TrustStore> {
    match () {
        () if program("update-ca-trust") => Some(TrustStore::RedHat),
        () if !program("update-ca-certificates") => None,
        () if root.has("/usr/share/pki/trust") => Some(TrustStore::Suse),
        () => Some(TrustStore::Debian),
    }
}

/// The first database of the machine's own that its user profile names.
fn dconf_place(root: &Root, ledger: &Ledger) -> DconfPlace {
    const PROFILE: &str = "/etc/dconf/profile/user";
    // A profile that the agent made names the agent's database, whatever somebody wrote into it since.
    if ledger.files.contains_key(&MachinePath::new(PROFILE)) {
        return DconfPlace::Own;
    }
    let profile = root.read_text(PROFILE).unwrap_or_default();
    let named = profile.lines().find_map(|line| line.trim().strip_prefix("system-db:")).map(str::to_owned);
    match named {
        Some(name) if name != "mdm-agent" && is_plain(&name) => DconfPlace::Existing(name),
        _ => DconfPlace::Own,
    }
}

/// Whether pam_pwhistory reads a file: its package brings one. Once the agent has replaced that, only the module itself
/// says so.
fn has_file_of_pwhistory(root: &Root, ledger: &Ledger) -> bool {
    const FILE: &str = "/etc/security/pwhistory.conf";
    match ledger.files.get(&MachinePath::new(FILE)) {
        Some(entry) => entry.former.is_some() || reads_file_of_pwhistory(root),
        None => root.has(FILE) || reads_file_of_pwhistory(root),
    }
}

/// Whether the module names the file.
fn reads_file_of_pwhistory(root: &Root) -> bool {
    let multiarch = root.names_in("/usr/lib").into_iter().filter(|name| name.contains("-linux-gnu"));
    let places = ["/usr/lib64", "/usr/lib"].map(str::to_owned).into_iter();
    let places = places.chain(multiarch.map(|name| format!("/usr/lib/{name}")));
    places.filter_map(|place| MachinePath::parse(&format!("{place}/security/pam_pwhistory.so"))).any(|path| {
        let module = root.read(&path).unwrap_or_default();
        module.windows(FILE_NAME.len()).any(|window| window == FILE_NAME)
    })
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Distributions build it with different names of its policy directory.
fn chromium(root: &Root, ledger: &Ledger, program: &dyn Fn(&str) -> bool) -> Option<String> {
    let here =
        program("chromium") || program("chromium-browser") || root.has("/var/lib/flatpak/app/org.chromium.Chromium");
    let brought = |directory: &str| root.has(directory) && !ledger.directories.contains(directory);
    let directory = if brought("/etc/chromium-browser") && !brought("/etc/chromium") {
        "/etc/chromium-browser/policies"
    } else {
        "/etc/chromium/policies"
    };
    here.then(|| directory.to_owned())
}

fn thunderbird(root: &Root) -> ThunderbirdPlace {
    let places = ["/usr/share/thunderbird/isp", "/usr/lib/thunderbird/isp", "/usr/lib64/thunderbird/isp"];
    let place = places.into_iter().find(|place| root.has(place));
    ThunderbirdPlace { providers: place.map(str::to_owned) }
}
