//! A wireless network of every kind, and what NetworkManager has to understand of each.

use mdm_agent::engine::profile::Profile;

use crate::certificates::Authority;
use crate::samples::{method, one_x, security, shared_key, wifi};

/// A profile, and lines of the connection that it becomes.
pub(crate) type Expected = (Profile, Vec<String>);

/// Name, SSID, security, settings beside these, lines.
type Case<'a> = (&'a str, String, String, &'a [(&'a str, &'a str)], Vec<&'a str>);

/// Every kind. Those with certificates need the authority and a certificate of the device.
pub(crate) fn all(authority: &Authority) -> Vec<Expected> {
    let mut all = plain();
    all.extend(enterprise(authority));
    all
}

fn named(name: &str) -> String {
    format!("<SSID><name>{name}</name></SSID>")
}

/// A network that is shown a random address or the machine's own.
fn addressed(name: &str, is_random: &str) -> String {
    let address = format!("<enableRandomization>{is_random}</enableRandomization>");
    format!(
        "{}</SSIDConfig><MacRandomization>{address}</MacRandomization><SSIDConfig><nonBroadcast>false</nonBroadcast>",
        named(name)
    )
}

fn plain() -> Vec<Expected> {
    let hex = "0123456789abcdef".repeat(4);
    let passphrase = shared_key("passPhrase", "correct horse; battery \\ staple#");
    let network_key = shared_key("networkKey", &hex);
    let transition = "</authEncryption>";
    let both =
        security("WPA3SAE", &passphrase).replace(transition, "<transitionMode>true</transitionMode></authEncryption>");
    let hidden = format!("{}<nonBroadcast>true</nonBroadcast>", named("Hidden"));
    let bytes = "<SSID><hex>00FF3B5C0A20</hex></SSID>";
    let open = security("open", "");
    let psk = "psk=correct horse; battery \\\\ staple#";
    let hex_line = format!("psk={hex}");
    let cases: Vec<Case<'_>> = vec![
        ("Open", named("Open"), open.clone(), &[], vec!["ssid=Open", "type=wifi"]),
        ("OWE", named("OWE"), security("OWE", ""), &[], vec!["key-mgmt=owe"]),
        ("PSK", named("PSK"), security("WPA2PSK", &passphrase), &[], vec!["key-mgmt=wpa-psk", psk]),
        ("Key", named("Key"), security("WPA2PSK", &network_key), &[], vec!["key-mgmt=wpa-psk", &hex_line]),
        ("SAE", named("SAE"), security("WPA3SAE", &passphrase), &[], vec!["key-mgmt=sae", "pmf=3", psk]),
        ("Both", named("Both"), both, &[], vec!["key-mgmt=wpa-psk", psk]),
        ("Hidden", hidden, open.clone(), &[], vec!["hidden=true", "ssid=Hidden"]),
        ("Bytes", bytes.to_owned(), open.clone(), &[], vec!["ssid=0;255;59;92;10;32;"]),
        ("List", named("65;66;"), open.clone(), &[], vec!["ssid=65\\\\;66\\\\;"]),
        (
            "Proxy",
            named("Proxy"),
            open.clone(),
            &[("Proxy", "proxy.example:8080"), ("WiFiCost", "2")],
            vec![
                "metered=1",
                "method=1",
                r#"pac-script=function FindProxyForURL(url, host) { return "PROXY proxy.example:8080"; }"#,
            ],
        ),
        (
            "Script",
            named("Script"),
            open.clone(),
            &[("ProxyPacUrl", "http://p.example/x.pac"), ("WiFiCost", "1")],
            vec!["metered=2", "pac-url=http://p.example/x.pac"],
        ),
        ("Random", addressed("Random", "true"), open.clone(), &[], vec!["cloned-mac-address=random"]),
        ("Permanent", addressed("Permanent", "false"), open.clone(), &[], vec!["cloned-mac-address=permanent"]),
        ("Automatic", named("Automatic"), open, &[("ProxyWPAD", "true")], vec!["[proxy]", "method=1"]),
    ];
    let expected = cases.into_iter().map(|(name, ssid, security, more, lines)| {
        (wifi(name, &ssid, &security, more), lines.into_iter().map(str::to_owned).collect())
    });
    expected.collect()
}

fn enterprise(authority: &Authority) -> Vec<Expected> {
    let root = format!("<TrustedRootCA>{}</TrustedRootCA>", authority.thumbprint());
    let server = |names: &str| format!("<ServerValidation><ServerNames>{names}</ServerNames>{root}</ServerValidation>");
    let issuer = format!("<CAHashList><IssuerHash>{}</IssuerHash></CAHashList>", authority.thumbprint());
    let selection = format!("<TLSExtensions><FilteringInfo>{issuer}</FilteringInfo></TLSExtensions>");
    let certificate = format!("{}{selection}", server("radius.example"));
    let tls = one_x(&method(13, &certificate));
    let names = server(r"radius.example;.*\.corp\.example");
    let inside = "<Eap><Type>26</Type><EapType/></Eap>";
    let anonymous = "<AnonymousUserName>anonymous</AnonymousUserName>";
    let privacy = format!("<PeapExtensions><IdentityPrivacy>{anonymous}</IdentityPrivacy></PeapExtensions>");
    let peap = one_x(&method(25, &format!("{names}{inside}{privacy}")));
    let peap_tls = format!("{names}<Eap><Type>13</Type><EapType>{certificate}</EapType></Eap>");
    let peap_tls = one_x(&method(25, &peap_tls));
    let ttls = |phase: &str| {
        let names = names.replace("TrustedRootCA", "TrustedRootCAHash");
        one_x(&format!(
            "<EapHostConfig><EapMethod><Type>21</Type></EapMethod><Config><EapTtls>{names}<Phase2Authentication>{phase}\
             </Phase2Authentication></EapTtls></Config></EapHostConfig>"
        ))
    };
    let [pap, chap, mschapv2] = ["PAP", "CHAP", "MSCHAPv2"].map(|name| ttls(&format!("<{name}Authentication/>")));
    let believes_all = one_x(&method(25, inside));
    let by_certificate = ["eap=tls;", "client-cert=", "private-key=", "ca-cert=", "domain-match=radius.example"];
    let by_password = [
        "eap=peap;",
        "phase2-auth=mschapv2",
        "identity=ada@example.org",
        "anonymous-identity=anonymous",
        "password-flags=1",
        "domain-suffix-match=corp.example;radius.example",
    ];
    let case = |name: &str, authentication: &str, one_x: &str, lines: &[&str]| {
        let profile = wifi(name, &named(name), &security(authentication, one_x), &[]);
        (profile, lines.iter().map(|line| (*line).to_owned()).collect())
    };
    vec![
        case("TLS2", "WPA2", &tls, &[&["key-mgmt=wpa-eap"], by_certificate.as_slice()].concat()),
        case("TLS3", "WPA3ENT", &tls, &[&["key-mgmt=wpa-eap", "pmf=3"], by_certificate.as_slice()].concat()),
        case("TLS192", "WPA3ENT192", &tls, &[&["key-mgmt=wpa-eap-suite-b-192"], by_certificate.as_slice()].concat()),
        case("PEAP2", "WPA2", &peap, &[&["key-mgmt=wpa-eap"], by_password.as_slice()].concat()),
        case("PEAP3", "WPA3ENT", &peap, &[&["key-mgmt=wpa-eap", "pmf=3"], by_password.as_slice()].concat()),
        case(
            "PEAPTLS",
            "WPA2",
            &peap_tls,
            &[
                "eap=peap;",
                "phase2-autheap=tls",
                "phase2-client-cert=",
                "phase2-ca-cert=",
                "phase2-domain-match=radius.example",
            ],
        ),
        case("TTLSPAP", "WPA2", &pap, &["eap=ttls;", "phase2-auth=pap", "password-flags=1"]),
        case("TTLSCHAP", "WPA2", &chap, &["eap=ttls;", "phase2-auth=chap"]),
        case("TTLSMSCHAPv2", "WPA2", &mschapv2, &["eap=ttls;", "phase2-auth=mschapv2"]),
        case("System", "WPA2", &believes_all, &["system-ca-certs=true"]),
    ]
}
