//! Get: leaves, interior nodes, subtrees and secrets.

use mdm_protocol::syncml::{Command, Item, Verb};

use crate::engine::testing::{PROVIDER, Talk, WIFI, add, config, exec, format_of, get, operation, wlan};

#[test]
fn a_leaf_is_reported_under_the_address_that_was_asked_for_to_the_letter() {
    for address in ["./DevInfo/DevId", "./device/devinfo/DEVID", "DevInfo/DevId", "./Device/DevInfo/Dev%49d"] {
        let mut talk = Talk::begin();
        talk.say([get("g", address)]);
        assert_eq!(talk.results(), [(address.to_owned(), Some("5F1C-DEVICE".to_owned()))]);
    }
}

#[test]
fn results_name_their_command_and_their_format_unless_it_is_text() {
    let mut talk = Talk::begin();
    talk.say([get("t", "./DevInfo/DevId"), get("i", "./DevDetail/Ext/Microsoft/TotalRAM"), get("n", "./DevInfo")]);
    let found: Vec<(&str, u32, &str)> = talk
        .message
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Results(results) => {
                Some((results.command_ref.0.as_str(), results.message_ref, format_of(&results.items[0])))
            }
            _ => None,
        })
        .collect();
    assert_eq!(found, [("t", 1, "chr"), ("i", 1, "int"), ("n", 1, "node")]);
}

#[test]
fn an_interior_node_lists_its_children_escaped_and_an_empty_one_lists_none() {
    let mut talk = Talk::begin();
    talk.say([
        add("1", "./Device/Vendor/MSFT/WiFi/Profile/Café%20%2F%20Bar/WlanXml", &wlan("swordfish")),
        add("2", WIFI, &wlan("swordfish")),
        get("full", "./Device/Vendor/MSFT/WiFi/Profile"),
        get("empty", "./User/Vendor/MSFT/WiFi/Profile"),
        get("above", "./Device/Vendor/MSFT/WiFi"),
        get("root", "."),
    ]);
    let values: Vec<String> = talk.results().into_iter().filter_map(|(_, value)| value).collect();
    assert_eq!(values, ["Caf%C3%A9%20%2F%20Bar/Corp", "", "Profile", "DevDetail/DevInfo/SyncML/Vendor"]);
}

#[test]
fn a_listing_names_every_node_below_the_address_as_it_was_written() {
    let mut talk = Talk::begin();
    talk.say([
        add("a", WIFI, &wlan("swordfish")),
        add("b", "./Device/Vendor/MSFT/WiFi/Profile/Corp/WiFiCost", "2"),
        get("g", "./vendor/msft/wifi?list=StructData"),
    ]);
    let expected: Vec<(String, Option<String>)> = [
        ("./vendor/msft/wifi", None),
        ("./vendor/msft/wifi/Profile", None),
        ("./vendor/msft/wifi/Profile/Corp", None),
        ("./vendor/msft/wifi/Profile/Corp/WiFiCost", Some("2".to_owned())),
        ("./vendor/msft/wifi/Profile/Corp/WlanXml", Some(wlan("********"))),
    ]
    .map(|(address, value)| (address.to_owned(), value))
    .into();
    assert_eq!(talk.results(), expected);
}

#[test]
fn a_listing_of_the_structure_tells_no_values() {
    let mut talk = Talk::begin();
    talk.say([get("g", "./DevInfo?list=Struct"), get("leaf", "./DevInfo/DevId?list=Struct")]);
    assert_eq!(talk.results().len(), 8);
    assert!(talk.results().iter().all(|(_, value)| value.is_none()));
}

#[test]
fn a_node_that_may_not_be_read_does_not_hide_the_others_from_a_listing() {
    let mut talk = Talk::begin();
    talk.say([
        add("a", "./SyncML/DMAcc/F/AppAuth/CLCRED/AAuthSecret", "hush"),
        get("leaf", "./SyncML/DMAcc/F/AppAuth/CLCRED/AAuthSecret"),
        get("all", ".?list=StructData"),
    ]);
    assert_eq!([talk.code("leaf"), talk.code("all")], [405, 200]);
    assert!(talk.results().iter().any(|(address, _)| address == "./DevInfo/DevId"));
    assert!(talk.results().iter().all(|(_, value)| value.as_deref() != Some("hush")));
}

#[test]
fn secret_values_are_never_told() {
    let secrets = [
        "./User/Vendor/MSFT/EMAIL2/%7B1%7D/AUTHSECRET",
        "./User/Vendor/MSFT/EMAIL2/%7B1%7D/authsecret",
        "./User/Vendor/MSFT/EMAIL2/%7B1%7D/SMTPALTPASSWORD",
        "./User/Vendor/MSFT/ActiveSync/Accounts/%7B1%7D/Password",
        "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/A/PFXCertPassword",
        "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/A/Install/Challenge",
        "./Device/Vendor/MSFT/VPNv2/Head/NativeProfile/L2tpPsk",
    ];
    for address in secrets {
        let mut talk = Talk::begin();
        talk.say([add("a", address, "hush"), get("g", address), get("l", &format!("{address}?list=StructData"))]);
        let concealed = (address.to_owned(), Some("********".to_owned()));
        assert_eq!(talk.results(), [concealed.clone(), concealed]);
    }
}

#[test]
fn secrets_inside_larger_values_are_never_told() {
    let vpn = |leaf: &str| format!("./Device/Vendor/MSFT/VPNv2/Head/{leaf}");
    let tunnel = "[Interface]\nPrivateKey = hush\nAddress = 10.0.0.1/32";
    let profile = |custom: &str| {
        format!(
            "<VPNProfile><NativeProfile><L2tpPsk>hush</L2tpPsk><Servers>vpn.example</Servers></NativeProfile>\
             <PluginProfile><CustomConfiguration>{custom}</CustomConfiguration></PluginProfile></VPNProfile>"
        )
    };
    let inline = "&lt;auth-user-pass&gt;\nada\nhush\n&lt;/auth-user-pass&gt;";
    let wlan_cdata = wlan("x").replace(">x<", "><![CDATA[hush</]]><").replace("keyMaterial", "w:keyMaterial");
    for (address, value, left) in [
        (WIFI.to_owned(), wlan("hush"), "WPA2PSK"),
        (WIFI.to_owned(), wlan("hush").replace('<', "&lt;"), ""),
        (WIFI.to_owned(), wlan_cdata, "<keyType>passPhrase</keyType>"),
        (WIFI.to_owned(), "<a><keyMaterial>hush".to_owned(), "<a>"),
        (vpn("PluginProfile/CustomConfiguration"), tunnel.to_owned(), ""),
        (vpn("pluginprofile/customconfiguration"), tunnel.to_owned(), ""),
        (vpn("ProfileXML"), profile(tunnel), "vpn.example"),
        (vpn("ProfileXML"), profile(inline), "vpn.example"),
        (vpn("ProfileXML"), profile("<![CDATA[<key>\nhush\n</key>]]>"), "vpn.example"),
        (vpn("Anything"), profile(inline).replace('<', "&lt;").replace('>', "&gt;"), ""),
    ] {
        let mut tree = crate::engine::tree::Tree::new(&crate::engine::profile::Stored::default(), true);
        let uri = mdm_protocol::LocUri::parse(&address).unwrap();
        tree.change_own(uri.clone(), &mdm_protocol::syncml::Format::Chr, &value);
        let read = tree.get(&uri).unwrap().value;
        assert!(value.contains("hush") && !read.contains("hush"), "{address}: {read}");
        assert!(read.contains("********") && read.contains(left), "{address}: {read}");
    }
    let harmless = "<EapHostConfig><UseWinLogonCredentials>false</UseWinLogonCredentials></EapHostConfig>";
    assert_eq!(crate::engine::redaction::conceal_inside("Configuration", harmless), harmless);
}

#[test]
fn the_providers_that_are_here_can_be_read_and_a_known_one_that_is_not_here_is_406() {
    let versions = "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions";
    let mut talk = Talk::begin();
    talk.say([
        get("v", versions),
        get("b", "./Device/Vendor/MSFT/BitLocker/Status/DeviceEncryptionStatus"),
        get("l", "./vendor/msft/bitlocker?list=Struct"),
        add("a", "./Device/Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/G/EXE/Policy", "x"),
        exec("x", "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1%7D/DownloadInstall", ""),
        get("n", "./Device/Vendor/MSFT/NoSuchProvider/Node"),
        get("o", "./Device/Vendor/Other/BitLocker"),
        get("d", "./Device/Vendor/MSFT/DMClient/NoSuchNode"),
    ]);
    let codes = ["v", "b", "l", "a", "x", "n", "o", "d"].map(|id| talk.code(id));
    assert_eq!(codes, [200, 406, 406, 406, 406, 404, 404, 404]);
    let Some((_, Some(text))) = talk.results().into_iter().next() else { panic!("nothing was read") };
    let document = mdm_protocol::xml::Document::parse(text.as_bytes(), &mdm_protocol::Limits::MESSAGE).unwrap();
    let listed = document.root().path(&["Capabilities", "CSPVersions"]).unwrap().children();
    let listed: Vec<&str> = listed.filter_map(|provider| provider.attribute("Node")).collect();
    for node in ["./DevInfo", "./SyncML/DMAcc", "./Device/Vendor/MSFT/DMClient", "./User/Vendor/MSFT/EMAIL2"] {
        assert!(listed.contains(&node), "{listed:?}");
    }
    // What is listed is there.
    for node in listed {
        talk.say([get("p", node)]);
        assert_eq!(talk.code("p"), 200, "{node}");
    }
    assert!(!text.contains("./User/Vendor/MSFT/DMClient") && !text.contains("BitLocker"), "{text}");
}

#[test]
fn items_that_are_not_found_appear_in_statuses_only() {
    let mut talk = Talk::begin();
    let items = ["./DevInfo/DevId", "./DevInfo/Nothing", "./DevInfo/Man"].map(Item::target);
    talk.say([operation("g", Verb::Get, items.to_vec())]);
    let codes: Vec<u16> = talk.statuses().iter().skip(1).map(|(.., code)| *code).collect();
    assert_eq!(codes, [200, 404, 200]);
    let addresses: Vec<String> = talk.results().into_iter().map(|(address, _)| address).collect();
    assert_eq!(addresses, ["./DevInfo/DevId", "./DevInfo/Man"]);
}

#[test]
fn a_get_sees_what_the_same_message_changed_before_it() {
    let mut talk = Talk::begin();
    talk.say([add("a", &config("A"), "new"), get("g", &config("A"))]);
    assert_eq!(talk.results(), [(config("A"), Some("new".to_owned()))]);
}

#[test]
fn the_schedule_is_readable_before_the_server_ever_set_it() {
    let mut talk = Talk::begin();
    talk.say([get("g", &format!("{PROVIDER}/Poll/NumberOfFirstRetries"))]);
    assert_eq!(talk.results()[0].1.as_deref(), Some("5"));
}
