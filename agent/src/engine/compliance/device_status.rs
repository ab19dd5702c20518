//! The facts as the DeviceStatus provider tells them. Nodes that mean nothing on Linux, and facts that are not known,
//! are left out: a server then gets status 404, not a made-up value.

use mdm_protocol::syncml::Format;

use super::facts::{Battery, BatteryActivity, Encryption, Facts, Network, SecureBoot, Volume};

const BASE: &str = "./Device/Vendor/MSFT/DeviceStatus";
/// What the provider says of a TPM that does not tell something.
const NOT_AVAILABLE: &str = "Not available";

/// Nodes: address, format, value.
pub fn device_status(facts: &Facts) -> Vec<(String, Format, String)> {
    let mut nodes = Nodes(Vec::new());
    if let Some(state) = facts.secure_boot.value() {
        let number = match state {
            SecureBoot::Unsupported => 0,
            SecureBoot::On => 1,
            SecureBoot::Off => 2,
        };
        nodes.number("SecureBootState", number);
    }
    if let Some(encrypted) = facts.volumes.value().and_then(|volumes| all_encrypted(volumes)) {
        nodes.add("Compliance/EncryptionCompliance", Format::Bool, if encrypted { "true" } else { "false" });
    }
    if let Some(distribution) = facts.distribution.value() {
        nodes.add("OS/Edition", Format::Chr, &distribution.id);
        nodes.number("OS/Mode", 0);
    }
    if let Some(firewall) = facts.firewall.value() {
        nodes.number("Firewall/Status", i64::from(!firewall.active));
    }
    // There is no such product that Linux would know of: not applicable.
    nodes.number("Antivirus/Status", 4);
    nodes.number("Antivirus/SignatureStatus", 2);
    if let Some(domain) = facts.domain.value() {
        nodes.add("DomainName", Format::Chr, domain.as_deref().unwrap_or_default());
    }
    nodes.tpm(facts);
    if let Some(battery) = facts.battery.value() {
        nodes.battery(battery.as_ref());
    }
    for network in facts.networks.value().into_iter().flatten() {
        nodes.network(network);
    }
    nodes.0
}

/// Whether everything that has no excuse is encrypted; `None` if it cannot be told.
fn all_encrypted(volumes: &[Volume]) -> Option<bool> {
    let mut judged =
        volumes.iter().filter(|volume| volume.excuse.is_none()).map(|volume| &volume.encryption).peekable();
    judged.peek()?;
    let mut all = Some(true);
    for encryption in judged {
        match encryption {
            Encryption::Plain(_) => return Some(false),
            Encryption::CannotTell(_) => all = None,
            Encryption::Encrypted => {}
        }
    }
    all
}

struct Nodes(Vec<(String, Format, String)>);

impl Nodes {
    fn add(&mut self, path: &str, format: Format, value: &str) {
        self.0.push((format!("{BASE}/{path}"), format, value.to_owned()));
    }

    fn number(&mut self, path: &str, value: i64) {
        self.add(path, Format::Int, &value.to_string());
    }

    fn tpm(&mut self, facts: &Facts) {
        let Some(Some(tpm)) = facts.tpm.value() else { return };
        let texts = [
            ("SpecificationVersion", Some(tpm.version.clone())),
            ("ManufacturerId", tpm.manufacturer_id.clone()),
            ("ManufacturerIdTxt", tpm.manufacturer()),
            ("ManufacturerVersion", tpm.firmware.clone()),
        ];
        for (leaf, text) in texts {
            self.add(&format!("TPM/{leaf}"), Format::Chr, text.as_deref().unwrap_or(NOT_AVAILABLE));
        }
    }

    /// Numbers as Windows gives them: 0 none, 1 discharging, 2 idle, 3 charging; -1 for what is not known.
    fn battery(&mut self, battery: Option<&Battery>) {
        let status = match battery.map(|battery| battery.activity) {
            None => 0,
            Some(BatteryActivity::Unknown) => -1,
            Some(BatteryActivity::Discharging) => 1,
            Some(BatteryActivity::Idle) => 2,
            Some(BatteryActivity::Charging) => 3,
        };
        let charge = battery.and_then(|battery| battery.charge).map_or(-1, i64::from);
        let lasts = battery.and_then(|battery| battery.lasts_seconds).map_or(-1, i64::from);
        self.number("Battery/Status", status);
        self.number("Battery/EstimatedChargeRemaining", charge);
        self.number("Battery/EstimatedRuntime", lasts);
    }

    fn network(&mut self, network: &Network) {
        let base = format!("NetworkIdentifiers/{}", mdm_protocol::loc_uri::encode_segment(&network.mac));
        let addresses = [("IPAddressV4", &network.ipv4), ("IPAddressV6", &network.ipv6)];
        for (leaf, address) in addresses {
            if let Some(address) = address {
                self.add(&format!("{base}/{leaf}"), Format::Chr, address);
            }
        }
        let connected = if network.connected { "true" } else { "false" };
        self.add(&format!("{base}/IsConnected"), Format::Bool, connected);
        self.number(&format!("{base}/Type"), if network.wireless { 2 } else { 1 });
    }
}
