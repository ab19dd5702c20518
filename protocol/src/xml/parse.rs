//! One pass of quick-xml's event reader over the source, every limit checked on the way.

use std::borrow::Cow;

use quick_xml::escape::{EscapeError, ParseCharRefError};
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::document::{Document, Node, Span, Text, local};
use super::name::{check_attribute, check_name, check_qualified_name};
use super::{Limits, XmlError, decode};

pub(super) fn parse<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Document<'a>, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError::TooLarge { limit: limits.bytes, actual: bytes.len() });
    }
    // What is wrong with a web page as XML helps nobody: that it is a web page does.
    read(bytes, limits).map_err(|error| if is_html(bytes) { XmlError::Html } else { error })
}

fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Document<'a>, XmlError> {
    let source = decode::text(bytes, limits)?;
    admit(&source)?;
    let (nodes, attributes) = elements(&source, limits)?;
    Ok(Document { source, nodes, attributes })
}

/// The elements of a document, and the attributes of all of them.
type Content = (Vec<Node>, Vec<(Span, Text)>);

fn elements(source: &str, limits: &Limits) -> Result<Content, XmlError> {
    let mut reader = Reader::from_str(source);
    let mut builder = Builder::new(source, limits);
    loop {
        let start = position(&reader);
        let event = reader.read_event().map_err(|error| builder.explain(error))?;
        let end = position(&reader);
        match event {
            Event::Start(tag) => builder.open(&tag, start, end)?,
            Event::Empty(tag) => {
                builder.open(&tag, start, end)?;
                builder.close(end);
            }
            Event::End(_) => builder.close(start),
            Event::Text(_) => builder.text(start, end)?,
            Event::CData(_) => builder.stretch(start + "<![CDATA[".len(), end - "]]>".len())?,
            Event::GeneralRef(reference) => builder.content(Text::Resolved(resolve(&reference)?))?,
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::PI(instruction) => check_target(instruction.target())?,
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::Comment(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

/// Checks what can be checked of the whole document at once.
fn admit(source: &str) -> Result<(), XmlError> {
    if source.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    if source.starts_with('\u{feff}') {
        return Err(XmlError::OutsideRoot);
    }
    if has_illegal_character(source) {
        return Err(XmlError::IllegalCharacter);
    }
    Ok(())
}

/// Looks for what [`is_allowed`] refuses, without decoding every character.
fn has_illegal_character(source: &str) -> bool {
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    let (words, rest) = source.as_bytes().as_chunks::<8>();
    words.iter().any(|word| has_byte_below_space(*word) && word.iter().any(control))
        || rest.iter().any(control)
        || (source.as_bytes().contains(&0xef) && source.contains(['\u{fffe}', '\u{ffff}']))
}

/// Subtracting a space from each of the eight bytes at once borrows from the top bit of those that are smaller.
fn has_byte_below_space(word: [u8; 8]) -> bool {
    let word = u64::from_ne_bytes(word);
    word.wrapping_sub(u64::from_ne_bytes([0x20; 8])) & !word & u64::from_ne_bytes([0x80; 8]) != 0
}

/// Whether the first markup that is no comment and no processing instruction begins an HTML page.
fn is_html(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    let mut rest = head.trim_start_matches('\u{feff}').trim_start();
    while let Some(after) = skip(rest, "<?", "?>").or_else(|| skip(rest, "<!--", "-->")) {
        rest = after.trim_start();
    }
    let name = strip_any_case(rest, "<!doctype").map(str::trim_start).or_else(|| rest.strip_prefix('<'));
    let after_name = name.and_then(|name| strip_any_case(name, "html"));
    after_name.is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric() || ":-_.".contains(next)))
}

fn skip<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    text.strip_prefix(begin)?.split_once(end).map(|(_, after)| after)
}

fn strip_any_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("a position inside a slice fits a usize")
}

fn span(start: usize, end: usize) -> Span {
    start as u32..end as u32
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(entity) = quick_xml::escape::resolve_xml_entity(reference) {
        return Ok(entity.to_owned());
    }
    match reference.resolve_char_ref().map_err(of_quick_xml)? {
        Some(character) if is_allowed(character) => Ok(character.to_string()),
        Some(_) => Err(XmlError::IllegalCharacter),
        None => Err(undefined(reference)),
    }
}

fn undefined(entity: &str) -> XmlError {
    XmlError::UndefinedEntity(entity.chars().take(32).collect())
}

/// XML 1.0 section 2.2, production Char.
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    match declaration.encoding() {
        Some(Ok(name)) if !decode::is_accepted(&name) => Err(XmlError::UnsupportedEncoding(name.into_owned())),
        Some(Err(error)) => Err(XmlError::Malformed(error.to_string())),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Names the errors of quick-xml that have a name here.
fn of_quick_xml(error: impl Into<quick_xml::Error>) -> XmlError {
    let error = error.into();
    if let quick_xml::Error::Escape(EscapeError::UnrecognizedEntity(_, name)) = &error {
        return undefined(name);
    }
    let illegal = matches!(
        error,
        quick_xml::Error::Escape(EscapeError::InvalidCharRef(
            ParseCharRefError::IllegalCharacter(_) | ParseCharRefError::InvalidCodepoint(_),
        ))
    );
    if illegal { XmlError::IllegalCharacter } else { XmlError::Malformed(error.to_string()) }
}

/// XML 1.0 section 2.6: the target of an instruction is a Name, and `xml` in any case is kept for the declaration.
fn check_target(target: &str) -> Result<(), XmlError> {
    check_name(target)?;
    if target.eq_ignore_ascii_case("xml") {
        return Err(XmlError::Malformed("there is an XML declaration that is not at the start".to_owned()));
    }
    Ok(())
}

struct Builder<'s, 'l> {
    limits: &'l Limits,
    source: &'s str,
    nodes: Vec<Node>,
    attributes: Vec<(Span, Text)>,
    /// The open elements, each with its last child so far.
    open: Vec<(u32, Option<u32>)>,
}

impl<'s, 'l> Builder<'s, 'l> {
    fn new(source: &'s str, limits: &'l Limits) -> Self {
        let nodes = Vec::with_capacity((source.len() / 24).min(limits.elements));
        Self { limits, source, nodes, attributes: Vec::new(), open: Vec::new() }
    }

    fn open(&mut self, tag: &BytesStart<'_>, start: usize, end: usize) -> Result<(), XmlError> {
        if self.open.is_empty() && !self.nodes.is_empty() {
            return Err(XmlError::OutsideRoot);
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::TooDeep { limit: self.limits.depth });
        }
        if self.nodes.len() >= self.limits.elements {
            return Err(XmlError::TooManyElements { limit: self.limits.elements });
        }
        let index = self.nodes.len() as u32;
        let name_length = tag.name().as_ref().len();
        let name = span(start + 1, start + 1 + name_length);
        check_qualified_name(&self.source[start + 1..start + 1 + name_length])?;
        let attributes = self.take_attributes(start + 1, start + 1 + tag.len(), name_length)?;
        if let Some((parent, last_child)) = self.open.last_mut() {
            match last_child.replace(index) {
                Some(previous) => self.nodes[previous as usize].next_sibling = Some(index),
                None => self.nodes[*parent as usize].first_child = Some(index),
            }
        }
        self.nodes.push(Node {
            name,
            text: Text::Source(span(end, end)),
            attributes,
            inner: span(end, end),
            first_child: None,
            next_sibling: None,
        });
        self.open.push((index, None));
        Ok(())
    }

    /// Takes the attributes of a tag whose content stands at `start`..`end`.
    fn take_attributes(&mut self, start: usize, end: usize, name_length: usize) -> Result<Span, XmlError> {
        let first = self.attributes.len();
        let content = &self.source[start..end];
        if content.len() == name_length {
            return Ok(span(first, first));
        }
        for attribute in Attributes::new(content, name_length) {
            let attribute = attribute.map_err(of_quick_xml)?;
            if self.attributes.len() - first >= self.limits.attributes {
                return Err(XmlError::TooManyAttributes { limit: self.limits.attributes });
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(of_quick_xml)?;
            if !value.chars().all(is_allowed) {
                return Err(XmlError::IllegalCharacter);
            }
            let key = attribute.key.0;
            check_attribute(key, &value)?;
            let place = |part: &str| {
                let begin = start + offset(part, content);
                span(begin, begin + part.len())
            };
            let text = match &value {
                Cow::Borrowed(part) => Text::Source(place(part)),
                Cow::Owned(text) => Text::Resolved(text.clone()),
            };
            self.attributes.push((place(key), text));
        }
        Ok(span(first, self.attributes.len()))
    }

    fn close(&mut self, end: usize) {
        let (index, _) = self.open.pop().expect("quick-xml reports unmatched end tags itself");
        self.nodes[index as usize].inner.end = end as u32;
    }

    /// Takes text that stands there as it is; between elements it may be white space.
    fn text(&mut self, start: usize, end: usize) -> Result<(), XmlError> {
        if self.open.is_empty() && self.source[start..end].trim().is_empty() {
            Ok(())
        } else {
            self.stretch(start, end)
        }
    }

    /// Takes a stretch of the source. XML's own rule for line ends: a reader sees only line feeds.
    fn stretch(&mut self, start: usize, end: usize) -> Result<(), XmlError> {
        let text = &self.source[start..end];
        self.content(if text.contains('\r') {
            Text::Resolved(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Text::Source(span(start, end))
        })
    }

    /// Takes text that must be inside an element.
    fn content(&mut self, piece: Text) -> Result<(), XmlError> {
        let &(index, _) = self.open.last().ok_or(XmlError::OutsideRoot)?;
        let source = self.source;
        let slot = &mut self.nodes[index as usize].text;
        match slot {
            Text::Source(before) if before.start == before.end => *slot = piece,
            Text::Source(before) => {
                let mut text = stretch_of(source, before).to_owned();
                text.push_str(as_str(source, &piece));
                *slot = Text::Resolved(text);
            }
            Text::Resolved(text) => text.push_str(as_str(source, &piece)),
        }
        Ok(())
    }

    fn explain(&self, error: quick_xml::Error) -> XmlError {
        // A syntax error inside an element is, but for rare cases, markup that was cut off.
        let cut_off = matches!(error, quick_xml::Error::Syntax(_)).then(|| self.truncated()).flatten();
        cut_off.unwrap_or_else(|| of_quick_xml(error))
    }

    fn truncated(&self) -> Option<XmlError> {
        let &(index, _) = self.open.last()?;
        Some(XmlError::Truncated(local(stretch_of(self.source, &self.nodes[index as usize].name)).to_owned()))
    }

    fn finish(self) -> Result<Content, XmlError> {
        if let Some(truncated) = self.truncated() {
            return Err(truncated);
        }
        if self.nodes.is_empty() {
            return Err(XmlError::Malformed("there is no element in it".to_owned()));
        }
        Ok((self.nodes, self.attributes))
    }
}

/// Where in `whole` a part of it stands.
fn offset(part: &str, whole: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

fn stretch_of<'s>(source: &'s str, span: &Span) -> &'s str {
    &source[span.start as usize..span.end as usize]
}

fn as_str<'t>(source: &'t str, text: &'t Text) -> &'t str {
    match text {
        Text::Source(span) => stretch_of(source, span),
        Text::Resolved(text) => text,
    }
}
