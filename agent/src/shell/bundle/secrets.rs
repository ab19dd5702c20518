//! Secrets that are not in the store: private keys in files, and what the environment says of proxies, this program's
//! and the service's.

use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::engine::redaction::{Redactor, key_lines};
use crate::platform::ledger::Ledger;
use crate::shell::doctor::Place;
use crate::shell::doctor::facts::Found;
use crate::shell::files::read_bounded;
use crate::shell::http::ProxySettings;
use crate::shell::paths::Paths;

/// The largest file that is searched for keys.
const MOST_BYTES: u64 = 4 << 20;
const MOST_ENVIRONMENT: u64 = 1 << 20;
const KEY_BEGINS: &str = "PRIVATE KEY-----";
const KEY_ENDS: &str = "-----END ";

/// A filter for what the agent holds (`held`), and for what is found beside it.
pub fn known(held: Vec<String>, found: &[Found], ledger: Option<&Ledger>, place: &Place) -> Redactor {
    let (root, paths) = (place.platform.root(), &place.paths);
    let mut secrets = held;
    secrets.extend(place.proxy.iter().flat_map(ProxySettings::secrets));
    let own = found.iter().filter(|file| file.is_private && !file.is_directory).map(|file| file.path.clone());
    let made = ledger.into_iter().flat_map(|ledger| ledger.files.keys());
    let made = made.map(|path| root.join(path.as_str().trim_start_matches('/')));
    for path in own.chain(made) {
        let content = read_bounded(&path, MOST_BYTES).ok().flatten().unwrap_or_default();
        secrets.extend(keys(&String::from_utf8_lossy(&content)));
    }
    let environment = std::env::vars().map(|(name, value)| format!("{name}={value}"));
    secrets.extend(environment.chain(service_environment(paths)).flat_map(|variable| proxy_credentials(&variable)));
    Redactor::new(secrets)
}

/// What is in blocks of private keys, line by line and as a whole.
fn keys(text: &str) -> Vec<String> {
    let blocks = text.split(KEY_BEGINS).skip(1).map(|block| block.split(KEY_ENDS).next().unwrap_or_default());
    blocks.flat_map(key_lines).collect()
}

/// The environment of whoever has the state, who may have been told of another proxy.
fn service_environment(paths: &Paths) -> Vec<String> {
    let holder = read_bounded(&paths.lock(), 200).ok().flatten().unwrap_or_default();
    let holder = String::from_utf8_lossy(&holder).into_owned();
    let Some(process) = holder.split_whitespace().nth(1).and_then(|number| number.parse::<u32>().ok()) else {
        return Vec::new();
    };
    let path = format!("/proc/{process}/environ");
    let variables = read_bounded(Path::new(&path), MOST_ENVIRONMENT).ok().flatten().unwrap_or_default();
    variables.split(|byte| *byte == 0).map(|variable| String::from_utf8_lossy(variable).into_owned()).collect()
}

/// The user's password in a proxy's address: as it stands, as it is meant, and both as they are sent.
fn proxy_credentials(variable: &str) -> Vec<String> {
    let Some((name, address)) = variable.split_once('=') else { return Vec::new() };
    if !name.to_ascii_lowercase().ends_with("_proxy") {
        return Vec::new();
    }
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let Some((credentials, _)) = authority.rsplit_once('@') else { return Vec::new() };
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = credentials.split_once(':').map(|(_, password)| password).unwrap_or_default();
    [credentials.to_owned(), plain(credentials), password.to_owned(), plain(password)]
        .into_iter()
        .filter(|secret| !secret.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_password_is_known_as_it_stands_and_as_it_is_meant() {
        let found = proxy_credentials("HTTPS_PROXY=http://me:p%40ss:w@proxy:3128");
        for secret in ["p%40ss:w", "p@ss:w", "me:p@ss:w"] {
            assert!(found.iter().any(|known| known == secret), "{secret}: {found:?}");
        }
        assert!(proxy_credentials("PATH=a@b").is_empty() && proxy_credentials("no_proxy=a").is_empty());
    }

    #[test]
    fn the_lines_of_a_key_are_known_each_and_together() {
        let pem =
            "-----BEGIN PRIVATE KEY-----\nAAAABBBBCCCCDDDDEEEE\nFFFFGGGGHHHHIIIIJJJJ\n-----END PRIVATE KEY-----\n";
        let json = format!("{{\"private_key\":{}}}", serde_json::Value::from(pem));
        for text in [pem, &json] {
            let found = keys(text);
            assert!(found.contains(&"AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJ".to_owned()), "{found:?}");
            assert!(found.contains(&"FFFFGGGGHHHHIIIIJJJJ".to_owned()), "{found:?}");
        }
    }
}
