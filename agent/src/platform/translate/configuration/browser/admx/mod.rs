//! Administrative templates (ADMX): which policies there are, where each keeps its values, and what they may be.
//! [`read`] takes a policy out of the file, [`value`] sets it. Nothing here knows a browser.

mod excerpt;
mod read;
mod value;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::xml::{Document, Element as Xml, Limits};

pub(super) use excerpt::excerpt;
pub(super) use value::{Setting, list, settings};

/// What a template may measure. The largest in use are those of browsers: 2 MiB, 60,000 elements.
const LIMITS: Limits = Limits { bytes: 4 << 20, depth: 16, elements: 200_000, attributes: 24 };

/// The longest chain of categories that is followed.
const MAX_CATEGORIES: usize = 16;

/// A template.
pub(super) struct Template<'a> {
    document: Document<'a>,
}

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Machine,
    User,
    Both,
}

/// A policy of a template.
#[derive(Debug)]
pub(super) struct Policy<'d> {
    pub(super) class: Class,
    key: &'d str,
    category: Option<&'d str>,
    /// What is set when the policy is on, apart from its elements.
    enabled: Vec<Item<'d>>,
    /// What is set when it is off.
    disabled: Vec<Item<'d>>,
    elements: Vec<Element<'d>>,
}

/// A value with its place in the registry.
#[derive(Debug)]
struct Item<'d> {
    key: &'d str,
    name: &'d str,
    value: Raw<'d>,
    /// Whether it says yes or no by 1 and 0.
    is_switch: bool,
}

/// A value of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Raw<'d> {
    Number(u64),
    Text(&'d str),
    Delete,
}

/// A part of a policy that the server sets.
#[derive(Debug)]
struct Element<'d> {
    id: &'d str,
    key: &'d str,
    name: &'d str,
    required: bool,
    kind: Kind<'d>,
}

#[derive(Debug)]
enum Kind<'d> {
    Text {
        longest: Option<usize>,
    },
    Lines {
        longest: Option<usize>,
        most: Option<usize>,
    },
    Number {
        least: u64,
        most: u64,
    },
    Boolean {
        on: Raw<'d>,
        off: Raw<'d>,
    },
    Choice {
        items: Vec<Raw<'d>>,
    },
    List {
        named: bool,
    },
    /// Something that this program does not know.
    Other,
}

impl<'d> Policy<'d> {
    /// The keys below which the policy keeps values: its own, which some templates state carelessly, and its elements'.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'d str> {
        std::iter::once(self.key).chain(self.elements.iter().map(|element| element.key))
    }
}

impl<'a> Template<'a> {
    /// Reads a template.
    pub(super) fn parse(text: &'a str) -> Result<Self, PayloadError> {
        // It was decoded with the message that brought it: what it says of its own encoding no longer holds.
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let text = text.strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>")).map_or(text, |(_, rest)| rest);
        let parsed = Document::parse(text.as_bytes(), &LIMITS);
        let document = parsed.map_err(|error| PayloadError::xml("the template", &error))?;
        document.root_named("policyDefinitions").map_err(|error| PayloadError::xml("the template", &error))?;
        Ok(Self { document })
    }

    /// All policies.
    pub(super) fn policies(&self) -> impl Iterator<Item = Result<Policy<'_>, PayloadError>> {
        self.elements("policies", "policy").map(read::policy)
    }

    /// The policy of this name.
    pub(super) fn find(&self, name: &str) -> Option<Result<Policy<'_>, PayloadError>> {
        let named = |policy: &Xml<'_>| policy.attribute("name") == Some(name);
        self.elements("policies", "policy").find(named).map(read::policy)
    }

    /// Whether the policy is in the category with this path, outermost first. A parent in another file may be named or
    /// left out.
    pub(super) fn is_in(&self, policy: &Policy<'_>, path: &[&str]) -> bool {
        let same = |chain: &[&str]| {
            chain.len() == path.len()
                && chain.iter().rev().zip(path).all(|(name, given)| name.eq_ignore_ascii_case(given))
        };
        let mut chain = Vec::new();
        let mut next = policy.category;
        while let Some(name) = next.map(local).filter(|_| chain.len() < MAX_CATEGORIES) {
            let category =
                self.elements("categories", "category").find(|category| category.attribute("name") == Some(name));
            let Some(category) = category else {
                return same(&chain) || same(&[chain.as_slice(), &[name]].concat());
            };
            chain.push(name);
            next = category.child("parentCategory").and_then(|parent| parent.attribute("ref"));
        }
        same(&chain)
    }

    fn elements(&self, group: &'static str, name: &'static str) -> impl Iterator<Item = Xml<'_>> {
        self.document.root().children_named(group).flat_map(move |group| group.children_named(name))
    }
}

/// A reference without the prefix of its namespace.
fn local(reference: &str) -> &str {
    reference.rsplit_once(':').map_or(reference, |(_, name)| name)
}
