//! Compact XML, with prefixes and attribute order exactly as given.

use std::borrow::Cow;
use std::fmt::Display;

use super::parse::is_allowed;

/// Writes elements one after another into a string.
///
/// Characters that XML cannot carry are replaced by U+FFFD; a carriage return is written as a character reference, so
/// that it survives the reader's line-end rule. `Debug` shows no content, which may be secret.
#[derive(Default)]
pub struct XmlWriter {
    out: String,
}

impl std::fmt::Debug for XmlWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("XmlWriter").field("bytes", &self.out.len()).finish()
    }
}

impl XmlWriter {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an element and, through `content`, what is inside it.
    pub fn element(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        self.out.push('>');
        content(self);
        self.close(name);
    }

    /// Writes an element that contains only text.
    pub fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: impl Display) {
        self.element(name, attributes, |xml| xml.text(&text.to_string()));
    }

    /// Writes an element that contains only text and has no attributes.
    pub fn text_leaf(&mut self, name: &str, text: &str) {
        self.element(name, &[], |xml| xml.text(text));
    }

    /// Writes an element without content.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.open(name, attributes);
        self.out.push_str("/>");
    }

    /// Writes text, escaped.
    pub fn text(&mut self, text: &str) {
        push_escaped(&mut self.out, text, false);
    }

    /// The document so far.
    pub fn finish(self) -> String {
        self.out
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            push_escaped(&mut self.out, value, true);
            self.out.push('"');
        }
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

/// How many bytes a character of a text takes once it is written.
pub fn written_len(character: char) -> usize {
    match character {
        '<' | '>' => "&lt;".len(),
        '&' => "&amp;".len(),
        '\r' => "&#13;".len(),
        character if is_allowed(character) => character.len_utf8(),
        _ => '\u{fffd}'.len_utf8(),
    }
}

fn push_escaped(out: &mut String, text: &str, attribute: bool) {
    let text = if text.chars().all(is_allowed) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.replace(|character| !is_allowed(character), "\u{fffd}"))
    };
    if !attribute {
        out.push_str(&quick_xml::escape::partial_escape(text));
        return;
    }
    // A reader turns raw tabs and line feeds in attributes into spaces.
    for piece in quick_xml::escape::escape(text).split_inclusive(['\n', '\t']) {
        let kept = piece.trim_end_matches(['\n', '\t']);
        out.push_str(kept);
        out.push_str(match &piece[kept.len()..] {
            "\n" => "&#10;",
            "\t" => "&#9;",
            _ => "",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_every_kind_of_character_is_known_before_it_is_written() {
        for character in "a<>&\"'\r\n\t\0\u{1}\u{b}é€𝄞\u{fffe}\u{ffff}\u{d7ff}".chars() {
            let mut xml = XmlWriter::new();
            xml.text(&character.to_string());
            assert_eq!(xml.finish().len(), written_len(character), "{character:?}");
        }
    }
}
