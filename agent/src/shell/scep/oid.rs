//! Object identifiers as orders write them, in dotted decimal. An arc that is larger than 32 bits is refused: the library
//! that encodes them would wrap it around, and another attribute or purpose would be asked for than the order names.

use const_oid::ObjectIdentifier;

/// Reads an identifier; `None` if it is none, or not one that can be encoded.
pub(super) fn parse(text: &str) -> Option<ObjectIdentifier> {
    let is_arc = |arc: &str| arc.bytes().all(|byte| byte.is_ascii_digit()) && arc.parse::<u32>().is_ok();
    let is_canonical = |arc: &str| arc == "0" || !arc.starts_with('0');
    if !text.split('.').all(|arc| is_arc(arc) && is_canonical(arc)) {
        return None;
    }
    // What the library encodes it does not always decode: then showing it would be a panic.
    ObjectIdentifier::from_bytes(ObjectIdentifier::new(text).ok()?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arc_that_would_wrap_around_is_refused() {
        for text in
            ["2.5.4.3", "1.3.6.1.5.5.7.3.2", "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25", "2.5.4.268435455"]
        {
            assert_eq!(parse(text).map(|identifier| identifier.to_string()).as_deref(), Some(text));
        }
        // 2^32 + 3 in the last arc is commonName to whoever wraps it around, and so on.
        for text in [
            "2.5.4.4294967299",
            "2.5.4.4294967295",
            "4294967298.5.4.3",
            "2.5.4294967300.3",
            "2.5.4.18446744073709551619",
            "1.3.6.1.5.5.7.3.4294967298",
            "2.5.4.03",
            "2.5..4",
            "2.5.4.",
            ".5.4",
            "",
            "2",
            "2.5.4.x",
            "2.5.4.+3",
            "3.1.2",
            "1.40.1",
            "55555555555555555555GN",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
