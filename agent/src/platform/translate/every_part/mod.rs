//! Every part that the tables know is added to every profile that may have it, with several values: it changes what is
//! asked of the machine, or it is named as having no effect, or the profile is refused (rule C4). What came of it is the
//! list `agent/doc/payload-parts.md`; `MDM_WRITE_LISTS=1 cargo test -p mdm-agent every_part` writes it.

mod bases;
mod document;
mod list;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::bases::{Base, ONE_X};
use self::document::{List, with};
use super::account::{Known, Treatment};
use super::certificate::testing::made;
use super::{certificate, eap, email, vpn, wifi};
use crate::engine::certificate_request;
use crate::platform::desired::{Content, Untranslatable};
use crate::platform::site::Surroundings;
use crate::platform::testing::desired_in;

/// Where a tunnel has its enterprise method.
const TUNNEL: &str = "NativeProfile/Authentication/Eap/Configuration";
/// The names of tables where a tunnel has them.
const TUNNELS: [(&str, &str); 4] = [
    ("EAP", "EAP of a tunnel"),
    ("EAP-TLS", "EAP-TLS of a tunnel"),
    ("PEAP", "PEAP of a tunnel"),
    ("EAP-MSCHAPv2", "EAP-MSCHAPv2 of a tunnel"),
];

/// What a profile comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Files by path with their content, a certificate that is ordered, and parts without an effect.
    Applied(BTreeMap<String, String>, String, Vec<String>),
    /// It is refused.
    Refused(String),
    /// It waits.
    Waits(String),
}

/// What becomes of a part in one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Effect,
    NoEffect,
    Refused,
    Waits,
    Silent,
}

fn outcome(base: &Base, nodes: &List) -> Outcome {
    let profile = base.profile(nodes);
    let root = profile.root.to_string();
    let order = certificate_request::order(&profile).map(|order| format!("{order:?}")).unwrap_or_default();
    let profiles: Vec<_> = base.others.iter().cloned().chain([profile]).collect();
    let shares = Arc::clone(&base.shares);
    let surroundings = Surroundings { shares, ..Surroundings::of(base.machine.clone()).for_user("ada@example.org") };
    let desired = desired_in(surroundings, &profiles);
    match desired.without.get(&root) {
        // A certificate that is ordered is not there yet; what it is ordered with counts.
        Some(Untranslatable::Waiting(_)) if base.name == "SCEP" && !order.is_empty() => {}
        Some(Untranslatable::Waiting(reason)) => return Outcome::Waits(reason.clone()),
        Some(Untranslatable::Refused(refusal)) => return Outcome::Refused(refusal.reason.clone()),
        None => {}
    }
    let text = |content: &Content| match content {
        Content::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Content::Link(target) => target.clone(),
    };
    let files = desired.files.iter().map(|(path, (file, _))| (path.to_string(), text(&file.content))).collect();
    let mut without_effect = desired.without_effect.get(&root).cloned().unwrap_or_default();
    if base.name == "SCEP" {
        let address = profiles[profiles.len() - 1].address().unwrap();
        without_effect = super::account::account(&profiles[profiles.len() - 1], &address).unwrap();
    }
    Outcome::Applied(files, order, without_effect)
}

fn fate(before: &Outcome, after: &Outcome) -> Fate {
    match (before, after) {
        (_, Outcome::Refused(_)) => Fate::Refused,
        (_, Outcome::Waits(_)) => Fate::Waits,
        (Outcome::Applied(files, order, notes), Outcome::Applied(new_files, new_order, new_notes)) => {
            if files != new_files || order != new_order {
                Fate::Effect
            } else if new_notes.iter().any(|note| !notes.contains(note)) {
                Fate::NoEffect
            } else {
                Fate::Silent
            }
        }
        (before, _) => panic!("the profile does not work to begin with: {before:?}"),
    }
}

/// The tables with how a part of theirs is added to a profile, for the profiles that have such parts.
fn parts_of(base: &Base) -> Vec<(&'static str, &'static Known, String)> {
    let is_wifi = base.root.contains("/WiFi/");
    let plain = |path: &str| path.replace("<>", "0").replace("...", "x");
    let below = |prefix: &str, path: &str| format!("{prefix}{}", plain(path));
    let mut parts = Vec::new();
    let mut add = |name: &'static str, table: &'static [Known], prefix: &str| {
        parts.extend(table.iter().map(|known| (name, known, below(prefix, known.path))));
    };
    if is_wifi {
        add("WiFi", wifi::NODES, "");
        add("WiFi, WlanXml", wifi::WLAN, "WlanXml/");
    } else if base.root.contains("/VPNv2/") {
        add("VPNv2", vpn::NODES, "");
    } else if base.root.contains("/EMAIL2/") {
        add("EMAIL2", email::MAILBOX, "");
    } else if base.root.contains("/ActiveSync/") {
        add("ActiveSync", email::EXCHANGE, "");
    } else if base.root.contains("/PFXCertInstall/") {
        add("PFXCertInstall", certificate::PFX, "");
    } else {
        add("SCEP", certificate::SCEP, "Install/");
    }
    let host = if is_wifi { format!("WlanXml/{ONE_X}") } else { TUNNEL.to_owned() };
    let own: &'static [Known] = if is_wifi { &[] } else { vpn::EAP };
    for (name, table, above) in method_tables(&base.nodes) {
        let is_own = |known: &&Known| own.iter().any(|own| own.path == known.path);
        let has = |known: &&Known| table.iter().any(|other| other.path == known.path);
        let known = own.iter().filter(has).chain(table.iter().filter(|known| !is_own(known)));
        let name =
            if is_wifi { name } else { TUNNELS.iter().find(|(of, _)| *of == name).map_or(name, |(_, name)| name) };
        parts.extend(known.map(|known| (name, known, format!("{host}/{above}{}", plain(known.path)))));
    }
    parts.retain(|(_, known, _)| !is_document(known.path));
    parts
}

/// Elements that have others inside in every document that makes sense.
fn is_document(path: &str) -> bool {
    ["WlanXml", "ProfileXML", "NativeProfile/Authentication/Eap/Configuration", "MSM/security/OneX/EAPConfig"]
        .contains(&path)
        || ["Config", "Config/Eap/EapType", "Eap/EapType"].contains(&path)
}

/// The tables of the methods that a profile has, and where their parts are below its `EapHostConfig`.
fn method_tables(nodes: &List) -> Vec<(&'static str, &'static [Known], &'static str)> {
    let has = |end: &str, value: &str| nodes.iter().any(|(path, known)| path.ends_with(end) && known == value);
    let outer = "Config/Eap/EapType/";
    let all: [(&str, &[Known], &str, bool); 5] = [
        (
            "EAP",
            eap::HOST,
            "",
            has("EapMethod/Type", "13") || has("EapMethod/Type", "25") || has("EapMethod/Type", "21"),
        ),
        ("EAP-TLS", eap::TLS, outer, has("EapMethod/Type", "13")),
        ("PEAP", eap::PEAP, outer, has("EapMethod/Type", "25")),
        ("EAP-MSCHAPv2", eap::MSCHAPV2, "Config/Eap/EapType/Eap/EapType/", has("EapType/Eap/Type", "26")),
        ("EAP-TTLS", eap::TTLS, "", has("EapMethod/Type", "21")),
    ];
    all.into_iter().filter(|(.., is_there)| *is_there).map(|(name, table, above, _)| (name, table, above)).collect()
}

/// What became of every part in every profile: by payload and path, the names of profiles by fate.
type Table = BTreeMap<(&'static str, &'static str), (Treatment, BTreeMap<Fate, BTreeSet<&'static str>>)>;

fn try_all() -> (Table, Vec<String>) {
    let made = made("ada");
    let mut table = Table::new();
    let mut wrong = Vec::new();
    for base in bases::all(&made) {
        let applies = outcome(&base, &base.nodes);
        assert!(matches!(applies, Outcome::Applied(..)), "{}: {applies:?}", base.name);
        for (payload, known, path) in parts_of(&base) {
            let mut prepared = base.nodes.clone();
            for (path, value) in samples::company(&path) {
                prepared = with(&prepared, &path, value);
            }
            let before = match outcome(&base, &prepared) {
                // Alone it is not even begun, so that it is compared with what there was.
                Outcome::Waits(_) | Outcome::Refused(_) => applies.clone(),
                before => before,
            };
            let mut fates = BTreeSet::new();
            // Of one that is there already, it counts what comes of leaving it out.
            let without: List = prepared.iter().filter(|(known, _)| *known != path).cloned().collect();
            if without.len() < prepared.len() {
                fates.insert(fate(&before, &outcome(&base, &without)));
            }
            for value in samples::values(&path) {
                let after = outcome(&base, &with(&prepared, &path, value));
                let fate = fate(&before, &after);
                fates.insert(fate);
                if let Some(why) = contradiction(known, value, fate, &before, &after) {
                    wrong.push(format!("{}: {payload} {} = {value}: {why}", base.name, known.path));
                }
            }
            if let Some(value) = taken_twice(&base, known, &prepared, &path) {
                wrong.push(format!("{}: {payload} {} = {value}, twice: one of the two is lost", base.name, known.path));
            }
            if known.treatment == Treatment::Translated && fates.iter().all(|fate| *fate == Fate::Silent) {
                wrong.push(format!("{}: {payload} {}: nothing comes of any value", base.name, known.path));
            }
            let entry = table.entry((payload, known.path)).or_insert_with(|| (known.treatment, BTreeMap::new()));
            for fate in fates.into_iter().filter(|fate| *fate != Fate::Silent) {
                entry.1.entry(fate).or_default().insert(base.name);
            }
        }
    }
    (table, wrong)
}

/// A value of a part of a document that may be there once and is taken twice.
fn taken_twice(base: &Base, known: &Known, prepared: &List, path: &str) -> Option<&'static str> {
    let is_of_document = path.contains("WlanXml/") || path.contains("Eap/Configuration/");
    if known.many || !is_of_document || path.contains('@') {
        return None;
    }
    samples::values(path).find(|value| {
        let once = with(prepared, path, value);
        let place = once.iter().position(|(known, _)| known == path).unwrap_or(0);
        let mut twice = once.clone();
        twice.insert(place, (path.to_owned(), (*value).to_owned()));
        matches!(outcome(base, &twice), Outcome::Applied(..))
    })
}

/// What a table says and what was found.
fn contradiction(known: &Known, value: &str, fate: Fate, before: &Outcome, after: &Outcome) -> Option<String> {
    let says = |words: &str| Some(format!("the table says {words}, found {fate:?}"));
    let is_named = |outcome: &Outcome| match outcome {
        Outcome::Applied(_, _, notes) => notes.iter().any(|note| note.contains(last(known.path))),
        _ => false,
    };
    match (known.treatment, fate) {
        (Treatment::NoEffect(_), Fate::NoEffect | Fate::Refused) => None,
        // It was named before already.
        (Treatment::NoEffect(_), Fate::Silent) if is_named(before) && is_named(after) => None,
        (Treatment::NoEffect(_), _) => says("that it has no effect"),
        (Treatment::Refused(_), Fate::Refused) => None,
        (Treatment::Refused(_), _) => says("that it is refused"),
        (Treatment::Only(values, _), Fate::Silent | Fate::Refused | Fate::NoEffect) => {
            let value = match value {
                "1" => "true",
                "0" if !values.contains(&"0") => "false",
                other => other,
            };
            let is_allowed = values.iter().any(|allowed| allowed.eq_ignore_ascii_case(value));
            // Beside something else it may be refused with the rest.
            if is_allowed || fate == Fate::Refused { None } else { says("that only others are taken") }
        }
        (Treatment::Only(..), _) => says("that it asks for nothing"),
        (Treatment::Translated, _) => None,
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').find(|step| !["<>", "..."].contains(step)).unwrap_or(path)
}

#[test]
fn every_part_of_every_payload_has_an_effect_or_is_named_or_refused() {
    let (table, wrong) = try_all();
    assert!(wrong.is_empty(), "{} of the parts:\n{}", wrong.len(), wrong.join("\n"));
    list::check(&table);
}

#[test]
fn a_part_that_no_table_knows_is_refused_by_name_wherever_it_stands() {
    let made = made("ada");
    for base in bases::all(&made) {
        let mut places = vec!["Unheard".to_owned()];
        if base.nodes.iter().any(|(path, _)| path.starts_with("WlanXml/")) {
            places = ["WlanXml/Unheard", "WlanXml/MSM/security/Unheard/Of", "Unheard"].map(str::to_owned).to_vec();
        }
        if base.nodes.iter().any(|(path, _)| path.contains("Eap/Configuration/")) {
            places.push("NativeProfile/Authentication/Eap/Configuration/Config/Unheard".to_owned());
        }
        if base.name == "SCEP" {
            places = vec!["Install/Unheard".to_owned()];
        }
        for place in places {
            let after = outcome(&base, &with(&base.nodes, &place, "x"));
            assert!(matches!(&after, Outcome::Refused(reason) if reason.contains("Unheard")), "{place}: {after:?}");
        }
    }
}
