//! The process that carries a wipe out, in a unit of its own.

use std::process::ExitCode;

use super::{Place, VerbResult};
use crate::platform::remote::wipe;
use crate::platform::root::Root;

pub(super) fn run(place: &Place) -> VerbResult {
    let root = Root::open(place.platform.root())?;
    let left = wipe::carry_out(&root, &place.paths.state).map_err(anyhow::Error::msg).map_err(super::Failure::Local)?;
    for reason in &left {
        tracing::error!(reason, "could not be removed");
    }
    wipe::restart(&root);
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
