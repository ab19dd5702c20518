//! Every part of a payload is accounted for: it has an effect on the machine, or it is reviewed and has none, with the
//! reason, or its profile is refused by its name (rule C4). The tables are beside the translations; here is how they are
//! read. Whether a part that should have an effect has one is tried out by `tests/tests/every_part.rs`.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::csp::parts::parts;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::VpnProfile;
use mdm_protocol::xml::{Document, Limits, without_declaration};

use super::{certificate, eap, email, vpn, wifi};
use crate::engine::profile::Profile;
use crate::platform::desired::Untranslatable;

/// What becomes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It has an effect on the machine, or its value is refused by its translation.
    Translated,
    /// It has none, for this reason.
    NoEffect(&'static str),
    /// With one of these values it asks for what is so anyway; with any other it is refused, for this reason.
    Only(&'static [&'static str], &'static str),
    /// It is refused, for this reason.
    Refused(&'static str),
}

/// A part that is known.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its path in its node or document: `<>` stands for any name, `...` at the end for anything below.
    pub path: &'static str,
    /// Whether there may be several of it.
    pub many: bool,
    /// What becomes of it.
    pub treatment: Treatment,
}

/// Parts of one payload.
pub type Table = &'static [Known];

/// It has an effect.
pub const fn translated(path: &'static str) -> Known {
    Known { path, many: false, treatment: Treatment::Translated }
}

/// It has an effect, each time that it is given.
pub const fn each(path: &'static str) -> Known {
    Known { path, many: true, treatment: Treatment::Translated }
}

/// It has no effect, for this reason.
pub const fn no_effect(path: &'static str, reason: &'static str) -> Known {
    Known { path, many: true, treatment: Treatment::NoEffect(reason) }
}

/// It asks for what is so anyway; any other value is refused, for this reason.
pub const fn only(path: &'static str, values: &'static [&'static str], reason: &'static str) -> Known {
    Known { path, many: true, treatment: Treatment::Only(values, reason) }
}

/// It is refused, for this reason.
pub const fn refused(path: &'static str, reason: &'static str) -> Known {
    Known { path, many: true, treatment: Treatment::Refused(reason) }
}

/// Accounts for every part of a profile. Answers with those that have no effect, each with its reason.
///
/// # Errors
/// A part is refused, or not known: status 406, with its name.
pub fn account(profile: &Profile, address: &ProfileAddress) -> Result<Vec<String>, Untranslatable> {
    let segments: Vec<&str> = address.root.segments().iter().map(String::as_str).collect();
    let leaves = profile.leaves();
    let mut account = Account::default();
    match segments.get(2..) {
        Some(["WiFi", ..]) => {
            account.leaves(&leaves.0, &[wifi::NODES]);
            account.document("WlanXml", leaves.get("WlanXml"), &[wifi::WLAN]);
        }
        Some(["VPNv2", ..]) => {
            let nodes = VpnProfile::nodes(&leaves)?;
            account.leaves(&nodes.0, &[vpn::NODES]);
            let configuration = nodes.get("NativeProfile/Authentication/Eap/Configuration");
            account.document("Eap/Configuration", configuration, &[vpn::EAP]);
        }
        Some(["EMAIL2", ..]) => account.leaves(&leaves.0, &[email::MAILBOX]),
        Some(["ActiveSync", ..]) => account.leaves(&leaves.0, &[email::EXCHANGE]),
        Some(["ClientCertificateInstall", "PFXCertInstall", ..]) => account.leaves(&leaves.0, &[certificate::PFX]),
        Some(["ClientCertificateInstall", "SCEP", ..]) => {
            let below = leaves.0.iter().filter_map(|(path, value)| Some((path.strip_prefix("Install/")?, value)));
            for (path, value) in below {
                account.part("", path, path, value, &[certificate::SCEP]);
            }
        }
        // A certificate to trust is one value, and a setting is read as a whole.
        _ => {}
    }
    account.settle()
}

#[derive(Debug, Default)]
struct Account {
    seen: BTreeSet<String>,
    without_effect: Vec<String>,
    refused: Vec<String>,
}

/// How many refused parts are named at once.
const MAX_NAMED: usize = 8;

impl Account {
    fn leaves(&mut self, leaves: &BTreeMap<String, String>, tables: &[Table]) {
        for (path, value) in leaves.iter().filter(|(path, _)| !path.is_empty()) {
            self.part("", path, path, value, tables);
        }
    }

    /// The parts of a document in a node. Those of an enterprise method have tables of their own besides these. What is
    /// not well-formed is refused by its translation.
    fn document(&mut self, node: &str, text: Option<&str>, tables: &[Table]) {
        let Some(text) = text else { return };
        let Ok(document) = Document::parse(without_declaration(text).as_bytes(), &Limits::PAYLOAD) else { return };
        let root = document.root();
        let parts = parts(root);
        for part in &parts {
            if !root.is("EapHostConfig") && !part.path.contains("EapHostConfig/") {
                self.part(node, &part.path, &part.path, part.value, tables);
                continue;
            }
            let place = eap::locate(&part.path, &parts);
            let tables: Vec<Table> = tables.iter().copied().chain([place.table]).collect();
            self.part(node, &part.path, place.path, part.value, &tables);
        }
    }

    /// One part: its node, its path for people, its path for the tables.
    fn part(&mut self, node: &str, full: &str, path: &str, value: &str, tables: &[Table]) {
        let name = if node.is_empty() { full.to_owned() } else { format!("{node}: {}", shortened(full)) };
        let mut known = tables.iter().flat_map(|table| table.iter());
        let known = known.find(|known| fits(known.path, path));
        let is_first = self.seen.insert(format!("{node}/{full}"));
        let refused = match known.map(|known| (known.many, known.treatment)) {
            None => Some("is not known to this agent"),
            Some((false, _)) if !is_first => Some("is given more than once"),
            Some((_, Treatment::Only(values, reason))) => (!allows(values, value)).then_some(reason),
            // An empty element asks for nothing.
            Some((_, Treatment::Refused(reason))) => (!value.is_empty()).then_some(reason),
            Some((_, Treatment::Translated)) => None,
            Some((_, Treatment::NoEffect(reason))) => {
                let line = format!("{name}: {reason}");
                if !self.without_effect.contains(&line) {
                    self.without_effect.push(line);
                }
                None
            }
        };
        self.refused.extend(refused.map(|reason| format!("{name}: {reason}")));
    }

    /// Everything that is refused is named at once: an administrator should not have to ask again and again.
    fn settle(mut self) -> Result<Vec<String>, Untranslatable> {
        if self.refused.is_empty() {
            return Ok(self.without_effect);
        }
        let more = self.refused.len().saturating_sub(MAX_NAMED);
        self.refused.truncate(MAX_NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Err(Untranslatable::unsupported(format!("{}{more}", self.refused.join("; "))))
    }
}

/// The end of a path, which is what people look for in a document.
fn shortened(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/').map(|(place, _)| place + 1);
    slashes.nth(1).map_or(path, |place| &path[place..])
}

/// Names are compared as the providers do, in any case.
fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for step in pattern.split('/') {
        match segments.next() {
            _ if step == "..." => return true,
            Some(segment) if step == "<>" || segment.eq_ignore_ascii_case(step) => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

fn allows(values: &[&str], value: &str) -> bool {
    let value = match value.trim() {
        "1" if values.contains(&"true") => "true",
        "0" if values.contains(&"false") => "false",
        other => other,
    };
    values.iter().any(|allowed| allowed.eq_ignore_ascii_case(value))
}
