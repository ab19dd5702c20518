//! What is lost is delivered again, and what nothing explains is deleted, by the inventory that a device reports.

use std::collections::BTreeMap;

use mdm_protocol::csp::inventory::{DIGEST, PROFILES, write};
use mdm_protocol::syncml::{Command, CommandId, Item, Results, StatusCode, Verb, alert_type};

use super::*;
use crate::tenant::test_support::*;
use crate::tenant::{Authority, DeliveryState, TenantMode};

const WIFI: &str = "./Device/Vendor/MSFT/WiFi/Profile/A";
const OTHER: &str = "./Device/Vendor/MSFT/WiFi/Profile/B";

#[test]
fn what_was_refused_and_is_no_longer_assigned_is_deleted_because_the_device_may_still_accept_it() {
    let mut keeper = Keeper::new();
    keeper.refuses = Some(WIFI);
    keeper.talker.profile("other", &fragment("Replace", &format!("{OTHER}/WlanXml"), "x"));
    keeper.check_in();
    // The inventory has been read by then, and does not have it.
    keeper.check_in();
    keeper.talker.tenant.remove_profile("wifi").unwrap();
    assert_eq!(keeper.check_in(), [(Verb::Delete, WIFI.to_owned())]);
    assert_eq!(keeper.check_in(), []);
}

#[test]
fn what_a_device_has_accepted_later_is_sent_once_more_so_that_its_status_is_known() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    let state = |keeper: &Keeper| keeper.talker.tenant.devices["device-1"].profiles["wifi"].state;
    let report = |node: &str| {
        let item = Item::default().with_meta(mdm_protocol::syncml::Meta::media_type(alert_type::ACCEPTED));
        vec![alert(mdm_protocol::syncml::AlertCode::GENERIC, vec![item.with_data(format!(r#"[{{"node":"{node}"}}]"#))])]
    };
    assert_eq!(keeper.check_in_saying(report(&format!("{WIFI}/WlanXml"))), [], "it was not refused");
    let entry = keeper.talker.tenant.devices.get_mut("device-1").unwrap().profiles.get_mut("wifi").unwrap();
    entry.state = DeliveryState::Failed(420);
    assert_eq!(keeper.check_in_saying(report(&format!("{OTHER}/WlanXml"))), []);
    assert_eq!(state(&keeper), DeliveryState::Failed(420));
    let sent = keeper.check_in_saying(report(&format!("{WIFI}/WlanXml")));
    assert_eq!(sent, [(Verb::Replace, format!("{WIFI}/WlanXml"))]);
    assert_eq!(state(&keeper), DeliveryState::Delivered);
}

/// A device that keeps profiles: owner and content by the address of their own node.
struct Keeper {
    talker: Talker,
    held: BTreeMap<String, (String, String)>,
    /// The address of a profile that it refuses.
    refuses: Option<&'static str>,
    /// The authority on whose behalf the server speaks.
    owner: &'static str,
}

impl Keeper {
    fn new() -> Self {
        let mut talker = Talker::new();
        talker.tenant.devices.get_mut("device-1").unwrap().inventory.refused = None;
        talker.profile("wifi", &fragment("Replace", &format!("{WIFI}/WlanXml"), "x"));
        Self { talker, held: BTreeMap::new(), refuses: None, owner: Authority::Intune.name() }
    }

    fn entries(&self) -> Vec<InventoryEntry> {
        let entry = |(address, (authority, content)): (&String, &(String, String))| InventoryEntry {
            address: address.clone(),
            authority: authority.clone(),
            content: content.clone(),
        };
        self.held.iter().map(entry).collect()
    }

    /// A session in which everything is done; the commands that change something.
    fn check_in(&mut self) -> Vec<(Verb, String)> {
        self.check_in_saying(Vec::new())
    }

    fn check_in_saying(&mut self, more: Vec<Command>) -> Vec<(Verb, String)> {
        let mut reply = self.talker.begin(more);
        let mut seen = Vec::new();
        while let Some(message) = reply {
            let mut answers = Vec::new();
            for command in work(&message) {
                let Command::Operation(operation) = &command else { panic!("{command:?}") };
                let target = operation.items[0].target.clone().unwrap_or_default();
                let is_refused = self.refuses.is_some_and(|root| target.starts_with(root));
                let code = match operation.verb {
                    Verb::Replace | Verb::Add if is_refused => StatusCode::NOT_SUPPORTED,
                    Verb::Delete if is_refused => StatusCode::NOT_FOUND,
                    _ => StatusCode::OK,
                };
                answers.push(status(&message, &command, code));
                match operation.verb {
                    _ if !code.is_success() => seen.push((operation.verb, target)),
                    Verb::Get => answers.extend(self.read(&message, &command, &target)),
                    verb => {
                        self.obey(verb, &target, operation.items[0].data.as_deref().unwrap_or_default());
                        seen.push((verb, target));
                    }
                }
            }
            if answers.is_empty() {
                break;
            }
            reply = self.talker.send(answers);
        }
        seen
    }

    fn obey(&mut self, verb: Verb, target: &str, value: &str) {
        let uri = mdm_protocol::LocUri::parse(target).unwrap();
        let Some(address) = mdm_protocol::csp::profile::ProfileAddress::locate(&uri) else { return };
        let root = address.root.to_string();
        if verb == Verb::Delete {
            self.held.remove(&root);
        } else {
            self.held.insert(root, (self.owner.to_owned(), value.to_owned()));
        }
    }

    fn read(&self, message: &mdm_protocol::syncml::Message, command: &Command, target: &str) -> Option<Command> {
        let text = match target {
            DIGEST => digest(&self.entries()),
            PROFILES => write(&self.entries()),
            _ => return None,
        };
        Some(Command::Results(Results {
            id: CommandId::default(),
            message_ref: message.header.message_id,
            command_ref: command.id().clone(),
            meta: mdm_protocol::syncml::Meta::default(),
            items: vec![Item::source(target).with_data(text)],
        }))
    }
}

fn sent(root: &str) -> Vec<(Verb, String)> {
    vec![(Verb::Replace, format!("{root}/WlanXml"))]
}

#[test]
fn what_the_device_lost_is_delivered_again_whether_or_not_it_said_so() {
    let mut keeper = Keeper::new();
    assert_eq!(keeper.check_in(), sent(WIFI));
    assert_eq!(keeper.check_in(), []);
    keeper.held.clear();
    assert_eq!(keeper.check_in(), sent(WIFI), "by the digest");
    assert_eq!(keeper.talker.delivery("wifi"), Some(DeliveryState::Delivered));
    let data = format!(r#"{{"kind":"wifi","name":"A","authority":"Intune","address":"{WIFI}"}}"#);
    let item =
        Item::default().with_meta(mdm_protocol::syncml::Meta::media_type(alert_type::PROFILE_REMOVED)).with_data(data);
    keeper.held.clear();
    let removed = alert(mdm_protocol::syncml::AlertCode::GENERIC, vec![item]);
    assert_eq!(keeper.check_in_saying(vec![removed]), sent(WIFI), "by the report");
    assert_eq!(keeper.check_in(), []);
}

#[test]
fn a_restored_device_and_a_restored_tenant_come_right_in_one_session() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    let old = keeper.held.clone();
    keeper.talker.profile("wifi", &fragment("Replace", &format!("{WIFI}/WlanXml"), "y"));
    assert_eq!(keeper.check_in(), sent(WIFI));
    keeper.held = old;
    assert_eq!(keeper.check_in(), sent(WIFI), "the device's disk was restored");
    assert_eq!(keeper.held[WIFI].1, "y");
    // The tenant was restored to a moment before the device had anything.
    let device = keeper.talker.tenant.devices.get_mut("device-1").unwrap();
    (device.inventory, device.profiles, device.nodes) = Default::default();
    keeper.held.insert(OTHER.to_owned(), ("Intune".to_owned(), "z".to_owned()));
    let commands = keeper.check_in();
    assert!(commands.contains(&(Verb::Delete, OTHER.to_owned())), "{commands:?}");
    assert_eq!(keeper.held.keys().collect::<Vec<_>>(), [WIFI]);
    assert_eq!(keeper.check_in(), []);
}

#[test]
fn what_was_unassigned_while_the_device_was_away_and_forgotten_here_is_deleted_in_the_first_session() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    keeper.talker.tenant.remove_profile("wifi").unwrap();
    keeper.talker.tenant.devices.get_mut("device-1").unwrap().nodes = super::super::fragment::Nodes::default();
    // Of another authority of the tenant's past there is nothing to say.
    keeper.held.insert(OTHER.to_owned(), (Authority::CoManagement.name().to_owned(), "z".to_owned()));
    assert_eq!(keeper.check_in(), [(Verb::Delete, WIFI.to_owned())]);
    assert_eq!(keeper.held.keys().collect::<Vec<_>>(), [OTHER]);
    assert_eq!(keeper.check_in(), []);
}

#[test]
fn where_there_are_two_authorities_the_one_leaves_nothing_of_the_other() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    keeper.talker.tenant.settings.authority = TenantMode::Coexistence;
    keeper.held.insert(OTHER.to_owned(), (Authority::Office365.name().to_owned(), "z".to_owned()));
    assert_eq!(keeper.check_in(), [(Verb::Delete, OTHER.to_owned())]);
    assert_eq!(keeper.check_in(), []);
}

#[test]
fn what_a_command_has_set_needs_no_assignment() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    let command = fragment("Replace", &format!("{OTHER}/WlanXml"), "y");
    keeper.talker.tenant.queue_command("device-1", &command, NOW).unwrap();
    assert_eq!(keeper.check_in(), sent(OTHER));
    assert_eq!(keeper.check_in(), []);
    assert_eq!(keeper.held.len(), 2);
}

#[test]
fn names_that_differ_only_in_case_are_two_and_what_came_before_the_authoritys_name_is_its_own() {
    let mut keeper = Keeper::new();
    keeper.owner = PROVIDER_ID;
    assert_eq!(keeper.check_in(), sent(WIFI));
    assert_eq!(keeper.talker.delivery("wifi"), Some(DeliveryState::Delivered));
    keeper.owner = Authority::Intune.name();
    let lower = "./Device/Vendor/MSFT/WiFi/Profile/a";
    keeper.held.insert(lower.to_owned(), ("Intune".to_owned(), "z".to_owned()));
    assert_eq!(keeper.check_in(), [(Verb::Delete, lower.to_owned())]);
    keeper.held.clear();
    keeper.held.insert(lower.to_owned(), ("Intune".to_owned(), "z".to_owned()));
    let commands = keeper.check_in();
    assert!(commands.contains(&sent(WIFI)[0]), "{commands:?}");
}

#[test]
fn another_client_is_asked_once_and_again_after_a_week() {
    let mut talker = Talker::new();
    talker.tenant.devices.get_mut("device-1").unwrap().inventory.refused = None;
    let asked = |talker: &mut Talker| {
        let commands = talker.check_in_answering(|_| StatusCode::NOT_FOUND);
        commands.len()
    };
    assert_eq!([asked(&mut talker), asked(&mut talker)], [1, 0]);
    talker.now += 7 * 86_400;
    assert_eq!(asked(&mut talker), 1);
}

#[test]
fn a_device_that_answers_nonsense_is_no_reason_to_send_or_delete_anything() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    let device = keeper.talker.tenant.devices.get_mut("device-1").unwrap();
    device.inventory.held.clear();
    let before = (device.profiles.clone(), device.nodes.clone());
    let reply = keeper.talker.begin(Vec::new()).unwrap();
    let get = work(&reply).remove(0);
    let nonsense = |text: &str, message: &mdm_protocol::syncml::Message, command: &Command| {
        Command::Results(Results {
            id: CommandId::default(),
            message_ref: message.header.message_id,
            command_ref: command.id().clone(),
            meta: mdm_protocol::syncml::Meta::default(),
            items: vec![Item::source(PROFILES).with_data(text)],
        })
    };
    let answers = vec![status(&reply, &get, StatusCode::OK), nonsense("what?", &reply, &get)];
    let reply = keeper.talker.send(answers).unwrap();
    let get = work(&reply).remove(0);
    let answers = vec![status(&reply, &get, StatusCode::OK), nonsense("no\tlist", &reply, &get)];
    keeper.talker.send(answers);
    let device = keeper.talker.tenant.device("device-1").unwrap();
    assert_eq!((device.profiles.clone(), device.nodes.clone()), before);
}

#[test]
fn the_console_shows_as_redundant_only_what_the_device_holds() {
    let mut keeper = Keeper::new();
    keeper.check_in();
    let leftover = ("Co-management".to_owned(), "y".to_owned());
    keeper.held.insert(OTHER.to_owned(), leftover);
    keeper.check_in();
    let listed = |name: &str| serde_json::json!({ "kind": "wifi", "name": name, "authority": "Co-management" });
    // A tenant that was restored shows a list of before.
    let device = keeper.talker.tenant.devices.get_mut("device-1").unwrap();
    device.redundant = Some(serde_json::json!([listed("B"), listed("gone")]));
    device.inventory.held.clear();
    keeper.check_in();
    let view = keeper.talker.tenant.device_view("device-1").unwrap();
    assert_eq!(view.redundant, Some(serde_json::json!([listed("B")])));
    keeper.held.remove(OTHER);
    keeper.check_in();
    assert_eq!(keeper.talker.tenant.device_view("device-1").unwrap().redundant, None);
}
