//! Addresses of nodes, and the profiles they belong to.

use mdm_protocol::csp::profile::{ProfileAddress, ProfileKind};
use mdm_protocol::loc_uri::{Listing, MAX_LENGTH, MAX_SEGMENTS};
use mdm_protocol::{LocUri, LocUriError, Scope};

#[test]
fn scopes_are_told_apart_in_any_case() {
    for text in ["./User/A", "./user/A", " ./USER/A\n", "User/A"] {
        assert_eq!(parse(text), LocUri::new(Scope::User, ["A"]), "{text}");
    }
    for text in ["./Device/A", "./device/A", "./A", "A"] {
        assert_eq!(parse(text), LocUri::new(Scope::Device, ["A"]), "{text}");
    }
    for text in [".", "./", "./Device"] {
        assert_eq!(parse(text), LocUri::new(Scope::Device, Vec::<String>::new()), "{text}");
    }
}

#[test]
fn a_node_named_like_a_scope_stays_in_its_own() {
    for text in ["./Device/User/x", "./Device/Device/x", "./User/Device/x", "./User/User/x", "./%55ser/x"] {
        assert_eq!(parse(&parse(text).to_string()), parse(text), "{text}");
    }
    assert_eq!(parse("./Device/User/x").to_string(), "./Device/User/x");
}

#[test]
fn names_are_decoded_and_encoded() {
    let uri = parse("./Vendor/MSFT/WiFi/Profile/a%2Fb%20%7Bc%7D%C3%A9");
    assert_eq!(uri.name(), "a/b {c}é");
    assert_eq!(uri.to_string(), "./Device/Vendor/MSFT/WiFi/Profile/a%2Fb%20{c}%C3%A9");
    assert_eq!(parse("./A/%FF%20").name(), "%FF%20");
}

#[test]
fn what_is_no_address_is_refused_by_name() {
    let segment = |text: &str| LocUriError::Segment(text.to_owned());
    let cases = [
        ("", LocUriError::Empty),
        (" \n", LocUriError::Empty),
        ("?list=Struct", LocUriError::Empty),
        ("/A", LocUriError::Absolute),
        ("./A//B", segment("")),
        ("./A/", segment("")),
        ("./A/./B", segment(".")),
        ("../A", segment("..")),
        ("./A/../B", segment("..")),
        ("./A/*", segment("*")),
        ("./A?list=All", LocUriError::Query("list=All".to_owned())),
    ];
    for (text, expected) in cases {
        assert_eq!(LocUri::parse_with_listing(text), Err(expected), "{text}");
    }
}

#[test]
fn an_address_that_is_too_long_or_too_deep_is_refused() {
    assert!(LocUri::parse(&format!("./{}", "a".repeat(MAX_LENGTH - 2))).is_ok());
    assert_eq!(LocUri::parse(&format!("./{}", "a".repeat(MAX_LENGTH - 1))), Err(LocUriError::TooLong));
    assert!(LocUri::parse(&format!("./User{}", "/a".repeat(MAX_SEGMENTS))).is_ok());
    assert_eq!(LocUri::parse(&format!("./User{}", "/a".repeat(MAX_SEGMENTS + 1))), Err(LocUriError::TooLong));
}

#[test]
fn a_get_may_ask_for_the_whole_tree() {
    let uri = LocUri::new(Scope::Device, ["A"]);
    assert_eq!(LocUri::parse_with_listing("./A?list=Struct"), Ok((uri.clone(), Some(Listing::Structure))));
    assert_eq!(LocUri::parse_with_listing("./A?list=StructData"), Ok((uri.clone(), Some(Listing::StructureAndData))));
    assert_eq!(LocUri::parse_with_listing("./A"), Ok((uri, None)));
    assert!(LocUri::parse("./A?list=Struct").is_err());
}

#[test]
fn every_provider_has_its_place() {
    let thumbprint = "E5BF8199E4205980346B0A2029DD42646821B80D";
    let cases = [
        ("./Vendor/MSFT/WiFi/Profile/Caf%C3%A9/WlanXml", ProfileKind::Wifi, "Café"),
        ("./Device/Vendor/MSFT/VPNv2/Work%2FHome/RouteList/0/Address", ProfileKind::Vpn, "Work/Home"),
        ("./User/Vendor/MSFT/EMAIL2/%7Bid%7D/INSERVER", ProfileKind::Email, "{id}"),
        ("./User/Vendor/MSFT/ActiveSync/Accounts/%7Bid%7D/Options/UseSSL", ProfileKind::Email, "Exchange/{id}"),
        (
            &format!("./Vendor/MSFT/RootCATrustedCertificates/CA/{thumbprint}/EncodedCertificate"),
            ProfileKind::Certificate,
            &format!("CA/{thumbprint}"),
        ),
        (
            &format!("./Vendor/MSFT/CertificateStore/ROOT/System/{thumbprint}"),
            ProfileKind::Certificate,
            &format!("Store/Root/{thumbprint}"),
        ),
        (
            &format!("./Vendor/MSFT/CertificateStore/CA/System/{thumbprint}"),
            ProfileKind::Certificate,
            &format!("Store/CA/{thumbprint}"),
        ),
        ("./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/id/PFXCertBlob", ProfileKind::Certificate, "PFX/id"),
        ("./Vendor/MSFT/ClientCertificateInstall/SCEP/id/Install/ServerURL", ProfileKind::Certificate, "SCEP/id"),
        ("./Vendor/MSFT/Policy/Config/Area/Name", ProfileKind::Configuration, "Area/Name"),
        (
            "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/App/Policy/File",
            ProfileKind::Configuration,
            "ADMX/App/Policy/File",
        ),
        ("./Vendor/LinuxMDM/Config/Area/Name", ProfileKind::Configuration, "Linux/Area/Name"),
    ];
    for (text, kind, name) in cases {
        let found = ProfileAddress::locate(&parse(text)).unwrap();
        assert_eq!((found.kind, found.name.as_str(), found.scope), (kind, name, parse(text).scope()), "{text}");
        assert!(parse(text).is_within(&found.root), "{text}");
    }
}

#[test]
fn the_fixed_names_of_a_place_match_in_any_case() {
    let cases = [
        ("./vendor/msft/wifi/profile/Net/wlanxml", "./Device/Vendor/MSFT/WiFi/Profile/Net"),
        ("./VENDOR/msft/vpnV2/Net", "./Device/Vendor/MSFT/VPNv2/Net"),
        ("./user/vendor/MSFT/email2/x/NAME", "./User/Vendor/MSFT/EMAIL2/x"),
        ("./vendor/MSFT/rootcatrustedcertificates/root/AA", "./Device/Vendor/MSFT/RootCATrustedCertificates/Root/AA"),
        ("./vendor/MSFT/certificatestore/Root/system/AA", "./Device/Vendor/MSFT/CertificateStore/ROOT/System/AA"),
        (
            "./vendor/msft/policy/configoperations/admxinstall/App/policy/F",
            "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/App/Policy/F",
        ),
    ];
    for (text, root) in cases {
        assert_eq!(ProfileAddress::locate(&parse(text)).unwrap().root.to_string(), root, "{text}");
    }
}

#[test]
fn the_names_that_a_server_chose_keep_their_case() {
    let name = |text: &str| ProfileAddress::locate(&parse(text)).unwrap().name;
    assert_ne!(name("./Vendor/MSFT/WiFi/Profile/net"), name("./Vendor/MSFT/WiFi/Profile/NET"));
}

#[test]
fn no_two_profiles_of_a_kind_share_a_name() {
    let pairs = [
        ("./Vendor/MSFT/Policy/Config/a%2Fb/c", "./Vendor/MSFT/Policy/Config/a/b%2Fc"),
        ("./Vendor/MSFT/Policy/Config/Linux/a%2Fb", "./Vendor/LinuxMDM/Config/a/b"),
        ("./Vendor/MSFT/EMAIL2/Exchange%2Fx", "./Vendor/MSFT/ActiveSync/Accounts/x"),
        ("./Vendor/MSFT/EMAIL2/Exchange%2Fx", "./Vendor/MSFT/EMAIL2/Exchange%252Fx"),
        (
            "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/A/Policy/F",
            "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/A/Preference/F",
        ),
    ];
    for (left, right) in pairs {
        let locate = |text| ProfileAddress::locate(&parse(text)).unwrap();
        assert_ne!(locate(left).name, locate(right).name, "{left} {right}");
    }
}

#[test]
fn nodes_that_belong_to_no_profile_have_none() {
    let nodes = [
        ".",
        "./DevInfo/DevId",
        "./Vendor/MSFT/WiFi/Profile",
        "./Vendor/MSFT/VPNv2",
        "./Vendor/MSFT/DMClient/Provider/Example/Poll",
        "./Vendor/MSFT/RootCATrustedCertificates/Root",
        "./Vendor/MSFT/RootCATrustedCertificates/Nonsense/AA",
        "./Vendor/MSFT/CertificateStore/ROOT/System",
        "./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew",
        "./Vendor/MSFT/Policy/Config/Area",
        "./Vendor/MSFT/Policy/Result/Area/Name",
        "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/App/Properties/Policy/File/Version",
        "./Vendor/Other/WiFi/Profile/Net",
        "./MSFT/WiFi/Profile/Net/WlanXml",
    ];
    for text in nodes {
        assert_eq!(ProfileAddress::locate(&parse(text)), None, "{text}");
    }
}

fn parse(text: &str) -> LocUri {
    LocUri::parse_with_listing(text).expect("an address that is accepted").0
}
