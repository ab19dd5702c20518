//! How compliance stands between two checks: what was found last, and whether the server knows.

use std::collections::BTreeMap;

use mdm_protocol::syncml::Format;
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::{Facts, Report, device_status, evaluate};
use crate::engine::profile::Profile;

/// Where rules have their nodes; below it is a rule's id.
const PLACE: [&str; 3] = ["Vendor", "LinuxMDM", "Compliance"];

/// What the profiles ask for, by the ids of the rules.
pub type Rules = BTreeMap<String, Rule>;

/// What was found last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// The verdicts.
    pub report: Report,
    /// What the DeviceStatus provider tells: address, format, value.
    pub nodes: Vec<(String, String, String)>,
    /// Whether the server was told of everything in the report that matters.
    pub reported: bool,
}

/// The rule that a profile is, by its id, if it is one.
pub fn rule_id(profile: &Profile) -> Option<&str> {
    let (id, place) = profile.root.segments().split_last()?;
    (place == PLACE).then_some(id.as_str())
}

/// A rule's nodes as it is read from them: values by their path.
pub fn rule_nodes(profile: &Profile) -> BTreeMap<String, String> {
    let leaves = profile.nodes.iter().filter(|(_, node)| !node.is_interior());
    leaves.map(|(path, node)| (path.clone(), node.value.clone())).collect()
}

/// The rules among these profiles. What cannot be read was refused when it came.
pub fn rules<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Rules {
    let rules = profiles.into_iter().filter_map(|profile| {
        let id = rule_id(profile)?;
        Some((id.to_owned(), Rule::read(id, &rule_nodes(profile)).ok()?))
    });
    rules.collect()
}

impl Standing {
    /// Judges the rules anew. What the server knows already is not news.
    #[must_use]
    pub fn check(&self, rules: &Rules, facts: &Facts, now: i64) -> Self {
        let report = evaluate(rules, facts, &self.report, now);
        let nodes = device_status(facts);
        let nodes = nodes.into_iter().map(|(address, format, value)| (address, format.as_str().to_owned(), value));
        let reported = self.reported && !is_news(&self.report, &report);
        // Where there never was a rule there is nothing to tell.
        let is_blank = report.verdicts.is_empty() && self.report.verdicts.is_empty();
        Self { report, nodes: nodes.collect(), reported: reported || is_blank }
    }

    /// What the server may read of it: address, format, value.
    pub fn readable(&self) -> Vec<(String, Format, String)> {
        let status = self.nodes.iter();
        let mut nodes: Vec<_> =
            status.map(|(address, format, value)| (address.clone(), Format::parse(format), value.clone())).collect();
        if self.report.checked_at > 0 {
            let base = "./Device/Vendor/LinuxMDM/ComplianceStatus";
            let text = |name: &str, value: &str| (format!("{base}/{name}"), Format::Chr, value.to_owned());
            nodes.push(text("Overall", self.report.overall.as_str()));
            nodes.push(text("CheckedAt", &crate::engine::nodes::oma_time(self.report.checked_at)));
            for verdict in &self.report.verdicts {
                let rule = format!("Rule/{}", mdm_protocol::loc_uri::encode_segment(&verdict.id));
                nodes.push(text(&format!("{rule}/State"), verdict.state.as_str()));
                nodes.push(text(&format!("{rule}/Expected"), &verdict.expected));
                nodes.push(text(&format!("{rule}/Actual"), &verdict.actual));
            }
        }
        nodes
    }
}

/// Whether a report says something that the one before did not: not when it was made, but what it says.
pub fn is_news(before: &Report, after: &Report) -> bool {
    let essence = |report: &Report| {
        let verdicts =
            report.verdicts.iter().map(|verdict| (verdict.id.clone(), verdict.state, verdict.actual.clone()));
        (report.overall, verdicts.collect::<Vec<_>>())
    };
    essence(before) != essence(after)
}
