//! Whether the programs are there that make use of what the profiles put on the machine.

use super::facts::Facts;
use super::{Check, Finding};
use crate::platform::consumer::Consumer;
use crate::platform::machine::Machine;

pub(super) const CHECK: Check =
    Check { name: "consumers", meaning: "the programs are there that profiles are for", judge };

fn judge(facts: &Facts) -> Finding {
    let known = &facts.machine;
    let (machine, used, untold) = match (&known.survey, &known.used, &known.untold) {
        (Ok(machine), Ok(used), Ok(untold)) => (machine, used, untold),
        (Err(unknown), _, _) | (_, Err(unknown), _) | (_, _, Err(unknown)) => return Finding::unknown(unknown),
    };
    let missing: Vec<String> = used
        .iter()
        .filter(|(consumer, _)| !is_there(*consumer, machine))
        .filter_map(|(consumer, file)| Some(format!("{} (for {file})", consumer.name()?)))
        .collect();
    let names =
        |consumers: &[Consumer]| consumers.iter().filter_map(|consumer| consumer.name()).collect::<Vec<_>>().join(", ");
    match (missing.is_empty(), untold.is_empty()) {
        (false, _) => Finding::fail(
            format!("not on this machine any more: {}", missing.join(", ")),
            "Install it again, or tell the administrator; then check in: mdm-agent sync",
        ),
        (true, false) => Finding::warn(
            format!("not told of the last change yet: {}", names(untold)),
            "Check in: mdm-agent sync. If it stays so, see whether that program runs.",
        ),
        (true, true) if used.is_empty() => Finding::pass("no profile needs one"),
        (true, true) => {
            let used: Vec<Consumer> = used.iter().map(|(consumer, _)| *consumer).collect();
            Finding::pass(format!("there, and told: {}", names(&used)))
        }
    }
}

fn is_there(consumer: Consumer, machine: &Machine) -> bool {
    match consumer {
        Consumer::Nobody | Consumer::HostName => true,
        Consumer::NetworkManager => machine.network_manager,
        Consumer::Strongswan => machine.swanctl,
        Consumer::TrustStore => machine.trust_store.is_some(),
        Consumer::Dconf => machine.dconf.is_some(),
        Consumer::Udev => machine.udev,
        Consumer::Sysctl => machine.sysctl,
    }
}
