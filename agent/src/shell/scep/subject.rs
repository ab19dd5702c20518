//! A subject as `SubjectName` gives it, into the name that a certificate has (RFC 4514). Takes quoted values too, as
//! Windows writes them; knows no macros and asks nobody whether the name is true.

use const_oid::ObjectIdentifier;
use der::Decode as _;
use der::asn1::{Any, Ia5StringRef, PrintableStringRef, SetOfVec, Utf8StringRef};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

const MAX_BYTES: usize = 2048;
const MAX_PARTS: usize = 32;
const SPECIAL: &[char] = &['"', '+', ',', ';', '<', '>', '\\', ' ', '#', '='];
const SEPARATORS: &[char] = &[',', ';', '+'];

/// A subject that is no distinguished name. Says where, not what: the subject may be about a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It is longer than any name in use.
    #[error("the subject is longer than {MAX_BYTES} bytes or has more than {MAX_PARTS} parts")]
    TooLong,
    /// A part is not written as it should be.
    #[error("part {part} of the subject {reason}")]
    Part {
        /// Which part, counted from 1.
        part: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// How the values of a type are encoded (RFC 5280 section 4.1.2.4 and appendix A).
#[derive(Clone, Copy)]
enum Form {
    Printable,
    Ia5,
    Utf8,
}

/// Reads a name; the part that is written first is the last one of the encoding.
pub(super) fn parse(text: &str) -> Result<Name, SubjectError> {
    if text.len() > MAX_BYTES {
        return Err(SubjectError::TooLong);
    }
    let mut names: Vec<Vec<AttributeTypeAndValue>> = Vec::new();
    let mut rest = text.trim_start();
    let mut joins_the_last = false;
    for part in 1.. {
        if part > MAX_PARTS {
            return Err(SubjectError::TooLong);
        }
        let refuse = |reason| SubjectError::Part { part, reason };
        let (key, after) = rest.split_once('=').ok_or_else(|| refuse("is not type=value"))?;
        let (oid, form) = kind(key.trim()).ok_or_else(|| refuse("has a type that is not known"))?;
        let (value, separator, after) = value(after, form).map_err(refuse)?;
        let attribute = AttributeTypeAndValue { oid, value };
        match names.last_mut().filter(|_| joins_the_last) {
            Some(last) => last.push(attribute),
            None => names.push(vec![attribute]),
        }
        joins_the_last = separator == Some('+');
        rest = after.trim_start();
        if separator.is_none() {
            break;
        }
    }
    let parts = names.into_iter().rev().map(|attributes| SetOfVec::try_from(attributes).map(RelativeDistinguishedName));
    let parts: Result<Vec<_>, der::Error> = parts.collect();
    Ok(RdnSequence(parts.map_err(|_| SubjectError::Part { part: 1, reason: "or another one says a thing twice" })?))
}

fn kind(key: &str) -> Option<(ObjectIdentifier, Form)> {
    let upper = key.to_ascii_uppercase();
    let oid = super::oid::parse;
    let (text, form) = match upper.as_str() {
        "CN" => ("2.5.4.3", Form::Utf8),
        "SN" | "SURNAME" => ("2.5.4.4", Form::Utf8),
        "SERIALNUMBER" => ("2.5.4.5", Form::Printable),
        "C" => ("2.5.4.6", Form::Printable),
        "L" => ("2.5.4.7", Form::Utf8),
        "ST" | "S" => ("2.5.4.8", Form::Utf8),
        "STREET" => ("2.5.4.9", Form::Utf8),
        "O" => ("2.5.4.10", Form::Utf8),
        "OU" => ("2.5.4.11", Form::Utf8),
        "T" | "TITLE" => ("2.5.4.12", Form::Utf8),
        "G" | "GN" | "GIVENNAME" => ("2.5.4.42", Form::Utf8),
        "I" | "INITIALS" => ("2.5.4.43", Form::Utf8),
        "DC" => ("0.9.2342.19200300.100.1.25", Form::Ia5),
        "UID" => ("0.9.2342.19200300.100.1.1", Form::Utf8),
        "E" | "EMAIL" | "EMAILADDRESS" => ("1.2.840.113549.1.9.1", Form::Ia5),
        other => return Some((oid(other.trim_start_matches("OID."))?, Form::Utf8)),
    };
    Some((oid(text)?, form))
}

type Value<'a> = (Any, Option<char>, &'a str);

/// The value at the start of a text, what separates it from the next one, and the rest.
fn value(text: &str, form: Form) -> Result<Value<'_>, &'static str> {
    let text = text.trim_start();
    if let Some(digits) = text.strip_prefix('#') {
        let end = digits.find(SEPARATORS).unwrap_or(digits.len());
        let bytes = hexadecimal(digits[..end].trim_end()).ok_or("has a value after # that is not hexadecimal")?;
        let any = Any::from_der(&bytes).map_err(|_| "has a value after # that is no encoding")?;
        return Ok((any, digits[end..].chars().next(), digits.get(end + 1..).unwrap_or_default()));
    }
    let (bytes, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted_value(quoted)?,
        None => plain_value(text),
    };
    let rest = rest.trim_start();
    let separator = rest.chars().next();
    if separator.is_some_and(|separator| !SEPARATORS.contains(&separator)) {
        return Err("has something behind its closing quotation mark");
    }
    let value = String::from_utf8(bytes).map_err(|_| "has a value that is not UTF-8")?;
    if value.is_empty() {
        return Err("has no value");
    }
    if value.contains('\0') {
        return Err("has a value with a NUL in it");
    }
    let wrong = |_| "has a value with characters that its type does not take";
    let any = match form {
        Form::Printable => PrintableStringRef::new(&value).and_then(|text| Any::encode_from(&text)).map_err(wrong)?,
        Form::Ia5 => Ia5StringRef::new(&value).and_then(|text| Any::encode_from(&text)).map_err(wrong)?,
        Form::Utf8 => Utf8StringRef::new(&value).and_then(|text| Any::encode_from(&text)).map_err(wrong)?,
    };
    Ok((any, separator, rest.get(1..).unwrap_or_default()))
}

/// Up to the closing quotation mark; one that is doubled stands for itself.
fn quoted_value(text: &str) -> Result<(Vec<u8>, &str), &'static str> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['"', '\\']).ok_or("has no closing quotation mark")?;
        bytes.extend(&rest.as_bytes()[..end]);
        rest = &rest[end..];
        if let Some(after) = rest.strip_prefix("\"\"") {
            bytes.push(b'"');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('"') {
            return Ok((bytes, after));
        } else {
            rest = escape(rest, &mut bytes);
        }
    }
}

/// Up to a separator, without white space that is not escaped at the end.
fn plain_value(text: &str) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut kept = 0;
    let mut rest = text;
    while let Some(next) = rest.chars().next().filter(|next| !SEPARATORS.contains(next)) {
        if next == '\\' {
            rest = escape(rest, &mut bytes);
            kept = bytes.len();
            continue;
        }
        bytes.extend(&rest.as_bytes()[..next.len_utf8()]);
        rest = &rest[next.len_utf8()..];
        if !next.is_whitespace() {
            kept = bytes.len();
        }
    }
    bytes.truncate(kept);
    (bytes, rest)
}

/// What a backslash at the start of a text stands for. Before what needs none, it stands for itself, as in
/// `CN=DOMAIN\user`.
fn escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> &'a str {
    let after = &text[1..];
    if let Some(special) = after.chars().next().filter(|next| SPECIAL.contains(next)) {
        bytes.push(special as u8);
        return &after[1..];
    }
    if let Some([byte]) = after.get(..2).and_then(hexadecimal).as_deref() {
        bytes.push(*byte);
        return &after[2..];
    }
    bytes.push(b'\\');
    after
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair.get(1)?).ok());
    pairs.collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_from_its_end_and_read_back_the_same() {
        for (given, written) in [
            ("CN=ada,OU=Engineering,OU=Berlin,O=Contoso,C=DE", None),
            ("CN=laptop,DC=contoso,DC=com", None),
            ("  cn = ada ;  o=Contoso ", Some("CN=ada,O=Contoso")),
            ("CN=Contoso\\, Inc.,O=a\\+b", None),
            ("CN=\"Contoso, \"\"the\"\" Inc.\",O=x", Some("CN=Contoso\\, \\\"the\\\" Inc.,O=x")),
            ("CN=CONTOSO\\user", Some("CN=CONTOSO\\\\user")),
            ("CN=\\C3\\A4da", Some("CN=äda")),
            ("CN=ada+UID=17", None),
            ("2.5.4.3=ada", Some("CN=ada")),
            ("CN=#0C0161", Some("CN=a")),
        ] {
            assert_eq!(parse(given).unwrap().to_string(), written.unwrap_or(given), "{given}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_place_and_without_the_value() {
        let many = vec!["CN=a"; 33].join(",");
        for given in [
            "",
            "ada",
            "CN=",
            "CN=a,",
            "=ada",
            "XX=ada",
            "CN=\"ada",
            "CN=\"ada\"b",
            "C=Ä",
            "DC=ä",
            "CN=#0",
            "CN=#zz",
            "CN=\\FF",
            "CN=a\\00b",
            "CN=a,,O=b",
            &many,
            &"x".repeat(3000),
        ] {
            let error = parse(given).unwrap_err().to_string();
            assert!(error.contains("subject") && !error.contains("ada"), "{given}: {error}");
        }
    }
}
