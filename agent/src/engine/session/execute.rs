//! One operation (Add, Replace, Delete, Get or Exec) on each of its items.

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::loc_uri::{Listing, encode_segment};
use mdm_protocol::syncml::{Command, CommandId, Format, Item, Meta, Operation, Results, StatusCode, Verb};

use super::incoming::{changed, target};
use super::{Answer, MAX_TOLD_BYTES, Session, Touch, package};
use crate::engine::nodes;
use crate::engine::tree::{Node, Refusal};

/// What became of an operation.
pub(super) struct Outcome {
    /// Its statuses and results.
    pub(super) answers: Vec<Answer>,
    /// Whether every item succeeded.
    pub(super) succeeded: bool,
}

/// What became of one item.
struct ItemOutcome {
    code: StatusCode,
    reason: Option<String>,
    results: Vec<Item>,
}

impl Session {
    pub(super) fn operate(&mut self, message_id: u32, operation: &Operation) -> Outcome {
        if operation.id.is_missing() {
            return refused(message_id, operation, StatusCode::BAD_REQUEST);
        }
        if operation.items.is_empty() {
            return refused(message_id, operation, StatusCode::INCOMPLETE);
        }
        let outcomes: Vec<ItemOutcome> = operation.items.iter().map(|item| self.operate_on(operation, item)).collect();
        let succeeded = outcomes.iter().all(|outcome| outcome.code.is_success());
        let mut answers = statuses(message_id, operation, &outcomes);
        let found: Vec<Item> = outcomes.into_iter().flat_map(|outcome| outcome.results).collect();
        if !found.is_empty() {
            let results = Results {
                id: CommandId::default(),
                message_ref: message_id,
                command_ref: operation.id.clone(),
                meta: Meta::default(),
                items: found,
            };
            answers.push(Answer::plain(Command::Results(results)));
        }
        Outcome { answers, succeeded }
    }

    fn operate_on(&mut self, operation: &Operation, item: &Item) -> ItemOutcome {
        let outcome = match operation.verb {
            Verb::Get => self.tell(item).map_err(|refusal| self.unless_store_is_gone(refusal)),
            Verb::Exec => {
                target(item).and_then(|uri| self.run(&uri, &operation.id, data(item))).map(|code| (code, Vec::new()))
            }
            Verb::Add | Verb::Replace | Verb::Delete => {
                self.change(operation, item).map(|()| (StatusCode::OK, Vec::new()))
            }
        };
        match outcome {
            Ok((code, results)) => ItemOutcome { code, reason: None, results },
            Err(refusal) => ItemOutcome { code: refusal.status, reason: Some(refusal.reason), results: Vec::new() },
        }
    }

    /// Without its store the device does not know whether it has a node.
    fn unless_store_is_gone(&self, refusal: Refusal) -> Refusal {
        match self.context.store_status {
            Some(_) if refusal.status == StatusCode::NOT_FOUND => Refusal::new(StatusCode::RETRY_LATER),
            _ => refusal,
        }
    }

    fn change(&mut self, operation: &Operation, item: &Item) -> Result<(), Refusal> {
        if let Some(status) = self.context.store_status {
            return Err(Refusal::new(status));
        }
        let uri = if operation.verb == Verb::Replace { changed(item)? } else { target(item)? };
        let format = item.format(&operation.meta);
        match operation.verb {
            Verb::Add => self.tree.add(&uri, format, data(item)),
            Verb::Delete => self.tree.delete(&uri),
            Verb::Replace | Verb::Get | Verb::Exec => self.tree.replace(&uri, format, data(item)),
        }?;
        if ["PFN", "Push"].iter().any(|name| uri.name().eq_ignore_ascii_case(name)) {
            self.follow_push_name();
        }
        Ok(())
    }

    /// The channel is what the name of the push server makes of it: now, or again after something was undone.
    pub(super) fn follow_push_name(&mut self) {
        nodes::provide_channel(&mut self.tree, &self.context.provider_address(), &self.context.push);
    }

    /// Reads as long as the answers stay within bounds.
    fn tell(&mut self, item: &Item) -> Result<(StatusCode, Vec<Item>), Refusal> {
        if self.told_bytes > MAX_TOLD_BYTES {
            return Err(Refusal::new(StatusCode::TOO_LARGE));
        }
        let (code, results) = self.read(item)?;
        let size =
            |item: &Item| item.source.as_ref().map_or(0, String::len) + item.data.as_ref().map_or(0, String::len);
        self.told_bytes += results.iter().map(size).sum::<usize>();
        Ok((code, results))
    }

    /// Reads a node or a subtree; the address is echoed as it was written.
    fn read(&self, item: &Item) -> Result<(StatusCode, Vec<Item>), Refusal> {
        let written = item.target.as_deref().unwrap_or_default();
        let (uri, listing) = LocUri::parse_with_listing(written)?;
        let address = written.trim().split('?').next().unwrap_or_default();
        let Some(listing) = listing else {
            return Ok((StatusCode::OK, vec![result(address, &self.tree.get(&uri)?, true)]));
        };
        let nodes = self.tree.list(&uri, listing)?;
        let results = nodes.iter().map(|(below, node)| {
            let path: String = below.iter().map(|segment| format!("/{}", encode_segment(segment))).collect();
            let with_data = listing == Listing::StructureAndData && !node.is_interior();
            result(&format!("{address}{path}"), node, with_data)
        });
        Ok((StatusCode::OK, results.collect()))
    }
}

/// A node as native clients report it: the format is left out where it is text.
fn result(address: &str, node: &Node, with_data: bool) -> Item {
    let format = Format::parse(&node.format);
    Item {
        meta: if format == Format::Chr { Meta::default() } else { Meta::format(format) },
        data: with_data.then(|| node.value.clone()),
        ..Item::source(address)
    }
}

fn data(item: &Item) -> &str {
    item.data.as_deref().unwrap_or_default()
}

pub(super) fn refused(message_id: u32, operation: &Operation, code: StatusCode) -> Outcome {
    let status = package::status(message_id, &operation.id, operation.verb.as_str(), code);
    Outcome { answers: vec![Answer::plain(status)], succeeded: false }
}

/// What an item is about.
fn touch(item: &Item) -> Touch {
    let profile = changed(item).ok().and_then(|uri| ProfileAddress::locate(&uri));
    Touch { target: item.target.clone(), profile: profile.map(|address| address.root.to_string()) }
}

/// One status where all items fared alike, else one for each item.
fn statuses(message_id: u32, operation: &Operation, outcomes: &[ItemOutcome]) -> Vec<Answer> {
    let changes = matches!(operation.verb, Verb::Add | Verb::Replace | Verb::Delete);
    let alike = outcomes.windows(2).all(|pair| pair[0].code == pair[1].code);
    let mut answers = Vec::new();
    for (item, outcome) in operation.items.iter().zip(outcomes) {
        let mut command = package::status(message_id, &operation.id, operation.verb.as_str(), outcome.code);
        if let Command::Status(status) = &mut command {
            if outcomes.len() > 1 && !alike {
                status.target_ref.clone_from(&item.target);
            }
            // The reason in words is for the administrator; servers that do not know it ignore the item.
            status.items.extend(outcome.reason.as_ref().map(|reason| Item::default().with_data(reason)));
        }
        let touches = if alike { operation.items.iter().map(touch).collect() } else { vec![touch(item)] };
        answers.push(Answer { command, changes, touches, group: None });
        if alike {
            break;
        }
    }
    answers
}
