//! Tunnels, from single nodes and from one document.

use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::vpn::{VpnKind, VpnProfile};
use mdm_protocol::syncml::StatusCode;

#[test]
fn single_nodes_and_one_document_give_the_same_native_tunnel() {
    let nodes = leaves(&[
        ("AlwaysOn", "true"),
        ("DeviceTunnel", "1"),
        ("DnsSuffix", "example.org, example.net"),
        ("TrustedNetworkDetection", "office.example.org"),
        ("NativeProfile/Servers", "vpn1.example.org;First,vpn2.example.org"),
        ("NativeProfile/NativeProtocolType", "IKEv2"),
        ("NativeProfile/RoutingPolicyType", "SplitTunnel"),
        ("NativeProfile/Authentication/MachineMethod", "Certificate"),
        ("RouteList/0/Address", "10.0.0.0"),
        ("RouteList/0/PrefixSize", "8"),
        ("RouteList/1/Address", "fd00::"),
        ("RouteList/1/PrefixSize", "64"),
        ("RouteList/1/Metric", "5"),
        ("RouteList/1/ExclusionRoute", "true"),
    ]);
    let document = "<VPNProfile>\n  <AlwaysOn>true</AlwaysOn><DeviceTunnel>1</DeviceTunnel>\
                    <DnsSuffix>example.org, example.net</DnsSuffix>\
                    <TrustedNetworkDetection> office.example.org </TrustedNetworkDetection>\
                    <NativeProfile><Servers>vpn1.example.org;First,vpn2.example.org</Servers>\
                    <NativeProtocolType>IKEv2</NativeProtocolType><RoutingPolicyType>SplitTunnel</RoutingPolicyType>\
                    <Authentication><MachineMethod>Certificate</MachineMethod></Authentication></NativeProfile>\
                    <Route><Address>10.0.0.0</Address><PrefixSize>8</PrefixSize></Route>\
                    <Route><Address>fd00::</Address><PrefixSize>64</PrefixSize><Metric>5</Metric>\
                    <ExclusionRoute>true</ExclusionRoute></Route></VPNProfile>";
    let profile = VpnProfile::from_leaves(&nodes).unwrap();
    assert_eq!(VpnProfile::from_leaves(&leaves(&[("ProfileXML", document)])).unwrap(), profile);
    let expected = VpnKind::Native {
        servers: vec!["vpn1.example.org".to_owned(), "vpn2.example.org".to_owned()],
        protocol: "IKEv2".to_owned(),
        protocols: Vec::new(),
        force_tunnel: false,
        machine_certificate: true,
        eap: None,
        suite: None,
    };
    assert_eq!(profile.kind, Some(expected));
    assert_eq!((profile.always_on, profile.device_tunnel, profile.routes.len()), (true, true, 2));
    assert_eq!((profile.routes[1].metric, profile.routes[1].excluded), (Some(5), true));
}

#[test]
fn single_nodes_and_one_document_give_the_same_tunnel_of_another_client() {
    let configuration = "<wg a=\"1\"><peer>x &amp; y</peer></wg>";
    let nodes = leaves(&[
        ("PluginProfile/PluginPackageFamilyName", "org.example.wireguard"),
        ("PluginProfile/ServerUrlList", "vpn1.example.org; https://vpn2.example.org/a,b;"),
        ("PluginProfile/CustomConfiguration", configuration),
    ]);
    let escaped = configuration.replace('&', "&amp;").replace('<', "&lt;");
    for inner in [configuration, &escaped, &format!("<![CDATA[{configuration}]]>")] {
        let document = format!(
            "<VPNProfile><PluginProfile><ServerUrlList>vpn1.example.org; https://vpn2.example.org/a,b;</ServerUrlList>\
             <CustomConfiguration>{inner}</CustomConfiguration>\
             <PluginPackageFamilyName>org.example.wireguard</PluginPackageFamilyName></PluginProfile></VPNProfile>"
        );
        let profile = VpnProfile::from_leaves(&leaves(&[("profilexml", &document)])).unwrap();
        assert_eq!(VpnProfile::from_leaves(&nodes).unwrap(), profile, "{inner}");
        let Some(VpnKind::Plugin { servers, configuration: Some(found), .. }) = profile.kind else { panic!() };
        assert_eq!(
            (servers, found.as_str()),
            (vec!["vpn1.example.org".to_owned(), "https://vpn2.example.org/a,b".to_owned()], configuration)
        );
    }
}

#[test]
fn rows_come_in_the_order_of_their_numbers() {
    let mut nodes = Leaves::default();
    for row in [10, 2, 0] {
        nodes = nodes.with(&format!("routelist/{row}/Address"), Some(format!("10.0.{row}.0")));
        nodes = nodes.with(&format!("routelist/{row}/PrefixSize"), Some("24"));
    }
    let routes = VpnProfile::from_leaves(&nodes).unwrap().routes;
    let addresses: Vec<_> = routes.iter().map(|route| route.address.as_str()).collect();
    assert_eq!(addresses, ["10.0.0.0", "10.0.2.0", "10.0.10.0"]);
}

#[test]
fn what_is_not_said_has_its_default() {
    let text = "<VPNProfile><NativeProfile><Servers>vpn.example.org</Servers></NativeProfile></VPNProfile>";
    let profile = VpnProfile::from_leaves(&leaves(&[("ProfileXML", text)])).unwrap();
    let Some(VpnKind::Native { protocol, force_tunnel, machine_certificate, .. }) = profile.kind else { panic!() };
    assert_eq!((protocol.as_str(), force_tunnel, machine_certificate), ("Automatic", true, false));
    assert_eq!(VpnProfile::from_leaves(&Leaves::default()).unwrap(), VpnProfile::default());
}

#[test]
fn values_of_the_wrong_form_are_refused_with_their_node() {
    let refused = |nodes: &[(&str, &str)]| VpnProfile::from_leaves(&leaves(nodes)).unwrap_err();
    let error = refused(&[("AlwaysOn", "perhaps")]);
    assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "AlwaysOn"));
    assert_eq!(refused(&[("RouteList/0/PrefixSize", "8")]).status, StatusCode::INCOMPLETE);
    for prefix in ["", "129", "256", "-1", "wide"] {
        let error = refused(&[("RouteList/0/Address", "10.0.0.0"), ("RouteList/0/PrefixSize", prefix)]);
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "PrefixSize"), "{prefix}");
    }
}

#[test]
fn what_is_missing_of_single_nodes_may_still_come_and_of_a_document_may_not() {
    for nodes in [
        [("NativeProfile/Servers", "vpn.example.org"), ("AlwaysOn", "true")],
        [("RouteList/0/Address", "10.0.0.0"), ("AlwaysOn", "true")],
    ] {
        assert_eq!(VpnProfile::from_leaves(&leaves(&nodes)).unwrap_err().status, StatusCode::INCOMPLETE, "{nodes:?}");
    }
    let text = "<VPNProfile><Route><Address>10.0.0.0</Address></Route></VPNProfile>";
    let error = VpnProfile::from_leaves(&leaves(&[("ProfileXML", text)])).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "PrefixSize"));
}

#[test]
fn a_document_that_is_none_is_refused() {
    for text in ["x", "<VPNProfile>", "<Profile/>", "<!DOCTYPE a><VPNProfile/>"] {
        let error = VpnProfile::from_leaves(&leaves(&[("ProfileXML", text)])).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "ProfileXML"), "{text}");
    }
}

#[test]
fn a_document_inside_a_document_is_not_followed() {
    let text = "<VPNProfile><ProfileXML>&lt;VPNProfile&gt;&lt;AlwaysOn&gt;true&lt;/AlwaysOn&gt;&lt;/VPNProfile&gt;</ProfileXML></VPNProfile>";
    let error = VpnProfile::from_leaves(&leaves(&[("ProfileXML", text), ("AlwaysOn", "true")])).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (StatusCode::NOT_SUPPORTED, "ProfileXML"));
    assert!(!VpnProfile::from_leaves(&leaves(&[("ProfileXML", text)])).unwrap().always_on);
}

#[test]
fn what_a_document_has_twice_is_refused_and_what_is_a_list_is_read_in_order() {
    let twice = "<VPNProfile><DnsSuffix>a.example</DnsSuffix><DnsSuffix>b.example</DnsSuffix></VPNProfile>";
    let error = VpnProfile::from_leaves(&leaves(&[("ProfileXML", twice)])).unwrap_err();
    assert!(error.reason.contains("DnsSuffix is given more than once"), "{error}");
    let list = "<VPNProfile><NativeProfile><Servers>a</Servers><NativeProtocolType>ProtocolList</NativeProtocolType>\
                <ProtocolList><NativeProtocolList><NativeProtocol><Type>Sstp</Type></NativeProtocol>\
                <NativeProtocol><Type>Ikev2</Type></NativeProtocol></NativeProtocolList></ProtocolList></NativeProfile>\
                <DomainNameInformation><DomainName>.corp</DomainName><DnsServers>10.0.0.1, 10.0.0.2</DnsServers>\
                </DomainNameInformation></VPNProfile>";
    let profile = VpnProfile::from_leaves(&leaves(&[("ProfileXML", list)])).unwrap();
    let Some(VpnKind::Native { protocols, .. }) = profile.kind else { panic!() };
    assert_eq!(protocols, ["Sstp", "Ikev2"]);
    assert_eq!((profile.name_rules[0].domain.as_str(), profile.name_rules[0].servers.len()), (".corp", 2));
}

fn leaves(nodes: &[(&str, &str)]) -> Leaves {
    nodes.iter().fold(Leaves::default(), |leaves, (path, value)| leaves.with(path, Some(*value)))
}
