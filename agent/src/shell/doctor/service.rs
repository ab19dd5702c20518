//! Whether the service runs and answers.

use super::facts::{Facts, Service};
use super::{Check, Finding};

pub(super) const CHECK: Check = Check { name: "service", meaning: "the service runs and answers at its socket", judge };

fn judge(facts: &Facts) -> Finding {
    match &facts.answers.service {
        Service::Answers => Finding::pass("it runs and answers"),
        Service::NotRunning => Finding::fail(
            "nobody listens at its socket, so nothing checks in",
            "Start it: systemctl start mdm-agent, or mdm-agent run. Its log says why it ended, if it did.",
        ),
        Service::Silent => Finding::fail(
            "it listens and does not answer in time",
            "See its log: journalctl -u mdm-agent. Restart it if it stays so: systemctl restart mdm-agent.",
        ),
        Service::Fails(reason) => Finding::fail(
            format!("it answers with a failure: {reason}"),
            "See its log: journalctl -u mdm-agent. Was the program replaced? Then restart the service.",
        ),
    }
}
