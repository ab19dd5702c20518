//! The account's credentials as the server has changed them since enrollment, by the DMAcc object of OMA-DM
//! (`./SyncML/DMAcc/<account>/AppAuth/CLCRED`). `SRVCRED`, by which a server proves itself, is another secret with another
//! nonce and never counts here.

use mdm_protocol::{LocUri, Secret, base64};

use crate::engine::profile::Stored;
use crate::engine::tree::{Node, Tree};

/// The level by which the client proves itself to the server.
const CLIENT_LEVEL: &str = "CLCRED";

/// What the server has set of the account's credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialChange {
    /// The user name (`AAuthName`).
    pub name: Option<String>,
    /// The secret (`AAuthSecret`).
    pub secret: Option<Secret>,
    /// The nonce for the next message (`AAuthData`); `None` also where it is not base64.
    pub nonce: Option<Vec<u8>>,
}

impl CredentialChange {
    /// As it is stored.
    pub fn stored(stored: &Stored) -> Self {
        let set = stored.settings.iter().filter(|(address, _)| address.starts_with("./SyncML/DMAcc/"));
        let set = set.filter_map(|(address, node)| Some((LocUri::parse(address).ok()?, node)));
        set.fold(Self::default(), |change, (uri, node)| change.with(&uri, node))
    }

    /// As the commands of a session so far leave it.
    pub fn of(tree: &Tree) -> Self {
        let root = LocUri::new(mdm_protocol::Scope::Device, ["SyncML", "DMAcc"]);
        tree.own_within(&root).fold(Self::default(), |change, (uri, node)| change.with(uri, node))
    }

    /// The first account counts, whatever its name: servers use a fixed one of their own.
    fn with(mut self, uri: &LocUri, node: &Node) -> Self {
        let [.., level, leaf] = uri.segments() else { return self };
        if !level.eq_ignore_ascii_case(CLIENT_LEVEL) || node.is_absent() {
            return self;
        }
        match leaf.as_str() {
            "AAuthName" if self.name.is_none() => self.name = Some(node.value.clone()),
            "AAuthSecret" if self.secret.is_none() => self.secret = Some(Secret::new(node.value.as_str())),
            "AAuthData" if self.nonce.is_none() => self.nonce = base64::decode(&node.value).ok(),
            _ => {}
        }
        self
    }
}
