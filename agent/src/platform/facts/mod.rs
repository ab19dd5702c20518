//! Facts for compliance, read from the machine below a root directory.
//!
//! Nothing here judges or changes anything, and no read waits for anybody: what cannot be read is a fact that is not
//! known, with the reason. Only discovery scripts, and ZFS's own tools on the machine itself, are programs that run.

mod automatic;
mod encryption;
mod firewall;
mod firmware;
mod password;
mod screen;
mod scripts;
mod source;
mod surroundings;
mod system;
#[cfg(test)]
mod tests;
mod tool;

use std::path::Path;

use super::messenger;
use crate::engine::compliance::Facts;
use encryption::{NoZfs, Zfs, ZfsTools};
pub use scripts::{Limits, NoScripts, Sandboxed, ScriptRunner};
use source::Source;

/// The verb by which the program prints the facts of the machine that it runs on; it is not shown in the help.
pub const VERB: &str = "facts-worker";

/// Gathers everything from outside of the sandbox that a service runs in: from within, mounts and processes are not those
/// of the machine. `None` if there is no sandbox.
pub fn gather_outside(now: i64, scripts: &[(String, String)], runner: &dyn ScriptRunner) -> Option<Facts> {
    let program = messenger::own_program().ok()?;
    let printed = messenger::ask_outside(&program, &[VERB])?;
    let facts: Facts = match printed
        .map_err(|reason| reason.to_string())
        .and_then(|printed| read(&printed).map_err(|error| error.to_string()))
    {
        Ok(facts) => facts,
        Err(reason) => {
            // From within, a disk may not be seen that is not encrypted: nothing is known then.
            tracing::warn!(reason, "facts cannot be gathered outside of the service's sandbox");
            return Some(Facts { gathered_at: now, scripts: scripts::run(scripts, runner), ..Facts::default() });
        }
    };
    Some(Facts { gathered_at: now, scripts: scripts::run(scripts, runner), ..facts })
}

/// What a worker printed; what went to its standard error is there as well.
fn read(printed: &str) -> serde_json::Result<Facts> {
    serde_json::from_str(printed.lines().find(|line| line.starts_with('{')).unwrap_or_default())
}

/// Gathers everything below a root directory. `scripts` are discovery scripts by the ids of their rules; they are run
/// one after the other, so that this may take as long as all of them together may.
pub fn gather(root: &Path, now: i64, scripts: &[(String, String)], runner: &dyn ScriptRunner) -> Facts {
    let Ok(source) = Source::open(root) else {
        return Facts { gathered_at: now, ..Facts::default() };
    };
    let zfs: &dyn Zfs = if source.is_machine() { &ZfsTools } else { &NoZfs };
    Facts {
        gathered_at: now,
        distribution: system::distribution(&source),
        kernel: system::kernel(&source),
        updated_at: system::updated_at(&source),
        restart_required: system::restart_required(&source),
        volumes: encryption::volumes(&source, zfs),
        password: password::policy(&source),
        firewall: firewall::state(&source),
        secure_boot: firmware::secure_boot(&source),
        tpm: firmware::tpm(&source),
        screen_lock: screen::lock(&source),
        automatic_updates: automatic::updates(&source),
        battery: surroundings::battery(&source),
        domain: surroundings::domain(&source),
        networks: surroundings::networks(&source),
        scripts: scripts::run(scripts, runner),
    }
}
