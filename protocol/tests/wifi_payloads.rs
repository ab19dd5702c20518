//! Wireless networks as administrators export them.

use mdm_protocol::Thumbprint;
use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::eap::{Eap, Inner};
use mdm_protocol::csp::wifi::{Authentication, WlanProfile};
use mdm_protocol::syncml::StatusCode;

const HEX_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

#[test]
fn an_open_network_needs_no_key() {
    let profile = parse(&network("open", "none", ""));
    assert_eq!((profile.authentication, profile.key.is_none()), (Authentication::Open, true));
    assert_eq!(
        (profile.name.as_str(), profile.ssid.as_slice(), profile.encryption.as_str()),
        ("Guests", &b"Guests"[..], "none")
    );
    assert!(profile.auto_connect && !profile.hidden);
}

#[test]
fn an_encrypted_open_network_needs_no_key() {
    assert_eq!(parse(&network("OWE", "AES", "")).authentication, Authentication::Owe);
}

#[test]
fn a_passphrase_is_kept_to_the_letter() {
    for passphrase in ["8 letter", " spaces ", "<&\">' ~!", &"x".repeat(63)] {
        let escaped = passphrase.replace('&', "&amp;").replace('<', "&lt;");
        let key = parse(&network("WPA2PSK", "AES", &shared_key("passPhrase", "false", &escaped))).key.unwrap();
        assert_eq!((key.is_passphrase, key.material.expose()), (true, passphrase));
    }
}

#[test]
fn a_key_of_64_hexadecimal_digits_is_the_key_itself() {
    for kind in ["networkKey", "passPhrase"] {
        let key = parse(&network("WPA2PSK", "AES", &shared_key(kind, "false", HEX_KEY))).key.unwrap();
        assert_eq!((key.is_passphrase, key.material.expose()), (false, HEX_KEY), "{kind}");
    }
}

#[test]
fn a_wpa3_network_may_let_wpa2_stations_in() {
    let key = shared_key("passPhrase", "false", "a long passphrase");
    let plain = network("WPA3SAE", "AES", &key);
    let mode =
        "<x:transitionMode xmlns:x='http://www.microsoft.com/networking/WLAN/profile/v4'> true </x:transitionMode>";
    let transition = plain.replace("</authEncryption>", &format!("{mode}</authEncryption>"));
    assert_eq!(parse(&plain).authentication, Authentication::Wpa3Personal);
    assert_eq!((parse(&plain).transition, parse(&transition).transition), (false, true));
}

#[test]
fn an_enterprise_network_by_certificate_names_servers_roots_and_issuers() {
    let config = "<Config><Eap><Type>13</Type><EapType><CredentialsSource><CertificateStore/></CredentialsSource><ServerValidation>\
                  <ServerNames>radius1.example.org; radius2.example.org;</ServerNames>\
                  <TrustedRootCA>00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 00 11 22 33 </TrustedRootCA>\
                  <TrustedRootCA> </TrustedRootCA></ServerValidation><TLSExtensions><FilteringInfo><CAHashList>\
                  <IssuerHash>ffeeddccbbaa99887766554433221100ffeeddcc</IssuerHash></CAHashList></FilteringInfo></TLSExtensions>\
                  </EapType></Eap></Config>";
    let eap = parse(&network("WPA2", "AES", &one_x("13", config))).one_x.unwrap().eap;
    assert_eq!((eap.method, eap.inner, eap.anonymous_name), (13, None, None));
    assert_eq!(eap.server.names, ["radius1.example.org", "radius2.example.org"]);
    assert_eq!(eap.server.roots, [Thumbprint::parse("00112233445566778899AABBCCDDEEFF00112233").unwrap()]);
    assert_eq!(
        eap.selection.issuers,
        [Thumbprint::parse("FF:EE:DD:CC:BB:AA:99:88:77:66:55:44:33:22:11:00:FF:EE:DD:CC").unwrap()]
    );
}

#[test]
fn an_enterprise_network_by_password_names_the_method_inside_and_the_name_outside() {
    let config = "<Config><Eap><Type>25</Type><EapType><FastReconnect>true</FastReconnect><Eap><Type>26</Type><EapType>\
                  <UseWinLogonCredentials>false</UseWinLogonCredentials></EapType></Eap>\
                  <PeapExtensions><IdentityPrivacy><EnableIdentityPrivacy>true</EnableIdentityPrivacy>\
                  <AnonymousUserName>anonymous</AnonymousUserName></IdentityPrivacy></PeapExtensions></EapType></Eap></Config>";
    for (name, expected) in [
        ("WPA2", Authentication::Wpa2Enterprise),
        ("WPA3ENT", Authentication::Wpa3Enterprise),
        ("WPA3ENT192", Authentication::Wpa3Enterprise192),
    ] {
        let profile = parse(&network(name, "AES", &one_x("25", config)));
        let eap = profile.one_x.unwrap().eap;
        let inside = Inner::Eap(Box::new(Eap::of_method(26)));
        assert_eq!((profile.authentication, eap.method, eap.inner), (expected, 25, Some(inside)));
        assert_eq!(eap.anonymous_name.as_deref(), Some("anonymous"));
    }
}

#[test]
fn an_enterprise_network_without_a_method_is_refused() {
    for security in ["", "<OneX/>", "<OneX><EAPConfig><EapHostConfig/></EAPConfig></OneX>", &one_x("many", "")] {
        assert_eq!(refuse(&network("WPA2", "AES", security)), StatusCode::UNSUPPORTED_FORMAT, "{security}");
    }
}

#[test]
fn an_enterprise_network_with_a_root_or_an_issuer_that_is_no_thumbprint_is_refused() {
    let sound = "00112233445566778899aabbccddeeff00112233";
    for name in ["TrustedRootCA", "IssuerHash"] {
        for wrong in ["not one", &sound[2..], &format!("{sound}00"), "<x/>"] {
            let list = format!("<{name}>{sound}</{name}><{name}>{wrong}</{name}>");
            let config = format!(
                "<Config><Eap><Type>13</Type><EapType><ServerValidation>{list}</ServerValidation><TLSExtensions>\
                 <FilteringInfo><CAHashList>{list}</CAHashList></FilteringInfo></TLSExtensions></EapType></Eap></Config>"
            );
            let error = WlanProfile::parse(&network("WPA2", "AES", &one_x("13", &config))).unwrap_err();
            assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "WlanXml"), "{wrong}");
            assert!(error.reason.contains(name), "{error}");
        }
    }
}

#[test]
fn a_key_that_is_encrypted_for_one_windows_machine_is_refused() {
    let error = WlanProfile::parse(&network("WPA2PSK", "AES", &shared_key("passPhrase", "true", "01000000D08C9DDF")))
        .unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "WlanXml"));
    assert!(error.reason.contains("protected=true"), "{error}");
}

#[test]
fn a_network_with_a_shared_key_and_none_given_is_refused() {
    for name in ["WPAPSK", "WPA2PSK", "WPA3SAE"] {
        assert_eq!(refuse(&network(name, "AES", "")), StatusCode::UNSUPPORTED_FORMAT);
        assert_eq!(refuse(&network(name, "AES", "<sharedKey/>")), StatusCode::UNSUPPORTED_FORMAT);
    }
}

#[test]
fn keys_that_no_station_could_use_are_refused() {
    let too_long = "x".repeat(64);
    let wrong = ["short", &too_long, "pässwörter", "line\nbreak", "tab\tinside", "bell&#x7f;inside"];
    for material in wrong {
        assert_eq!(
            refuse(&network("WPA2PSK", "AES", &shared_key("passPhrase", "false", material))),
            StatusCode::UNSUPPORTED_FORMAT,
            "{material:?}"
        );
    }
    for material in ["", "0011", "not hexadecimal", &HEX_KEY[1..]] {
        assert_eq!(
            refuse(&network("WPA2PSK", "AES", &shared_key("networkKey", "false", material))),
            StatusCode::UNSUPPORTED_FORMAT,
            "{material:?}"
        );
    }
}

#[test]
fn the_hexadecimal_name_of_a_network_beats_the_written_one() {
    let both = network("open", "none", "").replace("<SSID>", "<SSID><hex>43616665CC81ff</hex>");
    assert_eq!(parse(&both).ssid, b"Cafe\xcc\x81\xff");
    let without = network("open", "none", "").replace("<SSID><name>Guests</name></SSID>", "");
    assert_eq!(parse(&without).ssid, b"Guests");
}

#[test]
fn the_name_of_a_network_has_1_to_32_bytes() {
    let named = |name: &str| network("open", "none", "").replace("<SSID><name>Guests", &format!("<SSID><name>{name}"));
    assert_eq!(parse(&named(&"é".repeat(16))).ssid.len(), 32);
    let error = WlanProfile::parse(&named(&format!("{}x", "é".repeat(16)))).unwrap_err();
    assert_eq!(error, PayloadError::format("WlanXml", "the SSID has 33 bytes; it may have 1 to 32"));
    for hex in ["4", "zz", &"41".repeat(33)] {
        let text = network("open", "none", "").replace("<SSID>", &format!("<SSID><hex>{hex}</hex>"));
        assert_eq!(refuse(&text), StatusCode::UNSUPPORTED_FORMAT, "{hex}");
    }
}

#[test]
fn a_hidden_network_and_one_by_hand_are_told() {
    let text = network("open", "none", "").replace(
        "</SSIDConfig>",
        "<nonBroadcast>TRUE</nonBroadcast></SSIDConfig><connectionMode>Manual</connectionMode>",
    );
    let profile = parse(&text);
    assert!(profile.hidden && !profile.auto_connect);
}

#[test]
fn an_unknown_kind_of_authentication_is_not_supported() {
    assert_eq!(refuse(&network("WPA9", "AES", "")), StatusCode::NOT_SUPPORTED);
}

#[test]
fn what_is_no_profile_is_refused() {
    for text in [
        "",
        "passphrase",
        "<WLANProfile>",
        "<Other/>",
        "<WLANProfile/>",
        "<WLANProfile><MSM><security/></MSM></WLANProfile>",
        "<!DOCTYPE a><WLANProfile/>",
    ] {
        assert_eq!(refuse(text), StatusCode::UNSUPPORTED_FORMAT, "{text}");
    }
}

fn network(authentication: &str, encryption: &str, security: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<WLANProfile xmlns=\"http://www.microsoft.com/networking/WLAN/profile/v1\"><name>Guests</name>\
         <SSIDConfig><SSID><name>Guests</name></SSID></SSIDConfig><connectionType>ESS</connectionType><MSM><security>\
         <authEncryption><authentication>{authentication}</authentication><encryption>{encryption}</encryption></authEncryption>\
         {security}</security></MSM></WLANProfile>"
    )
}

fn shared_key(kind: &str, protected: &str, material: &str) -> String {
    format!(
        "<sharedKey><keyType>{kind}</keyType><protected>{protected}</protected><keyMaterial>{material}</keyMaterial></sharedKey>"
    )
}

fn one_x(method: &str, config: &str) -> String {
    format!(
        "<o:OneX xmlns:o='http://www.microsoft.com/networking/OneX/v1'><o:authMode>machine</o:authMode><o:EAPConfig><e:EapHostConfig \
         xmlns:e='urn:e'><e:EapMethod><e:Type>{method}</e:Type><e:VendorId>0</e:VendorId></e:EapMethod>{config}</e:EapHostConfig>\
         </o:EAPConfig></o:OneX>"
    )
}

fn parse(text: &str) -> WlanProfile {
    WlanProfile::parse(text).expect("a profile that is accepted")
}

fn refuse(text: &str) -> StatusCode {
    WlanProfile::parse(text).expect_err("a profile that is refused").status
}
