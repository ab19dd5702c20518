//! Discovery scripts of custom rules: running them without trusting them, and reading what they found.
//!
//! A script is the server's, but what it meets on the machine may be anybody's: it runs as nobody in particular, with
//! limits, and whatever it started ends with it.

mod findings;
mod sandbox;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::ScriptValue;
pub use sandbox::{Limits, Sandboxed};

/// The most scripts that are run.
///
/// One after the other, with the usual limit on time, they are done before whoever waits for the verdict is hung up on.
const MOST_SCRIPTS: usize = 12;

/// Whoever runs discovery scripts.
pub trait ScriptRunner {
    /// Runs a script and comes back with what it printed. `Err` says in words why there is nothing to read.
    fn run(&self, script: &str) -> Result<Vec<u8>, String>;
}

/// Runs nothing: for a root that is not this machine's own.
#[derive(Debug, Clone, Copy)]
pub struct NoScripts;

impl ScriptRunner for NoScripts {
    fn run(&self, _script: &str) -> Result<Vec<u8>, String> {
        Err("discovery scripts are not run here".to_owned())
    }
}

/// Runs the scripts one after the other: name of the rule and text of the script.
pub(super) fn run(
    scripts: &[(String, String)],
    runner: &dyn ScriptRunner,
) -> BTreeMap<String, Fact<BTreeMap<String, ScriptValue>>> {
    let outcome = |index: usize, name: &str, script: &str| {
        if index >= MOST_SCRIPTS {
            return Fact::unknown(format!("there are more than {MOST_SCRIPTS} discovery scripts"));
        }
        match runner.run(script).and_then(|output| findings::read(&output)) {
            Ok(values) => Fact::known(values, format!("the discovery script of {name}")),
            Err(reason) => Fact::unknown(format!("the discovery script gave no answer: {reason}")),
        }
    };
    let all = scripts.iter().enumerate();
    all.map(|(index, (name, script))| (name.clone(), outcome(index, name, script))).collect()
}
