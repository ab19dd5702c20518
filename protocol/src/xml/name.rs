//! Which names elements, attributes and instructions may have (XML 1.0 section 2.3, Namespaces in XML 1.0 sections 3 to 5).
//!
//! quick-xml takes whatever stands before white space, so that `<Final//>` would be an element of the name `Final/`, which
//! nobody could write back. Whether a prefix is declared is not asked: servers exist that forget to.

use super::XmlError;

/// The namespace of `xmlns` itself, which no declaration may name.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// The namespace that `xml` stands for, and no other prefix may.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Checks a name without a colon: the target of an instruction (production `NCName`).
pub(super) fn check_name(name: &str) -> Result<(), XmlError> {
    if is_unprefixed(name) { Ok(()) } else { Err(refused(name, "is no name")) }
}

/// Checks the name of an element (production `QName`).
pub(super) fn check_qualified_name(name: &str) -> Result<(), XmlError> {
    let is_name = match name.split_once(':') {
        Some((prefix, local)) => is_unprefixed(prefix) && is_unprefixed(local),
        None => is_unprefixed(name),
    };
    if !is_name {
        return Err(refused(name, "is no name"));
    }
    if name.starts_with("xmlns:") {
        return Err(refused(name, "has the prefix of declarations"));
    }
    Ok(())
}

/// Checks the name of an attribute, and what it declares if it declares a namespace.
pub(super) fn check_attribute(name: &str, value: &str) -> Result<(), XmlError> {
    let Some(prefix) = name.strip_prefix("xmlns:") else {
        let is_reserved = name == "xmlns" && matches!(value, XML | XMLNS);
        return if is_reserved {
            Err(refused(value, "cannot be a default namespace"))
        } else {
            check_qualified_name(name)
        };
    };
    check_name(prefix)?;
    let is_allowed = match prefix {
        "xmlns" => false,
        "xml" => value == XML,
        _ => !matches!(value, "" | XML | XMLNS),
    };
    if is_allowed { Ok(()) } else { Err(refused(name, "declares what cannot be declared")) }
}

fn is_unprefixed(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(starts_a_name) && characters.all(continues_a_name)
}

/// Production `NameStartChar` without the colon.
fn starts_a_name(character: char) -> bool {
    matches!(
        character,
        'A'..='Z'
            | 'a'..='z'
            | '_'
            | '\u{c0}'..='\u{d6}'
            | '\u{d8}'..='\u{f6}'
            | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}'
            | '\u{37f}'..='\u{1fff}'
            | '\u{200c}'..='\u{200d}'
            | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}'
            | '\u{3001}'..='\u{d7ff}'
            | '\u{f900}'..='\u{fdcf}'
            | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}'
    )
}

/// Production `NameChar` without the colon.
fn continues_a_name(character: char) -> bool {
    starts_a_name(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

fn refused(name: &str, why: &str) -> XmlError {
    XmlError::Malformed(format!("{:?} {why}", name.chars().take(32).collect::<String>()))
}
