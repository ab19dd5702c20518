//! Whether the link to the push server is up.

use super::facts::{Facts, Service};
use super::{Check, Finding};

pub(super) const CHECK: Check = Check { name: "push", meaning: "the server can ring this machine", judge };

fn judge(facts: &Facts) -> Finding {
    let status = match &facts.answers.status {
        Ok(status) => status,
        Err(unknown) => return Finding::unknown(unknown),
    };
    if status.account.is_none() {
        return Finding::unknown(&super::Unknown::NotEnrolled);
    }
    if facts.answers.service != Service::Answers {
        return Finding::skipped("only the running service listens");
    }
    match status.push.as_str() {
        "up" => Finding::pass("the link to the push server is up"),
        "connecting" => Finding::warn(
            "the link is being set up again and again",
            "Check whether the network lets long connections live; the schedule goes on meanwhile.",
        ),
        "refused" => {
            Finding::warn("the push server refuses the link", "Tell the administrator; the schedule goes on meanwhile.")
        }
        "flooding" => Finding::warn(
            "the push server sent far too much, and is not listened to for a while",
            "Tell the administrator; the schedule goes on meanwhile.",
        ),
        _ => Finding::skipped("the server has named no push server; check-ins go by the schedule alone"),
    }
}
