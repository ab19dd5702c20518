//! Which proxy is used, and whether it passes connections on.

use super::facts::{Facts, Proxy};
use super::{Check, Finding};
use crate::engine::failure::ConnectionFailure;

const ADVICE: &str = "Check the configuration (mdm-agent config show), https_proxy and no_proxy, the proxy's user and password, and whether it lets the server \
                      through. The service has an environment of its own: systemctl show mdm-agent -p Environment";

pub(super) const CHECK: Check =
    Check { name: "proxy", meaning: "the proxy, if one is named, passes connections on", judge };

fn judge(facts: &Facts) -> Finding {
    let network = &facts.network;
    let host = match &network.proxy {
        Proxy::None => return Finding::pass("none is named here"),
        Proxy::Closed => {
            return Finding::skipped("its credentials are for root or for the service alone; see the schedule's check");
        }
        Proxy::Unusable(reason) => return Finding::fail(reason, ADVICE),
        Proxy::Named(host) => host,
    };
    match network.secure.as_ref().map(|seen| &seen.answer) {
        Ok(Ok(_)) if matches!(network.connection, Ok(Err(_))) => {
            Finding::warn(format!("{host} is named and does not answer; the server is reached without it"), ADVICE)
        }
        Ok(Ok(_)) => Finding::pass(format!("{host} is named, and the server is reached")),
        Ok(Err(ConnectionFailure::Proxy(reason))) => {
            Finding::fail(format!("{host} does not pass the connection on: {reason}"), ADVICE)
        }
        Ok(Err(_)) | Err(_) => match &network.connection {
            Ok(Ok(())) => Finding::pass(format!("{host} is named and accepts connections")),
            Ok(Err(reason)) => Finding::fail(format!("{host} cannot be reached: {reason}"), ADVICE),
            Err(unknown) => Finding::unknown(unknown),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{healthy, unanswered};
    use super::*;

    #[test]
    fn a_proxy_is_to_blame_only_for_what_happens_on_the_way_to_it() {
        let mut facts = healthy();
        facts.network.proxy = Proxy::Named("proxy.example:3128".to_owned());
        let cases = [
            (ConnectionFailure::Proxy("unsuccessful".to_owned()), Verdict::Fail),
            (ConnectionFailure::Untrusted("UnknownIssuer".to_owned()), Verdict::Pass),
        ];
        for (failure, verdict) in cases {
            facts.network.secure = Ok(unanswered(failure.clone()));
            assert_eq!(judge(&facts).verdict, verdict, "{failure}");
        }
        facts.network.connection = Ok(Err("connection refused".to_owned()));
        facts.network.secure = Ok(unanswered(ConnectionFailure::TimedOut));
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
    }
}
