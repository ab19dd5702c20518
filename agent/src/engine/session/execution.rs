//! Get and Exec on one item.

use mdm_protocol::LocUri;
use mdm_protocol::loc_uri::{Listing, encode_segment};
use mdm_protocol::syncml::{Format, Item, Meta, Operation, StatusCode};
use mdm_protocol::xml::written_len;

use super::incoming::target;
use super::outcome::ItemOutcome;
use super::{MAX_READ_BYTES, MAX_ROUNDS, Session};
use crate::engine::tree::{Node, Refusal};

impl Session {
    /// Runs what a node stands for.
    pub(super) fn execute_item(&mut self, operation: &Operation, item: &Item) -> ItemOutcome {
        match target(item).and_then(|uri| self.run(&uri, &operation.id, data(item))) {
            Ok(code) => ItemOutcome::of(code),
            Err(refusal) => refusal.into(),
        }
    }

    /// Reads as long as the answers stay within bounds.
    pub(super) fn read_item(&mut self, item: &Item) -> ItemOutcome {
        let read_bytes = self.round.as_ref().map_or(0, |round| round.read_bytes);
        let most = self.outbox.room_in(MAX_ROUNDS.saturating_sub(self.tally.rounds)).min(MAX_READ_BYTES);
        if read_bytes > most {
            return too_large();
        }
        let results = match self.read(item) {
            Ok(results) => results,
            Err(refusal) => return self.unless_store_is_gone(refusal).into(),
        };
        let written = |text: &Option<String>| text.iter().flat_map(|text| text.chars()).map(written_len).sum::<usize>();
        let size: usize = results.iter().map(|item| written(&item.source) + written(&item.data)).sum();
        let is_carried = |item: &Item| self.outbox.carries(item, || self.envelope_len());
        if read_bytes.saturating_add(size) > most || !results.iter().all(is_carried) {
            return too_large();
        }
        if let Some(round) = &mut self.round {
            round.read_bytes += size;
        }
        ItemOutcome { code: StatusCode::OK, reason: None, results }
    }

    /// Without its store the device does not know whether it has a node.
    fn unless_store_is_gone(&self, refusal: Refusal) -> Refusal {
        match self.context.store_status {
            Some(_) if refusal.status == StatusCode::NOT_FOUND => Refusal::new(StatusCode::RETRY_LATER),
            _ => refusal,
        }
    }

    /// Reads a node or a subtree; the address is echoed as it was written.
    fn read(&self, item: &Item) -> Result<Vec<Item>, Refusal> {
        let written = item.target.as_deref().unwrap_or_default();
        let (uri, listing) = LocUri::parse_with_listing(written)?;
        let address = written.trim().split('?').next().unwrap_or_default();
        let Some(listing) = listing else {
            return Ok(vec![result(address, &self.tree.get(&uri)?, true)]);
        };
        let nodes = self.tree.list(&uri, listing)?;
        let results = nodes.iter().map(|(below, node)| {
            let path: String = below.iter().map(|segment| format!("/{}", encode_segment(segment))).collect();
            let with_data = listing == Listing::StructureAndData && !node.is_interior();
            result(&format!("{address}{path}"), node, with_data)
        });
        Ok(results.collect())
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

/// An answer that the server cannot receive is refused with its command: else every session would end by it.
fn too_large() -> ItemOutcome {
    let reason = "the answer is larger than the server receives in the messages of a session".to_owned();
    Refusal { status: StatusCode::TOO_LARGE, reason }.into()
}

pub(super) fn data(item: &Item) -> &str {
    item.data.as_deref().unwrap_or_default()
}
