//! A pipe that nobody writes to keeps whoever opens it waiting for ever. Here somebody helps after a while, and says so.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::node::{Form, Snapshot};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long until the next help.
const AGAIN: Duration = Duration::from_millis(10);

/// The pipes below a root.
pub(super) fn pipes(root: &Path, now: &Snapshot) -> Vec<PathBuf> {
    now.iter().filter(|(_, node)| node.form == Form::Pipe).map(|(path, _)| root.join(path)).collect()
}

/// Does some work, and says whether it waited for somebody to write to one of these pipes.
pub(super) fn watched<T>(pipes: &[PathBuf], work: impl FnOnce() -> T) -> (T, bool) {
    if pipes.is_empty() {
        return (work(), false);
    }
    std::thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        let watcher = scope.spawn(move || {
            let mut has_helped = false;
            let mut patience = PATIENCE;
            while is_done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                has_helped |= pipes.iter().any(|pipe| help(pipe));
                patience = AGAIN;
            }
            has_helped
        });
        let result = work();
        drop(done);
        (result, watcher.join().unwrap_or(false))
    })
}

/// Whoever waits for a writer has one for a moment; says whether somebody waited.
fn help(pipe: &Path) -> bool {
    rustix::fs::open(pipe, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).is_ok()
}
