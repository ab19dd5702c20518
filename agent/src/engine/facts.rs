//! What the device says of itself, from facts that were gathered elsewhere.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

use super::account::Account;
use super::session::LoginStatus;
use super::tree::Tree;
use super::tree::schema::{self, Kind};

#[cfg(test)]
mod tests;

/// Facts about the machine. What is unknown is empty or `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// The machine's name.
    pub host_name: String,
    /// Who made the machine.
    pub manufacturer: String,
    /// The machine's model.
    pub model: String,
    /// The machine's serial number.
    pub serial_number: Option<String>,
    /// The distribution's name, such as `Debian GNU/Linux`.
    pub os_name: String,
    /// The distribution's version, such as `12`.
    pub os_version: String,
    /// The kernel's release.
    pub kernel: String,
    /// The firmware's version.
    pub firmware: Option<String>,
    /// The processor's architecture as the kernel names it.
    pub architecture: String,
    /// The language, such as `en-US`.
    pub language: String,
    /// Memory in MB.
    pub memory_mb: Option<u64>,
    /// Size of the root file system in MB.
    pub storage_mb: Option<u64>,
    /// Free room on the root file system in MB.
    pub free_storage_mb: Option<u64>,
    /// Hardware addresses of the network cards, with dashes.
    pub mac_addresses: Vec<String>,
    /// An id of this installation that is safe to tell, derived from the machine-id.
    pub machine_id: String,
    /// Who is signed in, by name; `None` where the machine does not keep track.
    pub signed_in: Option<Vec<String>>,
    /// Whether nothing notices who signs in: there is no logind.
    pub misses_sign_ins: bool,
    /// Whether a time service has set the wall clock since the machine was started.
    pub clock_is_synchronized: bool,
}

/// Who is signed in, as the server wants to know it.
///
/// A machine that does not keep track of sessions (a container, a kiosk without logind) belongs to its enrolled user.
pub fn login_status(account: &Account, facts: &DeviceFacts) -> LoginStatus {
    if account.user.is_none() {
        return LoginStatus::Nobody;
    }
    match (&facts.signed_in, &account.local_user) {
        (None, _) => LoginStatus::EnrolledUser,
        (Some(users), _) if users.is_empty() => LoginStatus::Nobody,
        (Some(users), Some(enrolled)) if users.contains(enrolled) => LoginStatus::EnrolledUser,
        (Some(_), Some(_)) => LoginStatus::Others,
        // Nobody was named at enrolment: whoever uses the machine is its user.
        (Some(_), None) => LoginStatus::EnrolledUser,
    }
}

/// `./DevInfo` in the order of package 1.
pub fn device_info(account: &Account, facts: &DeviceFacts) -> Vec<(&'static str, String)> {
    vec![
        ("DevId", account.device_id.clone()),
        ("Man", known(&facts.manufacturer)),
        ("Mod", known(&facts.model)),
        ("DmV", "1.3".to_owned()),
        ("Lang", if facts.language.is_empty() { "en-US".to_owned() } else { facts.language.clone() }),
    ]
}

fn known(text: &str) -> String {
    if text.is_empty() { "unknown".to_owned() } else { text.to_owned() }
}

/// Puts the nodes that the device itself provides into the tree. What is not known is not there.
pub fn provide(tree: &mut Tree, account: &Account, facts: &DeviceFacts) {
    let mut text = |address: &str, value: &str| put(tree, address, &Format::Chr, value);
    for (name, value) in device_info(account, facts) {
        text(&format!("./DevInfo/{name}"), &value);
    }
    for leaf in ["MaxDepth", "MaxTotLen", "MaxSegLen"] {
        text(&format!("./DevDetail/URI/{leaf}"), "0");
    }
    text("./DevDetail/DevTyp", "Linux");
    text("./DevDetail/OEM", &known(&facts.manufacturer));
    text("./DevDetail/FwV", facts.firmware.as_deref().unwrap_or("unknown"));
    text("./DevDetail/SwV", &facts.os_version);
    text("./DevDetail/HwV", &known(&facts.model));
    let detail = "./DevDetail/Ext/Microsoft";
    text(&format!("{detail}/OSPlatform"), &format!("{} {}", facts.os_name, facts.os_version));
    text(&format!("{detail}/DeviceName"), &facts.host_name);
    text(&format!("{detail}/DNSComputerName"), &facts.host_name);
    if let Some(serial) = &facts.serial_number {
        text(&format!("{detail}/SMBIOSSerialNumber"), serial);
    }
    if let Some(mac) = facts.mac_addresses.first() {
        text("./DevDetail/Ext/WLANMACAddress", &mac.replace('-', ""));
    }
    put(tree, "./DevDetail/LrgObj", &Format::Bool, "true");
    let numbers = [
        ("ProcessorArchitecture", Some(architecture(&facts.architecture))),
        ("TotalRAM", facts.memory_mb),
        ("TotalStorage", facts.storage_mb),
        ("FreeStorage", facts.free_storage_mb),
    ];
    for (leaf, value) in numbers {
        if let Some(value) = value {
            put(tree, &format!("{detail}/{leaf}"), &Format::Int, &value.to_string());
        }
    }
    provide_account(tree, account);
}

/// As [`provide`], with the time, seconds since 1970. It is given with its zone, for the agent has no other clock than UTC.
pub fn provide_at(tree: &mut Tree, account: &Account, facts: &DeviceFacts, now: i64) {
    provide(tree, account, facts);
    tree.misses_sign_ins(facts.misses_sign_ins);
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let moment = time::OffsetDateTime::from_unix_timestamp(now).ok().and_then(|moment| moment.format(format).ok());
    if let Some(moment) = moment {
        put(tree, "./DevDetail/Ext/Microsoft/LocalTime", &Format::Chr, &moment);
    }
}

fn provide_account(tree: &mut Tree, account: &Account) {
    let provider = account.provider_address();
    put(tree, "./Device/Vendor/MSFT/DMClient/HWDevID", &Format::Chr, &account.hardware_id);
    put(tree, &format!("{provider}/HWDevID"), &Format::Chr, &account.hardware_id);
    put(tree, &format!("{provider}/ManagementServiceAddress"), &Format::Chr, &account.management_url);
    put(tree, &format!("{provider}/MaxSyncApplicationVersion"), &Format::Chr, "1.0");
    let kind = if account.user.is_some() { "Full" } else { "Device" };
    put(tree, &format!("{provider}/EnrollmentType"), &Format::Chr, kind);
    let poll = mdm_protocol::csp::dm_client::Poll::from(account.poll).to_nodes();
    let poll = poll.into_iter().map(|(name, value)| (format!("Poll/{name}"), value));
    let settings = account.settings.iter().map(|(path, value)| (path.clone(), value.clone()));
    for (path, value) in poll.chain(settings) {
        provide_provisioned(tree, &format!("{provider}/{path}"), &value);
    }
}

/// Puts in a node as it was provisioned, if there is such a node.
fn provide_provisioned(tree: &mut Tree, address: &str, value: &str) {
    let Some((rule, uri)) = LocUri::parse(address).ok().and_then(|uri| schema::find(&uri)) else { return };
    // What nothing comes of is not claimed to be so.
    if rule.format != Kind::Interior && rule.effect.refuses(value).is_none() {
        tree.provision(uri, &rule.format.format(), value);
    }
}

fn put(tree: &mut Tree, address: &str, format: &Format, value: &str) {
    if let Ok(uri) = LocUri::parse(address) {
        tree.provide(uri, format, value);
    }
}

/// PROCESSOR_ARCHITECTURE numbers, as DevDetail reports them.
fn architecture(name: &str) -> u64 {
    match name {
        "x86" | "i386" | "i586" | "i686" => 0,
        "arm" | "armv7l" => 5,
        "x86_64" => 9,
        "aarch64" => 12,
        _ => 0xffff,
    }
}
