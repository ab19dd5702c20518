//! One pass of quick-xml's event reader over the source, every limit checked on the way.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use super::document::{Document, Node};
use super::{Limits, XmlError};

pub(super) fn parse<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Document<'a>, XmlError> {
    let source = admit(bytes, limits)?;
    let mut reader = Reader::from_str(source);
    let mut builder = Builder::new(source, limits);
    loop {
        let start = position(&reader);
        let event = reader.read_event().map_err(|error| builder.explain(&error))?;
        let end = position(&reader);
        match event {
            Event::Start(tag) => builder.open(&tag, start, end)?,
            Event::Empty(tag) => {
                builder.open(&tag, start, end)?;
                builder.close(end);
            }
            Event::End(_) => builder.close(start),
            Event::Text(_) => builder.text(normalise(&source[start..end]))?,
            Event::CData(_) => builder.text(normalise(&source[start + "<![CDATA[".len()..end - "]]>".len()]))?,
            Event::GeneralRef(reference) => builder.text(resolve(&reference)?)?,
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::DocType(_) => return Err(builder.doc_type(&source[start..end])),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

/// Checks what can be checked of the whole document at once.
fn admit<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError::TooLarge { limit: limits.bytes, actual: bytes.len() });
    }
    let source = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if source.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    if source.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return Err(XmlError::IllegalCharacter);
    }
    Ok(source)
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("a position inside a slice fits a usize")
}

/// XML's own rule for line ends: a reader sees only line feeds.
fn normalise(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}

fn resolve(reference: &BytesRef<'_>) -> Result<Cow<'static, str>, XmlError> {
    let malformed = |error: quick_xml::Error| XmlError::Malformed(error.to_string());
    if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
        if !is_allowed(character) {
            return Err(XmlError::IllegalCharacter);
        }
        return Ok(Cow::Owned(character.to_string()));
    }
    let name: &str = reference;
    quick_xml::escape::resolve_xml_entity(name)
        .map(Cow::Borrowed)
        .ok_or_else(|| XmlError::UndefinedEntity(name.chars().take(32).collect()))
}

/// XML 1.0 section 2.2, production Char.
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    match declaration.encoding() {
        Some(Ok(name)) if !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("us-ascii") => {
            Err(XmlError::UnsupportedEncoding(name.into_owned()))
        }
        Some(Err(error)) => Err(XmlError::Malformed(error.to_string())),
        Some(Ok(_)) | None => Ok(()),
    }
}

struct Builder<'a, 'l> {
    limits: &'l Limits,
    document: Document<'a>,
    /// The open elements, each with its last child so far.
    open: Vec<(u32, Option<u32>)>,
}

impl<'a, 'l> Builder<'a, 'l> {
    fn new(source: &'a str, limits: &'l Limits) -> Self {
        let nodes = Vec::with_capacity((source.len() / 32).min(limits.elements));
        Self { limits, document: Document { source, nodes, attributes: Vec::new() }, open: Vec::new() }
    }

    fn open(&mut self, tag: &BytesStart<'_>, start: usize, end: usize) -> Result<(), XmlError> {
        if self.open.is_empty() && !self.document.nodes.is_empty() {
            return Err(XmlError::OutsideRoot);
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::TooDeep { limit: self.limits.depth });
        }
        if self.document.nodes.len() >= self.limits.elements {
            return Err(XmlError::TooManyElements { limit: self.limits.elements });
        }
        let index = self.document.nodes.len() as u32;
        let name_length = tag.name().as_ref().len();
        let content = &self.document.source[start + 1..start + 1 + tag.len()];
        let attributes = self.attributes(content, name_length)?;
        if let Some((parent, last_child)) = self.open.last_mut() {
            match last_child.replace(index) {
                Some(previous) => self.document.nodes[previous as usize].next_sibling = Some(index),
                None => self.document.nodes[*parent as usize].first_child = Some(index),
            }
        }
        self.document.nodes.push(Node {
            name: &content[..name_length],
            text: Cow::Borrowed(""),
            attributes,
            inner: end as u32..end as u32,
            first_child: None,
            next_sibling: None,
        });
        self.open.push((index, None));
        Ok(())
    }

    fn attributes(&mut self, content: &'a str, name_length: usize) -> Result<std::ops::Range<u32>, XmlError> {
        let first = self.document.attributes.len();
        for attribute in Attributes::new(content, name_length) {
            let attribute = attribute.map_err(|error| XmlError::Malformed(error.to_string()))?;
            if self.document.attributes.len() - first >= self.limits.attributes {
                return Err(XmlError::TooManyAttributes { limit: self.limits.attributes });
            }
            let value = match attribute.value {
                Cow::Borrowed(raw) => quick_xml::escape::unescape(raw),
                Cow::Owned(_) => unreachable!("attributes of a borrowed slice are borrowed"),
            };
            let value = value.map_err(|error| XmlError::Malformed(error.to_string()))?;
            if !value.chars().all(is_allowed) {
                return Err(XmlError::IllegalCharacter);
            }
            self.document.attributes.push((attribute.key.0, value));
        }
        Ok(first as u32..self.document.attributes.len() as u32)
    }

    fn close(&mut self, end: usize) {
        let (index, _) = self.open.pop().expect("quick-xml reports unmatched end tags itself");
        self.document.nodes[index as usize].inner.end = end as u32;
    }

    fn text(&mut self, piece: Cow<'a, str>) -> Result<(), XmlError> {
        let Some(&(index, _)) = self.open.last() else {
            return if piece.trim().is_empty() { Ok(()) } else { Err(XmlError::OutsideRoot) };
        };
        let text = &mut self.document.nodes[index as usize].text;
        if text.is_empty() {
            *text = piece;
        } else {
            text.to_mut().push_str(&piece);
        }
        Ok(())
    }

    fn doc_type(&self, declaration: &str) -> XmlError {
        let is_html = declaration["<!DOCTYPE".len()..]
            .trim_start()
            .get(..4)
            .is_some_and(|name| name.eq_ignore_ascii_case("html"));
        if is_html { XmlError::Html } else { XmlError::DocumentType }
    }

    fn explain(&self, error: &quick_xml::Error) -> XmlError {
        let root_is_html = self.document.nodes.first().is_some_and(|node| node.name.eq_ignore_ascii_case("html"));
        if root_is_html {
            return XmlError::Html;
        }
        // A syntax error inside an element is, but for rare cases, markup that was cut off.
        let cut_off = matches!(error, quick_xml::Error::Syntax(_)).then(|| self.truncated()).flatten();
        cut_off.unwrap_or_else(|| XmlError::Malformed(error.to_string()))
    }

    fn truncated(&self) -> Option<XmlError> {
        let &(index, _) = self.open.last()?;
        Some(XmlError::Truncated(self.document.nodes[index as usize].name.to_owned()))
    }

    fn finish(self) -> Result<Document<'a>, XmlError> {
        if let Some(truncated) = self.truncated() {
            return Err(truncated);
        }
        if self.document.nodes.is_empty() {
            return Err(XmlError::Malformed("there is no element in it".to_owned()));
        }
        Ok(self.document)
    }
}
