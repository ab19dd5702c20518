//! Get on the tree: leaves, interior nodes and whole subtrees.

use std::collections::BTreeSet;

use mdm_protocol::loc_uri::{Listing, encode_segment};
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{LocUri, Scope};

use super::access::Refusal;
use super::schema::{self, Access};
use super::{Node, Tree};

/// What stands in the place of a value that is never told.
const CONCEALED: &str = "********";

impl Tree {
    /// Reads a node: a leaf's value, or the names of an interior node's children.
    pub fn get(&self, uri: &LocUri) -> Result<Node, Refusal> {
        self.check_user_scope(uri)?;
        let found = schema::find(uri);
        let leaf = found.and_then(|(rule, uri)| Some((rule, self.nodes.get(&uri).filter(|node| !node.is_interior())?)));
        if let Some((rule, node)) = leaf {
            if !rule.access.allows(Access::GET) {
                return Err(Refusal::new(StatusCode::NOT_ALLOWED));
            }
            let value = if rule.secret { CONCEALED } else { &node.value };
            return Ok(Node { format: node.format.clone(), value: value.to_owned() });
        }
        self.children(uri).map(|names| {
            let names: Vec<String> = names.iter().map(|name| encode_segment(name)).collect();
            Node::new(&Format::Node, names.join("/"))
        })
    }

    /// Reads a node and all below it, with or without values.
    pub fn list(&self, uri: &LocUri, listing: Listing) -> Result<Vec<(LocUri, Node)>, Refusal> {
        let node = self.get(uri)?;
        if node.format != Format::Node.as_str() {
            return Ok(vec![(uri.clone(), structure(node, listing))]);
        }
        let mut found = vec![(uri.clone(), Node::new(&Format::Node, ""))];
        for name in self.children(uri)? {
            found.extend(self.list(&uri.child(name), listing)?);
        }
        Ok(found)
    }

    fn children(&self, uri: &LocUri) -> Result<BTreeSet<String>, Refusal> {
        let fixed = schema::fixed_interior(uri);
        let canonical = match &fixed {
            Some((canonical, _)) => canonical.clone(),
            None => schema::find(uri).map_or_else(|| uri.clone(), |(_, canonical)| canonical),
        };
        let mut names: BTreeSet<String> =
            self.within(&canonical).filter_map(|(node, _)| node.below(&canonical)?.first().cloned()).collect();
        match fixed {
            Some((_, below)) => names.extend(below.into_iter().map(str::to_owned)),
            None if !self.exists(&canonical) => return Err(Refusal::new(StatusCode::NOT_FOUND)),
            None => {}
        }
        Ok(names)
    }

    fn check_user_scope(&self, uri: &LocUri) -> Result<(), Refusal> {
        if uri.scope() == Scope::User && !self.user_scope {
            return Err(Refusal {
                status: StatusCode::NOT_ALLOWED,
                reason: "the enrolled user is not signed in".to_owned(),
            });
        }
        Ok(())
    }
}

fn structure(node: Node, listing: Listing) -> Node {
    match listing {
        Listing::Structure => Node { value: String::new(), ..node },
        Listing::StructureAndData => node,
    }
}
