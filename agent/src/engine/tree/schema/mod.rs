//! Which nodes there are, which commands they take and which format they have (from the providers' DDF files).

mod rules;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

use self::rules::RULES;

/// The commands that a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access(u8);

impl Access {
    /// Add.
    pub const ADD: Self = Self(1);
    /// Delete.
    pub const DELETE: Self = Self(2);
    /// Get.
    pub const GET: Self = Self(4);
    /// Replace.
    pub const REPLACE: Self = Self(8);
    /// Exec.
    pub const EXEC: Self = Self(16);

    const fn parse(letters: &str) -> Self {
        let letters = letters.as_bytes();
        let mut access = 0;
        let mut index = 0;
        while index < letters.len() {
            access |= match letters[index] {
                b'A' => Self::ADD.0,
                b'D' => Self::DELETE.0,
                b'G' => Self::GET.0,
                b'R' => Self::REPLACE.0,
                b'X' => Self::EXEC.0,
                _ => panic!("an access letter is one of A, D, G, R, X"),
            };
            index += 1;
        }
        Self(access)
    }

    /// Whether the command is among them.
    pub fn allows(self, command: Self) -> bool {
        self.0 & command.0 != 0
    }
}

/// The rule for one node, or for all nodes of one pattern.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The address below the scope: fixed names, `<>` for a name of the server's choice, `...` at the end for any
    /// number of further segments.
    pattern: &'static str,
    /// How many segments an address of the pattern has, at least where `...` is its last one.
    depth: usize,
    /// The commands that the node takes.
    pub access: Access,
    /// The format of its value.
    pub format: Kind,
    /// Whether a Get must not tell the value.
    pub secret: bool,
    /// What comes of a value that the server sets, where the node is no part of a profile.
    pub effect: Effect,
}

/// What comes of a value that the server sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The agent acts on it.
    Acts,
    /// It is kept for the server to read it back, for this reason.
    Stored(&'static str),
    /// With one of these values it asks for what is so anyway; any other is refused (406), for this reason.
    Only(&'static [&'static str], &'static str),
    /// It is refused (406), for this reason.
    Refused(&'static str),
}

impl Effect {
    /// Why a value is refused, if it is.
    pub fn refuses(self, value: &str) -> Option<&'static str> {
        let value = match value.trim() {
            "1" => "true",
            "0" => "false",
            other => other,
        };
        let is_allowed = |allowed: &&str| allowed.eq_ignore_ascii_case(value) || (*allowed == "0" && value == "false");
        match self {
            Self::Only(values, reason) => (!values.iter().any(is_allowed)).then_some(reason),
            Self::Refused(reason) => Some(reason),
            Self::Acts | Self::Stored(_) => None,
        }
    }
}

/// Formats as rules need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A signed 32-bit number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Base64.
    Base64,
    /// Whatever the command says.
    Any,
    /// An interior node.
    Interior,
    /// No value.
    Nothing,
}

impl Kind {
    /// The format in which such a node is reported.
    pub fn format(self) -> Format {
        match self {
            Self::Text | Self::Any => Format::Chr,
            Self::Number => Format::Int,
            Self::Boolean => Format::Bool,
            Self::Base64 => Format::B64,
            Self::Interior => Format::Node,
            Self::Nothing => Format::Null,
        }
    }
}

const fn depth(pattern: &str) -> usize {
    let pattern = pattern.as_bytes();
    let (mut index, mut depth) = (0, 1);
    while index < pattern.len() {
        if pattern[index] == b'/' {
            depth += 1;
        }
        index += 1;
    }
    depth
}

const fn rule(pattern: &'static str, access: &str, format: Kind) -> Rule {
    Rule { pattern, depth: depth(pattern), access: Access::parse(access), format, secret: false, effect: Effect::Acts }
}

const fn secret(pattern: &'static str, access: &str) -> Rule {
    Rule {
        pattern,
        depth: depth(pattern),
        access: Access::parse(access),
        format: Kind::Text,
        secret: true,
        effect: Effect::Acts,
    }
}

impl Rule {
    const fn stored(self, reason: &'static str) -> Self {
        Self { effect: Effect::Stored(reason), ..self }
    }

    const fn only(self, values: &'static [&'static str], reason: &'static str) -> Self {
        Self { effect: Effect::Only(values, reason), ..self }
    }

    const fn refused(self, reason: &'static str) -> Self {
        Self { effect: Effect::Refused(reason), ..self }
    }
}

const WILDCARD: &str = "<>";
const OPEN_END: &str = "...";

/// The rule for a node, and the node's address with its fixed names in their conventional case.
pub fn find(uri: &LocUri) -> Option<(&'static Rule, LocUri)> {
    RULES.iter().find_map(|rule| Some((rule, rule.matches(uri)?)))
}

/// All rules.
#[cfg(test)]
pub(in crate::engine) fn all_rules() -> &'static [Rule] {
    RULES
}

/// All rules.
pub(super) fn rules() -> &'static [Rule] {
    RULES
}

impl Rule {
    pub(in crate::engine) fn pattern(&self) -> &'static str {
        self.pattern
    }

    fn matches(&self, uri: &LocUri) -> Option<LocUri> {
        // Every node of every session is looked up here: what cannot be it is not even compared.
        let length = uri.segments().len();
        if length < self.depth || length > self.depth && !self.pattern.ends_with(OPEN_END) {
            return None;
        }
        let fits = self
            .pattern
            .split('/')
            .zip(uri.segments())
            .all(|(step, segment)| step == OPEN_END || step == WILDCARD || segment.eq_ignore_ascii_case(step));
        fits.then(|| self.canonical(uri)).flatten()
    }

    fn canonical(&self, uri: &LocUri) -> Option<LocUri> {
        let mut segments = uri.segments().iter();
        let mut canonical = Vec::with_capacity(segments.len());
        for step in self.pattern.split('/') {
            if step == OPEN_END {
                let rest = segments.as_slice();
                canonical.extend_from_slice(rest);
                return (!rest.is_empty()).then(|| LocUri::new(uri.scope(), canonical));
            }
            let segment = segments.next()?;
            if step != WILDCARD && !segment.eq_ignore_ascii_case(step) {
                return None;
            }
            canonical.push(if step == WILDCARD { segment.clone() } else { step.to_owned() });
        }
        segments.as_slice().is_empty().then(|| LocUri::new(uri.scope(), canonical))
    }
}

impl Rule {
    /// The node of the server's choice that a node of this rule belongs to: the account or the profile above it.
    pub(super) fn owner(&self, uri: &LocUri) -> Option<LocUri> {
        let (above, _) = self.pattern.rsplit_once('/')?;
        let depth = above.split('/').collect::<Vec<_>>().iter().rposition(|step| *step == WILDCARD)? + 1;
        Some(LocUri::new(uri.scope(), uri.segments().iter().take(depth).cloned()))
    }

    /// Whether the value may contain a secret among other things: a Wi-Fi key in a WLAN profile, a VPN client's own
    /// configuration. Nobody reads such a value with the secrets in it.
    pub fn may_hold_secret(&self) -> bool {
        ["/WlanXml", "VPNv2/<>/..."].iter().any(|end| self.pattern.ends_with(end))
    }
}

/// Whether an address is that of a fixed interior node: one that is there even while it is empty. Answers with the
/// address in its conventional case and the fixed interior nodes directly below it.
pub fn fixed_interior(uri: &LocUri) -> Option<(LocUri, Vec<&'static str>)> {
    let depth = uri.segments().len();
    let mut found: Option<(LocUri, Vec<&'static str>)> = None;
    for rule in RULES {
        let steps: Vec<&str> = rule.pattern.split('/').collect();
        let leads_here = steps.len() > depth
            && steps
                .iter()
                .zip(uri.segments())
                .all(|(step, segment)| *step != WILDCARD && step.eq_ignore_ascii_case(segment));
        if !leads_here {
            continue;
        }
        let canonical = steps[..depth].iter().map(|step| (*step).to_owned());
        let (_, below) = found.get_or_insert_with(|| (LocUri::new(uri.scope(), canonical), Vec::new()));
        let next = steps[depth];
        if steps.len() > depth + 1 && next != WILDCARD && next != OPEN_END && !below.contains(&next) {
            below.push(next);
        }
    }
    found
}
