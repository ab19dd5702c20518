//! Policies that a template defines.

use mdm_protocol::csp::policy::LIST_SEPARATOR;
use serde_json::json;

use super::*;

fn listed(entries: &[&str]) -> String {
    entries.join(&LIST_SEPARATOR.to_string())
}

#[test]
fn templates_are_accepted_and_ask_nothing_of_the_machine() {
    let desired = translated(&Machine::default(), &templates());
    assert!(desired.without.is_empty(), "{:?}", desired.without);
    assert!(desired.files.is_empty());
}

#[test]
fn what_is_set_for_chrome_is_set_for_chromium_too() {
    let value = enabled(&[("HomepageLocation", "https://start.example/")]);
    let area = "Chrome~Policy~googlechrome~Startup/HomepageLocation";
    let expected = json!({"HomepageLocation": "https://start.example/"});
    assert_eq!(set(area, &value, Document::Chrome), expected);
    assert_eq!(set(area, &value, Document::Chromium), expected);
    let only_chromium = Machine { chrome: false, ..everything() };
    let desired = translated(&only_chromium, &[templates(), vec![policy(area, &value)]].concat());
    assert_eq!(document(&desired, Document::Chromium), expected);
    assert_eq!(document(&desired, Document::Chrome), Value::Null);
}

#[test]
fn every_kind_of_value_becomes_the_json_that_browsers_take() {
    let blocklist = enabled(&[("URLBlocklistDesc", &listed(&["10", "b.example", "2", "a.example"]))]);
    let plain = enabled(&[("RestoreOnStartupURLsDesc", &listed(&["https://a.example", "https://b.example"]))]);
    let extensions = enabled(&[("ExtensionSettings", "{\"*\":\n {\"installation_mode\": \"blocked\"}}")]);
    let several = enabled(&[("Flag", "false"), ("Depth", "true"), ("Named", &listed(&["a", "1", "b", "2"]))]);
    let printer = "{\"kind\": \"local\"}";
    let table = [
        ("googlechrome~Startup/ShowHomeButton", "<enabled/>", json!({"ShowHomeButton": true})),
        ("googlechrome~Startup/ShowHomeButton", "<disabled/>", json!({"ShowHomeButton": false})),
        ("googlechrome/URLBlocklist", &blocklist, json!({"URLBlocklist": ["a.example", "b.example"]})),
        (
            "googlechrome~Startup/RestoreOnStartupURLs",
            &plain,
            json!({"RestoreOnStartupURLs": ["https://a.example", "https://b.example"]}),
        ),
        (
            "googlechrome~Startup/RestoreOnStartup",
            &enabled(&[("RestoreOnStartup", "4")]),
            json!({"RestoreOnStartup": 4}),
        ),
        ("googlechrome/DiskCacheSize", &enabled(&[("diskcachesize", "100")]), json!({"DiskCacheSize": 100})),
        (
            "googlechrome~Extensions/ExtensionSettings",
            &extensions,
            json!({"ExtensionSettings": {"*": {"installation_mode": "blocked"}}}),
        ),
        (
            "googlechrome/DefaultPrinterSelection",
            &enabled(&[("DefaultPrinterSelection", printer)]),
            json!({"DefaultPrinterSelection": printer}),
        ),
        ("googlechrome/Level", "<enabled/>", json!({"Level": 3})),
        ("googlechrome/Level", "<disabled/>", json!({"Level": "off"})),
        (
            "Cat_Google~googlechrome/Several",
            &several,
            json!({"One": true, "Mode": "fixed", "Flag": false, "Depth": 24, "Named": {"a": "1", "b": "2"}}),
        ),
    ];
    for (area, value, expected) in table {
        assert_eq!(set(&format!("Chrome~Policy~{area}"), value, Document::Chrome), expected, "{area}");
    }
}

#[test]
fn what_is_not_configured_is_applied_and_sets_nothing() {
    for area in ["googlechrome~Startup/HomepageLocation", "googlechrome/Several"] {
        assert_eq!(set(&format!("Chrome~Policy~{area}"), "<disabled/>", Document::Chrome), Value::Null, "{area}");
    }
}

#[test]
fn edge_takes_switches_and_json_in_text() {
    let value = enabled(&[("ManagedFavorites", "[{\"name\": \"Intranet\", \"url\": \"https://i.example\"}]")]);
    let expected = json!({"ManagedFavorites": [{"name": "Intranet", "url": "https://i.example"}]});
    assert_eq!(set("Edge~Policy~microsoft_edge/ManagedFavorites", &value, Document::Edge), expected);
    let area = "Edge~Policy~microsoft_edge~Printing/PrintingEnabled";
    assert_eq!(set(area, "<disabled/>", Document::Edge), json!({"PrintingEnabled": false}));
}

#[test]
fn the_keys_of_firefox_become_objects_and_numbered_ones_an_array() {
    let bookmark = |title, url| [("BookmarkTitle", title), ("BookmarkURL", url)];
    let profiles = [
        policy(
            "Firefox~Policy~firefox~Homepage/HomepageURL",
            &enabled(&[("HomepageURL", "https://h.example"), ("HomepageLocked", "1")]),
        ),
        policy("Firefox~Policy~firefox/DisableTelemetry", "<enabled/>"),
        policy("Firefox~Policy~firefox~Bookmarks/Bookmark12", &enabled(&bookmark("B", "https://b.example"))),
        policy("Firefox~Policy~firefox~Bookmarks/Bookmark01", &enabled(&bookmark("A", "https://a.example"))),
        policy("Firefox~Policy~firefox/Preferences", &enabled(&[("JSON", &listed(&["{\"a.b\":", "{\"Value\": 1}}"]))])),
        (format!("{LINUX}/Firefox/Homepage"), "{\"StartPage\": \"homepage\"}".to_owned()),
    ];
    let desired = translated(&everything(), &[templates(), profiles.to_vec()].concat());
    assert_eq!(desired.without, BTreeMap::new());
    let expected = json!({"policies": {
        "Homepage": {"URL": "https://h.example", "Locked": true, "StartPage": "homepage"},
        "DisableTelemetry": true,
        "Bookmarks": [{"Title": "A", "URL": "https://a.example"}, {"Title": "B", "URL": "https://b.example"}],
        "Preferences": {"a.b": {"Value": 1}},
    }});
    assert_eq!(document(&desired, Document::Firefox), expected);
}

#[test]
fn a_value_waits_for_its_template_and_says_which() {
    let waiting = |profiles: &[(String, String)]| {
        let desired = translated(&everything(), profiles);
        matches!(desired.without.values().next(), Some(Untranslatable::Waiting(why)) if why.contains("Corporate"))
    };
    let value = policy("Corporate~Policy~corporate/Something", "<enabled/>");
    assert!(waiting(std::slice::from_ref(&value)));
    let other_kind = (template("Corporate", CHROME).0.replace("/Policy/Corp", "/Preference/Corp"), CHROME.to_owned());
    assert!(waiting(&[other_kind, value.clone()]));
    assert_eq!(refused(&everything(), &[template("Corporate", CHROME), value]).0, StatusCode::NOT_FOUND);
}

#[test]
fn of_several_templates_of_one_name_the_one_that_has_the_policy_is_taken() {
    let mut second = template("Chrome", EDGE);
    second.0 = second.0.replace("ChromeAdmx", "AAA");
    let value = enabled(&[("HomepageLocation", "https://start.example/")]);
    let homepage = policy("Chrome~Policy~googlechrome~Startup/HomepageLocation", &value);
    let desired = translated(&everything(), &[second, template("Chrome", CHROME), homepage]);
    assert_eq!(document(&desired, Document::Chrome), json!({"HomepageLocation": "https://start.example/"}));
}
