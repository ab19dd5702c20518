use mdm_protocol::syncml::StatusCode;

use crate::platform::machine::Machine;
use crate::platform::testing::{desired_on, everything, only_file, profile, refusal, waiting};

const CONNECTIONS: &str = "/etc/NetworkManager/system-connections";
const ROOT: &str = "./Device/Vendor/MSFT/WiFi/Profile/Corp";

fn wlan(ssid: &str, suite: &str, key: &str) -> String {
    format!(
        "<WLANProfile><name>Corp</name><SSIDConfig><SSID>{ssid}</SSID></SSIDConfig><MSM><security>\
         <authEncryption>{suite}</authEncryption>{key}</security></MSM></WLANProfile>"
    )
}

fn suite(authentication: &str) -> String {
    let more = if authentication == "open" { "none" } else { "AES" };
    format!("<authentication>{authentication}</authentication><encryption>{more}</encryption>")
}

fn passphrase(text: &str) -> String {
    format!(
        "<sharedKey><keyType>passPhrase</keyType><protected>false</protected><keyMaterial>{text}</keyMaterial></sharedKey>"
    )
}

fn one_x(method: u32, inner: &str) -> String {
    format!(
        "<OneX><EAPConfig><EapHostConfig><EapMethod><Type>{method}</Type></EapMethod><Config><Eap>\
         <Type>{method}</Type><EapType>{inner}</EapType></Eap></Config></EapHostConfig></EAPConfig></OneX>"
    )
}

fn keyfile(wlan: &str, more: &[(&str, &str)]) -> String {
    let leaves = [&[("WlanXml", wlan)], more].concat();
    only_file(&desired_on(&everything(), &[profile(ROOT, &leaves)]), CONNECTIONS)
}

const NAME: &str = "<name>Corp</name>";

#[test]
fn every_kind_of_proof_becomes_what_network_manager_calls_it() {
    let hex = "a".repeat(64);
    let network_key = format!(
        "<sharedKey><keyType>networkKey</keyType><protected>false</protected><keyMaterial>{hex}</keyMaterial></sharedKey>"
    );
    let transition = format!("{}<transitionMode>true</transitionMode>", suite("WPA3SAE"));
    for (suite, key, expected) in [
        (suite("OWE"), String::new(), "key-mgmt=owe\n"),
        (suite("WPA2PSK"), passphrase("correct horse"), "key-mgmt=wpa-psk\npsk=correct horse\n"),
        (suite("WPA2PSK"), network_key, &format!("key-mgmt=wpa-psk\npsk={hex}\n")),
        (suite("WPA3SAE"), passphrase("correct horse"), "key-mgmt=sae\npmf=3\npsk=correct horse\n"),
        (transition, passphrase("correct horse"), "key-mgmt=wpa-psk\npsk=correct horse\n"),
    ] {
        let text = keyfile(&wlan(NAME, &suite, &key), &[]);
        assert!(text.contains(expected), "{text}");
    }
    assert!(!keyfile(&wlan(NAME, &suite("open"), ""), &[]).contains("[wifi-security]"));
}

#[test]
fn a_name_of_any_bytes_is_told_exactly() {
    for (ssid, expected) in [
        ("<name>Corp Net</name>", "ssid=Corp Net\n"),
        ("<name>65;66;</name>", "ssid=54;53;59;54;54;59;\n"),
        ("<hex>206C656164</hex>", "ssid=32;108;101;97;100;\n"),
        ("<hex>00FF0A</hex><name>ignored</name>", "ssid=0;255;10;\n"),
        ("<hex>436F7270</hex>", "ssid=Corp\n"),
    ] {
        let text = keyfile(&wlan(ssid, &suite("open"), ""), &[]);
        assert!(text.contains(expected), "{ssid}: {text}");
    }
}

#[test]
fn settings_beside_the_network_itself_are_followed() {
    let hidden = wlan(NAME, &suite("open"), "").replace(
        "</SSIDConfig>",
        "<nonBroadcast>true</nonBroadcast></SSIDConfig><connectionMode>manual</connectionMode>",
    );
    let text = keyfile(&hidden, &[("WiFiCost", "2"), ("Proxy", "proxy.example:8080")]);
    for line in ["autoconnect=false\n", "hidden=true\n", "metered=1\n", "return \"PROXY proxy.example:8080\""] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let text = keyfile(&wlan(NAME, &suite("open"), ""), &[("ProxyPacUrl", "http://p.example/x.pac")]);
    assert!(text.contains("[proxy]\nmethod=1\npac-url=http://p.example/x.pac\n"), "{text}");
}

#[test]
fn a_password_method_asks_the_user_and_believes_only_the_named_server() {
    let peap = one_x(
        25,
        "<ServerValidation><ServerNames>radius.example;.*.corp.example</ServerNames></ServerValidation>\
         <Eap><Type>26</Type><EapType/></Eap><PeapExtensions><IdentityPrivacy>\
         <AnonymousUserName>anon</AnonymousUserName></IdentityPrivacy></PeapExtensions>",
    );
    let text = keyfile(&wlan(NAME, &suite("WPA2"), &peap), &[]);
    for line in [
        "eap=peap;\n",
        "phase2-auth=mschapv2\n",
        "identity=ada@example.org\n",
        "password-flags=1\n",
        "anonymous-identity=anon\n",
        "system-ca-certs=true\n",
        "domain-suffix-match=corp.example;radius.example\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("password="), "{text}");
}

#[test]
fn a_network_that_needs_a_certificate_waits_for_it() {
    let tls = one_x(
        13,
        "<ServerValidation><TrustedRootCA>00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 00 11 22 33</TrustedRootCA></ServerValidation>",
    );
    let network = profile(ROOT, &[("WlanXml", &wlan(NAME, &suite("WPA2"), &tls))]);
    let reason = waiting(&desired_on(&everything(), &[network]));
    assert!(reason.contains("no certificate of this device"), "{reason}");
    let peap = tls.replace(">13<", ">25<");
    let network = profile(ROOT, &[("WlanXml", &wlan(NAME, &suite("WPA2"), &peap))]);
    let reason = waiting(&desired_on(&everything(), &[network]));
    assert!(reason.contains("0011223344556677889"), "{reason}");
}

#[test]
fn what_cannot_be_had_is_refused_with_the_status_that_says_so_and_never_with_the_secret() {
    let everything = everything();
    let protected = passphrase("0100AABB").replace("false", "true");
    let long = format!("<hex>{}</hex>", "41".repeat(33));
    let hex_sae = passphrase(&"b".repeat(64));
    for (text, status, words) in [
        (
            wlan(NAME, &suite("WPA2PSK"), &protected),
            StatusCode::UNSUPPORTED_FORMAT,
            "encrypted for one Windows machine",
        ),
        (wlan(&long, &suite("open"), ""), StatusCode::UNSUPPORTED_FORMAT, "33 bytes"),
        (wlan(NAME, &suite("WPAPSK"), &passphrase("correct horse")), StatusCode::NOT_SUPPORTED, "not secure"),
        (wlan(NAME, &suite("shared"), &passphrase("correct horse")), StatusCode::NOT_SUPPORTED, "WEP"),
        (
            wlan(NAME, &suite("WPA2PSK").replace("AES", "TKIP"), &passphrase("correct horse")),
            StatusCode::NOT_SUPPORTED,
            "TKIP",
        ),
        (wlan(NAME, &suite("WPA3SAE"), &hex_sae), StatusCode::UNSUPPORTED_FORMAT, "passphrase itself"),
        (wlan(NAME, &suite("WPA2"), &one_x(43, "")), StatusCode::NOT_SUPPORTED, "EAP-TLS, PEAP"),
        (
            wlan(
                NAME,
                &suite("WPA2"),
                &one_x(25, "<ServerValidation><ServerNames>[a-z]+</ServerNames></ServerValidation>"),
            ),
            StatusCode::NOT_SUPPORTED,
            "[a-z]+",
        ),
    ] {
        let (code, reason) = refusal(&everything, &profile(ROOT, &[("WlanXml", &text)]));
        assert_eq!(code, status, "{reason}");
        assert!(reason.contains(words), "{reason}");
        assert!(!reason.contains("correct horse") && !reason.contains("0100AABB"), "{reason}");
    }
    let open = wlan(NAME, &suite("open"), "");
    for (leaf, value) in
        [("WiFiCost", "9"), ("Proxy", "a\"; evil:1"), ("Proxy", "nocolon"), ("ProxyPacUrl", "nonsense")]
    {
        let (code, _) = refusal(&everything, &profile(ROOT, &[("WlanXml", &open), (leaf, value)]));
        assert_eq!(code, StatusCode::UNSUPPORTED_FORMAT, "{leaf} {value}");
    }
    let (code, reason) = refusal(&Machine::default(), &profile(ROOT, &[("WlanXml", &open)]));
    assert_eq!((code, reason.contains("NetworkManager")), (StatusCode::NOT_SUPPORTED, true));
}
