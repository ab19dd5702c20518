//! `ProfileXML`: a whole tunnel in one document (schema VPNv2 profile), as the nodes that the same tunnel would have. What
//! the nodes mean is not known here.

use super::{Leaves, PayloadError};
use crate::xml::{Document, Element, Limits, without_declaration};

const NODE: &str = "ProfileXML";

/// Elements of which there may be several, and the list that has them as nodes `0`, `1` and so on.
const LISTS: [(&str, &str); 5] = [
    ("Route", "RouteList"),
    ("DomainNameInformation", "DomainNameInformationList"),
    ("TrafficFilter", "TrafficFilterList"),
    ("AppTrigger", "AppTriggerList"),
    ("NativeProtocol", ""),
];

/// Elements whose content is a node's value, markup included.
const VALUES: [&str; 2] = ["CustomConfiguration", "Configuration"];

/// Turns a document into the leaves that the same profile would have as single nodes.
pub(super) fn flatten(text: &str) -> Result<Leaves, PayloadError> {
    let wrong = |error: crate::XmlError| PayloadError::xml(NODE, &error);
    let document = Document::parse(without_declaration(text).as_bytes(), &Limits::PAYLOAD).map_err(wrong)?;
    let root = document.root_named("VPNProfile").map_err(wrong)?;
    let mut leaves = Leaves::default();
    add_children(&mut leaves, "", root)?;
    Ok(leaves)
}

fn add_children(leaves: &mut Leaves, path: &str, parent: Element<'_>) -> Result<(), PayloadError> {
    let mut counts = [0; LISTS.len()];
    for child in parent.children() {
        let list = LISTS.iter().position(|(name, _)| child.is(name));
        let name = match list.map(|index| (LISTS[index].1, &mut counts[index])) {
            Some((list, count)) => {
                *count += 1;
                let separator = if list.is_empty() { "" } else { "/" };
                format!("{list}{separator}{}", *count - 1)
            }
            None => child.name().to_owned(),
        };
        let separator = if path.is_empty() { "" } else { "/" };
        add(leaves, &format!("{path}{separator}{name}"), child)?;
    }
    Ok(())
}

fn add(leaves: &mut Leaves, path: &str, element: Element<'_>) -> Result<(), PayloadError> {
    if element.has_children() && !VALUES.contains(&element.name()) {
        return add_children(leaves, path, element);
    }
    let value = if element.has_children() { element.inner_xml().trim() } else { element.trimmed() };
    // One of the two would be lost.
    match leaves.0.insert(path.to_owned(), value.to_owned()) {
        Some(_) => Err(PayloadError::format(NODE, format!("{} is given more than once", element.name()))),
        None => Ok(()),
    }
}
