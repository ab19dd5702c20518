//! Settings of profiles that the server sent and that were refused, so that the user sees the same reason as the server. A
//! refused setting changes nothing and is not stored; only this is remembered of it.

use std::collections::BTreeMap;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Operation, StatusCode, Verb};
use serde::{Deserialize, Serialize};

use super::tree::{Refusal, schema};

/// The most that are remembered.
const MAX_REFUSED: usize = 200;
/// How long one is remembered that is neither repeated nor withdrawn, in seconds: as long as a profile would be kept.
const REMEMBERED_SECONDS: i64 = 7 * 24 * 3600;

/// A refused setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSetting {
    /// The status that the server was answered with.
    pub status: u16,
    /// The reason that it was given.
    pub reason: String,
    /// When, seconds since 1970.
    pub at: i64,
}

/// Refused settings by the address of their node.
pub type Refused = BTreeMap<String, RefusedSetting>;

/// What a session has made of settings of profiles, by the address of their node; `None` for one that was accepted or
/// deleted, and so is no longer refused.
#[derive(Debug, Clone, Default)]
pub struct Fates(BTreeMap<String, Option<Refusal>>);

impl Fates {
    /// Records what one item of a command was answered with.
    pub fn record(&mut self, operation: &Operation, uri: &LocUri, status: StatusCode, reason: Option<&str>) {
        let sets = matches!(operation.verb, Verb::Add | Verb::Replace | Verb::Exec);
        let Some(node) = profile_node(uri).filter(|_| sets || operation.verb == Verb::Delete) else { return };
        match status {
            // They say nothing of the setting itself.
            StatusCode::ROLLED_BACK | StatusCode::NOT_EXECUTED => {}
            // That a node is there already is no news; that its place is taken is.
            StatusCode::ALREADY_EXISTS if reason.is_none_or(|reason| reason == status.reason()) => {}
            status if status.is_success() || !sets => self.accept(node),
            status if self.0.values().flatten().count() < MAX_REFUSED => {
                let reason = reason.unwrap_or(status.reason()).to_owned();
                self.0.insert(node, Some(Refusal { status, reason }));
            }
            _ => {}
        }
    }

    /// Records that a node is no longer refused, nor any below it.
    pub fn accept(&mut self, node: String) {
        let below = format!("{node}/");
        self.0.retain(|known, _| !known.starts_with(&below));
        self.0.insert(node, None);
    }

    /// Brings what is remembered up to date at the end of a session; answers with what is refused since.
    pub fn settle(self, refused: &mut Refused, at: i64) -> Vec<(String, RefusedSetting)> {
        let mut news = Vec::new();
        refused.retain(|_, known| known.at.saturating_add(REMEMBERED_SECONDS) > at);
        for (node, fate) in self.0 {
            let Some(Refusal { status, reason }) = fate else {
                let below = format!("{node}/");
                refused.retain(|known, _| *known != node && !known.starts_with(&below));
                continue;
            };
            let setting = RefusedSetting { status: status.0, reason, at };
            let is_known =
                refused.get(&node).is_some_and(|known| (known.status, &known.reason) == (status.0, &setting.reason));
            if refused.len() < MAX_REFUSED || refused.contains_key(&node) {
                if !is_known {
                    news.push((node.clone(), setting.clone()));
                }
                refused.insert(node, setting);
            }
        }
        news
    }
}

/// The address of a node of a profile as it is remembered: what the device names itself in its conventional case.
pub fn profile_node(uri: &LocUri) -> Option<String> {
    let root = ProfileAddress::locate(uri)?.root;
    let below = uri.segments().iter().skip(root.segments().len());
    let node = LocUri::new(root.scope(), root.segments().iter().chain(below).cloned());
    Some(schema::find(&node).map_or(node.clone(), |(_, canonical)| canonical).to_string())
}

impl RefusedSetting {
    /// In words.
    pub fn in_words(&self) -> String {
        format!("refused with status {}: {}", self.status, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::operation;

    const NETWORK: &str = "./Device/Vendor/MSFT/WiFi/Profile/Corp";

    fn record(fates: &mut Fates, verb: Verb, node: &str, status: u16) {
        let mdm_protocol::syncml::Command::Operation(operation) = operation("1", verb, Vec::new()) else { panic!() };
        fates.record(&operation, &LocUri::parse(node).unwrap(), StatusCode(status), Some("why"));
    }

    #[test]
    fn what_is_refused_is_remembered_until_it_is_accepted_deleted_or_forgotten() {
        let (wlan, cost) = (format!("{NETWORK}/WlanXml"), format!("{NETWORK}/WiFiCost"));
        let mut refused = Refused::new();
        let settle = |refused: &mut Refused, steps: &[(Verb, &str, u16)], at| {
            let mut fates = Fates::default();
            steps.iter().for_each(|(verb, node, status)| record(&mut fates, *verb, node, *status));
            fates.settle(refused, at).len()
        };
        assert_eq!(settle(&mut refused, &[(Verb::Replace, &wlan, 406), (Verb::Add, &cost, 415)], 10), 2);
        assert_eq!(settle(&mut refused, &[(Verb::Replace, &wlan, 406)], 20), 0, "the same is no news");
        assert_eq!((refused.len(), refused[&wlan].at), (2, 20));
        assert_eq!(settle(&mut refused, &[(Verb::Replace, &wlan, 216), (Verb::Replace, &wlan, 215)], 30), 0);
        assert_eq!(settle(&mut refused, &[(Verb::Replace, &wlan, 200)], 40), 0);
        assert_eq!(refused.keys().collect::<Vec<_>>(), [&cost]);
        settle(&mut refused, &[(Verb::Replace, &wlan, 406), (Verb::Delete, NETWORK, 404)], 50);
        assert!(!refused.contains_key(&cost), "what is deleted is not wanted any more");
        settle(&mut refused, &[], 50 + REMEMBERED_SECONDS);
        assert!(refused.is_empty());
    }

    #[test]
    fn what_is_not_remembered_is_no_news_either() {
        let mut refused = Refused::new();
        let settle = |refused: &mut Refused, first: usize| {
            let mut fates = Fates::default();
            for number in first..first + MAX_REFUSED {
                record(&mut fates, Verb::Replace, &format!("{NETWORK}{number}/WlanXml"), 406);
            }
            fates.settle(refused, 10).len()
        };
        assert_eq!(
            [settle(&mut refused, 0), settle(&mut refused, 100), settle(&mut refused, 100)],
            [MAX_REFUSED, 0, 0]
        );
        assert_eq!(refused.len(), MAX_REFUSED);
    }

    #[test]
    fn other_nodes_and_questions_are_none_of_it() {
        let mut fates = Fates::default();
        record(&mut fates, Verb::Replace, "./DevInfo/Man", 405);
        record(&mut fates, Verb::Get, &format!("{NETWORK}/WlanXml"), 404);
        assert!(fates.settle(&mut Refused::new(), 0).is_empty());
    }
}
