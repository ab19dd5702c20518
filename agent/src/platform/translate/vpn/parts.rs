//! The parts of a tunnel: the nodes of VPNv2, which a `ProfileXML` has by the same names.

use crate::platform::translate::account::{Known, each, no_effect, only, refused, translated};

const BUTTON: &str = "buttons of a desktop cannot be taken away";
const TRIGGER: &str = "tunnels that programs bring up are not supported";
const FILTER: &str = "filters of traffic are not supported";
const CELLULAR: &str = "a cellular connection of its own is not supported";
const PROXY: &str = "a proxy inside of a tunnel is not supported";
const COMPLIANCE: &str = "compliance is not proven to the gateway";

/// The nodes.
pub const NODES: &[Known] = &[
    translated("ProfileXML"),
    no_effect("ProfileName", "the tunnel has the name of the profile's node"),
    translated("AlwaysOn"),
    only("AlwaysOnActive", &["true"], "a tunnel that is always on, but not now, is not supported"),
    translated("DeviceTunnel"),
    translated("RememberCredentials"),
    translated("DnsSuffix"),
    translated("TrustedNetworkDetection"),
    each("RouteList/<>/Address"),
    each("RouteList/<>/PrefixSize"),
    each("RouteList/<>/Metric"),
    only("RouteList/<>/ExclusionRoute", &["false"], "a route beside the tunnel is not supported"),
    each("DomainNameInformationList/<>/DomainName"),
    each("DomainNameInformationList/<>/DnsServers"),
    no_effect("DomainNameInformationList/<>/DomainNameType", "it follows from the name"),
    only("DomainNameInformationList/<>/AutoTrigger", &["false"], TRIGGER),
    only("DomainNameInformationList/<>/Persistent", &["false"], "a rule for names without the tunnel is not supported"),
    only("DomainNameInformationList/<>/WebProxyServers", &[""], PROXY),
    refused("TrafficFilterList/...", FILTER),
    refused("AppTriggerList/...", TRIGGER),
    only("RegisterDNS", &["false"], "addresses are not registered in the DNS"),
    only("LockDown", &["false"], "a machine without any traffic but the tunnel's is not supported"),
    only("ByPassForLocal", &["false"], PROXY),
    refused("Proxy/...", PROXY),
    refused("EdpModeId", "Windows Information Protection does not exist on Linux"),
    refused("APNBinding/...", CELLULAR),
    only("DeviceCompliance/Enabled", &["false"], COMPLIANCE),
    refused("DeviceCompliance/...", COMPLIANCE),
    no_effect("DataEncryption", "every tunnel is encrypted"),
    only("DisableAdvancedOptionsEditButton", &["false"], BUTTON),
    only("DisableDisconnectButton", &["false"], BUTTON),
    only("DisableIKEv2Fragmentation", &["false"], "IKEv2 without fragmentation is not supported"),
    refused("IPv4InterfaceMetric", "a metric of the tunnel is not supported"),
    refused("IPv6InterfaceMetric", "a metric of the tunnel is not supported"),
    only("NetworkOutageTime", &["0"], "a time without network after which the tunnel ends is not supported"),
    no_effect("PrivateNetwork", "the zone of the firewall is the machine's own choice"),
    no_effect("UseRasCredentials", "credentials of a tunnel are used for nothing else"),
    translated("NativeProfile/Servers"),
    translated("NativeProfile/RoutingPolicyType"),
    translated("NativeProfile/NativeProtocolType"),
    each("NativeProfile/ProtocolList/NativeProtocolList/<>/Type"),
    no_effect("NativeProfile/ProtocolList/RetryTimeInHours", "only IKEv2 is tried"),
    only(
        "NativeProfile/Authentication/UserMethod",
        &["Eap"],
        "another authentication of the user than Eap is not supported",
    ),
    translated("NativeProfile/Authentication/MachineMethod"),
    translated("NativeProfile/Authentication/Eap/Configuration"),
    translated("NativeProfile/Authentication/Eap/Type"),
    refused("NativeProfile/Authentication/Certificate/...", "the certificate is chosen by Eap/Configuration"),
    translated("NativeProfile/CryptographySuite/AuthenticationTransformConstants"),
    translated("NativeProfile/CryptographySuite/CipherTransformConstants"),
    translated("NativeProfile/CryptographySuite/EncryptionMethod"),
    translated("NativeProfile/CryptographySuite/IntegrityCheckMethod"),
    translated("NativeProfile/CryptographySuite/DHGroup"),
    translated("NativeProfile/CryptographySuite/PfsGroup"),
    refused("NativeProfile/L2tpPsk", "L2TP is not supported"),
    no_effect("NativeProfile/DisableClassBasedDefaultRoute", "no route is made from the class of an address"),
    no_effect("NativeProfile/PlumbIKEv2TSAsRoutes", "what gateway and profile agree on goes through the tunnel"),
    no_effect("PlumbIKEv2TSAsRoutes", "what gateway and profile agree on goes through the tunnel"),
    translated("PluginProfile/ServerUrlList"),
    translated("PluginProfile/CustomConfiguration"),
    translated("PluginProfile/PluginPackageFamilyName"),
    no_effect("PluginProfile/CustomStoreUrl", "programs come from the distribution"),
];

/// Parts of an enterprise method that mean something else to a tunnel than to a wireless network.
pub const EAP: &[Known] = &[
    no_effect(
        "ServerValidation/ServerNames",
        "the gateway proves itself by its own certificate and name; the server behind it is held to no name",
    ),
    no_effect("AcceptServerName", "names of servers have no effect on a tunnel"),
    no_effect("PeapExtensions/AcceptServerName", "names of servers have no effect on a tunnel"),
    only("PeapExtensions/IdentityPrivacy/EnableIdentityPrivacy", &["false"], "an anonymous name is not supported"),
    only("PeapExtensions/IdentityPrivacy/AnonymousUserName", &[""], "an anonymous name is not supported"),
];
