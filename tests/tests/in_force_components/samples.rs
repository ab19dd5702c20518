//! Profiles in the server's own form.

use std::collections::BTreeMap;

use mdm_agent::engine::profile::{Owner, Profile};
use mdm_agent::engine::tree::Node;
use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

/// A profile with leaves below its own node; an empty path is the node itself.
pub(crate) fn profile(address: &str, leaves: &[(&str, &str)]) -> Profile {
    let leaves = leaves.iter().map(|(path, value)| ((*path).to_owned(), Node::new(&Format::Chr, *value)));
    let nodes: BTreeMap<String, Node> = leaves.collect();
    Profile::new(LocUri::parse(address).unwrap(), &Owner::default(), nodes, 0).unwrap()
}

/// A policy of the provider's.
pub(crate) fn policy(name: &str, value: &str) -> Profile {
    profile(&format!("./Device/Vendor/MSFT/Policy/Config/{name}"), &[("", value)])
}

/// A policy that only Linux has.
pub(crate) fn setting(name: &str, value: &str) -> Profile {
    profile(&format!("./Device/Vendor/LinuxMDM/Config/{name}"), &[("", value)])
}

/// A wireless network.
pub(crate) fn wifi(name: &str, ssid: &str, security: &str, more: &[(&str, &str)]) -> Profile {
    let document = format!(
        "<WLANProfile><name>{name}</name><SSIDConfig>{ssid}</SSIDConfig><MSM><security>{security}</security></MSM>\
         </WLANProfile>"
    );
    let leaves = [&[("WlanXml", document.as_str())], more].concat();
    profile(&format!("./Device/Vendor/MSFT/WiFi/Profile/{name}"), &leaves)
}

/// How a wireless network and its stations prove who they are.
pub(crate) fn security(authentication: &str, more: &str) -> String {
    let encryption = match authentication {
        "open" => "none",
        "WPA3ENT192" => "GCMP256",
        _ => "AES",
    };
    format!(
        "<authEncryption><authentication>{authentication}</authentication><encryption>{encryption}</encryption>\
         </authEncryption>{more}"
    )
}

/// A key that stations share: `passPhrase` or `networkKey`.
pub(crate) fn shared_key(kind: &str, key: &str) -> String {
    format!(
        "<sharedKey><keyType>{kind}</keyType><protected>false</protected><keyMaterial>{key}</keyMaterial></sharedKey>"
    )
}

/// An enterprise method by its number.
pub(crate) fn method(number: u32, configuration: &str) -> String {
    format!(
        "<EapHostConfig><EapMethod><Type>{number}</Type></EapMethod><Config><Eap><Type>{number}</Type>\
         <EapType>{configuration}</EapType></Eap></Config></EapHostConfig>"
    )
}

/// An enterprise method in a wireless network.
pub(crate) fn one_x(method: &str) -> String {
    format!("<OneX><EAPConfig>{method}</EAPConfig></OneX>")
}

/// An IKEv2 tunnel.
pub(crate) fn ikev2(name: &str, more: &[(&str, &str)]) -> Profile {
    let leaves =
        [("NativeProfile/Servers", "vpn.example.org,vpn2.example.org"), ("NativeProfile/NativeProtocolType", "IKEv2")];
    profile(&format!("./Device/Vendor/MSFT/VPNv2/{name}"), &[leaves.as_slice(), more].concat())
}

/// A tunnel by a client of its own.
pub(crate) fn plugin(name: &str, package: &str, configuration: &str) -> Profile {
    profile(
        &format!("./Device/Vendor/MSFT/VPNv2/{name}"),
        &[
            ("PluginProfile/PluginPackageFamilyName", package),
            ("PluginProfile/ServerUrlList", "127.0.0.1"),
            ("PluginProfile/CustomConfiguration", configuration),
        ],
    )
}
