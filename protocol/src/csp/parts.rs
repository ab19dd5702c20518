//! The parts that a document is made of, so that whoever applies it can account for every one. What they mean is not
//! known here.

use crate::xml::Element;

/// An element without elements inside it, or an attribute. `Debug` hides the value, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Part<'d> {
    /// The names of the elements above it and its own, the root's left out, joined by `/`; an attribute's name has `@`
    /// before it.
    pub path: String,
    /// Its text, without the white space around it.
    pub value: &'d str,
}

/// The parts of an element, in the order of the document. Declarations of namespaces and `xsi:` attributes are none.
pub fn parts(root: Element<'_>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    add(&mut parts, "", root);
    parts
}

fn add<'d>(parts: &mut Vec<Part<'d>>, path: &str, element: Element<'d>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let first = parts.len();
    for (name, value) in element.attributes() {
        let prefix = name.split_once(':').map_or(name, |(prefix, _)| prefix);
        if !matches!(prefix, "xmlns" | "xsi" | "xml") {
            let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
            parts.push(Part { path: below(&format!("@{local}")), value: value.trim() });
        }
    }
    let has_attributes = parts.len() > first;
    for child in element.children() {
        add(parts, &below(child.name()), child);
    }
    // One that says nothing but by its attributes is no part of its own.
    let is_empty = has_attributes && element.trimmed().is_empty();
    if !path.is_empty() && !element.has_children() && !is_empty {
        parts.push(Part { path: path.to_owned(), value: element.trimmed() });
    }
}

impl std::fmt::Debug for Part<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({} bytes)", self.path, self.value.len())
    }
}
