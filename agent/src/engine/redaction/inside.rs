//! Values that hold a secret among other things, as they may be read: the secrets in them concealed in their places, and
//! the rest as it is. What cannot be taken apart with certainty is concealed as a whole.

use super::CONCEALED;
use super::buried::{is_secret_name, is_setting, unescape};

/// Elements whose text is in the language of a VPN client of its own, where a secret can stand anywhere.
const OPAQUE: &str = "CustomConfiguration";

/// A value of such a node without its secrets; `name` is the node's own.
pub fn conceal_inside(name: &str, value: &str) -> String {
    if name.eq_ignore_ascii_case(OPAQUE) && !value.is_empty() {
        return CONCEALED.to_owned();
    }
    let (clean, _) = conceal_elements(value);
    // Escaped once more than it should be: the reader may take it for XML all the same.
    let (_, count) = conceal_elements(&unescape(&clean));
    if count > 0 { CONCEALED.to_owned() } else { clean }
}

/// Conceals the text of elements with names of secrets; how many there were.
fn conceal_elements(value: &str) -> (String, usize) {
    let (mut clean, mut count, mut copied) = (String::with_capacity(value.len()), 0, 0);
    for (start, _) in value.match_indices('<') {
        if start < copied {
            continue;
        }
        let Some((tag, rest)) = value[start + 1..].split_once('>') else { break };
        let name = tag.split_whitespace().next().unwrap_or_default();
        let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
        let is_opaque = local.eq_ignore_ascii_case(OPAQUE);
        if tag.ends_with('/') || name.starts_with(['/', '!', '?']) || !(is_opaque || is_secret_name(local)) {
            continue;
        }
        let Some((text, _)) = rest.split_once(&format!("</{name}")) else {
            // Without an end there is no saying how far the secret goes.
            return (format!("{}{CONCEALED}", &value[..start]), count + 1);
        };
        let inside = text.trim_start();
        let has_elements = inside.starts_with('<') && !inside.starts_with("<![CDATA[") && text.contains("</");
        let is_container = has_elements && !is_opaque;
        if is_container || text.trim().is_empty() || is_setting(text.trim()) || text == CONCEALED {
            continue;
        }
        let begin = start + 1 + tag.len() + 1;
        clean.push_str(&value[copied..begin]);
        clean.push_str(CONCEALED);
        (copied, count) = (begin + text.len(), count + 1);
    }
    clean.push_str(&value[copied..]);
    (clean, count)
}
