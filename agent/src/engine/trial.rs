//! Profiles tried without a server: fragments of SyncML, carried out on a copy of what is held.

use mdm_protocol::syncml::{Command, Format, Item, Message, Operation, Verb};
use mdm_protocol::{LocUri, LocUriError};

use super::profile::{Profile, Stored};
use super::tree::{Refusal, Tree};

/// A fragment that cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It is no SyncML.
    #[error("it is not a fragment of SyncML (commands such as Replace or Atomic): {0}")]
    Malformed(String),
    /// It has a command that changes nothing.
    #[error("it has a command that sets nothing: {0}")]
    NotASetting(String),
    /// An address is none.
    #[error("{address:?} is no address: {error}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        error: LocUriError,
    },
    /// The device would refuse a command.
    #[error("{address} would be refused with {}: {}", refusal.status.0, refusal.reason)]
    Refused {
        /// The address.
        address: String,
        /// Why.
        refusal: Refusal,
    },
}

/// What would be held after the commands of these fragments.
pub fn try_fragments(stored: &Stored, fragments: &[String]) -> Result<Vec<Profile>, TrialError> {
    let mut tree = Tree::new(stored, true);
    for fragment in fragments {
        run(&mut tree, &read(fragment)?)?;
    }
    let changes = tree.changes(0);
    tree.accept(&changes);
    Ok(tree.profiles().cloned().collect())
}

fn read(fragment: &str) -> Result<Vec<Command>, TrialError> {
    let fragment = mdm_protocol::xml::without_declaration(fragment.trim());
    let message = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>\
         <MsgID>1</MsgID><Target><LocURI>a</LocURI></Target><Source><LocURI>b</LocURI></Source></SyncHdr>\
         <SyncBody>{fragment}<Final/></SyncBody></SyncML>"
    );
    let message = Message::decode(message.as_bytes()).map_err(|error| TrialError::Malformed(error.to_string()))?;
    if message.commands.is_empty() {
        return Err(TrialError::Malformed("there is no command in it".to_owned()));
    }
    Ok(message.commands)
}

fn run(tree: &mut Tree, commands: &[Command]) -> Result<(), TrialError> {
    for command in commands {
        match command {
            Command::Atomic(group) | Command::Sequence(group) => run(tree, &group.commands)?,
            Command::Operation(operation) if !matches!(operation.verb, Verb::Get | Verb::Exec) => {
                operation.items.iter().try_for_each(|item| set(tree, operation, item))?;
            }
            other => return Err(TrialError::NotASetting(other.name().to_owned())),
        }
    }
    Ok(())
}

fn set(tree: &mut Tree, operation: &Operation, item: &Item) -> Result<(), TrialError> {
    let address = item.target.clone().unwrap_or_default();
    let uri = LocUri::parse(&address).map_err(|error| TrialError::Address { address: address.clone(), error })?;
    let format = item.meta.format.clone().or_else(|| operation.meta.format.clone()).unwrap_or(Format::Chr);
    let value = item.data.as_deref().unwrap_or_default();
    let done = match operation.verb {
        Verb::Add => tree.add(&uri, &format, value),
        Verb::Delete => tree.delete(&uri),
        _ => tree.replace(&uri, &format, value),
    };
    done.map_err(|refusal| TrialError::Refused { address, refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_tried_on_a_copy_and_what_would_be_refused_is_told() {
        let set = |address: &str, value: &str| {
            format!(
                "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{address}</LocURI></Target><Data>{value}</Data></Item></Replace>"
            )
        };
        let sysctl = "./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.sysrq";
        let tried = try_fragments(&Stored::default(), &[set(sysctl, "0"), set(sysctl, "1")]).unwrap();
        assert_eq!((tried.len(), tried[0].nodes[""].value.as_str()), (1, "1"));
        let atomic = format!("<?xml version=\"1.0\"?><Atomic><CmdID>0</CmdID>{}</Atomic>", set(sysctl, "0"));
        assert_eq!(try_fragments(&Stored::default(), &[atomic]).unwrap().len(), 1);
        for wrong in [
            "",
            "nonsense",
            "<html/>",
            "<Replace>",
            &set("./DevInfo/Man", "x"),
            &set("/x", "x"),
            "<Exec><CmdID>1</CmdID></Exec>",
        ] {
            let tried = try_fragments(&Stored::default(), &[wrong.to_owned()]);
            assert!(tried.is_err(), "{wrong}");
        }
    }
}
