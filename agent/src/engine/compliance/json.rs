//! JSON from outside: its size and its depth are checked before it is parsed.

use serde_json::Value;

/// Parses a text of at most so many bytes with at most so many values inside each other.
pub fn parse(text: &str, most_bytes: usize, most_depth: usize) -> Result<Value, String> {
    if text.len() > most_bytes {
        return Err(format!("it is larger than {most_bytes} bytes"));
    }
    if depth(text) > most_depth {
        return Err(format!("it is nested more than {most_depth} levels deep"));
    }
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))
}

/// How deep lists and objects are nested; brackets inside of strings do not count.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_too_deep_is_not_parsed() {
        assert!(parse("[[1]]", 5, 2).is_ok());
        assert!(parse("[[1]]", 4, 2).unwrap_err().contains("larger"));
        assert!(parse("[[1]]", 5, 1).unwrap_err().contains("deep"));
        assert!(parse(&"[".repeat(60_000), 65_536, 8).unwrap_err().contains("deep"), "no stack is used up");
        assert!(parse(r#"{"a":"[[[[\"[["}"#, 100, 1).is_ok(), "brackets in strings do not count");
        assert!(parse("{", 100, 4).unwrap_err().contains("not JSON"));
    }
}
