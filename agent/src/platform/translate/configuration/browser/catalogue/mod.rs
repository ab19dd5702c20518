//! The policies that are known without a template: their types, their ranges, and where they go. The rows themselves
//! are in `rows`; a policy that is not among them still comes with a template, or as a setting of Linux.

mod compound;
mod rows;

use std::fmt;

use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::defaults;
use super::target::{Browser, Level};
use crate::platform::desired::Untranslatable;
use crate::platform::document::Document;

/// What a policy may be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Yes or no.
    Boolean,
    /// A whole number in a range.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// One of some numbers.
    Choice(&'static [i64]),
    /// Any text.
    Text,
    /// One of some texts.
    TextOf(&'static [&'static str]),
    /// A list of texts.
    List,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
}

/// A policy that is known without a template.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The browsers that have it.
    pub browsers: &'static [Browser],
    /// Its name in the makers' templates.
    pub policy: &'static str,
    /// Its place in the browser's document.
    pub path: &'static [&'static str],
    /// What it may be set to.
    pub value_type: ValueType,
}

/// A policy that is understood, for documentation.
#[derive(Debug, Clone)]
pub struct Understood {
    /// The area of `Policy/Config`, `*` for any categories.
    pub area: &'static str,
    /// The policy's name there.
    pub policy: &'static str,
    /// The address below `./Device/Vendor/LinuxMDM/Config` that sets the same; several policies may share one.
    pub linux: String,
    /// What it may be set to.
    pub value_type: ValueType,
    /// The documents that it goes to.
    pub documents: Vec<Document>,
    /// Whether it can be recommended instead: its name ends in `_recommended` then.
    pub recommended: bool,
    /// Its place in them.
    pub path: &'static [&'static str],
}

/// Every policy that is understood without a template, browser by browser.
pub fn understood() -> impl Iterator<Item = Understood> {
    Browser::ALL.into_iter().flat_map(|browser| {
        rows::ROWS.iter().filter(move |known| known.is_of(browser)).map(move |known| Understood {
            area: match browser {
                Browser::Chrome => "Chrome~Policy~googlechrome~*",
                Browser::Chromium => "Chromium~Policy~chromium~*",
                Browser::Edge => "Edge~Policy~microsoft_edge~*",
                Browser::Firefox => "Firefox~Policy~firefox~*",
                Browser::Thunderbird => "Thunderbird~Policy~thunderbird~*",
            },
            policy: known.policy,
            linux: format!("{}/{}", browser.as_str(), known.path.first().unwrap_or(&known.policy)),
            value_type: known.value_type,
            documents: match browser {
                Browser::Chrome => vec![Document::Chrome, Document::Chromium],
                other => vec![other.document()],
            },
            recommended: known.is_recommendable(browser),
            path: known.path,
        })
    })
}

/// A browser's policy by the name that templates give it.
pub(super) fn find(browser: Browser, policy: &str) -> Option<&'static Known> {
    rows::ROWS.iter().find(|known| known.is_of(browser) && known.policy.eq_ignore_ascii_case(policy))
}

/// Refuses a value that has another type than the policy at this place. A policy that is not known passes.
pub(super) fn check(browser: Browser, path: &[String], value: &Value) -> Result<(), Untranslatable> {
    match value_type(browser, path) {
        Some(value_type) if !value_type.admits(value) => Err(Untranslatable::refused(
            StatusCode::UNSUPPORTED_FORMAT,
            format!("{} has to be {value_type}", path.join("/")),
        )),
        _ => Ok(()),
    }
}

/// The type of the policy at this place, by the makers' documentation; `None` if it is not known here.
pub(super) fn value_type(browser: Browser, path: &[String]) -> Option<ValueType> {
    match at(browser, path) {
        Some(known) => Some(known.value_type),
        None if is_above(browser, path) => Some(ValueType::Object),
        None => compound::at(browser, path),
    }
}

/// A browser's policy by its place.
pub(super) fn at(browser: Browser, path: &[String]) -> Option<&'static Known> {
    rows::ROWS.iter().find(|known| known.is_of(browser) && known.path == path)
}

/// Whether known policies are members of an object at this place.
fn is_above(browser: Browser, path: &[String]) -> bool {
    let above = |known: &Known| known.path.len() > path.len() && known.path[..path.len()] == *path;
    rows::ROWS.iter().any(|known| known.is_of(browser) && above(known))
}

/// The policies that the makers of Chrome and Edge let administrators recommend.
const RECOMMENDABLE: &[&str] = &[
    "AutofillAddressEnabled",
    "AutofillCreditCardEnabled",
    "BlockThirdPartyCookies",
    "BookmarkBarEnabled",
    "DefaultSearchProviderEnabled",
    "DefaultSearchProviderKeyword",
    "DefaultSearchProviderName",
    "DefaultSearchProviderSearchURL",
    "DownloadDirectory",
    "DownloadRestrictions",
    "FavoritesBarEnabled",
    "HomepageIsNewTabPage",
    "HomepageLocation",
    "MetricsReportingEnabled",
    "NewTabPageLocation",
    "PasswordManagerEnabled",
    "RestoreOnStartup",
    "RestoreOnStartupURLs",
    "SafeBrowsingProtectionLevel",
    "SearchSuggestEnabled",
    "ShowHomeButton",
    "SmartScreenEnabled",
];

impl Known {
    /// Whether the browser has a form of the policy that users may change.
    fn is_recommendable(&self, browser: Browser) -> bool {
        if browser.is_mozilla() { defaults::exist_for(self.path) } else { RECOMMENDABLE.contains(&self.policy) }
    }

    /// Refuses a level that the policy does not have.
    pub(super) fn admit(&self, browser: Browser, level: Level) -> Result<(), Untranslatable> {
        match level {
            Level::Recommended if !self.is_recommendable(browser) && browser.is_mozilla() => {
                Err(defaults::none(self.policy))
            }
            Level::Recommended if !self.is_recommendable(browser) => Err(Untranslatable::unsupported(format!(
                "{} has {} as a mandatory policy only, not as a recommended one",
                browser.product(),
                self.policy
            ))),
            _ => Ok(()),
        }
    }

    /// Whether the browser has this policy; Chromium has those of Chrome.
    fn is_of(&self, browser: Browser) -> bool {
        let browser = if browser == Browser::Chromium { Browser::Chrome } else { browser };
        self.browsers.contains(&browser)
    }
}

impl ValueType {
    /// Whether the policy may have this value.
    pub fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Boolean, Value::Bool(_)) | (Self::Text, Value::String(_)) => true,
            (Self::Object, Value::Object(_)) | (Self::Array, Value::Array(_)) => true,
            (Self::Number { least, most }, value) => {
                value.as_i64().is_some_and(|number| (least..=most).contains(&number))
            }
            (Self::Choice(choices), value) => value.as_i64().is_some_and(|number| choices.contains(&number)),
            (Self::TextOf(choices), Value::String(text)) => choices.contains(&text.as_str()),
            (Self::List, Value::Array(entries)) => entries.iter().all(Value::is_string),
            _ => false,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => formatter.write_str("true or false"),
            Self::Number { least, most } => write!(formatter, "a number from {least} to {most}"),
            Self::Choice(choices) => {
                let choices: Vec<String> = choices.iter().map(i64::to_string).collect();
                write!(formatter, "one of {}", choices.join(", "))
            }
            Self::Text => formatter.write_str("a text"),
            Self::TextOf(choices) => write!(formatter, "one of {}", choices.join(", ")),
            Self::List => formatter.write_str("a list of texts"),
            Self::Object => formatter.write_str("a JSON object"),
            Self::Array => formatter.write_str("a JSON array"),
        }
    }
}
