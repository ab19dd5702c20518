//! Whether something else answers in the server's place: the sign-in page of a network, most often.

use super::facts::Facts;
use super::{Check, Finding};
use crate::engine::failure::ConnectionFailure;
use crate::shell::http::probe::Glimpse;

const ADVICE: &str = "Open a web page and sign in to the network, or use another one.";

pub(super) const CHECK: Check =
    Check { name: "captive-portal", meaning: "no sign-in page of the network answers in the server's place", judge };

fn judge(facts: &Facts) -> Finding {
    let network = &facts.network;
    let host = match &network.target {
        Ok(target) => target.host.as_str(),
        Err(unknown) => return Finding::unknown(unknown),
    };
    let stranger =
        network.plain.as_ref().ok().and_then(|plain| plain.as_ref().ok()).and_then(|plain| strange(plain, host));
    match (network.secure.as_ref().map(|seen| (&seen.answer, seen.trusted)), stranger) {
        (Ok((Ok(glimpse), _)), _) => answered(glimpse, facts),
        // Whoever showed a certificate that is trusted is no stranger, whatever went wrong after that.
        (Ok((Err(_), true)), _) => Finding::pass("the server itself answers"),
        (Ok((Err(failure), false)), Some(stranger)) if intercepted(failure) => {
            Finding::fail(format!("something else answers for {host}: {stranger}"), ADVICE)
        }
        (Ok((Err(failure), false)), _) => Finding::skipped(format!("the server was not reached: {failure}")),
        (Err(_), Some(stranger)) => Finding::warn(
            format!("without TLS something answers for {host}: {stranger}"),
            "Open a web page and sign in if the network asks for it; with sudo more can be told.",
        ),
        (Err(unknown), None) => Finding::unknown(unknown),
    }
}

/// The server was reached, by its certificate. What it said may still not be what a session needs.
fn answered(glimpse: &Glimpse, facts: &Facts) -> Finding {
    let last = facts.answers.status.as_ref().ok().and_then(|status| status.last_session.as_ref());
    let outcome = last.map(|session| session.outcome.as_str());
    match (glimpse.status, outcome) {
        (200..=299, Some("captive-portal")) if glimpse.is_page => {
            Finding::fail("a page for people answers, to check-ins too", ADVICE)
        }
        (300..=399, _) => Finding::warn(
            format!("the answer is a redirection to {}", glimpse.location.as_deref().unwrap_or("nowhere")),
            "Redirections are never followed. If check-ins fail, sign in to the network or tell the administrator.",
        ),
        // Some servers have a page for whoever does not send a message.
        (200..=299, _) if glimpse.is_page && outcome != Some("completed") => Finding::warn(
            "a page for people answers; the certificate says that it is the server's",
            "If check-ins fail, sign in to the network if it asks for it, and check any proxy.",
        ),
        _ => Finding::pass("the server itself answers"),
    }
}

/// Failures that an interception brings about.
fn intercepted(failure: &ConnectionFailure) -> bool {
    use ConnectionFailure::{Broken, ClockOrExpiry, TimedOut, Unreachable, Untrusted};
    matches!(failure, Untrusted(_) | ClockOrExpiry(_) | Broken(_) | TimedOut | Unreachable(_))
}

/// What is strange about an answer without TLS: a page, or a redirection to another host.
fn strange(plain: &Glimpse, host: &str) -> Option<String> {
    let elsewhere = plain.location.as_deref().and_then(|location| {
        let url = url::Url::parse(location).ok()?;
        let other = url.host_str()?;
        (other != host).then(|| format!("a redirection to {other}"))
    });
    elsewhere.or_else(|| (plain.status < 300 && plain.is_page).then(|| "a page for people".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{answering, healthy, unanswered};
    use super::*;

    fn page(status: u16, location: Option<&str>) -> Glimpse {
        Glimpse { status, location: location.map(str::to_owned), date: None, is_page: status == 200 }
    }

    #[test]
    fn a_portal_is_known_by_what_it_says_without_tls_where_tls_fails() {
        let mut facts = healthy();
        facts.network.secure = Ok(unanswered(ConnectionFailure::Untrusted("UnknownIssuer".to_owned())));
        for portal in [page(200, None), page(302, Some("http://login.hotel.example/?x"))] {
            facts.network.plain = Ok(Ok(portal.clone()));
            assert_eq!(judge(&facts).verdict, Verdict::Fail, "{portal:?}");
        }
        facts.network.plain = Ok(Ok(page(301, Some("https://mdm.contoso.example/"))));
        assert_eq!(judge(&facts).verdict, Verdict::Skipped, "the server's own redirection to HTTPS");
    }

    #[test]
    fn where_tls_is_trusted_there_is_no_portal_even_if_plain_http_has_a_page() {
        let mut facts = healthy();
        facts.network.plain = Ok(Ok(page(200, None)));
        assert_eq!(judge(&facts).verdict, Verdict::Pass);
    }

    #[test]
    fn a_trusted_page_is_a_portal_only_if_check_ins_see_it_too() {
        let mut facts = healthy();
        let mut seen = answering(200, facts.now);
        seen.answer.as_mut().unwrap().is_page = true;
        facts.network.secure = Ok(seen);
        assert_eq!(judge(&facts).verdict, Verdict::Pass);
        facts.answers.status.as_mut().unwrap().last_session.as_mut().unwrap().outcome = "captive-portal".to_owned();
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
    }
}
