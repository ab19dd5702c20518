//! Whether the server accepts the device's certificate: what a session is refused for, told apart from what it is not.

use super::facts::Facts;
use super::{Check, Finding};
use crate::engine::failure::{ConnectionFailure, SessionFailure};
use crate::shell::http::probe::Seen;

pub(super) const CHECK: Check =
    Check { name: "client-certificate", meaning: "the server accepts this device's certificate", judge };

fn judge(facts: &Facts) -> Finding {
    let status = facts.answers.status.as_ref();
    if status.is_ok_and(|status| status.unknown_device) {
        return Finding::fail(
            "the server refuses this device again and again; it may have been removed there",
            "Ask the administrator; if it was removed: mdm-agent unenroll, then mdm-agent enroll",
        );
    }
    let seen = match &facts.network.secure {
        Ok(seen) => seen,
        Err(unknown) => return Finding::unknown(unknown),
    };
    let sessions_complete =
        status.is_ok_and(|status| status.last_session.as_ref().is_some_and(|session| session.completed));
    match &seen.answer {
        Err(failure @ (ConnectionFailure::CertificateRefused(_) | ConnectionFailure::Identity(_))) => {
            Finding::fail(failure.to_string(), SessionFailure::from(failure.clone()).advice())
        }
        Err(failure) => Finding::skipped(format!("the server was not reached: {failure}")),
        Ok(glimpse) => accepted(seen, glimpse.status, sessions_complete),
    }
}

/// The connection came about with the certificate; a refusal can still be in the answer.
fn accepted(seen: &Seen, status: u16, sessions_complete: bool) -> Finding {
    match status {
        // A plain request is none that a server has to allow.
        401 | 403 if sessions_complete => Finding::warn(
            format!("check-ins are accepted, a plain request is refused (HTTP {status})"),
            "Nothing, as long as check-ins complete.",
        ),
        401 | 403 => Finding::fail(
            format!("the server refuses this device (HTTP {status})"),
            "Ask the administrator whether this device is still known there.",
        ),
        _ if !seen.asked => Finding::warn(
            "the server did not ask for it",
            "If check-ins fail, tell the administrator: something in front of the server ends TLS in its place.",
        ),
        _ => Finding::pass(format!("it was asked for and not refused (HTTP {status})")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{answering, healthy, unanswered};
    use super::*;

    #[test]
    fn only_alerts_about_certificates_and_refusals_of_the_device_are_refusals() {
        let mut facts = healthy();
        facts.answers.status.as_mut().unwrap().last_session = None;
        for (status, verdict) in [
            (200, Verdict::Pass),
            (405, Verdict::Pass),
            (500, Verdict::Pass),
            (401, Verdict::Fail),
            (403, Verdict::Fail),
        ] {
            facts.network.secure = Ok(answering(status, facts.now));
            assert_eq!(judge(&facts).verdict, verdict, "{status}");
        }
        facts.network.secure = Ok(unanswered(ConnectionFailure::CertificateRefused("revoked".to_owned())));
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
        facts.network.secure = Ok(unanswered(ConnectionFailure::Broken("reset".to_owned())));
        assert_eq!(judge(&facts).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_server_that_completes_check_ins_may_refuse_plain_requests() {
        let mut facts = healthy();
        facts.network.secure = Ok(answering(403, facts.now));
        assert_eq!(judge(&facts).verdict, Verdict::Warn);
    }

    #[test]
    fn a_server_that_never_asked_has_accepted_nothing() {
        let mut facts = healthy();
        let mut seen = answering(200, facts.now);
        seen.asked = false;
        facts.network.secure = Ok(seen);
        assert_eq!(judge(&facts).verdict, Verdict::Warn);
    }
}
