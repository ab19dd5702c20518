//! What servers send in lives: whole profiles for every kind of file, taken away again, and random commands.

use std::sync::LazyLock;

use fastrand::Rng;
use mdm_protocol::syncml::Verb;

use crate::packages::command::{Item, Package, Single, Top};
use crate::packages::generate::Generator;
use crate::packages::nodes::{self, GROUPS, Nodes, SETTINGS};

const LINUX: &str = "./Device/Vendor/LinuxMDM/Config";
const WINDOWS: &str = "./Device/Vendor/MSFT/Policy/Config";
const NETWORK: &str = "./Device/Vendor/MSFT/WiFi/Profile/W1";
const MAIL: &str = "./User/Vendor/MSFT/EMAIL2/%7Bb%7D";

/// Profiles of one node: address and values.
fn policies() -> Vec<(String, Vec<String>)> {
    let all: &[(&str, &str, &[&str])] = &[
        (LINUX, "Sysctl/vm.swappiness", &["10", "60"]),
        (LINUX, "Sysctl/net.ipv4.ip_forward", &["0"]),
        (LINUX, "KernelModule/floppy", &["blocked"]),
        (WINDOWS, "Camera/AllowCamera", &["0"]),
        (LINUX, "Time/Zone", &["Europe/Berlin", "Etc/UTC"]),
        (WINDOWS, "TimeLanguageSettings/ConfigureTimeZone", &["Europe/Berlin"]),
        (LINUX, "Device/Name", &["lap-1", "lap-3"]),
        (WINDOWS, "DeviceLock/MaxDevicePasswordFailedAttempts", &["5", "7"]),
        (LINUX, "Password/UnlockSeconds", &["600"]),
        (WINDOWS, "DeviceLock/DevicePasswordHistory", &["5", "6"]),
        (WINDOWS, "DeviceLock/MinDevicePasswordLength", &["8", "12"]),
        (LINUX, "ScreenLock/IdleSeconds", &["60", "90"]),
        (LINUX, "Dconf/org.gnome.desktop.interface.clock-format", &["'24h'"]),
        (WINDOWS, "Update/AllowAutoUpdate", &["4", "0"]),
        (LINUX, "Firefox/DisableTelemetry", &["true"]),
        (LINUX, "Chrome/HomepageLocation", &["\"https://a.example\"", "\"https://c.example\""]),
    ];
    let own = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    all.iter().map(|(area, name, values)| (format!("{area}/{name}"), own(values))).collect()
}

/// Everything that a server sends whole: commands that set it, and the address that takes it away.
static WHOLE: LazyLock<Vec<(Vec<Single>, String)>> = LazyLock::new(|| {
    let set = |address: &str, value: &str| Single::one(Verb::Replace, address, value);
    let mut whole: Vec<(Vec<Single>, String)> = policies()
        .into_iter()
        .map(|(address, values)| (values.iter().map(|value| set(&address, value)).collect(), address))
        .collect();
    let network = ["correct horse", "battery staple"]
        .map(|secret| set(&format!("{NETWORK}/WlanXml"), &nodes::passphrase(secret)));
    whole.push((network.to_vec(), NETWORK.to_owned()));
    let (authority, certificate) = nodes::root_authority();
    whole.push((vec![set(&format!("{authority}/EncodedCertificate"), &certificate)], authority));
    whole.push((vec![mailbox()], MAIL.to_owned()));
    whole
});

fn mailbox() -> Single {
    let leaves = [
        ("SERVICENAME", "Contoso"),
        ("SERVICETYPE", "IMAP4"),
        ("INSERVER", "imap.contoso.example"),
        ("OUTSERVER", "smtp.contoso.example"),
        ("AUTHNAME", "ada"),
        ("REPLYADDR", "ada@contoso.example"),
    ];
    let item =
        |(name, value): (&str, &str)| Item { address: format!("{MAIL}/{name}"), value: value.to_owned(), format: None };
    Single { verb: Verb::Replace, items: leaves.map(item).to_vec() }
}

/// The settings that random commands are about.
static RANDOM: LazyLock<Vec<Nodes>> = LazyLock::new(|| {
    let mut groups: Vec<Nodes> = GROUPS[..SETTINGS].to_vec();
    groups.push(nodes::host_name());
    let policies = policies().into_iter();
    let policy = |(address, values): (String, Vec<String>)| {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        nodes::set(&address, &values)
    };
    groups.push(policies.map(policy).collect());
    groups
});

/// What a server sends in one session.
pub(super) fn draw(random: &mut Rng) -> Package {
    if random.u8(..5) < 2 {
        return Generator::among(random.u64(..), &RANDOM).package(3);
    }
    let count = random.usize(1..=3);
    let singles: Vec<Single> = (0..count).map(|_| one(random)).collect();
    if count > 1 && random.u8(..4) == 0 {
        vec![Top::Atomic(singles)]
    } else {
        singles.into_iter().map(Top::Single).collect()
    }
}

fn one(random: &mut Rng) -> Single {
    let (commands, address) = &WHOLE[random.usize(..WHOLE.len())];
    match random.u8(..10) {
        0..=2 => Single::one(Verb::Delete, address, ""),
        _ => commands[random.usize(..commands.len())].clone(),
    }
}

/// Takes everything away again that is sent whole.
pub(super) fn nothing() -> Package {
    WHOLE.iter().map(|(_, address)| Top::Single(Single::one(Verb::Delete, address, ""))).collect()
}
