//! Whether the machine's clock is right, by the server's and by the certificate.

use super::facts::{Facts, Unknown};
use super::words::{moment, span};
use super::{Check, Finding};
use crate::engine::failure::ConnectionFailure;

/// Deviations that do no harm, in seconds.
const TOLERANCE: i64 = 300;
/// Deviations with which certificates are judged wrongly, in seconds.
const HARMFUL: i64 = 86_400;
const ADVICE: &str = "Set the clock, best by a time service: timedatectl set-ntp true";

pub(super) const CHECK: Check =
    Check { name: "clock", meaning: "this machine's clock agrees with the server's and with the certificate", judge };

fn judge(facts: &Facts) -> Finding {
    let now = facts.now;
    let active = facts.identity.as_ref().ok().and_then(|identity| identity.certificates.active);
    if let Some(active) = active.filter(|active| now < active.not_before - TOLERANCE) {
        let message =
            format!("it shows {}, before the certificate was made ({})", moment(now), moment(active.not_before));
        return Finding::fail(message, ADVICE);
    }
    let seen = facts.network.secure.as_ref();
    let refused = seen.is_ok_and(|seen| matches!(seen.answer, Err(ConnectionFailure::ClockOrExpiry(_))));
    let date = seen.ok().and_then(|seen| seen.answer.as_ref().ok()?.date);
    let told = facts.answers.status.as_ref().ok().and_then(|status| status.clock_skew);
    match date.map(|date| date - now).or(told) {
        Some(skew) if skew.abs() <= TOLERANCE => Finding::pass(format!("it agrees with the server's ({skew:+} s)")),
        Some(skew) => {
            let direction = if skew > 0 { "behind" } else { "ahead of" };
            let message = format!("it shows {}, {} {direction} the server's", moment(now), span(skew));
            if skew.abs() > HARMFUL { Finding::fail(message, ADVICE) } else { Finding::warn(message, ADVICE) }
        }
        None if refused => Finding::fail(
            format!("it shows {}, and the server's certificate is not valid then", moment(now)),
            "Check the clock; if it is right, the server's certificate is over: tell the administrator.",
        ),
        None => match (seen.err(), facts.answers.status.as_ref().err()) {
            (Some(unknown), _) | (None, Some(unknown)) => Finding::unknown(unknown),
            (None, None) => Finding::unknown(&Unknown::Because("the server did not tell its time".to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::{answering, healthy, unanswered};
    use super::*;

    #[test]
    fn a_clock_counts_as_wrong_by_what_it_does() {
        for (ahead, verdict) in
            [(0, Verdict::Pass), (299, Verdict::Pass), (-400, Verdict::Warn), (90_000, Verdict::Fail)]
        {
            let mut facts = healthy();
            facts.network.secure = Ok(answering(200, facts.now + ahead));
            assert_eq!(judge(&facts).verdict, verdict, "{ahead}");
        }
    }

    #[test]
    fn a_clock_before_the_certificate_is_wrong_whatever_the_server_says() {
        let mut facts = healthy();
        facts.now = 1_000_000;
        facts.network.secure = Ok(answering(200, facts.now));
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
    }

    #[test]
    fn a_server_certificate_out_of_its_time_makes_the_clock_suspect() {
        let mut facts = healthy();
        facts.answers.status.as_mut().unwrap().clock_skew = None;
        facts.network.secure = Ok(unanswered(ConnectionFailure::ClockOrExpiry("expired".to_owned())));
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
        facts.network.secure = Ok(unanswered(ConnectionFailure::TimedOut));
        assert_eq!(judge(&facts).verdict, Verdict::Skipped);
    }
}
