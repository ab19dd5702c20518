//! What the server sets of the agent itself in the nodes of its account (DMClient), besides schedule, authority and
//! renewal: how often what is applied is checked without it, how long the device goes on without contact, and whom the
//! user may ask for help.

use mdm_protocol::csp::boolean;
use mdm_protocol::{LocUri, loc_uri};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::tree::Tree;

#[cfg(test)]
mod tests;

/// Minutes between refreshes where `ConfigRefresh/Cadence` says nothing (DMClient CSP).
const CADENCE_MINUTES: u32 = 90;
/// Minutes that `ConfigRefresh/Cadence` may name (DMClient CSP).
pub const CADENCES: std::ops::RangeInclusive<u32> = 30..=1440;
/// The most days that `NumberOfDaysAfterLostContactToUnenroll` may name.
pub const MAX_LOST_CONTACT_DAYS: u32 = 3650;
/// The longest help contact that is kept, in characters.
const MAX_CONTACT: usize = 256;

/// What the server sets of the agent itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// Minutes between checks of what is applied, if it is checked without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_minutes: Option<u32>,
    /// Days without a completed session after which the enrollment ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_contact_days: Option<u32>,
    /// Whether messages are signed with the device's key, besides mutual TLS.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub signs_messages: bool,
    /// Whether keep-alive messages are sent while commands are carried out (`EnableOmaDmKeepAliveMessage`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keeps_alive: bool,
    /// Whom the user may ask for help.
    #[serde(skip_serializing_if = "HelpContacts::is_empty")]
    pub help: HelpContacts,
}

/// Whom the user may ask for help.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HelpContacts {
    /// A telephone number.
    pub phone: Option<String>,
    /// A page on the web.
    pub website: Option<String>,
    /// A mail address.
    pub email: Option<String>,
}

impl HelpContacts {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.phone, &self.website, &self.email].into_iter().flatten().map(String::as_str)
    }
}

impl ServerSettings {
    /// Reads what the tree has, as provisioned and as the server has set it since.
    pub fn read(tree: &Tree, account: &Account) -> Self {
        let provider = account.provider_address();
        let value = |path: &str| {
            let uri = LocUri::parse(&format!("{provider}/{path}")).ok()?;
            tree.value(&uri).map(str::trim).filter(|value| !value.is_empty())
        };
        let number = |path: &str| value(path).and_then(|value| value.parse::<u32>().ok());
        let contact = |path: &str| value(path).map(|value| value.chars().take(MAX_CONTACT).collect());
        let is_refreshed = value("ConfigRefresh/Enabled").and_then(boolean) == Some(true);
        let cadence = number("ConfigRefresh/Cadence").filter(|minutes| CADENCES.contains(minutes));
        Self {
            refresh_minutes: is_refreshed.then(|| cadence.unwrap_or(CADENCE_MINUTES)),
            lost_contact_days: number("NumberOfDaysAfterLostContactToUnenroll")
                .filter(|days| (1..=MAX_LOST_CONTACT_DAYS).contains(days)),
            signs_messages: value("RequireMessageSigning").and_then(boolean) == Some(true),
            keeps_alive: value("EnableOmaDmKeepAliveMessage").and_then(boolean) == Some(true),
            help: HelpContacts {
                phone: contact("HelpPhoneNumber"),
                website: contact("HelpWebsite"),
                email: contact("HelpEmailAddress"),
            },
        }
    }
}

/// Why a value of one of these nodes is refused, if it is.
pub fn refuses(uri: &loc_uri::LocUri, value: &str) -> Option<String> {
    let number = value.trim().parse::<u32>().ok();
    match uri.name() {
        "Cadence" if !number.is_some_and(|minutes| CADENCES.contains(&minutes)) => {
            Some(format!("the cadence is not between {} and {} minutes", CADENCES.start(), CADENCES.end()))
        }
        "NumberOfDaysAfterLostContactToUnenroll" if number.is_none_or(|days| days > MAX_LOST_CONTACT_DAYS) => {
            Some(format!("the number of days is not between 0 and {MAX_LOST_CONTACT_DAYS}"))
        }
        _ => None,
    }
}
