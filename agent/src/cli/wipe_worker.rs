//! The process that plans a wipe of this machine, or carries one out, outside of the service's sandbox.

use std::path::Path;
use std::process::ExitCode;

use super::output::Output;
use super::{Failure, VerbResult};
use crate::platform::remote::wipe;
use crate::platform::root::Root;

pub(super) fn run(state: &Path, only_plan: bool, output: &Output) -> VerbResult {
    let root = Root::open(Path::new("/"))?;
    if only_plan {
        let plan = wipe::plan(&root, state);
        let line = serde_json::to_string(&plan)?;
        output.show(&plan, |_| line)?;
        return Ok(ExitCode::SUCCESS);
    }
    crate::shell::logging::start(None, "info");
    let left = wipe::carry_out(&root, state).map_err(anyhow::Error::msg).map_err(Failure::Local)?;
    for reason in &left {
        tracing::error!(reason, "could not be removed");
    }
    wipe::restart(&root);
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
