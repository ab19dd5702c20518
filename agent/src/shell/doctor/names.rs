//! Whether the server's name resolves.

use super::facts::{Facts, Proxy};
use super::{Check, Finding};

pub(super) const CHECK: Check =
    Check { name: "name-resolution", meaning: "the name of the management server resolves", judge };

fn judge(facts: &Facts) -> Finding {
    let network = &facts.network;
    let (target, addresses) = match (&network.target, &network.addresses) {
        (Ok(target), Ok(addresses)) => (target, addresses),
        (Err(unknown), _) | (_, Err(unknown)) => return Finding::unknown(unknown),
    };
    match addresses {
        Ok(addresses) => Finding::pass(format!("{} is {}", target.host, addresses.join(", "))),
        // A proxy resolves names itself; many networks behind one resolve none.
        Err(reason) if matches!(network.proxy, Proxy::Named(_)) => Finding::warn(
            format!("{} does not resolve: {reason}", target.host),
            "No harm is done if the proxy resolves it; without the proxy nothing will be reached.",
        ),
        Err(reason) => Finding::fail(
            format!("{} does not resolve: {reason}", target.host),
            "Check the network and its name servers (resolvectl status), and whether the server still has that name.",
        ),
    }
}
