//! One directive of an OpenVPN configuration: whether it is one that is let through, has no meaning on Linux, or could
//! run, read or open something.

use super::{NODE, wrong};
use crate::platform::desired::Untranslatable;

/// What a client's configuration may say. Whatever runs programs, reads or writes other files, or opens a door for
/// others is not among it.
const ALLOWED: &[&str] = &[
    "allow-compression",
    "allow-pull-fqdn",
    "auth",
    "auth-nocache",
    "auth-retry",
    "auth-user-pass",
    "block-ipv6",
    "cipher",
    "client",
    "comp-lzo",
    "compress",
    "connect-retry",
    "connect-retry-max",
    "connect-timeout",
    "data-ciphers",
    "data-ciphers-fallback",
    "dev",
    "dev-type",
    "dhcp-option",
    "explicit-exit-notify",
    "fast-io",
    "float",
    "fragment",
    "hand-window",
    "http-proxy",
    "ifconfig",
    "ifconfig-ipv6",
    "inactive",
    "keepalive",
    "key-direction",
    "link-mtu",
    "lport",
    "mssfix",
    "mute",
    "mute-replay-warnings",
    "nobind",
    "ns-cert-type",
    "persist-key",
    "persist-tun",
    "ping",
    "ping-exit",
    "ping-restart",
    "port",
    "proto",
    "pull",
    "pull-filter",
    "push-peer-info",
    "rcvbuf",
    "redirect-gateway",
    "redirect-private",
    "remote",
    "remote-cert-eku",
    "remote-cert-ku",
    "remote-cert-tls",
    "remote-random",
    "remote-random-hostname",
    "reneg-bytes",
    "reneg-pkts",
    "reneg-sec",
    "replay-window",
    "resolv-retry",
    "route",
    "route-delay",
    "route-ipv6",
    "route-metric",
    "route-nopull",
    "rport",
    "server-poll-timeout",
    "setenv",
    "sndbuf",
    "socket-flags",
    "static-challenge",
    "tls-cert-profile",
    "tls-cipher",
    "tls-ciphersuites",
    "tls-client",
    "tls-groups",
    "tls-timeout",
    "tls-version-max",
    "tls-version-min",
    "topology",
    "tran-window",
    "tun-mtu",
    "tun-mtu-extra",
    "verb",
    "verify-x509-name",
];
/// What means something on Windows only. OpenVPN elsewhere does not take it.
const WINDOWS: &[&str] = &[
    "allow-nonadmin",
    "block-outside-dns",
    "dhcp-pre-release",
    "dhcp-release",
    "dhcp-renew",
    "ip-win32",
    "pause-exit",
    "register-dns",
    "route-method",
    "show-net-up",
    "tap-sleep",
    "win-sys",
    "windows-driver",
];
/// Variables that only say something of the client or of how it was made.
const VARIABLES: &[&str] = &[
    "ALLOW_PASSWORD_SAVE",
    "CLIENT_CERT",
    "FORWARD_COMPATIBLE",
    "FRIENDLY_NAME",
    "GENERIC_CONFIG",
    "PUSH_PEER_INFO",
    "SERVER_POLL_TIMEOUT",
];

/// A directive with its arguments as they are written.
pub(super) struct Directive<'a> {
    number: usize,
    /// Its name.
    pub(super) word: &'a str,
    arguments: &'a str,
}

impl<'a> Directive<'a> {
    /// Reads a line, whose quotes have to be balanced as OpenVPN counts them.
    pub(super) fn parse(number: usize, line: &'a str) -> Result<Self, Untranslatable> {
        if !is_balanced(line) {
            return Err(wrong(format!("line {number} has a quote that does not end")));
        }
        let (word, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let (word, arguments) = (word.strip_prefix("--").unwrap_or(word), arguments.trim_matches([' ', '\t']));
        Ok(Self { number, word, arguments })
    }

    /// Why the directive is left out, if it is.
    pub(super) fn without_effect(&self) -> Option<&'static str> {
        // `setenv opt` before a directive makes it one that may be unknown.
        let optional =
            self.arguments.strip_prefix("opt").filter(|rest| self.word == "setenv" && rest.starts_with([' ', '\t']));
        let word = optional.and_then(|rest| rest.split_ascii_whitespace().next()).unwrap_or(self.word);
        WINDOWS.contains(&word).then_some("it has a meaning on Windows only")
    }

    /// Whether it is allowed. It is compared as it is written: quotes and backslashes, which OpenVPN would take off, are
    /// in no allowed one.
    pub(super) fn check(&self) -> Result<(), Untranslatable> {
        let Self { number, word, arguments } = *self;
        let unsupported = |reason: &str| Err(Untranslatable::unsupported(format!("{NODE}: line {number} {reason}")));
        if !ALLOWED.contains(&word) {
            return unsupported(
                "has a directive that is not supported; what runs programs or reads other files is not",
            );
        }
        let reads_a_file = match word {
            "auth-user-pass" => !arguments.is_empty(),
            // A quote ends a word without space behind it.
            "http-proxy" => arguments.split_ascii_whitespace().count() > 2 || arguments.contains(['"', '\'', '\\']),
            _ => false,
        };
        if reads_a_file {
            return unsupported("names a file with a password");
        }
        if word != "setenv" {
            return Ok(());
        }
        // What follows is a directive, which OpenVPN ignores if it does not know it.
        if let Some(directive) = arguments.strip_prefix("opt").filter(|rest| rest.starts_with([' ', '\t'])) {
            let directive = Self::parse(number, directive.trim_matches([' ', '\t']))?;
            if directive.word == "setenv" {
                return unsupported("sets the environment");
            }
            return directive.check();
        }
        if is_harmless_variable(arguments) { Ok(()) } else { unsupported("sets the environment") }
    }
}

/// Whether a variable only says something of the client. Others reach programs.
fn is_harmless_variable(arguments: &str) -> bool {
    let (name, value) = arguments.split_once([' ', '\t']).unwrap_or((arguments, ""));
    let is_ours = VARIABLES.contains(&name)
        || name.strip_prefix("UV_").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
    let value = value.trim_matches([' ', '\t']);
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let is_plain = |value: &str, more: &[u8]| {
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let is_bare = name == "PUSH_PEER_INFO" && value.is_empty();
    is_ours && (is_bare || quoted.map_or(is_plain(value, b"._:@+-"), |value| is_plain(value, b"._:@+- ")))
}

/// Whether every quote ends, as OpenVPN reads a line: a backslash takes the meaning of what follows it, except in single
/// quotes; outside of quotes `#` and `;` at the beginning of a word begin a comment.
fn is_balanced(line: &str) -> bool {
    let (mut quote, mut escaped, mut in_word) = (None, false, false);
    for character in line.chars() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => (escaped, in_word) = (true, true),
            (Some(open), character) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => (quote, in_word) = (Some(character), true),
            (None, ' ' | '\t') => in_word = false,
            (None, '#' | ';') if !in_word => break,
            (None, _) => in_word = true,
        }
    }
    quote.is_none() && !escaped
}
