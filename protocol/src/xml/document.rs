//! A parsed document: a flat list of elements that say where in the source they stand.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::{Limits, XmlError};

/// A parsed, bounded document. `Debug` shows no content, which may be secret.
pub struct Document<'a> {
    /// Borrowed where the bytes are UTF-8, decoded where they are not.
    pub(super) source: Cow<'a, str>,
    pub(super) nodes: Vec<Node>,
    pub(super) attributes: Vec<(Span, Text)>,
}

/// Where something stands in the source.
pub(super) type Span = Range<u32>;

/// Text as a reader sees it.
pub(super) enum Text {
    /// It stands in the source as it is.
    Source(Span),
    /// Line ends, references or several pieces were resolved.
    Resolved(String),
}

pub(super) struct Node {
    /// The name with its prefix.
    pub(super) name: Span,
    pub(super) text: Text,
    pub(super) attributes: Range<u32>,
    pub(super) inner: Span,
    pub(super) first_child: Option<u32>,
    pub(super) next_sibling: Option<u32>,
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Document")
            .field("bytes", &self.source.len())
            .field("elements", &self.nodes.len())
            .finish()
    }
}

impl<'a> Document<'a> {
    /// Parses a document within `limits`. The bytes are UTF-8 or UTF-16, whatever of the two the declaration says.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        super::parse::parse(bytes, limits)
    }

    fn at(&self, span: &Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }

    fn resolve<'t>(&'t self, text: &'t Text) -> &'t str {
        match text {
            Text::Source(span) => self.at(span),
            Text::Resolved(text) => text,
        }
    }

    /// The outermost element.
    pub fn root(&self) -> Element<'_> {
        Element { document: self, index: 0 }
    }

    /// The outermost element, if it has this local name.
    pub fn root_named(&self, expected: &'static str) -> Result<Element<'_>, XmlError> {
        let root = self.root();
        if root.is(expected) {
            Ok(root)
        } else if root.name().eq_ignore_ascii_case("html") {
            Err(XmlError::Html)
        } else {
            Err(XmlError::WrongRoot { expected, found: root.name().to_owned() })
        }
    }
}

/// One element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document<'d>,
    index: u32,
}

impl<'d> Element<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.index as usize]
    }

    /// The local name: without its prefix.
    pub fn name(self) -> &'d str {
        local(self.qualified_name())
    }

    /// The name as it is written, with the prefix if it has one.
    pub fn qualified_name(self) -> &'d str {
        self.document.at(&self.node().name)
    }

    /// Whether the local name is exactly this one.
    pub fn is(self, local_name: &str) -> bool {
        self.name() == local_name
    }

    /// The text directly inside this element, without that of its children.
    pub fn text(self) -> &'d str {
        self.document.resolve(&self.node().text)
    }

    /// [`Self::text`] without the white space around it.
    pub fn trimmed(self) -> &'d str {
        self.text().trim()
    }

    /// The content as it stands in the source, markup included.
    pub fn inner_xml(self) -> &'d str {
        self.document.at(&self.node().inner)
    }

    /// Whether there is an element inside this one.
    pub fn has_children(self) -> bool {
        self.node().first_child.is_some()
    }

    /// The elements directly inside this one.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        let mut next = self.node().first_child;
        std::iter::from_fn(move || {
            let element = Self { document, index: next? };
            next = element.node().next_sibling;
            Some(element)
        })
    }

    /// The first direct child with this local name.
    pub fn child(self, local_name: &str) -> Option<Self> {
        self.children().find(|child| child.is(local_name))
    }

    /// The first direct child with this local name in any mix of upper and lower case.
    pub fn child_any_case(self, local_name: &str) -> Option<Self> {
        self.children().find(|child| child.name().eq_ignore_ascii_case(local_name))
    }

    /// All direct children with this local name.
    pub fn children_named(self, local_name: &str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.is(local_name))
    }

    /// Follows direct children by local name.
    pub fn path(self, local_names: &[&str]) -> Option<Self> {
        local_names.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The trimmed text of a direct child, if the child is there.
    pub fn child_text(self, local_name: &str) -> Option<&'d str> {
        self.child(local_name).map(Self::trimmed)
    }

    /// This element and everything inside it, in document order.
    pub fn descendants(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        let end = self.node().inner.end;
        (self.index..document.nodes.len() as u32)
            .map(move |index| Self { document, index })
            .take_while(move |element| element.index == self.index || element.node().inner.start <= end)
    }

    /// The value of the attribute with this local name, whatever its prefix.
    pub fn attribute(self, local_name: &str) -> Option<&'d str> {
        self.attributes().find(|(name, _)| local(name) == local_name).map(|(_, value)| value)
    }

    /// The attributes, declarations of namespaces among them, with their names as they are written.
    pub fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        let document = self.document;
        let Range { start, end } = self.node().attributes;
        let attributes = document.attributes[start as usize..end as usize].iter();
        attributes.map(|(name, value)| (document.at(name), document.resolve(value)))
    }
}

pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
