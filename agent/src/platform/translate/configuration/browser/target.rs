//! Where a browser's policies go: from keys of the Windows registry to the documents of the browsers that this machine
//! has. Knows names and places only, not what a policy may be set to.

use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::catalogue;
use crate::platform::desired::{Fragment, Untranslatable};
use crate::platform::document::Document;
use crate::platform::machine::Machine;

/// A program with managed policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Browser {
    /// Google Chrome.
    Chrome,
    /// Chromium.
    Chromium,
    /// Microsoft Edge.
    Edge,
    /// Firefox.
    Firefox,
    /// Thunderbird, which takes policies as Firefox does.
    Thunderbird,
}

/// Whether users may choose otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// They may not.
    Mandatory,
    /// They may: the value is a default.
    Recommended,
}

/// What the makers of Chrome and Edge append to the names of recommended policies and of their categories.
const RECOMMENDED: &str = "_recommended";

/// A place among a browser's policies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) browser: Browser,
    pub(super) level: Level,
    /// The names of nested objects; empty for the whole document.
    pub(super) path: Vec<String>,
}

impl Browser {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chrome, Self::Chromium, Self::Edge, Self::Firefox, Self::Thunderbird];

    /// The name in addresses of settings that only Linux has.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "Chrome",
            Self::Chromium => "Chromium",
            Self::Edge => "Edge",
            Self::Firefox => "Firefox",
            Self::Thunderbird => "Thunderbird",
        }
    }

    /// The name that people know.
    pub fn product(self) -> &'static str {
        match self {
            Self::Chrome => "Google Chrome",
            Self::Edge => "Microsoft Edge",
            Self::Chromium | Self::Firefox | Self::Thunderbird => self.as_str(),
        }
    }

    /// The browser of this name, in any mix of upper and lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|browser| name.eq_ignore_ascii_case(browser.as_str()))
    }

    /// The key below which Windows keeps the browser's policies.
    fn key(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &["Software", "Policies", "Google", "Chrome"],
            Self::Chromium => &["Software", "Policies", "Chromium"],
            Self::Edge => &["Software", "Policies", "Microsoft", "Edge"],
            Self::Firefox => &["Software", "Policies", "Mozilla", "Firefox"],
            Self::Thunderbird => &["Software", "Policies", "Mozilla", "Thunderbird"],
        }
    }

    /// The browser's document of mandatory policies.
    pub fn document(self) -> Document {
        match self {
            Self::Chrome => Document::Chrome,
            Self::Chromium => Document::Chromium,
            Self::Edge => Document::Edge,
            Self::Firefox => Document::Firefox,
            Self::Thunderbird => Document::Thunderbird,
        }
    }

    /// The browser's document of recommended policies; `None` where there is none.
    pub(super) fn recommended_document(self) -> Option<Document> {
        match self {
            Self::Chrome => Some(Document::ChromeRecommended),
            Self::Chromium => Some(Document::ChromiumRecommended),
            Self::Edge => Some(Document::EdgeRecommended),
            Self::Firefox | Self::Thunderbird => None,
        }
    }

    /// The document of a level. Mozilla's programs have one for both: defaults have forms of their own there.
    fn document_of(self, level: Level) -> Document {
        match level {
            Level::Mandatory => self.document(),
            Level::Recommended => self.recommended_document().unwrap_or_else(|| self.document()),
        }
    }

    fn is_on(self, machine: &Machine) -> bool {
        match self {
            Self::Chrome => machine.chrome,
            Self::Chromium => machine.chromium.is_some(),
            Self::Edge => machine.edge,
            Self::Firefox => machine.firefox,
            Self::Thunderbird => machine.thunderbird.is_some(),
        }
    }

    /// The documents for policies that a server sets by the registry's names. Templates of Chromium are rare: whoever
    /// manages Chrome means Chromium too.
    pub(super) fn documents(self, level: Level, machine: &Machine) -> Result<Vec<Document>, Untranslatable> {
        let meant: &[Self] = if self == Self::Chrome { &[Self::Chrome, Self::Chromium] } else { &[self] };
        let present: Vec<Document> =
            meant.iter().filter(|browser| browser.is_on(machine)).map(|browser| browser.document_of(level)).collect();
        if present.is_empty() { Err(self.missing()) } else { Ok(present) }
    }

    /// The document of exactly this browser.
    pub(super) fn own_document(self, level: Level, machine: &Machine) -> Result<Document, Untranslatable> {
        if self.is_on(machine) { Ok(self.document_of(level)) } else { Err(self.missing()) }
    }

    fn missing(self) -> Untranslatable {
        Untranslatable::unsupported(format!("{} is not installed on this machine", self.product()))
    }

    pub(super) fn is_mozilla(self) -> bool {
        matches!(self, Self::Firefox | Self::Thunderbird)
    }
}

impl Place {
    /// The place that a key of the registry stands for, if it belongs to a browser.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let parts: Vec<&str> = key.split('\\').filter(|part| !part.is_empty()).collect();
        Browser::ALL.into_iter().find_map(|browser| {
            let prefix = browser.key();
            let head = parts.get(..prefix.len())?;
            let same = head.iter().zip(prefix).all(|(part, fixed)| part.eq_ignore_ascii_case(fixed));
            let rest = &parts[prefix.len()..];
            let (level, rest) = match rest {
                [first, rest @ ..] if !browser.is_mozilla() && first.eq_ignore_ascii_case("Recommended") => {
                    (Level::Recommended, rest)
                }
                _ => (Level::Mandatory, rest),
            };
            let path = rest.iter().map(|part| (*part).to_owned()).collect();
            same.then_some(Self { browser, level, path })
        })
    }

    /// Refuses the places that are not ours to set.
    fn admit(&self) -> Result<(), Untranslatable> {
        let is = |index: usize, name: &str| self.path.get(index).is_some_and(|part| part.eq_ignore_ascii_case(name));
        if self.browser.is_mozilla() && is(0, "Certificates") && (is(1, "Install") || self.path.len() == 1) {
            return Err(Untranslatable::refused(
                StatusCode::NOT_ALLOWED,
                "which certificates are installed is set by certificate profiles",
            ));
        }
        Ok(())
    }

    /// What the documents get. Every value passes through here, whatever it comes from: one that does not have the
    /// type that its makers document is refused (status 415), since the browser would ignore it.
    pub(super) fn fragments(self, value: Value, documents: &[Document]) -> Result<Vec<Fragment>, Untranslatable> {
        let browser = self.browser;
        catalogue::check(browser, &self.path, &value)?;
        let mut leaves = Vec::new();
        self.collect(value, &mut leaves)?;
        leaves.iter().try_for_each(|(path, value)| catalogue::check(browser, path, value))?;
        let entry = |document: Document, key: &[String], value: &Value| Fragment {
            document,
            key: key.to_vec(),
            value: value.clone(),
        };
        Ok(documents
            .iter()
            .flat_map(|document| leaves.iter().map(move |(key, value)| entry(*document, key, value)))
            .collect())
    }

    /// An object is taken apart where others may set its other members: always at the top, and everywhere below for
    /// Mozilla's, whose policies are nested. Names that are numbers would be taken for an array's places.
    fn collect(self, value: Value, leaves: &mut Vec<(Vec<String>, Value)>) -> Result<(), Untranslatable> {
        match value {
            Value::Object(members)
                if self.path.is_empty()
                    || self.browser.is_mozilla()
                        && !members.is_empty()
                        && !members.keys().any(|name| is_number(name)) =>
            {
                for (name, value) in members {
                    let path = self.path.iter().cloned().chain([name]).collect();
                    Self { path, ..self }.collect(value, leaves)?;
                }
                Ok(())
            }
            _ if self.path.is_empty() => Err(Untranslatable::unsupported("the policy sets no value with a name")),
            value => {
                self.admit()?;
                leaves.push((self.path, value));
                Ok(())
            }
        }
    }
}

impl Level {
    /// The level that a name stands for, and the name without it.
    pub(super) fn of_name(name: &str) -> (Self, &str) {
        let head = name.len().checked_sub(RECOMMENDED.len()).filter(|at| *at > 0 && name.is_char_boundary(*at));
        match head.map(|at| name.split_at(at)) {
            Some((head, end)) if end.eq_ignore_ascii_case(RECOMMENDED) => (Self::Recommended, head),
            _ => (Self::Mandatory, name),
        }
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}
