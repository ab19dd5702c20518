//! The real browsers on what profiles become: each is started with the documents that the agent writes, in a mount
//! namespace with an `/etc` of its own, and asked which policies it has taken. Nothing on the machine is changed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chromium;
mod documents;
mod mozilla;
mod samples;

use mdm_agent::platform::document::Document;
use mdm_protocol::csp::policy::AdmxValue;
use serde_json::json;

use chromium::Chromium;
use documents::Documents;
use mozilla::Mozilla;
use samples::{all_of, recommended_of};

const POLICY: &str = "./Device/Vendor/MSFT/Policy";
const LINUX: &str = "./Device/Vendor/LinuxMDM/Config";
const CHROME: &str =
    include_str!("../../../agent/src/platform/translate/configuration/browser/tests/samples/chrome.admx");
const FIREFOX: &str =
    include_str!("../../../agent/src/platform/translate/configuration/browser/tests/samples/firefox.admx");

#[test]
#[ignore = "needs chromium, root and unshare"]
fn chromium_takes_every_policy_of_the_table() {
    let documents = Documents::of(Document::Chromium, &all_of("Chromium~Policy~chromium~*"));
    let expected = documents.policies.as_object().unwrap();
    let taken = Chromium::start(&documents).policies();
    for (name, value) in expected {
        let taken = &taken[name];
        assert_eq!(taken.get("error"), None, "{name}");
        assert_eq!(taken["value"], *value, "{name}");
        // Chromium makes a recommendation of this one by itself, wherever it comes from.
        let level = if name == "MetricsReportingEnabled" { "recommended" } else { "mandatory" };
        assert_eq!([&taken["level"], &taken["scope"], &taken["source"]], [level, "machine", "platform"], "{name}");
    }
    assert!(expected.len() > 50, "{}", expected.len());
}

#[test]
#[ignore = "needs chromium, root and unshare"]
fn chromium_takes_what_is_recommended_as_a_recommendation() {
    let documents = Documents::of(Document::ChromiumRecommended, &recommended_of("Chromium~Policy~chromium~*"));
    let expected = documents.policies.as_object().unwrap();
    let taken = Chromium::start(&documents).policies();
    for (name, value) in expected {
        assert_eq!(taken[name].get("error"), None, "{name}");
        assert_eq!([&taken[name]["value"], &taken[name]["level"]], [value, &json!("recommended")], "{name}");
    }
    assert!(expected.len() > 15, "{}", expected.len());
}

#[test]
#[ignore = "needs chromium, root and unshare"]
fn chromium_obeys_a_template_and_says_what_is_wrong_with_the_rest() {
    let config = |place: &str, id: &str, value: &str| {
        let value = AdmxValue::Enabled(vec![(id.to_owned(), value.to_owned())]).to_xml();
        (format!("{POLICY}/Config/Corporate~Policy~googlechrome{place}"), value)
    };
    let extensions = r#"{"*": {"installation_mode": "blocked", "blocked_install_message": "no"}}"#;
    let documents = Documents::of(
        Document::Chromium,
        &[
            (format!("{POLICY}/ConfigOperations/ADMXInstall/Corporate/Policy/One"), CHROME.to_owned()),
            config("~Startup/HomepageLocation", "HomepageLocation", "https://start.example/"),
            config("~Startup/RestoreOnStartup", "RestoreOnStartup", "4"),
            config("/URLBlocklist", "URLBlocklistDesc", "1\u{f000}blocked.example"),
            config("/DiskCacheSize", "DiskCacheSize", "2000"),
            config("~Extensions/ExtensionSettings", "ExtensionSettings", extensions),
            (format!("{LINUX}/Chromium/NoSuchPolicy"), "1".to_owned()),
            (format!("{LINUX}/Chromium/AllowDinosaurEasterEgg"), "\"perhaps\"".to_owned()),
        ],
    );
    let mut chromium = Chromium::start(&documents);
    let taken = chromium.policies();
    assert_eq!(taken["HomepageLocation"]["value"], "https://start.example/");
    assert_eq!(taken["ExtensionSettings"]["value"]["*"]["installation_mode"], "blocked");
    for right in ["HomepageLocation", "RestoreOnStartup", "URLBlocklist", "DiskCacheSize", "ExtensionSettings"] {
        assert_eq!(taken[right].get("error"), None, "{right}");
    }
    assert_eq!(taken["NoSuchPolicy"]["error"], "Unknown policy.");
    assert!(taken["AllowDinosaurEasterEgg"]["error"].is_string(), "{}", taken["AllowDinosaurEasterEgg"]);
    let session = chromium.open("about:blank");
    let mut visit = |page: &str| chromium.call(Some(&session), "Page.navigate", &json!({"url": page}));
    assert_eq!(visit("http://blocked.example/")["errorText"], "net::ERR_BLOCKED_BY_ADMINISTRATOR");
    assert_ne!(visit("http://127.0.0.1:9/")["errorText"], "net::ERR_BLOCKED_BY_ADMINISTRATOR");
}

/// Whether the program has taken every policy of the table, and none that is wrong.
fn takes_the_table(program: &str, document: Document, area: &str, name: &str) {
    let mut profiles = all_of(area);
    // Firefox without developer tools does not open the port by which it is asked.
    profiles.retain(|(address, _)| !address.ends_with("/DisableDeveloperTools"));
    let count = profiles.len();
    profiles.push((format!("{LINUX}/{name}/NoSuchPolicy"), "true".to_owned()));
    profiles.push((format!("{LINUX}/{name}/DisableMasterPasswordCreation"), "\"perhaps\"".to_owned()));
    let documents = Documents::of(document, &profiles);
    let mut expected = documents.policies.clone();
    let (active, taken) = Mozilla::start(program, &documents).policies();
    assert_eq!(active, true);
    for wrong in ["NoSuchPolicy", "DisableMasterPasswordCreation"] {
        assert!(expected.as_object_mut().unwrap().remove(wrong).is_some());
        assert_eq!(taken.get(wrong), None, "{wrong} should have been refused");
    }
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(taken.get(name), Some(value), "{name}");
    }
    assert!(count > 20, "{count}");
}

#[test]
#[ignore = "needs firefox-esr, root and unshare"]
fn firefox_takes_every_policy_of_the_table() {
    takes_the_table("firefox-esr", Document::Firefox, "Firefox~Policy~firefox~*", "Firefox");
}

#[test]
#[ignore = "needs thunderbird, root and unshare"]
fn thunderbird_takes_every_policy_of_the_table() {
    takes_the_table("thunderbird", Document::Thunderbird, "Thunderbird~Policy~thunderbird~*", "Thunderbird");
}

#[test]
#[ignore = "needs firefox-esr, root and unshare"]
fn firefox_obeys_a_template() {
    let config = |place: &str, data: &[(&str, &str)]| {
        let data = data.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect();
        (format!("{POLICY}/Config/Firefox~Policy~firefox{place}"), AdmxValue::Enabled(data).to_xml())
    };
    let preferences = r#"{"network.captive-portal-service.minInterval": {"Value": 4242, "Status": "locked"}}"#;
    let documents = Documents::of(
        Document::Firefox,
        &[
            (format!("{POLICY}/ConfigOperations/ADMXInstall/Firefox/Policy/One"), FIREFOX.to_owned()),
            config("~Homepage/HomepageURL", &[("HomepageURL", "https://home.example/"), ("HomepageLocked", "true")]),
            config("/DisableTelemetry", &[]),
            config("~Bookmarks/Bookmark01", &[("BookmarkTitle", "A"), ("BookmarkURL", "https://a.example/")]),
            config("~Bookmarks/Bookmark12", &[("BookmarkTitle", "B"), ("BookmarkURL", "https://b.example/")]),
            config("/Preferences", &[("JSON", preferences)]),
        ],
    );
    let mut firefox = Mozilla::start("firefox-esr", &documents);
    let (active, taken) = firefox.policies();
    assert_eq!(active, true);
    assert_eq!(taken["Homepage"], json!({"URL": "https://home.example/", "Locked": true}));
    assert_eq!(taken["Bookmarks"][1]["Title"], "B");
    let homepage = r#"["browser.startup.homepage", "network.captive-portal-service.minInterval"]"#;
    let locked = firefox.run(&format!("return {homepage}.map(name => Services.prefs.prefIsLocked(name))"));
    assert_eq!(locked, json!([true, true]));
    assert_eq!(firefox.run("return Services.prefs.getStringPref('browser.startup.homepage')"), "https://home.example/");
    let number = "return Services.prefs.getIntPref('network.captive-portal-service.minInterval')";
    assert_eq!(firefox.run(number), 4242);
}

#[test]
#[ignore = "needs firefox-esr, root and unshare"]
fn firefox_takes_what_is_recommended_as_defaults_that_users_may_change() {
    let documents = Documents::of(Document::Firefox, &recommended_of("Firefox~Policy~firefox~*"));
    let mut firefox = Mozilla::start("firefox-esr", &documents);
    let (active, taken) = firefox.policies();
    assert_eq!(active, true);
    for (name, value) in documents.policies.as_object().unwrap() {
        assert_eq!(taken.get(name), Some(value), "{name}");
    }
    let names = r#"["browser.startup.homepage", "browser.startup.page", "browser.tabs.warnOnClose", "network.proxy.type",
        "network.trr.mode", "signon.rememberSignons"]"#;
    let locked = firefox.run(&format!("return {names}.map(name => Services.prefs.prefIsLocked(name))"));
    assert_eq!(locked, json!([false, false, false, false, false, false]));
    let default = "return Services.prefs.getDefaultBranch('').getBoolPref('browser.tabs.warnOnClose')";
    assert_eq!(firefox.run(default), false);
    let homepage = "return Services.prefs.getStringPref('browser.startup.homepage')";
    assert!(firefox.run(homepage).as_str().unwrap().starts_with("https://a.example/"));
}
