//! Until when the device's certificate is valid, and how its renewal stands.

use super::facts::{Facts, IdentityFacts, Unknown};
use super::words::{moment, span};
use super::{Check, Finding};
use crate::engine::certificates::RenewalTerms;

/// The part of the renewal window after which a renewal is overdue.
const OVERDUE: i64 = 2;

pub(super) const CHECK: Check =
    Check { name: "identity", meaning: "this device's certificate is valid and renewed in time", judge };

fn judge(facts: &Facts) -> Finding {
    match (&facts.identity, &facts.answers.status) {
        (Ok(identity), status) => {
            let renewal = status.as_ref().map(|status| status.renewal.as_str()).unwrap_or_default();
            by_identity(identity, renewal, facts.now)
        }
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

fn by_identity(identity: &IdentityFacts, renewal: &str, now: i64) -> Finding {
    let Some(active) = identity.certificates.active else {
        return Finding::fail(
            "the certificate in use cannot be read",
            "Restore the agent's identity from a backup, or enrol again.",
        );
    };
    if active.not_after <= now {
        return over(active.not_after);
    }
    let opens = active.window_opens(RenewalTerms { period: identity.renew_period_days, retry: 1 });
    let message = format!("valid until {}, {} left", moment(active.not_after), span(active.not_after - now));
    match identity.certificates.pending {
        Some(_) => Finding::pass(format!("{message}; a new one waits for its first check-in")),
        None if now < opens => Finding::pass(format!("{message}; renewed from {}", moment(opens))),
        None if (now - opens) * OVERDUE > active.not_after - opens || renewal == "failed" => Finding::warn(
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
            (0, "not-started", Verdict::Pass),
            (330, "not-started", Verdict::Pass),
            (330, "failed", Verdict::Warn),
            (350, "not-started", Verdict::Warn),
            (365, "not-started", Verdict::Fail),
        ] {
            let mut facts = healthy();
            facts.now += days * DAY;
            facts.answers.status.as_mut().unwrap().renewal = renewal.to_owned();
            assert_eq!(judge(&facts).verdict, verdict, "{days} {renewal}");
        }
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
