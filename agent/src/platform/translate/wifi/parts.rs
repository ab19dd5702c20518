//! The parts of a wireless network: its nodes, and the WLAN profile (schemas WLAN_profile v1 to v4, OneX v1).

use crate::platform::translate::account::{Known, each, no_effect, only, refused, translated};

const TIMERS: &str = "wpa_supplicant has its own timers of 802.1X";
const CACHE: &str = "wpa_supplicant caches keys and authenticates ahead by itself";
const RANDOM: &str = "NetworkManager makes an address from its own secret";
const HOTSPOT: &str = "Hotspot 2.0 is not supported";
const SINGLE: &str = "one network has one name; send a profile for each";

/// The nodes of the provider.
pub const NODES: &[Known] = &[
    translated("WlanXml"),
    translated("Proxy"),
    translated("ProxyPacUrl"),
    translated("ProxyWPAD"),
    translated("WiFiCost"),
];

/// The parts of `WLANProfile`, apart from those of its enterprise method.
pub const WLAN: &[Known] = &[
    no_effect("name", "the connection has the name of the profile's node"),
    translated("SSIDConfig/SSID/hex"),
    translated("SSIDConfig/SSID/name"),
    translated("SSIDConfig/nonBroadcast"),
    refused("SSIDConfig/SSIDPrefix/...", SINGLE),
    refused("SSIDConfig/SSIDPrefix", SINGLE),
    refused("Hotspot2/...", HOTSPOT),
    refused("Hotspot2", HOTSPOT),
    only("connectionType", &["ESS"], "networks without an access point are not supported"),
    translated("connectionMode"),
    no_effect("autoSwitch", "NetworkManager stays with a network as long as it is there"),
    no_effect("MSM/connectivity/phyType", "the driver chooses the generation of Wi-Fi"),
    translated("MSM/security/authEncryption/authentication"),
    translated("MSM/security/authEncryption/encryption"),
    translated("MSM/security/authEncryption/useOneX"),
    translated("MSM/security/authEncryption/transitionMode"),
    only("MSM/security/authEncryption/FIPSMode", &["false"], "that cryptography runs in FIPS mode cannot be promised"),
    only("MSM/security/FIPSMode", &["false"], "that cryptography runs in FIPS mode cannot be promised"),
    translated("MSM/security/sharedKey/keyType"),
    translated("MSM/security/sharedKey/protected"),
    translated("MSM/security/sharedKey/keyMaterial"),
    no_effect("MSM/security/keyIndex", "it counts for WEP, which is refused"),
    no_effect("MSM/security/PMKCacheMode", CACHE),
    no_effect("MSM/security/PMKCacheTTL", CACHE),
    no_effect("MSM/security/PMKCacheSize", CACHE),
    no_effect("MSM/security/preAuthMode", CACHE),
    no_effect("MSM/security/preAuthThrottle", CACHE),
    translated("MSM/security/OneX/cacheUserData"),
    translated("MSM/security/OneX/authMode"),
    translated("MSM/security/OneX/singleSignOn/type"),
    no_effect("MSM/security/OneX/singleSignOn/maxDelay", "the connection waits for no sign-in"),
    no_effect("MSM/security/OneX/singleSignOn/allowAdditionalDialogs", "the connection waits for no sign-in"),
    no_effect("MSM/security/OneX/singleSignOn/maxDelayWithAdditionalDialogs", "the connection waits for no sign-in"),
    only(
        "MSM/security/OneX/singleSignOn/userBasedVirtualLan",
        &["false"],
        "a network of its own for each user is not supported",
    ),
    no_effect("MSM/security/OneX/supplicantMode", TIMERS),
    no_effect("MSM/security/OneX/heldPeriod", TIMERS),
    no_effect("MSM/security/OneX/authPeriod", TIMERS),
    no_effect("MSM/security/OneX/startPeriod", TIMERS),
    no_effect("MSM/security/OneX/maxStart", TIMERS),
    no_effect("MSM/security/OneX/maxAuthFailures", TIMERS),
    refused("IHV/...", "extensions of a vendor's driver are not supported"),
    refused("IHV", "extensions of a vendor's driver are not supported"),
    translated("MacRandomization/enableRandomization"),
    no_effect("MacRandomization/randomizeEveryday", "a random address is made anew for every connection"),
    no_effect("MacRandomization/randomizationSeed", RANDOM),
    each("MSM/security/OneX/EAPConfig"),
];
