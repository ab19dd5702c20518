//! Whether check-ins happen when they should, and come to their end.

use super::facts::{Facts, Service, Unknown};
use super::words::{moment, span};
use super::{Check, Finding};

/// How late a check-in may begin, in seconds.
const LATE: i64 = 300;
/// Intervals without a completed check-in that are worth a word.
const INTERVALS: i64 = 3;
/// The schedule's longest interval where it is not known, in seconds.
const USUAL_INTERVAL: i64 = 8 * 3600;

pub(super) const CHECK: Check = Check { name: "schedule", meaning: "check-ins happen in time and complete", judge };

fn judge(facts: &Facts) -> Finding {
    let status = match &facts.answers.status {
        Ok(status) => status,
        Err(unknown) => return Finding::unknown(unknown),
    };
    let Some(account) = &status.account else { return Finding::unknown(&Unknown::NotEnrolled) };
    let interval = facts.identity.as_ref().map_or(USUAL_INTERVAL, |identity| identity.interval_seconds);
    let silent = facts.now - status.last_completed.unwrap_or(account.enrolled_at);
    let last = status.last_session.as_ref().filter(|session| !session.completed);
    if let (true, Some(last)) = (silent > INTERVALS * interval, last) {
        let advice = last.advice.clone().unwrap_or_else(|| "See the other checks, then: mdm-agent sync".to_owned());
        return Finding::fail(format!("none was completed for {}: {}", span(silent), last.detail), advice);
    }
    if silent > INTERVALS * interval {
        return Finding::warn(format!("none was completed for {}", span(silent)), "Check in: mdm-agent sync");
    }
    let is_running = facts.answers.service == Service::Answers;
    match &status.next_check_in {
        Some((due, reason)) if is_running && facts.now - due > LATE => Finding::fail(
            format!("the next one ({reason}) was due at {}", moment(*due)),
            "The service is stuck: see its log, then: systemctl restart mdm-agent",
        ),
        _ if !is_running => Finding::warn("nothing checks in while the service does not run", "Start the service."),
        next => {
            let next = next.as_ref().map(|(due, _)| format!(", the next one is due at {}", moment(*due)));
            let next = next.unwrap_or_default();
            match last {
                Some(last) => Finding::warn(
                    format!("the last one failed: {}{next}", last.detail),
                    last.advice.clone().unwrap_or_else(|| "It is tried again by itself.".to_owned()),
                ),
                None => Finding::pass(format!("the last one was completed{next}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::healthy;
    use super::*;

    #[test]
    fn a_check_in_that_is_due_and_does_not_happen_is_a_failure() {
        let mut facts = healthy();
        let now = facts.now;
        let mut judged = |due: i64| {
            facts.answers.status.as_mut().unwrap().next_check_in = Some((now + due, "scheduled check-in".to_owned()));
            judge(&facts).verdict
        };
        assert_eq!((judged(60), judged(-60), judged(-900)), (Verdict::Pass, Verdict::Pass, Verdict::Fail));
    }

    #[test]
    fn long_silence_counts_by_the_schedules_own_interval() {
        let mut facts = healthy();
        let now = facts.now;
        facts.answers.status.as_mut().unwrap().last_completed = Some(now - 2 * 86_400);
        assert_eq!(judge(&facts).verdict, Verdict::Warn);
        let session = facts.answers.status.as_mut().unwrap().last_session.as_mut().unwrap();
        session.completed = false;
        assert_eq!(judge(&facts).verdict, Verdict::Fail);
        facts.identity.as_mut().unwrap().interval_seconds = 86_400;
        assert_eq!(judge(&facts).verdict, Verdict::Warn, "the last one failed, but it is not long ago");
    }
}
