//! What is refused, with which status, and in which words.

use mdm_protocol::csp::policy::LIST_SEPARATOR;
use proptest::prelude::*;

use super::*;

const SECRET: &str = "s3cret-value";

fn wrapped(policies: &str) -> String {
    format!("<policyDefinitions><policies>{policies}</policies></policyDefinitions>")
}

#[test]
fn a_template_that_is_none_is_refused() {
    let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
    let bomb = format!("<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]>{}", wrapped(""));
    let huge = format!("{}<!--{}-->", wrapped(""), "x".repeat(5 << 20));
    let nobody = wrapped("<policy name=\"A\" key=\"Software\\Policies\\Nobody\" valueName=\"A\"/>");
    let near = wrapped("<policy name=\"A\" key=\"Software\\Policies\\Google\\ChromeOther\" valueName=\"A\"/>");
    let key = "key=\"Software\\Policies\\Google\\Chrome\"";
    let malformed = StatusCode::UNSUPPORTED_FORMAT;
    let table = [
        ("nothing", String::new(), malformed),
        ("text", "not XML".to_owned(), malformed),
        ("cut off", CHROME[..CHROME.len() / 2].to_owned(), malformed),
        ("another document", "<html><body/></html>".to_owned(), malformed),
        ("entities", bomb, malformed),
        ("undefined entity", wrapped("<policy name=\"&x;\"/>"), malformed),
        ("depth", wrapped(&deep), malformed),
        ("size", huge, malformed),
        ("no policies", wrapped(""), malformed),
        ("no key", wrapped("<policy name=\"A\"/>"), malformed),
        ("no name", wrapped(&format!("<policy {key}/>")), malformed),
        ("value that is none", wrapped(&format!("<policy name=\"A\" {key}><enabledValue/></policy>")), malformed),
        (
            "element without id",
            wrapped(&format!("<policy name=\"A\" {key}><elements><text valueName=\"A\"/></elements></policy>")),
            malformed,
        ),
        (
            "limit that is no number",
            wrapped(&format!(
                "<policy name=\"A\" {key}><elements><decimal id=\"A\" valueName=\"A\" maxValue=\"many\"/></elements></policy>"
            )),
            malformed,
        ),
        ("nobody's", nobody, StatusCode::NOT_SUPPORTED),
        ("nearly ours", near, StatusCode::NOT_SUPPORTED),
    ];
    for (name, text, status) in table {
        let refusal = refused(&everything(), &[template("Chrome", &text)]);
        assert_eq!(refusal.0, status, "{name}: {}", refusal.1);
    }
    let of_user = (template("Chrome", CHROME).0.replace("./Device", "./User"), CHROME.to_owned());
    assert_eq!(refused(&everything(), &[of_user]).0, StatusCode::NOT_SUPPORTED);
}

#[test]
fn a_value_that_does_not_fit_is_refused_in_words_that_name_the_element_and_the_range() {
    let long = format!("https://{SECRET}.example/{}", "x".repeat(40));
    let odd_list = ["a", SECRET, "b"].join(&LIST_SEPARATOR.to_string());
    let (bad, format) = (StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_FORMAT);
    let (unknown, unsupported) = (StatusCode::NOT_FOUND, StatusCode::NOT_SUPPORTED);
    let secret = |id: &str| enabled(&[(id, SECRET)]);
    let table = [
        ("googlechrome~Startup/HomepageLocation", enabled(&[]), bad, "HomepageLocation has to be set"),
        ("googlechrome~Startup/HomepageLocation", enabled(&[("HomepageLocation", " ")]), bad, "has to be set"),
        ("googlechrome~Startup/HomepageLocation", enabled(&[("HomepageLocation", &long)]), format, "at most 40"),
        ("googlechrome~Startup/HomepageLocation", secret("Other"), bad, "it has HomepageLocation"),
        (
            "googlechrome/DiskCacheSize",
            secret("DiskCacheSize"),
            format,
            "DiskCacheSize has to be a number from 100 to 2000",
        ),
        ("googlechrome/DiskCacheSize", enabled(&[("DiskCacheSize", "99")]), format, "from 100 to 2000"),
        ("googlechrome/DiskCacheSize", enabled(&[("DiskCacheSize", "2001")]), format, "from 100 to 2000"),
        ("googlechrome/DiskCacheSize", enabled(&[("DiskCacheSize", "-1")]), format, "from 100 to 2000"),
        ("googlechrome/DiskCacheSize", enabled(&[("DiskCacheSize", "99999999999999999999")]), format, "from 100"),
        ("googlechrome/DiskCacheSize", enabled(&[]), bad, "none of its elements is set: DiskCacheSize"),
        (
            "googlechrome/DiskCacheSize",
            enabled(&[("DiskCacheSize", "100"), ("DiskCacheSize", "101")]),
            bad,
            "set twice",
        ),
        ("googlechrome~Startup/RestoreOnStartup", secret("RestoreOnStartup"), format, "one of 4, 5"),
        ("googlechrome~Startup/ShowHomeButton", secret("ShowHomeButton"), bad, "it has none"),
        ("googlechrome/Several", secret("Flag"), format, "Flag has to be true or false"),
        ("googlechrome/Several", enabled(&[("Named", &odd_list)]), format, "each followed by its value"),
        ("googlechrome/Several", secret("Odd"), unsupported, "Odd"),
        ("googlechrome/HomepageLocation", secret("HomepageLocation"), unknown, "another category"),
        ("googlechrome~Startup~More/HomepageLocation", secret("HomepageLocation"), unknown, "another category"),
        ("googlechrome/Looped", "<enabled/>".to_owned(), unknown, "another category"),
        ("googlechrome/NoSuch", "<enabled/>".to_owned(), unknown, "has this policy"),
        ("/OfUsers", "<enabled/>".to_owned(), unknown, "for users"),
        ("/Foreign", "<enabled/>".to_owned(), unsupported, "browser"),
        ("googlechrome/HomepageLocation_recommended", secret("Other"), bad, "it has HomepageLocation"),
        ("googlechrome/ShowHomeButton_recommended", "<enabled/>".to_owned(), unknown, "has this policy"),
        ("googlechrome/DiskCacheSize", SECRET.to_owned(), format, "neither"),
        ("googlechrome/DiskCacheSize", format!("<enabled/><disabled/>{SECRET}"), format, "neither"),
        ("googlechrome/DiskCacheSize", format!("<enabled/><data id=\"{SECRET}"), format, ""),
        ("googlechrome/DiskCacheSize", format!("<!DOCTYPE {SECRET}><enabled/>"), format, ""),
    ];
    for (area, value, status, words) in table {
        let area = format!("Chrome~Policy~{area}").replace("~/", "/");
        let refusal = refused(&everything(), &[templates(), vec![policy(&area, &value)]].concat());
        assert_eq!(refusal.0, status, "{area}: {}", refusal.1);
        assert!(refusal.1.contains(words), "{area}: {:?} should say {words:?}", refusal.1);
        assert!(!refusal.1.contains(SECRET), "{area}: {:?} tells the value", refusal.1);
    }
}

#[test]
fn a_template_does_not_bypass_the_type_that_the_makers_document() {
    let cases = [
        ("Firefox", case!("31/bad.xml"), "ExtensionSettings has to be a JSON object"),
        ("Firefox", case!("31/bad-comma.xml"), "Preferences has to be a JSON object"),
        ("Chrome", case!("31/chrome-bad.xml"), "ExtensionSettings has to be a JSON object"),
    ];
    for (browser, case, words) in cases {
        let case = of_case(case);
        for profiles in [[templates(), vec![case.clone()]].concat(), vec![case.clone()]] {
            let refusal = refused(&everything(), &profiles);
            assert_eq!(refusal.0, StatusCode::UNSUPPORTED_FORMAT, "{browser}: {}", refusal.1);
            assert!(refusal.1.contains(words), "{browser}: {:?} should say {words:?}", refusal.1);
        }
    }
    let of_templates = [
        ("Chrome~Policy~googlechrome/WebAppInstallForceList", "[{\"url\": \"https://a.example\"}", "a JSON array"),
        ("Chrome~Policy~googlechrome/WebAppInstallForceList", "{}", "a JSON array"),
        ("Chrome~Policy~googlechrome/IncognitoModeAvailability", "1", "one of 0, 1, 2"),
        ("Edge~Policy~microsoft_edge/ManagedFavorites", "[", "a JSON array"),
        ("Firefox~Policy~firefox/Handlers", "{\"mimeTypes\": {}", "a JSON object"),
    ];
    for (area, value, words) in of_templates {
        let id = area.rsplit('/').next().unwrap();
        let refusal = refused(&everything(), &[templates(), vec![policy(area, &enabled(&[(id, value)]))]].concat());
        assert_eq!(refusal.0, StatusCode::UNSUPPORTED_FORMAT, "{area}: {}", refusal.1);
        assert!(refusal.1.contains(words), "{area}: {:?} should say {words:?}", refusal.1);
    }
}

#[test]
fn certificates_of_firefox_are_left_to_certificate_profiles() {
    let area = "Firefox~Policy~firefox~Certificates/Certificates_Install";
    let by_template = policy(area, &enabled(&[("Certificates_Install", "/tmp/ca.pem")]));
    let by_hand = |value: &str| (format!("{LINUX}/Firefox/Certificates"), value.to_owned());
    for last in [by_template, by_hand("{\"Install\": [\"/tmp/ca.pem\"]}"), by_hand("{\"install\": {\"a\": 1}}")] {
        let refusal = refused(&everything(), &[templates(), vec![last]].concat());
        assert_eq!(refusal.0, StatusCode::NOT_ALLOWED, "{}", refusal.1);
    }
    let not_configured = [templates(), vec![policy(area, "<disabled/>")]].concat();
    assert_eq!(translated(&everything(), &not_configured).without, BTreeMap::new());
    let desired = translated(&everything(), &[by_hand("{\"ImportEnterpriseRoots\": true}")]);
    assert_eq!(desired.without, BTreeMap::new());
}

#[test]
fn a_browser_that_is_not_here_refuses_even_what_sets_nothing() {
    for value in ["<enabled/>", "<disabled/>"] {
        let last = policy("Chrome~Policy~googlechrome~Startup/ShowHomeButton", value);
        let refusal = refused(&Machine::default(), &[templates(), vec![last]].concat());
        assert_eq!(refusal, (StatusCode::NOT_SUPPORTED, "Google Chrome is not installed on this machine".to_owned()));
    }
    let last = policy("Chrome~Policy~googlechrome~Startup/HomepageLocation", "<disabled/>");
    assert_eq!(refused(&Machine::default(), &[templates(), vec![last]].concat()).0, StatusCode::NOT_SUPPORTED);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_as_a_template_or_as_a_value_makes_it_panic(text in "\\PC*", value in "[<>/=\"{}\\[\\]a-z0-9\u{f000} ]{0,60}") {
        let area = policy("Chrome~Policy~googlechrome/URLBlocklist", &value);
        let linux = (format!("{LINUX}/Firefox/Anything"), value.clone());
        translated(&everything(), &[template("Chrome", &text), area.clone(), linux]);
        translated(&everything(), &[template("Chrome", CHROME), area]);
    }

    #[test]
    fn no_damage_to_a_template_makes_it_panic(at in 0..FIREFOX.len(), with in "[<>/\"&a-z ]{0,4}", length in 0usize..40) {
        let end = (at + length).min(FIREFOX.len());
        let damaged = format!("{}{with}{}", &FIREFOX[..at], &FIREFOX[end..]);
        let value = enabled(&[("BookmarkTitle", &with), ("BookmarkURL", "x")]);
        translated(&everything(), &[template("Firefox", &damaged), policy("Firefox~Policy~firefox~Bookmarks/Bookmark01", &value)]);
    }

    #[test]
    fn no_value_of_any_element_makes_it_panic(text in "\\PC{0,40}", id in prop::sample::select(vec!["Flag", "Depth", "Named", "Odd"])) {
        let value = enabled(&[(id, &text)]);
        translated(&everything(), &[template("Chrome", CHROME), policy("Chrome~Policy~googlechrome/Several", &value)]);
    }
}
