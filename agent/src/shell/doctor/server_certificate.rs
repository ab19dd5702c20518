//! Whether the server's certificate is trusted by the roots of the enrolment, who issued it, and until when it is valid.

use super::facts::Facts;
use super::words::{moment, span};
use super::{Check, Finding};
use crate::engine::failure::{ConnectionFailure, SessionFailure};
use crate::shell::http::probe::Presented;

/// What is left of the certificate's validity when it is worth a word, in seconds.
const SOON: i64 = 7 * 86_400;

pub(super) const CHECK: Check = Check {
    name: "server-certificate",
    meaning: "the server's certificate is trusted by the roots of the enrolment",
    judge,
};

fn judge(facts: &Facts) -> Finding {
    let seen = match &facts.network.secure {
        Ok(seen) => seen,
        Err(unknown) => return Finding::unknown(unknown),
    };
    match (&seen.presented, &seen.answer) {
        (Some(shown), _) if seen.trusted => {
            let left = shown.not_after - facts.now;
            let message = format!("issued by {}, valid until {}", shown.issuer, moment(shown.not_after));
            if left > SOON {
                return Finding::pass(message);
            }
            Finding::warn(
                format!("{message}: {} left", span(left.max(0))),
                "Tell the administrator that the server's certificate is about to end.",
            )
        }
        (shown, Err(failure)) if seen.presented.is_some() || is_about_it(failure) => {
            let message = match shown {
                Some(shown) => format!("{failure}; {}", describe(shown)),
                None => failure.to_string(),
            };
            Finding::fail(message, SessionFailure::from(failure.clone()).advice())
        }
        (_, Err(failure)) => Finding::skipped(format!("the server was not reached: {failure}")),
        (_, Ok(_)) => Finding::skipped("no certificate was seen"),
    }
}

fn is_about_it(failure: &ConnectionFailure) -> bool {
    matches!(failure, ConnectionFailure::Untrusted(_) | ConnectionFailure::ClockOrExpiry(_))
}

/// Who showed what: the issuer tells an inspecting proxy from a portal.
fn describe(shown: &Presented) -> String {
    format!(
        "shown was {}, issued by {}, valid from {} to {}",
        shown.subject,
        shown.issuer,
        moment(shown.not_before),
        moment(shown.not_after)
    )
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{answering, healthy, unanswered};
    use super::*;

    #[test]
    fn a_stranger_is_named_by_its_issuer() {
        let mut facts = healthy();
        let mut seen = answering(200, facts.now);
        seen.answer = Err(ConnectionFailure::Untrusted("UnknownIssuer".to_owned()));
        seen.trusted = false;
        seen.presented.as_mut().unwrap().issuer = "CN=Inspecting Proxy".to_owned();
        facts.network.secure = Ok(seen);
        let finding = judge(&facts);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.message.contains("CN=Inspecting Proxy"), "{}", finding.message);
    }

    #[test]
    fn a_certificate_about_to_end_is_told_and_an_unreached_server_is_not_judged() {
        let mut facts = healthy();
        facts.now += 89 * 86_400;
        assert_eq!(judge(&facts).verdict, Verdict::Warn);
        facts.network.secure = Ok(unanswered(ConnectionFailure::TimedOut));
        assert_eq!(judge(&facts).verdict, Verdict::Skipped);
    }
}
