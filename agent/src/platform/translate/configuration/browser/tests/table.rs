//! Policies that are known without a template.

use serde_json::json;

use super::super::catalogue::{ValueType, understood};
use super::*;

/// A value that a type admits, as a server sends it.
pub(super) fn sample(policy: &str, value_type: ValueType) -> String {
    let text = match value_type {
        ValueType::Boolean => return "<enabled/>".to_owned(),
        ValueType::Number { least, .. } => least.to_string(),
        ValueType::Choice(choices) => choices[0].to_string(),
        ValueType::Text => "text".to_owned(),
        ValueType::TextOf(choices) => choices[0].to_owned(),
        ValueType::List => "1\u{f000}a\u{f000}2\u{f000}b".to_owned(),
        ValueType::Object => "{\"a\": {}}".to_owned(),
        ValueType::Array => "[]".to_owned(),
    };
    enabled(&[(policy, &text)])
}

#[test]
fn every_understood_policy_can_be_set_and_goes_where_the_table_says() {
    let mut count = 0;
    for row in understood() {
        count += 1;
        let address =
            policy(&format!("{}/{}", row.area.replace('*', "Some"), row.policy), &sample(row.policy, row.value_type));
        let desired = translated(&everything(), &[address]);
        assert_eq!(desired.without, BTreeMap::new(), "{}", row.policy);
        assert_eq!(desired.files.len(), row.documents.len(), "{}", row.policy);
        for of in row.documents {
            let written = document(&desired, of);
            let policies = written.get("policies").unwrap_or(&written);
            let found = row.path.iter().try_fold(policies, |value, part| value.get(part));
            assert!(found.is_some(), "{} should be in {written}", row.policy);
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn the_areas_of_the_makers_are_known_whatever_the_administrator_calls_the_template() {
    for area in ["microsoft_edge~Policy~microsoft_edge~Printing", "Edge~Policy~x", "Anything~Policy~microsoft_edge"] {
        let desired = translated(&everything(), &[policy(&format!("{area}/PrintingEnabled"), "<disabled/>")]);
        assert_eq!(document(&desired, Document::Edge), json!({"PrintingEnabled": false}), "{area}");
    }
}

#[test]
fn a_known_policy_that_is_set_wrongly_is_refused() {
    let (bad, format) = (StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_FORMAT);
    for (area, value, status, words) in [
        ("Chrome~Policy~googlechrome/ShowHomeButton", enabled(&[("x", "y")]), bad, "no elements"),
        ("Chrome~Policy~googlechrome/HomepageLocation", enabled(&[]), bad, "exactly one, HomepageLocation"),
        ("Chrome~Policy~googlechrome/HomepageLocation", enabled(&[("Other", "y")]), bad, "exactly one"),
        ("Chrome~Policy~googlechrome/RestoreOnStartup", enabled(&[("RestoreOnStartup", "2")]), format, "one of 1, 4"),
        ("Chrome~Policy~googlechrome/ExtensionSettings", enabled(&[("ExtensionSettings", "{")]), format, "JSON object"),
        ("Firefox~Policy~firefox/SSLVersionMin", enabled(&[("SSLVersionMin", "ssl3")]), format, "tls1.2"),
    ] {
        let refusal = refused(&everything(), &[policy(area, &value)]);
        assert_eq!(refusal.0, status, "{area}: {}", refusal.1);
        assert!(refusal.1.contains(words), "{area}: {:?} should say {words:?}", refusal.1);
    }
}

#[test]
fn an_installed_template_goes_before_the_table() {
    let value = enabled(&[("DiskCacheSize", "50")]);
    let cache = policy("Chrome~Policy~googlechrome/DiskCacheSize", &value);
    assert_eq!(translated(&everything(), std::slice::from_ref(&cache)).without, BTreeMap::new());
    assert_eq!(refused(&everything(), &[template("Chrome", CHROME), cache]).0, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn an_area_without_a_template_s_form_is_nobody_s_here() {
    for area in ["Experience/AllowCortana", "Chrome/HomepageLocation", "Chrome~Other~x/HomepageLocation"] {
        assert_eq!(refused(&everything(), &[policy(area, "1")]).0, StatusCode::NOT_FOUND, "{area}");
    }
}
