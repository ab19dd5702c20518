//! XML that is refused, whichever kind of message it claims to be: each reason by its own name.

mod common;

use mdm_protocol::enrolment::Discover;
use mdm_protocol::provisioning::{Provisioning, ProvisioningError};
use mdm_protocol::soap::SoapError;
use mdm_protocol::syncml::{Message, SyncMlError};
use mdm_protocol::xml::Document;
use mdm_protocol::{Limits, XmlError};

#[test]
fn a_document_cut_off_anywhere_is_refused() {
    for (name, text) in common::documents() {
        for end in 0..text.len() {
            assert!(!common::is_accepted(name, &text.as_bytes()[..end]), "{name} is accepted when cut at {end}");
        }
        assert!(common::is_accepted(name, text.as_bytes()), "{name} is not accepted");
    }
}

#[test]
fn a_document_cut_off_inside_an_element_is_called_truncated() {
    for text in ["<a><b>", "<a><b>text", "<a><b></b", "<a><b x='", "<a><b><![CDATA[x", "<a><b><!-- x", "<a><b><?x"] {
        assert!(matches!(everywhere(text.as_bytes()), XmlError::Truncated(_)), "{text}");
    }
    assert_eq!(everywhere(b"<SyncML><SyncBody><Add>"), XmlError::Truncated("Add".to_owned()));
}

#[test]
fn an_empty_body_is_called_empty() {
    for text in ["", " ", "\r\n\t \n", "\u{feff}", "\u{feff}\n"] {
        assert_eq!(everywhere(text.as_bytes()), XmlError::Empty);
    }
}

#[test]
fn a_document_without_an_element_is_refused() {
    for text in ["<?xml version=\"1.0\"?>", "<!-- nothing -->", "<?a b?>"] {
        assert!(matches!(everywhere(text.as_bytes()), XmlError::Malformed(_)), "{text}");
    }
}

#[test]
fn an_oversized_document_is_refused_before_it_is_read() {
    let bytes = vec![0xff; Limits::MESSAGE.bytes + 1];
    let expected = |limits: Limits| XmlError::TooLarge { limit: limits.bytes, actual: bytes.len() };
    assert_eq!(as_message(&bytes), expected(Limits::MESSAGE));
    assert_eq!(as_envelope(&bytes), expected(Limits::ENROLMENT));
    assert_eq!(as_provisioning(&bytes), expected(Limits::ENROLMENT));
}

#[test]
fn a_document_as_large_as_allowed_is_read() {
    let text = format!("<a>{}</a>", " ".repeat(Limits::ENROLMENT.bytes - 7));
    assert!(matches!(as_envelope(text.as_bytes()), XmlError::WrongRoot { .. }));
}

#[test]
fn a_document_nested_too_deep_is_refused() {
    assert_eq!(as_message("<a>".repeat(100_000).as_bytes()), XmlError::TooDeep { limit: Limits::MESSAGE.depth });
    assert_eq!(as_envelope("<a>".repeat(33).as_bytes()), XmlError::TooDeep { limit: Limits::ENROLMENT.depth });
    assert_eq!(as_provisioning("<a>".repeat(33).as_bytes()), XmlError::TooDeep { limit: Limits::ENROLMENT.depth });
    let limits = Limits { depth: 2, ..Limits::MESSAGE };
    assert!(Document::parse(b"<a><b/><b/></a>", &limits).is_ok());
    assert_eq!(Document::parse(b"<a><b><c/></b></a>", &limits).unwrap_err(), XmlError::TooDeep { limit: 2 });
}

#[test]
fn a_document_of_too_many_elements_is_refused() {
    let text = format!("<a>{}</a>", "<b/>".repeat(Limits::MESSAGE.elements));
    assert_eq!(as_message(text.as_bytes()), XmlError::TooManyElements { limit: Limits::MESSAGE.elements });
    let text = format!("<a>{}</a>", "<b/>".repeat(Limits::ENROLMENT.elements));
    assert_eq!(as_envelope(text.as_bytes()), XmlError::TooManyElements { limit: Limits::ENROLMENT.elements });
    assert_eq!(as_provisioning(text.as_bytes()), XmlError::TooManyElements { limit: Limits::ENROLMENT.elements });
}

#[test]
fn an_element_of_too_many_attributes_is_refused() {
    let element = |count: usize| format!("<a{}/>", (0..count).map(|index| format!(" a{index}=''")).collect::<String>());
    assert_eq!(everywhere(element(33).as_bytes()), XmlError::TooManyAttributes { limit: 32 });
    assert!(matches!(everywhere(element(32).as_bytes()), XmlError::WrongRoot { .. }));
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    for bytes in [&b"<a>\xff</a>"[..], b"<a>\xc3</a>", b"<a>\xed\xa0\x80</a>", b"<a>\xc0\xbc</a>"] {
        assert_eq!(everywhere(bytes), XmlError::NotUtf8, "{bytes:x?}");
    }
}

#[test]
fn bytes_that_begin_as_utf_16_and_are_not_are_refused() {
    for bytes in [&b"\xff\xfe<\0a\0/\0>"[..], b"\xfe\xff\0<\0a\xd8\0\0>", b"<\0a\0/", b"\0<\0a\xdc\0"] {
        assert_eq!(everywhere(bytes), XmlError::NotUtf16, "{bytes:x?}");
    }
}

#[test]
fn another_declared_encoding_is_refused_by_its_name() {
    for encoding in ["UTF-32", "iso-8859-1", "windows-1252", "utf8"] {
        let text = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><a/>");
        let refusal = everywhere(text.as_bytes());
        assert_eq!(refusal, XmlError::UnsupportedEncoding(encoding.to_owned()));
        assert!(refusal.to_string().contains(encoding), "{refusal}");
        let latin = [format!("<?xml version='1.0' encoding='{encoding}'?><a>").as_bytes(), b"\xe9</a>"].concat();
        assert_eq!(everywhere(&latin), XmlError::UnsupportedEncoding(encoding.to_owned()));
    }
    assert_eq!(everywhere(b"\xff\xfe\0\0<\0\0\0"), XmlError::UnsupportedEncoding("UTF-32".to_owned()));
}

#[test]
fn utf_16_has_the_limits_of_utf_8() {
    // Each of these takes two bytes in UTF-16 and three in UTF-8.
    let text = format!("<a>{}</a>", "\u{20ac}".repeat(Limits::ENROLMENT.bytes / 3));
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(bytes.len() < Limits::ENROLMENT.bytes);
    assert_eq!(as_envelope(&bytes), XmlError::TooLarge { limit: Limits::ENROLMENT.bytes, actual: text.len() });
}

#[test]
fn names_that_xml_or_its_namespaces_do_not_allow_are_refused() {
    for text in [
        "<a:7/>",
        "<a:/>",
        "<:a/>",
        "<a:b:c/>",
        "<7/>",
        "<-a/>",
        "<.a/>",
        "<a:-b/>",
        "<\u{b7}a/>",
        "<a\u{d7}/>",
        "<\u{2190}/>",
        "<xmlns:a/>",
        "<Final//>",
        "<a 7='x'/>",
        "<a x:7='x'/>",
        "<a :x='x'/>",
        "<a x:y:z='x'/>",
        "<a xmlns:7='x'/>",
        "<a xmlns:='x'/>",
        "<a xmlns:b=''/>",
        "<a xmlns:xmlns='x'/>",
        "<a xmlns:xml='x'/>",
        "<a xmlns:b='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<?7 x?><a/>",
        "<?a:b x?><a/>",
        "<a><?XML x?></a>",
    ] {
        assert!(matches!(everywhere(text.as_bytes()), XmlError::Malformed(_)), "{text}");
    }
    for text in [
        "<a:b7/>",
        "<_-./>",
        "<\u{e9}\u{b7}/>",
        "<a xmlns=''/>",
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<a b:nil='undeclared prefixes are for the reader of the message'/>",
        "<?xml-stylesheet x?><a/>",
    ] {
        assert!(matches!(everywhere(text.as_bytes()), XmlError::WrongRoot { .. }), "{text}");
    }
}

#[test]
fn the_right_encoding_is_accepted_in_any_case_and_with_a_byte_order_mark() {
    for start in
        ["<?xml version='1.0' encoding='utf-8'?>", "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\u{feff}"]
    {
        assert!(matches!(everywhere(format!("{start}<a/>").as_bytes()), XmlError::WrongRoot { .. }), "{start}");
    }
    assert_eq!(everywhere("\u{feff}\u{feff}<a>é</a>".as_bytes()), XmlError::OutsideRoot);
}

#[test]
fn a_document_type_is_refused_whatever_it_defines() {
    let laughs = "<!DOCTYPE a [<!ENTITY l0 'ha'><!ENTITY l1 '&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;'>\
                  <!ENTITY l2 '&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;'>]><a>&l2;</a>";
    let external = "<!DOCTYPE a [<!ENTITY file SYSTEM 'file:///etc/passwd'>]><a>&file;</a>";
    let late = "<a/><!DOCTYPE a>";
    for text in
        [laughs, external, late, "<!DOCTYPE a><a/>", "<!doctype SyncML SYSTEM 'x.dtd'><SyncML/>", "<a><!DOCTYPE b></a>"]
    {
        assert_eq!(everywhere(text.as_bytes()), XmlError::DocumentType, "{text}");
    }
}

#[test]
fn an_undefined_entity_is_refused_by_name() {
    for text in ["<a>&nbsp;</a>", "<a b='&nbsp;'/>", "<a b='x&lt;&nbsp;'/>"] {
        assert_eq!(everywhere(text.as_bytes()), XmlError::UndefinedEntity("nbsp".to_owned()), "{text}");
    }
    let long = everywhere(format!("<a>&{};</a>", "x".repeat(10_000)).as_bytes());
    assert_eq!(long, XmlError::UndefinedEntity("x".repeat(32)));
}

#[test]
fn characters_that_xml_does_not_allow_are_refused() {
    for reference in [
        "&#0;",
        "&#x0;",
        "&#x1;",
        "&#8;",
        "&#xB;",
        "&#x1F;",
        "&#xD800;",
        "&#xDFFF;",
        "&#xFFFE;",
        "&#65535;",
        "&#x110000;",
    ] {
        assert_eq!(everywhere(format!("<a>{reference}</a>").as_bytes()), XmlError::IllegalCharacter, "{reference}");
        assert_eq!(everywhere(format!("<a b='{reference}'/>").as_bytes()), XmlError::IllegalCharacter, "{reference}");
    }
    for character in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{e}', '\u{1b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        for text in [
            format!("<a>{character}</a>"),
            format!("<a b='12345{character}'/>"),
            format!("<!--1234567{character}--><a/>"),
        ] {
            assert_eq!(everywhere(text.as_bytes()), XmlError::IllegalCharacter, "{text:?}");
        }
    }
}

#[test]
fn a_character_reference_that_is_no_number_is_refused() {
    for reference in ["&#;", "&#x;", "&#-1;", "&#+9;", "&#xG;", "&#99999999999999999999;", "&;", "&", "& x;"] {
        let error = everywhere(format!("<a>{reference}</a>").as_bytes());
        assert!(matches!(error, XmlError::Malformed(_) | XmlError::UndefinedEntity(_)), "{reference}: {error:?}");
    }
}

#[test]
fn anything_after_the_root_is_refused() {
    for text in [
        "<a/><a/>",
        "<a></a><b/>",
        "<a/>text",
        "<a/>&lt;",
        "<a/>&#32;",
        "<a/><![CDATA[]]>",
        "text<a/>",
        "{\"error\":1}",
        "<a/>\u{a0}x",
    ] {
        assert_eq!(everywhere(text.as_bytes()), XmlError::OutsideRoot, "{text}");
    }
    assert!(matches!(everywhere(b" \n<!-- a --><a/> \r\n<!-- b --><?c d?>"), XmlError::WrongRoot { .. }));
}

#[test]
fn a_wrong_root_is_told_by_name() {
    let wrong = |expected| XmlError::WrongRoot { expected, found: "Other".to_owned() };
    assert_eq!(as_message(b"<x:Other/>"), wrong("SyncML"));
    assert_eq!(as_envelope(b"<Other/>"), wrong("Envelope"));
    assert_eq!(as_provisioning(b"<Other/>"), wrong("wap-provisioningdoc"));
    assert!(matches!(as_message(b"<syncml/>"), XmlError::WrongRoot { .. }));
}

#[test]
fn markup_that_is_not_well_formed_is_refused() {
    for text in [
        "<a></b>",
        "<a><b></a></b>",
        "</a>",
        "<a x='1' x='2'/>",
        "<a x/>",
        "<a x=1/>",
        "<a 'x'/>",
        "<a><b x='1' x='1'/></a>",
    ] {
        assert!(
            matches!(everywhere(text.as_bytes()), XmlError::Malformed(_)),
            "{text}: {:?}",
            everywhere(text.as_bytes())
        );
    }
}

#[test]
fn a_web_page_is_called_one() {
    let pages = [
        "<!DOCTYPE html><html><head><meta charset=utf-8><title>Sign in</title></head><body>&nbsp;</body></html>",
        "<!doctype HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"><HTML><BODY BGCOLOR=white><P>hello<BR></BODY></HTML>",
        "<!DOCTYPE\n html>",
        "<html><body><p>unclosed<br></body></html>",
        "<html lang=en><body></body></html>",
        "<HTML><HEAD><META NAME=x></HEAD></HTML>",
        "<html><script>if (a < b && c) {}</script></html>",
        "<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>",
        "\u{feff} \n<?xml version=\"1.0\"?><!-- portal -->\n<Html></Html>",
        "<html>\u{1}</html>",
        "<html",
        "<html><p>cut of",
    ];
    for page in pages {
        assert_eq!(everywhere(page.as_bytes()), XmlError::Html, "{page}");
    }
    assert_eq!(everywhere(b"<html><p>caf\xe9</html>"), XmlError::Html);
    assert!(matches!(everywhere(b"<htmlish></other>"), XmlError::Malformed(_)));
}

/// What the three readers say; all must say the same, but for the name of the root they wanted.
fn everywhere(bytes: &[u8]) -> XmlError {
    let error = as_message(bytes);
    for other in [as_envelope(bytes), as_provisioning(bytes)] {
        assert_eq!(std::mem::discriminant(&other), std::mem::discriminant(&error), "{other:?} is not {error:?}");
    }
    error
}

fn as_message(bytes: &[u8]) -> XmlError {
    let Err(SyncMlError::Xml(error)) = Message::decode(bytes) else { panic!("not refused as XML") };
    error
}

fn as_envelope(bytes: &[u8]) -> XmlError {
    let Err(SoapError::Xml(error)) = Discover::decode(bytes) else { panic!("not refused as XML") };
    error
}

fn as_provisioning(bytes: &[u8]) -> XmlError {
    let Err(ProvisioningError::Xml(error)) = Provisioning::decode(bytes) else { panic!("not refused as XML") };
    error
}

#[test]
fn names_that_are_no_names_are_refused() {
    for text in
        ["<a><Final//></a>", "<a><1/></a>", "<a><b=\"c\"/></a>", "<a><b c/d=\"e\"/></a>", "<a><-b/></a>", "<a><é/></a>"]
    {
        let outcome = Document::parse(text.as_bytes(), &Limits::MESSAGE);
        assert_eq!(outcome.is_ok(), text.contains('é'), "{text}");
    }
}

#[test]
fn what_a_fuzzer_found_is_refused() {
    // An element whose local name begins with a digit; see the table of the cases.
    let body = format!("<Fi{}:{}nal/>", "7".repeat(41), "7".repeat(28));
    assert!(matches!(
        everywhere(format!("<SyncML><SyncBody>{body}</SyncBody></SyncML>").as_bytes()),
        XmlError::Malformed(_)
    ));
}
