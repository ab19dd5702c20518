//! Whether the identity was made on this machine, and not on the one that this is a copy of (rule I5).

use super::facts::{Facts, Unknown};
use super::{Check, Finding};

pub(super) const CHECK: Check =
    Check { name: "copied-machine", meaning: "the identity was made on this machine", judge };

fn judge(facts: &Facts) -> Finding {
    let told = facts.answers.status.as_ref().is_ok_and(|status| status.cloned);
    let differs = facts.identity.as_ref().map(|identity| {
        let (then, now) = (&identity.machine_id_then, &identity.machine_id_now);
        (!then.is_empty() && !now.is_empty()).then(|| then != now)
    });
    match (told, differs) {
        (true, _) | (_, Ok(Some(true))) => Finding::fail(
            "this machine has another machine-id than the one that was enrolled: it is a copy, and does not check in",
            "Enrol this machine on its own: mdm-agent unenroll, then mdm-agent enroll. The other one keeps its \
             enrolment.",
        ),
        (false, Ok(Some(false))) => Finding::pass("the identity was made on this machine"),
        (false, Ok(None)) => Finding::skipped("this machine has, or had, no machine-id"),
        (false, Err(Unknown::Because(reason))) => Finding::skipped(reason),
        (false, Err(unknown)) => Finding::unknown(&unknown.clone()),
    }
}
