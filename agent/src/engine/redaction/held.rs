//! The secrets that the agent holds: in profiles, in the account, in what the server set since, in what is under way.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;

use super::buried::buried;
use crate::engine::Account;
use crate::engine::profile::Stored;
use crate::engine::progress::Progress;
use crate::engine::remote::RemoteKind;
use crate::engine::retries::RefusedCommand;
use crate::engine::tree::schema;

/// Every secret in the store and in the account.
pub fn held(stored: &Stored, account: &Account) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for profile in &stored.profiles {
        for (path, node) in profile.nodes.iter().filter(|(_, node)| !node.is_interior()) {
            let address = match path.as_str() {
                "" => profile.root.to_string(),
                path => format!("{}/{path}", profile.root),
            };
            collect(&address, &node.value, &mut secrets);
        }
    }
    stored.settings.iter().for_each(|(address, node)| collect(address, &node.value, &mut secrets));
    if let Some(credentials) = &account.credentials {
        secrets.insert(credentials.secret.expose().to_owned());
        secrets.extend(credentials.nonce.clone());
    }
    secrets.extend(account.enrollment_token.iter().map(|known| known.token.expose().to_owned()));
    stored.progress.iter().for_each(|progress| under_way(progress, &mut secrets));
    secrets.retain(|secret| !secret.trim().is_empty());
    secrets
}

/// A value that is a secret, or the secrets in it.
fn collect(address: &str, value: &str, secrets: &mut BTreeSet<String>) {
    let uri = LocUri::parse(address).ok();
    match uri.and_then(|uri| schema::find(&uri)).map(|(rule, _)| rule) {
        Some(rule) if !rule.secret && !rule.may_hold_secret() => {}
        Some(rule) if rule.may_hold_secret() => secrets.extend(buried(value)),
        // What has no rule is concealed wherever it is shown, so it is not shown here either.
        Some(_) | None => {
            secrets.insert(value.to_owned());
            secrets.extend(buried(value));
        }
    }
}

/// What lets somebody ring, wipe or unlock this machine.
fn under_way(progress: &Progress, secrets: &mut BTreeSet<String>) {
    secrets.extend(progress.nonce.clone());
    for claim in progress.claims.iter().flat_map(|claims| claims.iter()) {
        collect(&claim.node, &claim.value, secrets);
    }
    let retries = progress.retries.iter().flat_map(|retries| &retries.commands);
    for item in retries.flat_map(RefusedCommand::items) {
        collect(item.target.as_deref().unwrap_or_default(), item.data.as_deref().unwrap_or_default(), secrets);
    }
    secrets.extend(progress.push.channel.iter().map(|channel| channel.topic.clone()));
    for order in progress.remote_orders.iter().flat_map(|orders| orders.iter()) {
        match &order.kind {
            RemoteKind::Wipe { token } => drop(secrets.insert(token.clone())),
            RemoteKind::Lock(terms) => secrets.extend(terms.verifier.clone()),
            RemoteKind::Unlock | RemoteKind::Reboot => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use mdm_protocol::syncml::Message;

    use super::*;
    use crate::engine::retries::Retries;
    use crate::engine::testing::{WIFI, account, replace, wlan};

    #[test]
    fn the_passphrase_of_a_network_that_was_refused_is_a_secret() {
        let commands = vec![replace("1", WIFI, &wlan("correct horse"))];
        let command = RefusedCommand {
            message: Message { commands, ..Message::default() }.encode(),
            nodes: BTreeSet::new(),
            refused: BTreeSet::new(),
            authority: String::new(),
        };
        let retries = Retries { commands: vec![command], ..Retries::default() };
        let progress = Progress { retries: Some(Box::new(retries)), ..Progress::default() };
        let stored = Stored { progress: Some(progress), ..Stored::default() };
        assert!(held(&stored, &account()).contains("correct horse"));
    }
}
