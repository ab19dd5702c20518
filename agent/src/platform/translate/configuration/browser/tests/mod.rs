//! What profiles become, from their addresses and values to the text of documents.

/// An input from the field.
macro_rules! case {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/", $path))
    };
}

mod bad;
mod linux;
mod recommended;
mod table;
mod templates;

use std::collections::BTreeMap;

use mdm_protocol::LocUri;
use mdm_protocol::csp::policy::AdmxValue;
use mdm_protocol::syncml::{Format, StatusCode};
use serde_json::Value;

use crate::engine::profile::{Owner, Profile};
use crate::engine::tree::Node;
use crate::platform::desired::{Content, Desired, Untranslatable};
use crate::platform::document::Document;
use crate::platform::machine::{Machine, ThunderbirdPlace};
use crate::platform::site::Surroundings;
use crate::platform::testing::desired_in;

const CHROME: &str = include_str!("samples/chrome.admx");
const EDGE: &str = include_str!("samples/edge.admx");
const FIREFOX: &str = include_str!("samples/firefox.admx");

const POLICY: &str = "./Device/Vendor/MSFT/Policy";
const LINUX: &str = "./Device/Vendor/LinuxMDM/Config";

fn everything() -> Machine {
    Machine {
        chrome: true,
        chromium: Some("/etc/chromium/policies".to_owned()),
        edge: true,
        firefox: true,
        thunderbird: Some(ThunderbirdPlace { providers: None }),
        ..Machine::default()
    }
}

/// Profiles by their addresses, one leaf each, in the order in which they arrived.
fn translated(machine: &Machine, profiles: &[(String, String)]) -> Desired {
    let profile = |(arrival, (address, value)): (i64, &(String, String))| {
        let nodes = BTreeMap::from([(String::new(), Node::new(&Format::Chr, value))]);
        Profile::new(LocUri::parse(address).unwrap(), &Owner::default(), nodes, arrival).unwrap()
    };
    let profiles: Vec<Profile> = (0..).zip(profiles).map(profile).collect();
    desired_in(Surroundings::of(machine.clone()), &profiles)
}

fn template(app: &str, text: &str) -> (String, String) {
    (format!("{POLICY}/ConfigOperations/ADMXInstall/{app}/Policy/{app}Admx"), text.to_owned())
}

fn templates() -> Vec<(String, String)> {
    vec![template("Chrome", CHROME), template("Edge", EDGE), template("Firefox", FIREFOX)]
}

fn enabled(data: &[(&str, &str)]) -> String {
    AdmxValue::Enabled(data.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()).to_xml()
}

fn policy(area: &str, value: &str) -> (String, String) {
    (format!("{POLICY}/Config/{area}"), value.to_owned())
}

/// The policy that a command of a server sets.
fn of_case(command: &str) -> (String, String) {
    let limits = mdm_protocol::Limits::PAYLOAD;
    let document = mdm_protocol::xml::Document::parse(command.as_bytes(), &limits).unwrap();
    let item = document.root().child("Item").unwrap();
    let address = item.child("Target").unwrap().child("LocURI").unwrap().text();
    (address.to_string(), item.child("Data").unwrap().text().to_string())
}

/// What a document says.
fn document(desired: &Desired, document: Document) -> Value {
    let path = document.path(&everything()).unwrap();
    match desired.files.get(&path).map(|(file, _)| &file.content) {
        Some(Content::Bytes(bytes)) => serde_json::from_slice(bytes).unwrap(),
        _ => Value::Null,
    }
}

/// With the three templates and one policy: what a document says.
fn set(area: &str, value: &str, of: Document) -> Value {
    let address = policy(area, value);
    let desired = translated(&everything(), &[templates(), vec![address]].concat());
    assert_eq!(desired.without, BTreeMap::new());
    document(&desired, of)
}

/// With some profiles: why the last one asks nothing of the machine.
fn refused(machine: &Machine, profiles: &[(String, String)]) -> (StatusCode, String) {
    let mut desired = translated(machine, profiles);
    let root = LocUri::parse(&profiles.last().unwrap().0).unwrap().to_string();
    match desired.without.remove(&root) {
        Some(Untranslatable::Refused(refusal)) => (refusal.status, refusal.reason),
        other => panic!("{root} should be refused, not {other:?}: {desired:?}"),
    }
}
