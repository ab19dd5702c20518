//! Whether the profile store can be read, and whether a damaged one was put aside.

use super::facts::{Facts, Unknown};
use super::{Check, Finding};

pub(super) const CHECK: Check = Check { name: "store", meaning: "the profile store is whole", judge };

fn judge(facts: &Facts) -> Finding {
    let problem = facts.answers.status.as_ref().ok().and_then(|status| status.store_problem.as_ref());
    if let Some(problem) = problem {
        return Finding::fail(
            problem,
            "Make room on the disk and check in: mdm-agent sync. A damaged store is put aside by itself; the server \
             brings its profiles again.",
        );
    }
    let profiles = match &facts.answers.profiles {
        Ok(profiles) => profiles,
        Err(Unknown::Because(reason)) => return Finding::fail(reason, "See the agent's log: journalctl -u mdm-agent"),
        Err(unknown) => return Finding::unknown(unknown),
    };
    let incomplete = profiles.iter().filter(|profile| profile.summary.starts_with("incomplete: ")).count();
    match (&facts.files.quarantined, incomplete) {
        (Ok(count @ 1..), _) => Finding::warn(
            format!("{count} damaged stores were put aside in {}", facts.files.state.join("quarantine").display()),
            "Check the disk (smartctl -a, dmesg). The directory can be removed once nobody wants to look into it.",
        ),
        (_, 1..) => Finding::warn(
            format!("{incomplete} of {} profiles are incomplete", profiles.len()),
            "Check in: mdm-agent sync. If it stays so, the administrator has to complete them.",
        ),
        _ => Finding::pass(format!("it holds {} profiles", profiles.len())),
    }
}
