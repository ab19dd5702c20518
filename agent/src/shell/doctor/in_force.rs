//! Whether everything that is held is in force, and nobody changed what is.

use super::facts::{Facts, Unknown};
use super::{Check, Finding};
use crate::engine::report::{AS_BEFORE, WAITING};

/// How many profiles or files are named.
const MAX_NAMED: usize = 3;

pub(super) const CHECK: Check =
    Check { name: "in-force", meaning: "every profile that is held is in force, and unchanged", judge };

fn judge(facts: &Facts) -> Finding {
    let status = match &facts.answers.status {
        Ok(status) => status,
        Err(unknown) => return Finding::unknown(unknown),
    };
    if status.account.is_none() {
        return Finding::unknown(&Unknown::NotEnrolled);
    }
    let named = |all: Vec<String>| {
        let more = all.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{}{more}", all[..all.len().min(MAX_NAMED)].join("; "))
    };
    let not: Vec<String> = status.not_in_force.iter().map(|(address, reason)| format!("{address}: {reason}")).collect();
    let waits = |reason: &String| reason.starts_with(WAITING);
    let is_applied = |reason: &String| reason.starts_with(AS_BEFORE);
    let drift: Vec<String> =
        status.drift.iter().map(|(path, what, outcome)| format!("{path} ({what}; {})", outcome.describe())).collect();
    match (not.is_empty(), drift.is_empty()) {
        (false, _) if status.not_in_force.values().all(waits) => {
            Finding::warn(named(not), "They are put in force once what they wait for is there.")
        }
        (false, _) if status.not_in_force.values().all(|reason| waits(reason) || is_applied(reason)) => Finding::warn(
            named(not),
            "Install what is missing, or tell the administrator; what was applied before stays until then.",
        ),
        (false, _) => Finding::fail(
            named(not),
            "What is missing is said above: install it, or tell the administrator; then: mdm-agent sync",
        ),
        (true, false) => Finding::warn(
            format!("changed locally: {}", named(drift)),
            "Managed files are put back at each check-in, what is put in their place is left alone. Find out what changes them.",
        ),
        (true, true) => Finding::pass("every profile is in force"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Verdict, testing};
    use super::*;

    #[test]
    fn only_what_is_not_applied_at_all_is_a_failure() {
        let outcome = |reasons: &[&str]| {
            let mut facts = testing::healthy();
            let status = facts.answers.status.as_mut().unwrap();
            let reasons = reasons.iter().enumerate();
            status.not_in_force = reasons.map(|(number, reason)| (number.to_string(), (*reason).to_owned())).collect();
            judge(&facts).verdict
        };
        let (waits, before) = (format!("{WAITING}a certificate"), format!("{AS_BEFORE}no such program"));
        assert_eq!(outcome(&[]), Verdict::Pass);
        assert_eq!(outcome(&[&waits]), Verdict::Warn);
        assert_eq!(outcome(&[&waits, &before]), Verdict::Warn);
        assert_eq!(outcome(&[&waits, &before, "no such program"]), Verdict::Fail);
    }
}
