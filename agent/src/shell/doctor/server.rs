//! Whether the server can be reached at all.

use super::facts::{Facts, Proxy};
use super::{Check, Finding};
use crate::engine::failure::{ConnectionFailure, SessionFailure};

pub(super) const CHECK: Check = Check { name: "server", meaning: "the management server can be reached", judge };

fn judge(facts: &Facts) -> Finding {
    let network = &facts.network;
    let target = match &network.target {
        Ok(target) => target,
        Err(unknown) => return Finding::unknown(unknown),
    };
    match network.secure.as_ref().map(|seen| &seen.answer) {
        Ok(Ok(glimpse)) => Finding::pass(format!("{} answers (HTTP {})", target.host, glimpse.status)),
        Ok(Err(failure)) if came_about(failure) => {
            Finding::pass(format!("{} accepts connections; see what follows", target.host))
        }
        Ok(Err(failure)) => {
            let message = format!("{} ({})", failure, failure.name());
            Finding::fail(message, SessionFailure::from(failure.clone()).advice())
        }
        Err(_) => match (&network.connection, &network.proxy) {
            (Ok(Ok(())), Proxy::None) => Finding::pass(format!("{}:{} accepts connections", target.host, target.port)),
            (Ok(Ok(())), Proxy::Named(_)) => Finding::skipped("only root can ask the server through the proxy"),
            // A connection that goes another way than sessions do says nothing of theirs.
            (_, Proxy::Closed | Proxy::Unusable(_)) => {
                Finding::skipped("the proxy that sessions go through cannot be used from here")
            }
            (Ok(Err(reason)), _) => Finding::fail(
                format!("{}:{} cannot be reached: {reason}", target.host, target.port),
                "Check the network; if others reach the server, tell the administrator.",
            ),
            (Err(unknown), _) => Finding::unknown(unknown),
        },
    }
}

/// Whether there was a connection, whatever became of it.
fn came_about(failure: &ConnectionFailure) -> bool {
    use ConnectionFailure::{
        Address, Broken, CertificateRefused, ClockOrExpiry, Identity, Local, NameResolution, NoNetwork, Oversized,
        Proxy, TimedOut, Unreachable, Untrusted,
    };
    match failure {
        Untrusted(_) | ClockOrExpiry(_) | CertificateRefused(_) | Oversized { .. } => true,
        NoNetwork(_) | NameResolution(_) | Unreachable(_) | Proxy(_) | TimedOut | Broken(_) | Address(_)
        | Identity(_) | Local(_) => false,
    }
}
