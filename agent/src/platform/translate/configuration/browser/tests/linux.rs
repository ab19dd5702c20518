//! Settings that only Linux has.

use serde_json::json;

use super::*;

fn linux(name: &str, value: &str) -> (String, String) {
    (format!("{LINUX}/{name}"), value.to_owned())
}

#[test]
fn json_goes_to_exactly_the_browser_that_is_named() {
    for (name, of) in [
        ("chrome", Document::Chrome),
        ("CHROMIUM", Document::Chromium),
        ("Edge", Document::Edge),
        ("Firefox", Document::Firefox),
        ("Thunderbird", Document::Thunderbird),
    ] {
        let desired = translated(&everything(), &[linux(&format!("{name}/BrandNew"), "{\"a\": [1, null]}")]);
        assert_eq!(desired.files.len(), 1, "{name}");
        let written = document(&desired, of);
        assert_eq!(*written.get("policies").unwrap_or(&written), json!({"BrandNew": {"a": [1, null]}}), "{name}");
    }
}

#[test]
fn what_is_known_is_checked_and_what_is_not_json_is_refused() {
    let format = StatusCode::UNSUPPORTED_FORMAT;
    let huge = format!("\"{}\"", "x".repeat(1 << 20));
    for (name, value, status, words) in [
        ("Chrome/HomepageLocation", "https://a.example", format, "not JSON"),
        ("Chrome/HomepageLocation", "", format, "not JSON"),
        ("Chrome/HomepageLocation", "1", format, "HomepageLocation has to be a text"),
        ("Chromium/RestoreOnStartup", "2", format, "one of 1, 4, 5, 6"),
        ("Edge/DiskCacheSize", "-1", format, "from 0 to 2000000000"),
        ("Edge/DiskCacheSize", "1.5", format, "from 0 to 2000000000"),
        ("Firefox/DisableTelemetry", "\"true\"", format, "true or false"),
        ("Firefox/Homepage", "{\"URL\": 5}", format, "Homepage/URL has to be a text"),
        ("Firefox/Homepage", "\"x\"", format, "Homepage has to be a JSON object"),
        ("Firefox/ExtensionSettings", "[]", format, "a JSON object"),
        ("Chrome/URLBlocklist", "[\"a\", 1]", format, "a list of texts"),
        ("Chrome/Home.page", "1", StatusCode::NOT_FOUND, "letters and digits"),
        ("Chrome/Big", &huge, StatusCode::TOO_LARGE, "bytes"),
    ] {
        let refusal = refused(&everything(), &[linux(name, value)]);
        assert_eq!(refusal.0, status, "{name}: {}", refusal.1);
        assert!(refusal.1.contains(words), "{name}: {:?} should say {words:?}", refusal.1);
    }
}

#[test]
fn json_without_end_of_depth_is_refused() {
    let deep = "[".repeat(100_000);
    assert_eq!(refused(&everything(), &[linux("Chrome/Deep", &deep)]).0, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn a_browser_that_is_not_here_is_named() {
    for (name, product) in [("Chrome", "Google Chrome"), ("Edge", "Microsoft Edge"), ("Thunderbird", "Thunderbird")] {
        let refusal = refused(&Machine::default(), &[linux(&format!("{name}/Some"), "true")]);
        assert_eq!(refusal, (StatusCode::NOT_SUPPORTED, format!("{product} is not installed on this machine")));
    }
    let machine = Machine { chrome: false, ..everything() };
    assert_eq!(refused(&machine, &[linux("Chrome/Some", "true")]).0, StatusCode::NOT_SUPPORTED);
}

#[test]
fn names_that_are_numbers_in_json_stay_an_object() {
    let desired = translated(&everything(), &[linux("Firefox/Preferences", "{\"1\": {\"2\": 3}}")]);
    assert_eq!(document(&desired, Document::Firefox)["policies"], json!({"Preferences": {"1": {"2": 3}}}));
}

#[test]
fn two_profiles_that_agree_share_and_two_that_differ_do_not() {
    let homepage = enabled(&[("HomepageLocation", "https://a.example")]);
    let by_area = policy("Chrome~Policy~googlechrome/HomepageLocation", &homepage);
    let agreeing = [by_area.clone(), linux("Chrome/HomepageLocation", "\"https://a.example\"")];
    assert_eq!(translated(&everything(), &agreeing).without, BTreeMap::new());
    let differing = [by_area, linux("Chrome/HomepageLocation", "\"https://b.example\"")];
    assert_eq!(refused(&everything(), &differing).0, StatusCode::ALREADY_EXISTS);
}
