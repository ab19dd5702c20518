//! A value for every policy that is understood.

use mdm_agent::platform::translate::configuration::browser::catalogue::{ValueType, understood};
use mdm_protocol::csp::policy::AdmxValue;

use crate::POLICY;

/// Every policy of the table in an area, each with a value that it may have.
pub(crate) fn all_of(area: &str) -> Vec<(String, String)> {
    let rows = understood().filter(|row| row.area == area);
    rows.map(|row| {
        let address = format!("{POLICY}/Config/{}/{}", row.area.trim_end_matches("~*"), row.policy);
        let text = sample(row.policy, row.value_type);
        let data = if row.value_type == ValueType::Boolean { Vec::new() } else { vec![(row.policy.to_owned(), text)] };
        (address, AdmxValue::Enabled(data).to_xml())
    })
    .collect()
}

/// Every policy in an area that can be recommended, each with a value that it may have then.
pub(crate) fn recommended_of(area: &str) -> Vec<(String, String)> {
    let rows = understood().filter(|row| row.area == area && row.recommended);
    rows.map(|row| {
        let address = format!("{POLICY}/Config/{}/{}_recommended", row.area.trim_end_matches("~*"), row.policy);
        let text = match row.policy {
            "HomepageStartPage" => "homepage".to_owned(),
            "Preferences" => r#"{"browser.tabs.warnOnClose": {"Value": false}}"#.to_owned(),
            "Proxy" => r#"{"Mode": "none"}"#.to_owned(),
            policy => sample(policy, row.value_type),
        };
        let data = if row.value_type == ValueType::Boolean { Vec::new() } else { vec![(row.policy.to_owned(), text)] };
        (address, AdmxValue::Enabled(data).to_xml())
    })
    .collect()
}

fn sample(policy: &str, value_type: ValueType) -> String {
    let text = match (policy, value_type) {
        ("AutoSelectCertificateForUrls", _) => r#"{"pattern": "https://a.example", "filter": {}}"#.to_owned(),
        ("DefaultPrinterSelection", _) => r#"{"kind": "local", "namePattern": ".*"}"#.to_owned(),
        ("DefaultSearchProviderSearchURL", _) => "https://s.example/?q={searchTerms}".to_owned(),
        ("DownloadDirectory" | "DefaultDownloadDirectory", _) => "/tmp".to_owned(),
        ("ExtensionInstallAllowlist" | "ExtensionInstallBlocklist", _) => "a".repeat(32),
        ("ExtensionInstallForcelist", _) => format!("{};https://e.example/update", "b".repeat(32)),
        ("ExtensionInstallSources", _) => "https://e.example/*".to_owned(),
        ("ExtensionSettings", _) => r#"{"*": {"installation_mode": "allowed"}}"#.to_owned(),
        ("Extensions_Install", _) => "https://e.example/e.xpi".to_owned(),
        ("Preferences", _) => r#"{"browser.tabs.warnOnClose": {"Value": false, "Status": "locked"}}"#.to_owned(),
        ("Proxy", _) => r#"{"Mode": "none", "Locked": true}"#.to_owned(),
        ("ProxySettings", _) => r#"{"ProxyMode": "direct"}"#.to_owned(),
        ("WebsiteFilter_Block", _) => "https://*.blocked.example/*".to_owned(),
        ("WebsiteFilter_Exceptions", _) => "https://open.blocked.example/*".to_owned(),
        (_, ValueType::Boolean) => String::new(),
        (_, ValueType::Number { least, .. }) => least.to_string(),
        (_, ValueType::Choice(choices)) => choices[0].to_string(),
        (_, ValueType::TextOf(choices)) => choices[choices.len() - 1].to_owned(),
        (_, ValueType::Text | ValueType::List) => "https://a.example/".to_owned(),
        (_, ValueType::Object) => "{}".to_owned(),
        (_, ValueType::Array) => "[]".to_owned(),
    };
    if value_type == ValueType::List { format!("1\u{f000}{text}") } else { text }
}
