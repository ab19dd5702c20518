//! NetworkManager's keyfiles (nm-settings-keyfile(5)): sections of names and values, escaped so that no value can begin
//! another line.

use std::fmt::Write as _;

use mdm_protocol::csp::profile::ProfileAddress;

use super::consumer::Consumer;
use super::desired::DesiredFile;
use super::path::{self, MachinePath};

/// Where NetworkManager looks for connections.
const CONNECTIONS: &str = "/etc/NetworkManager/system-connections";

/// A keyfile in the making.
#[derive(Debug)]
pub struct Keyfile(String);

impl Keyfile {
    /// The beginning of a connection: its name, its identifier and its type.
    pub fn connection(address: &ProfileAddress, kind: &str) -> Self {
        let mut keyfile =
            Self("# Made by mdm-agent from a profile of the MDM server; changes are put back.\n".to_owned());
        keyfile.section("connection");
        keyfile.set("id", &address.name);
        keyfile.set("uuid", path::uuid(address));
        keyfile.set("type", kind);
        keyfile
    }

    /// Begins a section.
    pub fn section(&mut self, name: &str) {
        let separator = if self.0.ends_with(".\n") { "" } else { "\n" };
        let _ = writeln!(self.0, "{separator}[{name}]");
    }

    /// Sets a name to a value.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        let _ = writeln!(self.0, "{name}={}", escaped(value.as_ref()));
    }

    /// Sets a name to a value, if there is one.
    pub fn set_some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Sets a name to a list; nothing if it is empty.
    pub fn set_list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            let list: String = values.iter().map(|value| format!("{};", escaped(value).replace(';', "\\;"))).collect();
            let _ = writeln!(self.0, "{name}={list}");
        }
    }

    /// The file, for root alone: NetworkManager ignores connections that others may read.
    pub fn into_file(self, address: &ProfileAddress) -> (MachinePath, DesiredFile) {
        let place = MachinePath::named(CONNECTIONS, address, ".nmconnection");
        (place, DesiredFile::private(self.0, Consumer::NetworkManager))
    }
}

/// A value as GKeyFile reads it back. What no text can hold becomes a replacement character.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let leading = value.len() - value.trim_start_matches(' ').len();
    for (place, letter) in value.char_indices() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' ' if place < leading => text.push_str("\\s"),
            letter if letter.is_control() => text.push('\u{fffd}'),
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_begins_another_line_and_spaces_at_the_beginning_are_kept() {
        for (value, expected) in [
            ("a\nb=c\r[x]", "a\\nb=c\\r[x]"),
            ("  two", "\\s\\stwo"),
            ("back\\slash", "back\\\\slash"),
            ("a\0b\u{7f}", "a\u{fffd}b\u{fffd}"),
        ] {
            assert_eq!(escaped(value), expected);
        }
    }
}
