//! Get on the tree: leaves, interior nodes and whole subtrees.

use std::collections::BTreeSet;

use mdm_protocol::loc_uri::{Listing, encode_segment};
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{LocUri, Scope};

use super::access::Refusal;
use super::providers::no_such_node;
use super::schema::{self, Access};
use super::{Node, Tree};
use crate::engine::redaction::{CONCEALED, conceal_inside};

impl Tree {
    /// Reads a node: a leaf's value, or the names of an interior node's children.
    pub fn get(&self, uri: &LocUri) -> Result<Node, Refusal> {
        self.check_user_scope(uri)?;
        let found = schema::find(uri);
        let unreadable = found.as_ref().filter(|(rule, _)| !rule.access.allows(Access::GET));
        // What can only be run is there without a value.
        if unreadable.is_some_and(|(rule, uri)| rule.access.allows(Access::EXEC) || self.exists(uri)) {
            return Err(Refusal::new(StatusCode::NOT_ALLOWED));
        }
        let leaf = found.and_then(|(rule, uri)| Some((rule, self.visible(&uri).filter(|node| !node.is_interior())?)));
        if let Some((rule, node)) = leaf {
            let value = match rule {
                rule if rule.secret => CONCEALED.to_owned(),
                rule if rule.may_hold_secret() => conceal_inside(uri.name(), &node.value),
                _ => node.value.clone(),
            };
            return Ok(Node { format: node.format.clone(), value });
        }
        self.children(uri).map(|names| {
            let names: Vec<String> = names.iter().map(|name| encode_segment(name)).collect();
            Node::new(&Format::Node, names.join("/"))
        })
    }

    /// Reads a node and all below it, with or without values. Nodes are named by their segments below the one asked for.
    pub fn list(&self, uri: &LocUri, listing: Listing) -> Result<Vec<(Vec<String>, Node)>, Refusal> {
        let mut found = Vec::new();
        self.gather(uri, uri.segments().len(), listing, &mut found)?;
        Ok(found)
    }

    fn gather(
        &self,
        uri: &LocUri,
        above: usize,
        listing: Listing,
        found: &mut Vec<(Vec<String>, Node)>,
    ) -> Result<(), Refusal> {
        let below = uri.segments()[above..].to_vec();
        match self.get(uri) {
            Ok(node) if !node.is_interior() => found.push((below, structure(node, listing))),
            Ok(_) => {
                found.push((below, Node::new(&Format::Node, "")));
                for name in self.children(uri)? {
                    self.gather(&uri.child(name), above, listing, found)?;
                }
            }
            // A node below that may not be read does not hide its siblings.
            Err(refusal) if below.is_empty() => return Err(refusal),
            Err(_) => {}
        }
        Ok(())
    }

    fn children(&self, uri: &LocUri) -> Result<BTreeSet<String>, Refusal> {
        let fixed = schema::fixed_interior(uri);
        let canonical = match &fixed {
            Some((canonical, _)) => canonical.clone(),
            None => schema::find(uri).map_or_else(|| uri.clone(), |(_, canonical)| canonical),
        };
        let mut names = self.visible_children(&canonical);
        match fixed {
            Some((_, below)) => names.extend(below.into_iter().map(str::to_owned)),
            None if !self.exists(&canonical) => return Err(no_such_node(&canonical)),
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
