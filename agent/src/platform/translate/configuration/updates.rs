//! Automatic updates, by the distribution's own tool.

use super::catalogue::Value;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Fragment, Share, Untranslatable};
use crate::platform::document::Document;
use crate::platform::machine::UpdateTool;
use crate::platform::path::MachinePath;
use crate::platform::translate::Context;

type Outcome = Result<Share, Untranslatable>;

const TIMER: &str = "dnf-automatic-install.timer";

pub(super) fn windows(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    match value.number() {
        0 => set(true, false, context),
        5 => set(false, false, context),
        _ => set(true, true, context),
    }
}

pub(super) fn automatic(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    set(true, value.number() != 0, context)
}

fn set(look: bool, install: bool, context: &Context<'_>) -> Outcome {
    let flag = |value: bool| if value { "1" } else { "0" };
    match context.machine.updates {
        Some(UpdateTool::UnattendedUpgrades) => {
            let entry = |name, value| Fragment::text(Document::AptPeriodic, name, flag(value));
            let fragments = vec![
                entry("APT::Periodic::Update-Package-Lists", look),
                entry("APT::Periodic::Unattended-Upgrade", install),
            ];
            Ok(Share { fragments, ..Share::default() })
        }
        Some(UpdateTool::DnfAutomatic) if install => {
            let path = MachinePath::new(format!("/etc/systemd/system/timers.target.wants/{TIMER}"));
            let link = DesiredFile::link(format!("/usr/lib/systemd/system/{TIMER}"), Consumer::Nobody);
            Ok(Share { files: vec![(path, link)], ..Share::default() })
        }
        Some(UpdateTool::DnfAutomatic) => Ok(Share::default()),
        None => Err(Untranslatable::unsupported(
            "this machine has neither unattended-upgrades nor dnf-automatic; install one of them",
        )),
    }
}
