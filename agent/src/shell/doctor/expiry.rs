//! Until when the device's certificate is valid, and how its renewal stands.

use super::facts::{Facts, IdentityFacts, Unknown};
use super::words::{moment, span};
use super::{Check, Finding};
use crate::engine::certificates::{RenewalStatus, RenewalTerms};
use crate::engine::report::Status;

/// The part of the renewal window after which a renewal is overdue.
const OVERDUE: i64 = 2;

pub(super) const CHECK: Check =
    Check { name: "identity", meaning: "this device's certificate is valid and renewed in time", judge };

fn judge(facts: &Facts) -> Finding {
    match (&facts.identity, &facts.answers.status) {
        (Ok(identity), status) => by_identity(identity, status.as_ref().ok(), facts.now),
        (Err(Unknown::Because(reason)), _) => {
            Finding::fail(reason, "Restore the agent's identity from a backup, or enrol again.")
        }
        // Others than root are told the end by the service.
        (Err(unknown), Ok(status)) => match status.account.as_ref().and_then(|account| account.certificate_ends) {
            Some(ends) if status.expired || ends <= facts.now => over(ends),
            Some(ends) => Finding::pass(format!("valid until {}", moment(ends))),
            None => Finding::unknown(unknown),
        },
        (Err(unknown), Err(_)) => Finding::unknown(unknown),
    }
}

fn by_identity(identity: &IdentityFacts, status: Option<&Status>, now: i64) -> Finding {
    let Some(active) = identity.certificates.active else {
        return Finding::fail(
            "the certificate in use cannot be read",
            "Restore the agent's identity from a backup, or enrol again.",
        );
    };
    if active.not_after <= now {
        return over(active.not_after);
    }
    let terms = RenewalTerms { period: identity.renew_period_days, retry: 1 };
    let opens = status.and_then(|status| status.renewal_opens);
    let opens = opens.unwrap_or_else(|| active.window_opens(terms, identity.enrolled_at));
    let has_failed = status.is_some_and(|status| status.renewal == RenewalStatus::Failed.as_str());
    let message = format!("valid until {}, {} left", moment(active.not_after), span(active.not_after - now));
    match identity.certificates.pending {
        None if status.is_some_and(Status::renewal_keeps_failing) => Finding::fail(
            format!("{message}, and renewing it failed {} times in a row", status.map_or(0, |s| s.renewal_failures)),
            "The history says why: mdm-agent history. Ask the administrator of the server to renew certificates of this \
             device.",
        ),
        Some(_) => Finding::pass(format!("{message}; a new one waits for its first check-in")),
        None if now < opens => Finding::pass(format!("{message}; renewed from {}", moment(opens))),
        None if (now - opens) * OVERDUE > active.not_after - opens || has_failed => Finding::warn(
            format!("{message}, and not renewed yet, though the window is open since {}", moment(opens)),
            "Check in: mdm-agent sync. The history says why renewal failed: mdm-agent history",
        ),
        None => Finding::pass(format!("{message}; it will be renewed at the next check-in")),
    }
}

fn over(ended: i64) -> Finding {
    Finding::fail(
        format!("over since {}", moment(ended)),
        "Ask the administrator for a recovery token, then: mdm-agent recover --token-file FILE",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{DAY, healthy};
    use super::*;

    #[test]
    fn the_window_its_second_half_and_the_end_are_told_apart() {
        // Valid for a year from a day ago, renewed in the last forty days.
        for (days, renewal, verdict) in [
            (0, "not started", Verdict::Pass),
            (330, "not started", Verdict::Pass),
            (330, "failed", Verdict::Warn),
            (350, "not started", Verdict::Warn),
            (365, "not started", Verdict::Fail),
        ] {
            let mut facts = healthy();
            facts.now += days * DAY;
            facts.answers.status.as_mut().unwrap().renewal = renewal.to_owned();
            assert_eq!(judge(&facts).verdict, verdict, "{days} {renewal}");
        }
    }

    #[test]
    fn renewal_that_fails_again_and_again_is_a_failure() {
        let mut facts = healthy();
        facts.now += 330 * DAY;
        for (failures, verdict) in [(1, Verdict::Warn), (2, Verdict::Fail), (9, Verdict::Fail)] {
            let status = facts.answers.status.as_mut().unwrap();
            (status.renewal, status.renewal_failures) = ("failed".to_owned(), failures);
            assert_eq!(judge(&facts).verdict, verdict, "{failures}");
        }
    }

    #[test]
    fn the_window_of_a_back_dated_certificate_is_counted_from_its_enrollment() {
        let mut facts = healthy();
        let identity = facts.identity.as_mut().unwrap();
        identity.renew_period_days = 365;
        // Half of the year is over on paper before the device has the certificate.
        identity.enrolled_at = identity.certificates.active.unwrap().not_before + 180 * DAY;
        facts.now = identity.enrolled_at + DAY;
        let finding = judge(&facts);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert!(finding.message.contains("renewed from"), "{}", finding.message);
    }

    #[test]
    fn without_root_the_end_is_known_all_the_same() {
        let mut facts = healthy();
        facts.identity = Err(Unknown::NeedsRoot);
        assert_eq!(judge(&facts).verdict, Verdict::Pass);
        facts.answers.status.as_mut().unwrap().expired = true;
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
    }
}
