//! Which SyncML fragments an administrator may hand in, as profiles and as single commands.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::{ProfileAddress, replaced_node};
use mdm_protocol::loc_uri::Scope;
use mdm_protocol::syncml::{Command, Item, Operation, Verb, decode_fragment};
use serde::{Deserialize, Serialize};

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
    #[error("an <Item> of <{0}> has <MoreData>; the server cuts large objects into pieces itself")]
    MoreData(&'static str),
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
        if item.more_data {
            return Err(FragmentError::MoreData(verb));
        }
        let parsed = match operation.verb {
            Verb::Get => LocUri::parse_with_listing(uri).map(drop),
            Verb::Add | Verb::Replace | Verb::Delete | Verb::Exec => LocUri::parse(uri).map(drop),
        };
        parsed.map_err(|error| FragmentError::LocUri { verb, uri: uri.to_owned(), reason: error.to_string() })?;
    }
    Ok(())
}

/// The nodes in profiles' places that commands create or set, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Nodes {
    /// The profiles' own nodes.
    pub(super) roots: BTreeSet<String>,
    /// What is set below them.
    pub(super) leaves: BTreeSet<String>,
}

/// Finds the nodes that are to be deleted once no profile has them any more.
pub(super) fn nodes(commands: &[Command]) -> Nodes {
    let mut found = Nodes::default();
    for operation in operations(commands) {
        if !matches!(operation.verb, Verb::Add | Verb::Replace) {
            continue;
        }
        for node in operation.items.iter().filter_map(address) {
            let node = if operation.verb == Verb::Replace { replaced_node(node) } else { node };
            let Some(ProfileAddress { root, .. }) = ProfileAddress::locate(&node) else { continue };
            let below = &node.segments()[root.segments().len()..];
            if !below.is_empty() {
                let leaf = LocUri::new(root.scope(), root.segments().iter().chain(below).cloned());
                found.leaves.insert(leaf.to_string());
            }
            found.roots.insert(root.to_string());
        }
    }
    found
}

/// Whether commands speak of the enrolled user's settings, which are there only while the user is signed in.
pub(super) fn is_for_user(commands: &[Command]) -> bool {
    let mut items = operations(commands).flat_map(|operation| &operation.items);
    items.any(|item| address(item).is_some_and(|uri| uri.scope() == Scope::User))
}

/// All operations, those inside groups too.
fn operations(commands: &[Command]) -> Box<dyn Iterator<Item = &Operation> + '_> {
    Box::new(commands.iter().flat_map(|command| match command {
        Command::Operation(operation) => Box::new(std::iter::once(operation)) as Box<dyn Iterator<Item = _>>,
        Command::Atomic(group) | Command::Sequence(group) => operations(&group.commands),
        Command::Alert(_) | Command::Status(_) | Command::Results(_) | Command::Unrecognised(_) => {
            Box::new(std::iter::empty())
        }
    }))
}

fn address(item: &Item) -> Option<LocUri> {
    LocUri::parse_with_listing(item.target.as_deref()?).ok().map(|(uri, _)| uri)
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
        for nothing in
            ["", "  ", "hello", "<!-- nothing -->", "<SyncBody/>", "<SyncBody><Final/></SyncBody>", "<Atomic/>"]
        {
            assert!(refusal(nothing).contains("no command"), "{nothing}");
        }
        assert!(refusal("<Replace>").contains("cannot be read"));
        assert!(refusal(&format!("<Get>{}</Get>", item("./DevInfo"))).contains("<Get> is not allowed in a profile"));
        assert!(refusal("<Status><Data>200</Data></Status>").contains("<Status> is not allowed"));
        assert!(refusal("<Frobnicate/>").contains("<Frobnicate> is not allowed"));
        assert!(refusal("<Replace/>").contains("has no <Item>"));
        assert!(refusal("<Replace><Item><Data>1</Data></Item></Replace>").contains("has no <Target>"));
        assert!(refusal(&format!("<Replace>{}</Replace>", item("/a//b"))).contains("begins with a slash"));
        assert!(refusal("<Atomic><Atomic/></Atomic>").contains("inside another <Atomic>"));
        let piece = "<Replace><Item><Target><LocURI>./A</LocURI></Target><Data>1</Data><MoreData/></Item></Replace>";
        assert!(refusal(piece).contains("<MoreData>"));
    }

    #[test]
    fn a_whole_message_is_taken_for_its_body() {
        let set = "<Replace><Item><Target><LocURI>./A/B</LocURI></Target><Data>1</Data></Item></Replace>";
        let whole = format!("<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr/><SyncBody>{set}<Final/></SyncBody></SyncML>");
        for text in [set, &format!("<SyncBody>{set}</SyncBody>"), &whole, &format!("<?xml version=\"1.0\"?>\n{whole}")]
        {
            assert_eq!(parse(text, Purpose::Profile).unwrap().len(), 1, "{text}");
        }
    }

    #[test]
    fn a_command_may_ask_questions() {
        let get = "<Get><Item><Target><LocURI>./DevDetail?list=StructData</LocURI></Target></Item></Get>";
        assert_eq!(parse(get, Purpose::Command).unwrap().len(), 1);
    }

    #[test]
    fn a_name_for_the_device_is_filed_where_the_device_keeps_it() {
        let text = |verb: &str| {
            format!(
                "<{verb}><Item><Target><LocURI>./DevDetail/ext/Microsoft/DeviceName</LocURI></Target></Item></{verb}>"
            )
        };
        let roots =
            |verb: &str| nodes(&parse(&text(verb), Purpose::Profile).unwrap()).roots.into_iter().collect::<Vec<_>>();
        assert_eq!(roots("Replace"), ["./Device/Vendor/LinuxMDM/Config/Device/Name"]);
        assert!(roots("Add").is_empty());
    }

    #[test]
    fn roots_are_found_inside_groups_and_counted_once() {
        let text = "<Atomic><Replace><Item><Target><LocURI>./Vendor/MSFT/wifi/Profile/Guest/WlanXml</LocURI></Target></Item>\
            </Replace><Add><Item><Target><LocURI>./Device/Vendor/MSFT/WiFi/Profile/Guest/WiFiCost</LocURI></Target></Item>\
            </Add></Atomic>";
        let nodes = nodes(&parse(text, Purpose::Profile).unwrap());
        let root = "./Device/Vendor/MSFT/WiFi/Profile/Guest";
        assert_eq!(nodes.roots.into_iter().collect::<Vec<_>>(), [root]);
        assert_eq!(nodes.leaves, BTreeSet::from([format!("{root}/WlanXml"), format!("{root}/WiFiCost")]));
    }
}
