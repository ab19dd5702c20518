//! In which namespace elements are. The readers of messages go by local names alone; here the declarations count.

use mdm_protocol::xml::Element;

use super::{Violation, quote};

const SECTION: &str = "Namespaces in XML 1.0 section 5";

/// The declarations that hold at one place: prefix and namespace, the innermost last.
#[derive(Debug, Default, Clone)]
pub(super) struct Scope<'d>(Vec<(&'d str, &'d str)>);

impl<'d> Scope<'d> {
    /// The declarations that hold inside an element. Every prefix that it uses must be declared.
    pub(super) fn enter(&self, element: Element<'d>) -> Result<Self, Violation> {
        let mut inner = self.clone();
        inner.0.extend(element.attributes().filter_map(|(name, value)| match name.split_once(':') {
            Some(("xmlns", prefix)) => Some((prefix, value)),
            None if name == "xmlns" => Some(("", value)),
            _ => None,
        }));
        let used = element.attributes().map(|(name, _)| name).chain([element.qualified_name()]);
        let prefixes = used.filter_map(|name| name.split_once(':')).map(|(prefix, _)| prefix);
        for prefix in prefixes.filter(|prefix| !matches!(*prefix, "xml" | "xmlns")) {
            if inner.resolve(prefix).is_none() {
                let found =
                    format!("the prefix {} of <{}> stands for nothing", quote(prefix), element.qualified_name());
                return Err(Violation::new(found, "every prefix must be declared", SECTION));
            }
        }
        Ok(inner)
    }

    /// The namespace of an element whose declarations are entered.
    pub(super) fn of(&self, element: Element<'_>) -> &'d str {
        let prefix = element.qualified_name().split_once(':').map_or("", |(prefix, _)| prefix);
        self.resolve(prefix).unwrap_or_default()
    }

    fn resolve(&self, prefix: &str) -> Option<&'d str> {
        self.0.iter().rev().find(|(declared, _)| *declared == prefix).map(|(_, namespace)| *namespace)
    }
}

/// The refusal of an element that is in another namespace than it should be.
pub(super) fn misplaced(element: Element<'_>, namespace: &str, rule: &'static str, section: &'static str) -> Violation {
    let place = if namespace.is_empty() { "no namespace".to_owned() } else { quote(namespace) };
    Violation::new(format!("<{}> is in {place}", element.qualified_name()), rule, section)
}
