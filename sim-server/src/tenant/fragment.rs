//! Which SyncML fragments an administrator may hand in, as profiles and as single commands.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Command, Operation, Verb, decode_fragment};

/// The largest fragment, in bytes.
const MAX_BYTES: usize = 2 << 20;

/// Why a fragment was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FragmentError {
    #[error("the fragment cannot be read: {0}")]
    Unreadable(String),
    #[error("the fragment has {0} bytes, more than the {MAX_BYTES} that are accepted")]
    TooLarge(usize),
    #[error("the fragment has no command")]
    Empty,
    #[error("<{0}> is not allowed {1}")]
    NotAllowed(String, &'static str),
    #[error("<{0}> has no <Item>")]
    NoItem(&'static str),
    #[error("an <Item> of <{0}> has no <Target>")]
    NoTarget(&'static str),
    #[error("<{verb}> has the LocURI {uri:?}: {reason}")]
    LocUri { verb: &'static str, uri: String, reason: String },
}

/// What a fragment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is sent again and again to whoever it is assigned to, so it may not ask questions.
    Profile,
    /// It is sent once.
    Command,
}

/// Reads a fragment and checks every command in it.
pub(super) fn parse(text: &str, purpose: Purpose) -> Result<Vec<Command>, FragmentError> {
    if text.len() > MAX_BYTES {
        return Err(FragmentError::TooLarge(text.len()));
    }
    let commands = decode_fragment(text).map_err(|error| FragmentError::Unreadable(error.to_string()))?;
    if commands.is_empty() {
        return Err(FragmentError::Empty);
    }
    commands.iter().try_for_each(|command| check(command, purpose, false))?;
    Ok(commands)
}

fn check(command: &Command, purpose: Purpose, in_atomic: bool) -> Result<(), FragmentError> {
    let refuse = |place| Err(FragmentError::NotAllowed(command.name().to_owned(), place));
    match command {
        Command::Operation(operation) if operation.verb == Verb::Get && purpose == Purpose::Profile => {
            refuse("in a profile; queue it as a command instead")
        }
        Command::Operation(operation) if operation.verb == Verb::Get && in_atomic => refuse("inside <Atomic>"),
        Command::Operation(operation) => check_operation(operation),
        Command::Atomic(_) if in_atomic => refuse("inside another <Atomic>"),
        Command::Atomic(group) if group.commands.is_empty() => Err(FragmentError::Empty),
        Command::Sequence(group) if group.commands.is_empty() => Err(FragmentError::Empty),
        Command::Atomic(group) => group.commands.iter().try_for_each(|inner| check(inner, purpose, true)),
        Command::Sequence(_) if in_atomic => refuse("inside <Atomic>"),
        Command::Sequence(group) => group.commands.iter().try_for_each(|inner| check(inner, purpose, false)),
        Command::Alert(_) | Command::Status(_) | Command::Results(_) | Command::Unrecognised(_) => {
            refuse("here; use Add, Replace, Delete, Exec, Get, Atomic or Sequence")
        }
    }
}

fn check_operation(operation: &Operation) -> Result<(), FragmentError> {
    let verb = operation.verb.as_str();
    if operation.items.is_empty() {
        return Err(FragmentError::NoItem(verb));
    }
    for item in &operation.items {
        let uri = item.target.as_deref().ok_or(FragmentError::NoTarget(verb))?;
        let parsed = match operation.verb {
            Verb::Get => LocUri::parse_with_listing(uri).map(drop),
            Verb::Add | Verb::Replace | Verb::Delete | Verb::Exec => LocUri::parse(uri).map(drop),
        };
        parsed.map_err(|error| FragmentError::LocUri { verb, uri: uri.to_owned(), reason: error.to_string() })?;
    }
    Ok(())
}

/// The profile nodes that commands create or set, each once.
pub(super) fn roots(commands: &[Command]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    commands.iter().for_each(|command| collect_roots(command, &mut found));
    found
}

fn collect_roots(command: &Command, found: &mut BTreeSet<String>) {
    match command {
        Command::Operation(operation) if matches!(operation.verb, Verb::Add | Verb::Replace) => {
            let targets = operation.items.iter().filter_map(|item| item.target.as_deref());
            let nodes = targets.filter_map(|target| LocUri::parse(target).ok());
            found.extend(nodes.filter_map(|node| Some(ProfileAddress::locate(&node)?.root.to_string())));
        }
        Command::Atomic(group) | Command::Sequence(group) => {
            group.commands.iter().for_each(|inner| collect_roots(inner, found));
        }
        Command::Operation(_)
        | Command::Alert(_)
        | Command::Status(_)
        | Command::Results(_)
        | Command::Unrecognised(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text, Purpose::Profile).unwrap_err().to_string()
    }

    #[test]
    fn fragments_that_cannot_be_profiles_are_refused_in_words() {
        let item = |uri: &str| format!("<Item><Target><LocURI>{uri}</LocURI></Target></Item>");
        assert!(refusal("").contains("no command"));
        assert!(refusal("<Replace>").contains("cannot be read"));
        assert!(refusal(&format!("<Get>{}</Get>", item("./DevInfo"))).contains("<Get> is not allowed in a profile"));
        assert!(refusal("<Status><Data>200</Data></Status>").contains("<Status> is not allowed"));
        assert!(refusal("<Frobnicate/>").contains("<Frobnicate> is not allowed"));
        assert!(refusal("<Replace/>").contains("has no <Item>"));
        assert!(refusal("<Replace><Item><Data>1</Data></Item></Replace>").contains("has no <Target>"));
        assert!(refusal(&format!("<Replace>{}</Replace>", item("/a//b"))).contains("begins with a slash"));
        assert!(refusal("<Atomic><Atomic/></Atomic>").contains("inside another <Atomic>"));
    }

    #[test]
    fn a_command_may_ask_questions() {
        let get = "<Get><Item><Target><LocURI>./DevDetail?list=StructData</LocURI></Target></Item></Get>";
        assert_eq!(parse(get, Purpose::Command).unwrap().len(), 1);
    }

    #[test]
    fn roots_are_found_inside_groups_and_counted_once() {
        let text = "<Atomic><Replace><Item><Target><LocURI>./Vendor/MSFT/wifi/Profile/Guest/WlanXml</LocURI></Target></Item>\
            </Replace><Add><Item><Target><LocURI>./Device/Vendor/MSFT/WiFi/Profile/Guest/WiFiCost</LocURI></Target></Item>\
            </Add></Atomic>";
        let roots = roots(&parse(text, Purpose::Profile).unwrap());
        assert_eq!(roots.into_iter().collect::<Vec<_>>(), ["./Device/Vendor/MSFT/WiFi/Profile/Guest"]);
    }
}
