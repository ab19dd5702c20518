//! A package: the commands of one message, as they are drawn, shrunk and printed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{self, CommandId, Format, Group, Meta, Operation, Verb};

/// The commands of one message.
pub type Package = Vec<Top>;

/// A command at the top of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Top {
    /// Add, Replace, Delete, Get or Exec.
    Single(Single),
    /// All or nothing.
    Atomic(Vec<Single>),
    /// In order, whatever fails.
    Sequence(Vec<Self>),
}

/// Add, Replace, Delete, Get or Exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// What is done.
    pub verb: Verb,
    /// To which nodes.
    pub items: Vec<Item>,
}

/// A node, with a value where the verb takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The node's address.
    pub address: String,
    /// The value.
    pub value: String,
    /// Its format, where it is stated.
    pub format: Option<Format>,
}

impl Top {
    /// The commands on the wire, numbered in the order of the message from `next` on.
    pub fn encode(&self, next: &mut u32) -> syncml::Command {
        let id = CommandId::from(*next);
        *next += 1;
        match self {
            Self::Single(single) => syncml::Command::Operation(single.encode(id)),
            Self::Atomic(members) => {
                let commands = members.iter().map(|member| Self::Single(member.clone()).encode(next)).collect();
                syncml::Command::Atomic(Group { id, commands })
            }
            Self::Sequence(members) => {
                let commands = members.iter().map(|member| member.encode(next)).collect();
                syncml::Command::Sequence(Group { id, commands })
            }
        }
    }
}

impl Single {
    /// One item.
    pub fn one(verb: Verb, address: &str, value: &str) -> Self {
        let item = Item { address: address.to_owned(), value: value.to_owned(), format: None };
        Self { verb, items: vec![item] }
    }

    fn encode(&self, id: CommandId) -> Operation {
        let items = self.items.iter().map(|item| {
            let meta = item.format.clone().map_or_else(Meta::default, Meta::format);
            let encoded = syncml::Item::target(&item.address).with_meta(meta);
            match self.verb {
                Verb::Get | Verb::Delete => encoded,
                Verb::Add | Verb::Replace | Verb::Exec => encoded.with_data(&item.value),
            }
        });
        Operation { id, verb: self.verb, meta: Meta::default(), items: items.collect() }
    }
}

/// The commands of a package on the wire.
pub fn encode(package: &[Top]) -> Vec<syncml::Command> {
    let mut next = 2;
    package.iter().map(|top| top.encode(&mut next)).collect()
}

/// A package as SyncML, a command a line.
pub fn print(package: &[Top]) -> String {
    let mut text = String::new();
    for command in encode(package) {
        let message = syncml::Message { commands: vec![command], ..syncml::Message::default() }.encode();
        let body = message.split("<SyncBody>").nth(1).and_then(|rest| rest.split("</SyncBody>").next());
        let _ = writeln!(text, "{}", body.unwrap_or(&message));
    }
    text
}

/// The profiles that a package names, by the address of their own node.
pub fn roots(package: &[Top]) -> Vec<String> {
    let mut found = BTreeSet::new();
    package.iter().for_each(|top| gather(top, &mut found));
    found.into_iter().collect()
}

/// How many nodes a package runs.
pub fn executions(package: &[Top]) -> usize {
    singles(package).iter().filter(|single| single.verb == Verb::Exec).map(|single| single.items.len()).sum()
}

fn singles(package: &[Top]) -> Vec<&Single> {
    let each = package.iter().map(|top| match top {
        Top::Single(single) => vec![single],
        Top::Atomic(members) => members.iter().collect(),
        Top::Sequence(members) => singles(members),
    });
    each.flatten().collect()
}

fn gather(top: &Top, found: &mut BTreeSet<String>) {
    let items = match top {
        Top::Single(single) => single.items.clone(),
        Top::Atomic(members) => members.iter().flat_map(|member| member.items.clone()).collect(),
        Top::Sequence(members) => return members.iter().for_each(|member| gather(member, found)),
    };
    let uris = items.iter().filter_map(|item| LocUri::parse(&item.address).ok());
    found.extend(uris.filter_map(|uri| Some(ProfileAddress::locate(&uri)?.root.to_string())));
}
