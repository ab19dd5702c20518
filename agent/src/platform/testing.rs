//! What the platform's tests share: a machine that has everything, and profiles.

use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Format, StatusCode};

use super::assembly::Assembly;
use super::desired::{Content, Desired, Untranslatable};
use super::machine::{DconfPlace, Machine, ThunderbirdPlace, TrustStore, UpdateTool};
use super::site::Surroundings;
use crate::engine::profile::{Owner, Profile};
use crate::engine::tree::Node;

/// A Debian desktop on which everything is installed.
pub(crate) fn everything() -> Machine {
    Machine {
        network_manager: true,
        strongswan_plugin: true,
        openvpn_plugin: true,
        swanctl: true,
        openvpn: true,
        wireguard_tools: true,
        trust_store: Some(TrustStore::Debian),
        dconf: Some(DconfPlace::Own),
        pwquality: true,
        faillock: true,
        pwhistory: true,
        udev: true,
        modprobe: true,
        sysctl: true,
        updates: Some(UpdateTool::UnattendedUpgrades),
        chrome: true,
        chromium: Some("/etc/chromium/policies".to_owned()),
        edge: true,
        firefox: true,
        thunderbird: Some(ThunderbirdPlace { providers: Some("/usr/share/thunderbird/isp".to_owned()) }),
        time_zones: true,
        read_only: std::collections::BTreeSet::new(),
    }
}

/// A profile with leaves below its own node; an empty path is the node itself.
pub(crate) fn profile(root: &str, leaves: &[(&str, &str)]) -> Profile {
    let root = LocUri::parse(root).unwrap();
    let nodes = leaves.iter().map(|(path, value)| ((*path).to_owned(), Node::new(&Format::Chr, *value))).collect();
    let owner = Owner { authority: "Contoso".to_owned(), epoch: 0, session: 1 };
    Profile::new(root, &owner, nodes, 0).unwrap()
}

/// What a machine should have because of these profiles.
pub(crate) fn desired_on(machine: &Machine, profiles: &[Profile]) -> Desired {
    let user = Some("ada@example.org".to_owned());
    desired_in(Surroundings { user, ..Surroundings::of(machine.clone()) }, profiles)
}

/// What a machine should have in these surroundings.
pub(crate) fn desired_in(surroundings: Surroundings, profiles: &[Profile]) -> Desired {
    Assembly::of_stored(surroundings, profiles.iter().cloned().map(Arc::new)).desired()
}

/// The content of the only file in a directory.
pub(crate) fn only_file(desired: &Desired, directory: &str) -> String {
    let files: Vec<_> = desired.files.iter().filter(|(path, _)| path.directory() == directory).collect();
    let [(_, (file, _))] = files[..] else { panic!("{} files in {directory}: {desired:?}", files.len()) };
    match &file.content {
        Content::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Content::Link(target) => format!("-> {target}"),
    }
}

/// The status and the reason with which the only profile is refused.
pub(crate) fn refusal(machine: &Machine, profile: &Profile) -> (StatusCode, String) {
    let desired = desired_on(machine, std::slice::from_ref(profile));
    assert!(desired.files.is_empty(), "something is written all the same: {desired:?}");
    match desired.without.into_values().next() {
        Some(Untranslatable::Refused(refusal)) => (refusal.status, refusal.reason),
        other => panic!("not refused: {other:?}"),
    }
}

/// What the only profile waits for.
pub(crate) fn waiting(desired: &Desired) -> String {
    match desired.without.values().next() {
        Some(Untranslatable::Waiting(reason)) => reason.clone(),
        other => panic!("it does not wait: {other:?}"),
    }
}
