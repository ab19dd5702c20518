//! The parts of `EapHostConfig`: an enterprise method, as wireless networks and tunnels have it.

use mdm_protocol::csp::eap::{EAP_TLS, EAP_TTLS, MSCHAPV2 as MSCHAPV2_METHOD, PEAP as PEAP_METHOD};
use mdm_protocol::csp::parts::Part;

use super::account::{Known, each, no_effect, only, refused, translated};

const ASKED: &str = "users are not asked to trust a server: one that cannot be verified is refused";
const VERIFIED: &str = "the server is always verified";

/// The parts that every method has.
pub(super) const HOST: &[Known] = &[
    each("EapMethod/Type"),
    only("EapMethod/VendorId", &["0"], "methods of vendors are not supported"),
    only("EapMethod/VendorType", &["0"], "methods of vendors are not supported"),
    no_effect("EapMethod/AuthorId", "it names the author of a Windows module"),
    refused("ConfigBlob", "a configuration in binary form is not supported; export it as Config"),
    translated("Config"),
    translated("Config/Eap/Type"),
    translated("Config/Eap/EapType"),
];

/// The properties of EAP-TLS, below its `EapType`.
pub(super) const TLS: &[Known] = &[
    only("CredentialsSource/SmartCard", &[], "smart cards are not supported"),
    refused("CredentialsSource/SmartCard/...", "smart cards are not supported"),
    no_effect("CredentialsSource/CertificateStore", "the certificate is chosen by issuer and purpose"),
    no_effect(
        "CredentialsSource/CertificateStore/SimpleCertSelection",
        "the certificate is chosen by issuer and purpose",
    ),
    no_effect("ServerValidation/DisableUserPromptForServerValidation", ASKED),
    translated("ServerValidation/ServerNames"),
    each("ServerValidation/TrustedRootCA"),
    only("DifferentUsername", &["false"], "another user name than that of the certificate is not supported"),
    no_effect("PerformServerValidation", VERIFIED),
    no_effect("AcceptServerName", "the names that are given always count"),
    no_effect("TLSExtensions/FilteringInfo/AllPurposeEnabled", "a certificate for all purposes fits every purpose"),
    each("TLSExtensions/FilteringInfo/CAHashList/@Enabled"),
    each("TLSExtensions/FilteringInfo/CAHashList/IssuerHash"),
    each("TLSExtensions/FilteringInfo/EKUMapping/EKUMap/EKUName"),
    each("TLSExtensions/FilteringInfo/EKUMapping/EKUMap/EKUOID"),
    each("TLSExtensions/FilteringInfo/ClientAuthEKUList/@Enabled"),
    no_effect("TLSExtensions/FilteringInfo/ClientAuthEKUList", "it names no purpose"),
    each("TLSExtensions/FilteringInfo/ClientAuthEKUList/EKUMapInList/EKUName"),
    only("TLSExtensions/FilteringInfo/AnyPurposeEKUList/@Enabled", &["false"], "AnyPurposeEKUList is not supported"),
    no_effect("TLSExtensions/FilteringInfo/AnyPurposeEKUList", "it names no purpose"),
    refused("TLSExtensions/FilteringInfo/AnyPurposeEKUList/...", "AnyPurposeEKUList is not supported"),
];

/// The properties of PEAP, below its `EapType`.
pub(super) const PEAP: &[Known] = &[
    translated("Eap/Type"),
    translated("Eap/EapType"),
    no_effect("ServerValidation/DisableUserPromptForServerValidation", ASKED),
    translated("ServerValidation/ServerNames"),
    each("ServerValidation/TrustedRootCA"),
    no_effect("FastReconnect", "wpa_supplicant and strongSwan resume TLS sessions on their own"),
    no_effect("InnerEapOptional", "the inner method runs whenever the server starts it"),
    only("EnableQuarantineChecks", &["false"], "Network Access Protection does not exist on Linux"),
    only("RequireCryptoBinding", &["false"], "that cryptobinding is required cannot be configured in NetworkManager"),
    no_effect("PeapExtensions/PerformServerValidation", VERIFIED),
    no_effect("PeapExtensions/AcceptServerName", "the names that are given always count"),
    each("PeapExtensions/IdentityPrivacy/EnableIdentityPrivacy"),
    each("PeapExtensions/IdentityPrivacy/AnonymousUserName"),
    no_effect("PeapExtensions/PeapExtensionsV2/AllowPromptingWhenServerCANotFound", ASKED),
];

/// The properties of EAP-MSCHAPv2, below its `EapType`.
pub(super) const MSCHAPV2: &[Known] =
    &[no_effect("UseWinLogonCredentials", "there is no Windows logon: the user is asked for the password")];

/// The properties of EAP-TTLS.
pub(super) const TTLS: &[Known] = &[
    translated("Config/EapTtls/ServerValidation/ServerNames"),
    each("Config/EapTtls/ServerValidation/TrustedRootCAHash"),
    no_effect("Config/EapTtls/ServerValidation/DisablePrompt", ASKED),
    translated("Config/EapTtls/Phase2Authentication/PAPAuthentication"),
    translated("Config/EapTtls/Phase2Authentication/CHAPAuthentication"),
    translated("Config/EapTtls/Phase2Authentication/MSCHAPAuthentication"),
    translated("Config/EapTtls/Phase2Authentication/MSCHAPv2Authentication"),
    no_effect(
        "Config/EapTtls/Phase2Authentication/MSCHAPv2Authentication/UseWinlogonCredentials",
        "there is no Windows logon: the user is asked for the password",
    ),
    translated("Config/EapTtls/Phase1Identity/IdentityPrivacy"),
    translated("Config/EapTtls/Phase1Identity/AnonymousIdentity"),
];

/// Where a part of `EapHostConfig` belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Its path as the table has it: below the innermost `EapHostConfig`, and in connection properties below the
    /// innermost `EapType`.
    pub(super) path: &'a str,
    /// The table.
    pub(super) table: &'static [Known],
}

/// Where a part belongs: what the properties of one method say means nothing to another.
pub(super) fn locate<'a>(path: &'a str, parts: &[Part<'_>]) -> Place<'a> {
    let (host, below) = path.rsplit_once("EapHostConfig/").map_or(("", path), |(host, below)| (host, below));
    let value =
        |path: &str| parts.iter().find(|part| part.path == path).and_then(|part| part.value.parse::<u32>().ok());
    if let Some((above, local)) = path.rsplit_once("EapType/").filter(|_| below.contains("EapType/")) {
        let table: &[Known] = match value(&format!("{above}Type")) {
            Some(EAP_TLS) => TLS,
            Some(PEAP_METHOD) => PEAP,
            Some(MSCHAPV2_METHOD) => MSCHAPV2,
            _ => &[],
        };
        return Place { path: local, table };
    }
    let prefix =
        if host.is_empty() && !path.contains("EapHostConfig/") { "" } else { &path[..path.len() - below.len()] };
    let is_ttls = value(&format!("{prefix}EapMethod/Type")) == Some(EAP_TTLS);
    Place { path: below, table: if is_ttls && below.starts_with("Config") { TTLS } else { HOST } }
}
