use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

use super::super::device_status;
use super::super::facts::{Battery, BatteryActivity, Firewall, Network, SecureBoot, Tpm};
use super::*;

fn nodes(facts: &Facts) -> BTreeMap<String, (Format, String)> {
    let nodes = device_status(facts);
    let map: BTreeMap<_, _> = nodes
        .iter()
        .map(|(address, format, value)| {
            LocUri::parse(address).unwrap();
            (
                address.strip_prefix("./Device/Vendor/MSFT/DeviceStatus/").unwrap().to_owned(),
                (format.clone(), value.clone()),
            )
        })
        .collect();
    assert_eq!(map.len(), nodes.len(), "no address twice");
    map
}

#[test]
fn what_is_not_known_is_not_there() {
    let nodes = nodes(&Facts::default());
    assert_eq!(nodes.keys().collect::<Vec<_>>(), ["Antivirus/SignatureStatus", "Antivirus/Status"]);
    assert_eq!(nodes["Antivirus/Status"], (Format::Int, "4".to_owned()));
}

#[test]
fn facts_become_the_numbers_of_the_provider() {
    let mut facts = ubuntu("24.04");
    facts.secure_boot = Fact::known(SecureBoot::Off, "efivars");
    facts.firewall = Fact::known(Firewall { active: true, tool: "ufw".to_owned() }, "ufw");
    facts.tpm = Fact::known(
        Some(Tpm { version: "1.2".to_owned(), manufacturer_id: Some("0x53544d20".to_owned()), firmware: None }),
        "caps",
    );
    facts.battery = Fact::known(
        Some(Battery { activity: BatteryActivity::Charging, charge: Some(80), lasts_seconds: None }),
        "BAT0",
    );
    facts.domain = Fact::known(None, "sssd.conf");
    let card = Network {
        mac: "02-00-00-00-00-01".to_owned(),
        ipv4: Some("192.0.2.5".to_owned()),
        connected: true,
        wireless: true,
        ..Network::default()
    };
    facts.networks = Fact::known(vec![card], "/sys/class/net");
    let nodes = nodes(&facts);
    for (leaf, value) in [
        ("SecureBootState", "2"),
        ("OS/Edition", "ubuntu"),
        ("Firewall/Status", "0"),
        ("TPM/SpecificationVersion", "1.2"),
        ("TPM/ManufacturerIdTxt", "STM"),
        ("TPM/ManufacturerVersion", "Not available"),
        ("Battery/Status", "3"),
        ("Battery/EstimatedChargeRemaining", "80"),
        ("Battery/EstimatedRuntime", "-1"),
        ("DomainName", ""),
        ("NetworkIdentifiers/02-00-00-00-00-01/IPAddressV4", "192.0.2.5"),
        ("NetworkIdentifiers/02-00-00-00-00-01/IsConnected", "true"),
        ("NetworkIdentifiers/02-00-00-00-00-01/Type", "2"),
    ] {
        assert_eq!(nodes[leaf].1, value, "{leaf}");
    }
    assert!(!nodes.contains_key("NetworkIdentifiers/02-00-00-00-00-01/IPAddressV6"));
}

#[test]
fn encryption_is_told_only_if_it_is_known() {
    let told = |volumes| {
        let facts = Facts { volumes: Fact::known(volumes, "mountinfo"), ..Facts::default() };
        nodes(&facts).get("Compliance/EncryptionCompliance").map(|(_, value)| value.clone())
    };
    let root = || volume("/", Encryption::Encrypted, None);
    assert_eq!(told(vec![root(), volume("/boot", plain(), Some("boot"))]).as_deref(), Some("true"));
    assert_eq!(told(vec![root(), volume("/srv", unclear(), None)]), None);
    assert_eq!(
        told(vec![root(), volume("/srv", unclear(), None), volume("/home", plain(), None)]).as_deref(),
        Some("false")
    );
    assert_eq!(told(vec![]), None);
}
