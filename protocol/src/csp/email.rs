//! EMAIL2: a mailbox reached by IMAP or POP (`EMAIL2/<GUID>`).

use super::{Leaves, PayloadError};
use crate::secret::Secret;

/// The most accounts that the provider keeps.
pub const MAX_ACCOUNTS: usize = 6;

/// How mail is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceType {
    /// IMAP4.
    Imap,
    /// POP3.
    Pop,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port, where one is given.
    pub port: Option<u16>,
    /// Whether the connection is encrypted from the start.
    pub tls: bool,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAccount {
    /// The account's name, up to 32 characters.
    pub service_name: String,
    /// How mail is fetched.
    pub service_type: ServiceType,
    /// The user's name as others see it.
    pub display_name: String,
    /// The user's address.
    pub address: String,
    /// The name the user signs in with.
    pub user_name: String,
    /// The user's password, where the server is so careless as to send it.
    pub password: Option<Secret>,
    /// Where mail comes from.
    pub incoming: MailServer,
    /// Where mail goes to.
    pub outgoing: MailServer,
    /// Whether the outgoing server requires authentication.
    pub outgoing_authentication: bool,
    /// The user's domain, where the name to sign in with has one before it.
    pub domain: String,
    /// The name the user signs in with at the outgoing server, where it is another one.
    pub outgoing_user: Option<OutgoingUser>,
}

/// The name that a user signs in with at the outgoing server alone (`SMTPALTAUTHNAME`, `SMTPALTDOMAIN`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingUser {
    /// The name.
    pub name: String,
    /// The domain before it, if any.
    pub domain: String,
}

const INCOMING_TLS: &str = "TAGPROPS/8128000B";
const OUTGOING_TLS: &str = "TAGPROPS/812C000B";

impl EmailAccount {
    /// Reads an account from its nodes.
    pub fn from_leaves(leaves: &Leaves) -> Result<Self, PayloadError> {
        let service_name = leaves.required("SERVICENAME")?;
        if service_name.chars().count() > 32 {
            return Err(PayloadError::format("SERVICENAME", "is longer than 32 characters"));
        }
        let text = |name: &str| leaves.get(name).unwrap_or_default().to_owned();
        Ok(Self {
            service_name: service_name.to_owned(),
            service_type: match leaves.required("SERVICETYPE")?.to_ascii_uppercase().as_str() {
                "IMAP4" => ServiceType::Imap,
                "POP3" => ServiceType::Pop,
                _ => return Err(PayloadError::format("SERVICETYPE", "is neither IMAP4 nor POP3")),
            },
            display_name: text("NAME"),
            address: text("REPLYADDR"),
            user_name: text("AUTHNAME"),
            password: leaves.secret("AUTHSECRET"),
            incoming: server(leaves, "INSERVER", INCOMING_TLS)?,
            outgoing: server(leaves, "OUTSERVER", OUTGOING_TLS)?,
            outgoing_authentication: leaves.boolean("AUTHREQUIRED")?.unwrap_or(false),
            domain: text("DOMAIN"),
            outgoing_user: match leaves.boolean("SMTPALTENABLED")? {
                Some(true) => Some(OutgoingUser {
                    name: leaves.required("SMTPALTAUTHNAME")?.to_owned(),
                    domain: text("SMTPALTDOMAIN"),
                }),
                Some(false) | None => None,
            },
        })
    }

    /// The account's nodes.
    pub fn to_leaves(&self) -> Leaves {
        let flag = |value: bool| Some(if value { "1" } else { "0" });
        Leaves::default()
            .with("SERVICENAME", Some(&self.service_name))
            .with("SERVICETYPE", Some(if self.service_type == ServiceType::Imap { "IMAP4" } else { "POP3" }))
            .with("NAME", Some(&self.display_name))
            .with("REPLYADDR", Some(&self.address))
            .with("AUTHNAME", Some(&self.user_name))
            .with("AUTHSECRET", self.password.as_ref().map(Secret::expose))
            .with("INSERVER", Some(self.incoming.address()))
            .with("OUTSERVER", Some(self.outgoing.address()))
            .with("AUTHREQUIRED", flag(self.outgoing_authentication))
            .with("DOMAIN", Some(&self.domain).filter(|domain| !domain.is_empty()))
            .with("SMTPALTENABLED", self.outgoing_user.as_ref().map(|_| "1"))
            .with("SMTPALTAUTHNAME", self.outgoing_user.as_ref().map(|user| &user.name))
            .with("SMTPALTDOMAIN", self.outgoing_user.as_ref().map(|user| &user.domain))
            .with(INCOMING_TLS, flag(self.incoming.tls))
            .with(OUTGOING_TLS, flag(self.outgoing.tls))
    }
}

impl MailServer {
    /// `host` or `host:port`.
    pub fn address(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }
}

fn server(leaves: &Leaves, node: &str, tls_node: &str) -> Result<MailServer, PayloadError> {
    let address = leaves.required(node)?;
    let wrong = |reason| PayloadError::format(node, reason);
    // The colons of an IPv6 address are told from the one before a port by brackets.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (address, None),
    };
    if host.is_empty() {
        return Err(wrong("has a port without a host"));
    }
    let port = port.map(|port| port.parse().map_err(|_| wrong("has a port that is not a number"))).transpose()?;
    Ok(MailServer { host: host.to_owned(), port, tls: leaves.boolean(tls_node)?.unwrap_or(false) })
}
