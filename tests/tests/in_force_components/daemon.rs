//! Services that run beside a test.

use std::process::Command;
use std::time::Duration;

use mdm_tests::processes::{Process, silent, wait_until};

/// How long a service may take to be there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a service and waits until `is_ready` says so.
pub(crate) fn start(command: &mut Command, mut is_ready: impl FnMut(&Process) -> bool) -> Process {
    let mut process = Process::start(command, &silent()).unwrap();
    let ready = wait_until(PATIENCE, || {
        anyhow::ensure!(!process.has_ended(), "it has ended");
        Ok(is_ready(&process).then_some(()))
    });
    assert!(ready.is_ok(), "{command:?}: {ready:?}: {:#?}", process.output());
    process
}

/// Whether a service has said something.
pub(crate) fn has_said(process: &Process, words: &str) -> bool {
    process.output().iter().any(|line| line.contains(words))
}
