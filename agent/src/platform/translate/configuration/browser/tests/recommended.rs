//! Policies that users may change.

use serde_json::json;

use super::super::catalogue::{ValueType, understood};
use super::super::target::Browser;
use super::table::sample;
use super::*;

const CASE: &str = case!("34/rec.xml");

#[test]
fn what_is_recommended_stands_in_a_document_of_its_own() {
    let expected = json!({"HomepageLocation": "https://intranet.example"});
    for profiles in [[templates(), vec![of_case(CASE)]].concat(), vec![of_case(CASE)]] {
        let desired = translated(&everything(), &profiles);
        assert_eq!(desired.without, BTreeMap::new());
        assert_eq!(document(&desired, Document::EdgeRecommended), expected);
        assert_eq!(document(&desired, Document::Edge), Value::Null);
    }
    let path = |document: Document| document.path(&everything()).unwrap().to_string();
    assert_eq!(path(Document::EdgeRecommended), "/etc/opt/edge/policies/recommended/mdm-agent.json");
    assert_eq!(path(Document::ChromeRecommended), "/etc/opt/chrome/policies/recommended/mdm-agent.json");
    assert_eq!(path(Document::ChromiumRecommended), "/etc/chromium/policies/recommended/mdm-agent.json");
}

#[test]
fn the_key_of_a_template_says_which_level_is_meant() {
    let list = enabled(&[("RestoreOnStartupURLsDesc", "1\u{f000}https://a.example")]);
    let area = "Chrome~Policy~googlechrome/RestoreOnStartupURLs_recommended";
    let mandatory = policy(
        "Chrome~Policy~googlechrome~Startup/HomepageLocation",
        &enabled(&[("HomepageLocation", "https://fixed.example")]),
    );
    let default = enabled(&[("HomepageLocation", "https://b.example")]);
    let default = policy("Chrome~Policy~googlechrome/HomepageLocation_recommended", &default);
    let desired = translated(&everything(), &[templates(), vec![policy(area, &list), mandatory, default]].concat());
    assert_eq!(desired.without, BTreeMap::new());
    let expected = json!({"RestoreOnStartupURLs": ["https://a.example"], "HomepageLocation": "https://b.example"});
    for of in [Document::ChromeRecommended, Document::ChromiumRecommended] {
        assert_eq!(document(&desired, of), expected);
    }
    assert_eq!(document(&desired, Document::Chrome), json!({"HomepageLocation": "https://fixed.example"}));
}

#[test]
fn every_understood_policy_is_recommended_or_refused_as_the_table_says() {
    let mut counts = BTreeMap::new();
    for row in understood() {
        let value = match (row.policy, row.value_type) {
            ("Preferences", _) => enabled(&[("Preferences", "{\"a.b\": {\"Value\": 1}}")]),
            (name, value_type) => sample(name, value_type),
        };
        let area = row.area.replace("~*", "_recommended~Some_recommended");
        let address = policy(&format!("{area}/{}_recommended", row.policy), &value);
        if row.recommended {
            let desired = translated(&everything(), &[address]);
            assert_eq!(desired.without, BTreeMap::new(), "{} {}", row.area, row.policy);
            assert_eq!(desired.files.len(), row.documents.len(), "{}", row.policy);
        } else {
            let refusal = refused(&everything(), &[address]);
            assert_eq!(refusal.0, StatusCode::NOT_SUPPORTED, "{}: {}", row.policy, refusal.1);
            assert!(refusal.1.contains("recommended"), "{}", refusal.1);
        }
        *counts.entry((row.area, row.recommended)).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 2 * Browser::ALL.len(), "{counts:?}");
}

#[test]
fn defaults_of_firefox_take_the_forms_that_it_has_for_them() {
    let recommended = |name: &str, value: &str| {
        policy(&format!("Firefox~Policy~firefox_recommended/{name}_recommended"), &enabled(&[(name, value)]))
    };
    let preferences = "{\"a\": {\"Value\": 1}, \"b\": {\"Value\": true, \"Status\": \"default\"}, \"c\": \"text\"}";
    let profiles = [
        recommended("Preferences", preferences),
        recommended("HomepageURL", "https://home.example"),
        recommended("HomepageStartPage", "homepage"),
        recommended("DownloadDirectory", "/srv"),
        recommended("Proxy", "{\"Mode\": \"system\"}"),
        policy("Firefox~Policy~firefox/OfferToSaveLogins_recommended", "<disabled/>"),
        (format!("{LINUX}/Firefox/DNSOverHTTPS_recommended"), "{\"Enabled\": true}".to_owned()),
    ];
    let expected = json!({"policies": {
        "Preferences": {
            "a": {"Value": 1, "Status": "default"},
            "b": {"Value": true, "Status": "default"},
            "c": {"Value": "text", "Status": "default"},
        },
        "Homepage": {"URL": "https://home.example", "StartPage": "homepage", "Locked": false},
        "DefaultDownloadDirectory": "/srv",
        "Proxy": {"Mode": "system", "Locked": false},
        "OfferToSaveLoginsDefault": false,
        "DNSOverHTTPS": {"Enabled": true, "Locked": false},
    }});
    for profiles in [profiles.to_vec(), [templates(), profiles.to_vec()].concat()] {
        let desired = translated(&everything(), &profiles);
        assert_eq!(desired.without, BTreeMap::new());
        assert_eq!(document(&desired, Document::Firefox), expected);
    }
}

#[test]
fn what_cannot_be_a_default_is_refused_and_says_so() {
    let (unsupported, format) = (StatusCode::NOT_SUPPORTED, StatusCode::UNSUPPORTED_FORMAT);
    let by_area = |area: &str, data: &[(&str, &str)]| policy(area, &enabled(data));
    let linux = |name: &str, value: &str| (format!("{LINUX}/{name}_recommended"), value.to_owned());
    let locked = "{\"a\": {\"Value\": 1, \"Status\": \"locked\"}}";
    for (last, status, words) in [
        (by_area("Firefox~Policy~firefox/DisableTelemetry_recommended", &[]), unsupported, "Status"),
        (by_area("Firefox~Policy~firefox/NoSuch_recommended", &[]), unsupported, "Status"),
        (by_area("Firefox~Policy~firefox_recommended/DisableTelemetry", &[]), unsupported, "Status"),
        (by_area("Firefox~Policy~firefox/HomepageLocked_recommended", &[]), unsupported, "default"),
        (
            by_area("Firefox~Policy~firefox/HomepageStartPage_recommended", &[("StartPage", "homepage-locked")]),
            unsupported,
            "lock",
        ),
        (by_area("Firefox~Policy~firefox/Preferences_recommended", &[("JSON", locked)]), unsupported, "enforced"),
        (by_area("Firefox~Policy~firefox/Preferences_recommended", &[("JSON", "{")]), format, "a JSON object"),
        (linux("Firefox/Homepage", "{\"URL\": \"x\", \"Locked\": true}"), unsupported, "lock"),
        (linux("Firefox/Homepage", "1"), format, "a JSON object"),
        (linux("Firefox/BrandNew", "1"), unsupported, "Status"),
        (linux("Chrome/URLBlocklist", "[]"), unsupported, "mandatory"),
        (linux("Chrome/HomepageLocation", "1"), format, "a text"),
    ] {
        let refusal = refused(&everything(), std::slice::from_ref(&last));
        assert_eq!(refusal.0, status, "{}: {}", last.0, refusal.1);
        assert!(refusal.1.contains(words), "{}: {:?} should say {words:?}", last.0, refusal.1);
    }
    let desired = translated(&everything(), &[linux("Chrome/BrandNew", "1"), linux("Chromium/ShowHomeButton", "true")]);
    assert_eq!(document(&desired, Document::ChromeRecommended), json!({"BrandNew": 1}));
    assert_eq!(document(&desired, Document::ChromiumRecommended), json!({"ShowHomeButton": true}));
}

#[test]
fn a_name_that_is_only_the_suffix_or_near_it_is_an_ordinary_name() {
    use super::super::target::Level;
    for name in ["_recommended", "", "recommended", "\u{e9}recommended", "A_recommende"] {
        assert_eq!(Level::of_name(name), (Level::Mandatory, name));
    }
    assert_eq!(Level::of_name("A_Recommended"), (Level::Recommended, "A"));
    assert!(understood().any(|row| row.value_type == ValueType::Object && row.recommended));
}
