//! Looks at what the machine has that could make use of a profile: a few dozen looks at names, no program is run.

use super::machine::{DconfPlace, Machine, ThunderbirdPlace, TrustStore, UpdateTool, WRITTEN};
use super::root::Root;

/// Where programs are.
const PROGRAMS: &[&str] = &["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/snap/bin"];
/// Where PAM stacks are that passwords go through.
const PASSWORD_STACKS: &[&str] =
    &["/etc/pam.d/common-auth", "/etc/pam.d/common-password", "/etc/pam.d/system-auth", "/etc/pam.d/password-auth"];

/// What the machine has.
pub fn survey(root: &Root) -> Machine {
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
        dconf: program("dconf").then(|| dconf_place(root)),
        pwquality: pam("pam_pwquality"),
        faillock: pam("pam_faillock"),
        pwhistory: pam("pam_pwhistory") && root.has("/etc/security/pwhistory.conf"),
        udev: program("udevadm"),
        modprobe: program("modprobe"),
        sysctl: program("sysctl"),
        updates: match () {
            () if program("unattended-upgrade") => Some(UpdateTool::UnattendedUpgrades),
            () if root.has("/usr/lib/systemd/system/dnf-automatic-install.timer") => Some(UpdateTool::DnfAutomatic),
            () => None,
        },
        chrome: program("google-chrome") || program("google-chrome-stable") || root.has("/opt/google/chrome/chrome"),
        chromium: chromium(root, &program),
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
fn dconf_place(root: &Root) -> DconfPlace {
    let profile = root.read_text("/etc/dconf/profile/user").unwrap_or_default();
    // Once we have made the profile ourselves, it goes on being ours.
    let named = profile.lines().find_map(|line| line.trim().strip_prefix("system-db:")).map(str::to_owned);
    match named {
        Some(name) if name != "mdm-agent" && is_plain(&name) => DconfPlace::Existing(name),
        _ => DconfPlace::Own,
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Distributions build it with different names of its policy directory.
fn chromium(root: &Root, program: &dyn Fn(&str) -> bool) -> Option<String> {
    let here =
        program("chromium") || program("chromium-browser") || root.has("/var/lib/flatpak/app/org.chromium.Chromium");
    let directory = if root.has("/etc/chromium-browser") && !root.has("/etc/chromium") {
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
