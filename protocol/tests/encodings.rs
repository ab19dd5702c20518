//! Every kind of message in every encoding that peers send it in: what is read is the same.

mod common;

use mdm_protocol::Limits;
use mdm_protocol::xml::Document;

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

/// The same document in each encoding, with and without a byte order mark, under each declaration.
fn encodings(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for declared in ["utf-8", "UTF-16", "utf-16", "UTF-16LE", "utf-16be", ""] {
        let declaration = match declared {
            "" => String::new(),
            encoding => format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>\r\n"),
        };
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}{declaration}{text}");
            all.push((format!("UTF-8 {mark:?} {declared}"), text.clone().into_bytes()));
            all.push((format!("UTF-16LE {mark:?} {declared}"), utf16(&text, u16::to_le_bytes)));
            all.push((format!("UTF-16BE {mark:?} {declared}"), utf16(&text, u16::to_be_bytes)));
        }
    }
    all
}

#[test]
fn every_kind_of_message_is_read_in_utf_8_and_utf_16_whatever_of_the_two_is_declared() {
    for (name, text) in common::documents() {
        for (encoding, bytes) in encodings(&text) {
            assert!(common::is_accepted(name, &bytes), "{name} in {encoding}");
        }
    }
}

#[test]
fn what_is_read_is_the_same_in_every_encoding() {
    let text = "<a é='&lt;\u{1f512}'>ü&amp;€<b xmlns:c='d'>x\r\ny<![CDATA[<z>\u{1f511}]]></b>\u{1f511}</a>";
    for (encoding, bytes) in encodings(text) {
        let document = Document::parse(&bytes, &Limits::PAYLOAD).unwrap_or_else(|error| panic!("{encoding}: {error}"));
        let root = document.root();
        assert_eq!((root.text(), root.attribute("é")), ("ü&€\u{1f511}", Some("<\u{1f512}")), "{encoding}");
        let inner = root.child("b").unwrap();
        assert_eq!((inner.text(), inner.attribute("c")), ("x\ny<z>\u{1f511}", Some("d")), "{encoding}");
        assert_eq!(inner.inner_xml(), "x\r\ny<![CDATA[<z>\u{1f511}]]>", "{encoding}");
    }
}
