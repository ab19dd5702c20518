//! Values for parts. A part that is not here gets [`ANY`].

/// Values for any part.
pub(super) const ANY: &[&str] = &["true", "false", "1", "0", "7", "word"];

/// Values that are sound for parts which take only such ones, by the ends of their paths.
#[rustfmt::skip]
const SOUND: &[(&str, &[&str])] = &[
    ("WiFiCost", &["1", "2"]),
    ("ProxyPacUrl", &["http://p.example/x.pac"]),
    ("/Proxy", &["p.example:8080"]),
    ("SSID/hex", &["4142"]),
    ("keyType", &["networkKey", "passPhrase"]),
    ("keyMaterial", &["another one"]),
    ("authentication", &["open", "WPA3SAE", "WPA3ENT"]),
    ("encryption", &["TKIP", "GCMP256"]),
    ("connectionMode", &["manual"]),
    ("authMode", &["machine", "user", "guest"]),
    ("singleSignOn/type", &["preLogon"]),
    ("ServerNames", &["other.example", ".*.example"]),
    ("EapMethod/Type", &["13", "25", "43"]),
    ("Eap/Type", &["13", "26", "43"]),
    ("TrustedRootCA", &["00112233445566778899aabbccddeeff00112233"]),
    ("TrustedRootCAHash", &["00112233445566778899aabbccddeeff00112233"]),
    ("IssuerHash", &["00112233445566778899aabbccddeeff00112233"]),
    ("EKUOID", &["1.2.3.4"]),
    ("AnonymousUserName", &["nobody"]),
    ("AnonymousIdentity", &["nobody"]),
    ("NativeProfile/Servers", &["other.example", "vpn.example,other.example"]),
    ("NativeProtocolType", &["PPTP", "Automatic"]),
    ("NativeProtocolList/0/Type", &["IKEv2"]),
    ("RoutingPolicyType", &["ForceTunnel"]),
    ("MachineMethod", &["Certificate", "Eap", "PresharedKey"]),
    ("UserMethod", &["Eap", "MSChapv2"]),
    ("DnsSuffix", &["corp.example"]),
    ("TrustedNetworkDetection", &["corp.example"]),
    ("RouteList/0/Address", &["10.0.0.0"]),
    ("RouteList/0/PrefixSize", &["8"]),
    ("RouteList/0/Metric", &["5"]),
    ("DomainName", &[".corp.example"]),
    ("DnsServers", &["10.0.0.53"]),
    ("AuthenticationTransformConstants", &["SHA256128", "SHA384"]),
    ("CipherTransformConstants", &["GCMAES256"]),
    ("EncryptionMethod", &["AES_GCM_256"]),
    ("IntegrityCheckMethod", &["SHA384"]),
    ("DHGroup", &["ECP384"]),
    ("PfsGroup", &["ECP384"]),
    ("PluginPackageFamilyName", &["WireGuard", "OpenVPN"]),
    ("ServerUrlList", &["other.example"]),
    ("SERVICETYPE", &["POP3"]),
    ("REPLYADDR", &["bob@other.example"]),
    ("INSERVER", &["other.example:143"]),
    ("OUTSERVER", &["other.example:587"]),
    ("EmailAddress", &["bob@other.example"]),
    ("ServerName", &["other.example"]),
    ("SubjectName", &["CN=bob"]),
    ("SubjectAlternativeNames", &["3+bob.example"]),
    ("KeyLength", &["4096"]),
    ("KeyUsage", &["128"]),
    ("HashAlgorithm", &["SHA-2"]),
    ("CAThumbprint", &["00112233445566778899aabbccddeeff00112233"]),
    ("ServerURL", &["https://other.example/scep"]),
    ("ValidPeriod", &["Days"]),
];

/// Parts without which a part says nothing, by the ends of their paths: they are there before it is added.
#[rustfmt::skip]
const COMPANY: &[(&str, &[(&str, &str)])] = &[
    ("RouteList/0/Address", &[("RouteList/0/PrefixSize", "8")]),
    ("RouteList/0/PrefixSize", &[("RouteList/0/Address", "10.0.0.0")]),
    ("RouteList/0/Metric", ROUTE),
    ("RouteList/0/ExclusionRoute", ROUTE),
    ("DomainNameInformationList/0/DomainName", &[("DomainNameInformationList/0/DnsServers", "10.0.0.53")]),
    ("DomainNameInformationList/0/DnsServers", &[("DomainNameInformationList/0/DomainName", ".corp.example")]),
    ("DomainNameInformationList/0/DomainNameType", RULE),
    ("DomainNameInformationList/0/AutoTrigger", RULE),
    ("DomainNameInformationList/0/Persistent", RULE),
    ("DomainNameInformationList/0/WebProxyServers", RULE),
    ("ValidPeriod", &[("ValidPeriodUnits", "7")]),
    ("ValidPeriodUnits", &[("ValidPeriod", "Days")]),
    ("SMTPALTENABLED", &[("SMTPALTAUTHNAME", "relay")]),
    ("SMTPALTDOMAIN", &[("SMTPALTAUTHNAME", "relay"), ("SMTPALTENABLED", "1")]),
    ("NativeProfile/ProtocolList/NativeProtocolList/0/Type", &[("NativeProfile/NativeProtocolType", "ProtocolList")]),
    ("IdentityPrivacy/EnableIdentityPrivacy", &[("IdentityPrivacy/AnonymousUserName", "nobody")]),
    ("FilteringInfo/EKUMapping/EKUMap/EKUName", &[
        ("FilteringInfo/EKUMapping/EKUMap/EKUOID", "1.2.3.4"),
        ("FilteringInfo/ClientAuthEKUList/EKUMapInList/EKUName", "word"),
    ]),
    ("FilteringInfo/ClientAuthEKUList/@Enabled", PURPOSE),
    ("FilteringInfo/CAHashList/@Enabled", &[("FilteringInfo/CAHashList/IssuerHash", "00112233445566778899aabbccddeeff00112233")]),
];
const ROUTE: &[(&str, &str)] = &[("RouteList/0/Address", "10.0.0.0"), ("RouteList/0/PrefixSize", "8")];
const RULE: &[(&str, &str)] = &[
    ("DomainNameInformationList/0/DomainName", ".corp.example"),
    ("DomainNameInformationList/0/DnsServers", "10.0.0.53"),
];
const PURPOSE: &[(&str, &str)] = &[
    ("FilteringInfo/EKUMapping/EKUMap/EKUName", "word"),
    ("FilteringInfo/EKUMapping/EKUMap/EKUOID", "1.2.3.4"),
    ("FilteringInfo/ClientAuthEKUList/EKUMapInList/EKUName", "word"),
];

/// The entry with the longest end of a path, and what of the path is before that.
fn of_end<'p, T: Copy>(table: &[(&str, T)], path: &'p str) -> Option<(&'p str, T)> {
    let before = |end: &str| path.strip_suffix(end.trim_start_matches('/'));
    let is_end = |end: &str| before(end).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    let longest = table.iter().filter(|(end, _)| is_end(end)).max_by_key(|(end, _)| end.len());
    longest.map(|(end, found)| (before(end).unwrap_or_default(), *found))
}

/// Values to try.
pub(super) fn values(path: &str) -> impl Iterator<Item = &'static str> {
    of_end(SOUND, path).map(|(_, values)| values).unwrap_or_default().iter().chain(ANY).copied()
}

/// What has to be there before.
pub(super) fn company(path: &str) -> Vec<(String, &'static str)> {
    let (before, company) = of_end(COMPANY, path).unwrap_or_default();
    company.iter().map(|(path, value)| (format!("{before}{path}"), *value)).collect()
}
