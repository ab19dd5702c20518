//! ActiveSync: an Exchange mailbox (`ActiveSync/Accounts/<GUID>`).

use super::{Leaves, PayloadError};

/// An Exchange mailbox. The password node is accepted and never read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeAccount {
    /// The account's name.
    pub name: String,
    /// The user's address.
    pub address: String,
    /// The user's domain.
    pub domain: String,
    /// The server's name.
    pub server: String,
    /// The name the user signs in with.
    pub user_name: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

impl ExchangeAccount {
    /// Reads an account from its nodes.
    pub fn from_leaves(leaves: &Leaves) -> Result<Self, PayloadError> {
        let text = |name: &str| leaves.get(name).unwrap_or_default().to_owned();
        Ok(Self {
            name: text("AccountName"),
            address: leaves.required("EmailAddress")?.to_owned(),
            domain: text("Domain"),
            server: leaves.required("ServerName")?.to_owned(),
            user_name: text("UserName"),
            tls: leaves.boolean("Options/UseSSL")?.unwrap_or(true),
        })
    }

    /// The account's nodes.
    pub fn to_leaves(&self) -> Leaves {
        Leaves::default()
            .with("AccountName", Some(&self.name))
            .with("EmailAddress", Some(&self.address))
            .with("Domain", Some(&self.domain))
            .with("ServerName", Some(&self.server))
            .with("UserName", Some(&self.user_name))
            .with("Options/UseSSL", Some(if self.tls { "1" } else { "0" }))
    }
}
