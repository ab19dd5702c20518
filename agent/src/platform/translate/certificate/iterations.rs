//! How often a PKCS#12 file has its password stretched, looked up before anything is computed: a file could ask for years
//! of work. In all of its forms (RFC 7292 section 4, RFC 8018 appendix A, RFC 7914 section 7) the count follows the salt.

/// The most iterations that are done for a file, all of its parts together; OpenSSL writes 2,048 for a part, and 600,000
/// are recommended.
const MAX_ITERATIONS: u64 = 5_000_000;
/// How deep the structure may be nested.
const MAX_DEPTH: usize = 32;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

/// Whether the file asks for more work than protects anything.
pub(super) fn are_too_many(file: &[u8]) -> bool {
    sum(file, 0).is_none_or(|sum| sum > MAX_ITERATIONS)
}

/// All counts together, because a file may have thousands of parts that are each stretched; `None` if it is nested too
/// deep.
fn sum(mut content: &[u8], depth: usize) -> Option<u64> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (mut total, mut follows_salt) = (0_u64, false);
    while let Some((tag, value, rest)) = element(content) {
        let found = match tag {
            INTEGER if follows_salt => number(value),
            // What is inside of one may be such a structure, or encrypted.
            OCTET_STRING if is_structure(value) => sum(value, depth + 1)?,
            tag if tag & CONSTRUCTED != 0 => sum(value, depth + 1)?,
            _ => 0,
        };
        total = total.saturating_add(found);
        follows_salt = tag == OCTET_STRING;
        content = rest;
    }
    Some(total)
}

fn number(value: &[u8]) -> u64 {
    value.iter().fold(0, |number: u64, byte| number.saturating_mul(256).saturating_add(u64::from(*byte)))
}

/// Whether elements fill it to the end.
fn is_structure(mut content: &[u8]) -> bool {
    while let Some((_, _, rest)) = element(content) {
        if rest.is_empty() {
            return true;
        }
        content = rest;
    }
    false
}

/// The first element (X.690 section 8.1): its tag, its content, and what follows.
fn element(content: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = content.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let count = usize::from(length & 0x7f);
        let (bytes, rest) = (count > 0 && count <= 4).then(|| rest.split_at_checked(count)).flatten()?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length).map(|(value, rest)| (tag, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A salt with a count behind it.
    fn parameters(count: u32) -> Vec<u8> {
        let mut content = vec![OCTET_STRING, 1, 0xff, INTEGER, 4];
        content.extend(count.to_be_bytes());
        [vec![0x30, u8::try_from(content.len()).unwrap()], content].concat()
    }

    #[test]
    fn counts_that_are_each_small_are_too_many_together() {
        let within = parameters(1_000_000).repeat(5);
        assert!(!are_too_many(&within));
        assert!(are_too_many(&[within.clone(), parameters(1)].concat()));
        let length = u8::try_from(within.len()).unwrap();
        for tag in [0x30, OCTET_STRING] {
            let nested = [vec![tag, length], within.clone()].concat();
            assert!(!are_too_many(&nested));
            assert!(are_too_many(&[nested, parameters(1)].concat()), "{tag}");
        }
    }
}
