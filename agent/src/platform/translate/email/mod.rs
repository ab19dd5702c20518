//! A mailbox: Thunderbird is told how its domain is reached, and finds that when the user enters the address. No
//! password is written; the user signs in.

mod parts;
#[cfg(test)]
mod tests;
mod thunderbird;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::active_sync::ExchangeAccount;
use mdm_protocol::csp::email::EmailAccount;
use mdm_protocol::csp::profile::ProfileAddress;
use serde_json::json;

pub use self::parts::{EXCHANGE, MAILBOX};
use super::Context;
use crate::engine::profile::Profile;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Fragment, Share, Untranslatable};
use crate::platform::document::Document;
use crate::platform::path::MachinePath;

/// What a mailbox asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let leaves = profile.leaves();
    let mut without_effect = Vec::new();
    let is_exchange = address.root.segments().get(2).is_some_and(|provider| provider == "ActiveSync");
    let (domain, description) = if is_exchange {
        let account = ExchangeAccount::from_leaves(&leaves)?;
        let domain = domain(&account.address, "EmailAddress")?;
        let description = thunderbird::exchange(&account, &domain)?;
        (domain, description)
    } else {
        let account = EmailAccount::from_leaves(&leaves)?;
        if account.address.is_empty() {
            return Err(PayloadError::missing("REPLYADDR").into());
        }
        let is_given = |node: &&str| leaves.non_empty(node).is_some();
        if let Some(node) = ["SMTPALTAUTHNAME", "SMTPALTDOMAIN"].iter().find(|node| is_given(node))
            && account.outgoing_user.is_none()
        {
            without_effect.push(format!("{node}: SMTPALTENABLED does not ask for it"));
        }
        if account.outgoing_user.is_some() && !account.outgoing_authentication {
            without_effect.push("SMTPALTENABLED: AUTHREQUIRED asks for no authentication".to_owned());
        }
        let domain = domain(&account.address, "REPLYADDR")?;
        let description = thunderbird::mailbox(&account, &domain)?;
        (domain, description)
    };
    let Some(place) = &context.machine.thunderbird else {
        return Err(Untranslatable::unsupported("Thunderbird is not installed on this machine"));
    };
    let Some(directory) = &place.providers else {
        return Err(Untranslatable::unsupported(format!(
            "Thunderbird's directory of mail providers is not where it is expected on this machine; publish the same \
             settings at https://autoconfig.{domain}/mail/config-v1.1.xml instead"
        )));
    };
    let path = MachinePath::new(format!("{directory}/{domain}.xml"));
    let policy = Fragment {
        document: Document::Thunderbird,
        // Thunderbird's own offer of new mailboxes elsewhere.
        key: ["Preferences", "mail.provider.enabled"].map(str::to_owned).to_vec(),
        value: json!({ "Value": false, "Status": "locked" }),
    };
    Ok(Share {
        files: vec![(path, DesiredFile::public(description, Consumer::Nobody))],
        courtesies: vec![policy],
        without_effect,
        ..Share::default()
    })
}

/// The domain of an address, in the form in which Thunderbird looks for it.
fn domain(address: &str, node: &str) -> Result<String, Untranslatable> {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default();
    let is_sound = domain.len() <= 200
        && domain
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    if is_sound { Ok(domain) } else { Err(PayloadError::format(node, "is not a mail address").into()) }
}
