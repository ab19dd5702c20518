//! The store in a process of its own: one line of JSON for each request and each answer, over its standard input and
//! output. It ends when its input ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use super::{Opened, ProfileStore, StorePlace, unusable};
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Changes;

/// The verb by which the program becomes a worker; it is not shown in the help.
pub const VERB: &str = "store-worker";
/// The program, by the name under which the kernel holds on to it: the same one, even when an upgrade has put another
/// in its place.
pub const OWN_PROGRAM: &str = "/proc/self/exe";
/// The longest line that is accepted, in bytes.
const MAX_LINE: usize = 256 << 20;
/// How long a worker may be silent over a piece of work, in seconds.
const PATIENCE: i64 = if cfg!(test) { 1 } else { 60 };
/// How long it may take to end, in seconds: a rewrite of the store syncs a dozen files, and a service that is stopped
/// has 45 seconds. A rewrite that takes longer is interrupted, which harms nothing, and is due again.
const FAREWELL: i64 = if cfg!(test) { 1 } else { 30 };

/// The longest report of a worker on closing the store, in bytes.
const MAX_LAST_WORDS: usize = 64 << 10;

/// What a worker answers: to the start, to each batch of changes, and, if something fails then, to the end of its input.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Opened(Box<Opened>),
    Kept,
    Full(String),
    Unusable(String),
}

/// A worker process with the store open.
#[derive(Debug)]
pub struct StoreWorker {
    child: Child,
    /// `None` once the worker is told to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl StoreWorker {
    /// Starts a worker and waits until the store is open.
    pub(super) fn start(program: &Path, place: &StorePlace) -> Result<(Self, Opened), StoreFailure> {
        let spawned = Command::new(program)
            .arg0("mdm-agent")
            .arg(VERB)
            .arg(&place.directory)
            .arg(&place.quarantine)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = spawned.map_err(|error| unusable(program, error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unusable(program, "it has no standard input and output"));
        };
        let mut worker = Self { child, input: Some(input), output: BufReader::new(output) };
        match worker.answer()? {
            Answer::Opened(opened) => Ok((worker, *opened)),
            other => Err(worker.unexpected(other)),
        }
    }

    pub(super) fn keep(&mut self, changes: &Changes) -> Result<(), StoreFailure> {
        let mut line = serde_json::to_vec(changes).expect("changes have only text, numbers and lists");
        line.push(b'\n');
        let lost = |error: std::io::Error| StoreFailure::Unusable(format!("the store's process ended: {error}"));
        let input = self.input.as_mut().ok_or_else(|| StoreFailure::Unusable("the store is closed".to_owned()))?;
        input.write_all(&line).and_then(|()| input.flush()).map_err(lost)?;
        match self.answer()? {
            Answer::Kept => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    fn answer(&mut self) -> Result<Answer, StoreFailure> {
        let unusable = |reason: String| StoreFailure::Unusable(format!("the store's process {reason}"));
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if !self.has_more(PATIENCE) {
                let _ = self.child.kill();
                return Err(unusable(format!("did nothing for {PATIENCE} seconds and was ended")));
            }
            let piece = self.output.fill_buf().map_err(|error| unusable(format!("cannot be read: {error}")))?;
            if piece.is_empty() {
                return Err(unusable("ended without an answer".to_owned()));
            }
            let length = piece.iter().position(|byte| *byte == b'\n').map_or(piece.len(), |end| end + 1);
            line.extend_from_slice(&piece[..length]);
            self.output.consume(length);
            if line.len() > MAX_LINE {
                let _ = self.child.kill();
                return Err(unusable("said more than is accepted and was ended".to_owned()));
            }
        }
        serde_json::from_slice(&line).map_err(|error| unusable(format!("answered nonsense: {error}")))
    }

    /// Whether the worker says something, or ends, within so many seconds.
    fn has_more(&self, seconds: i64) -> bool {
        if !self.output.buffer().is_empty() {
            return true;
        }
        let mut descriptors = [PollFd::new(self.output.get_ref(), PollFlags::IN)];
        loop {
            match poll(&mut descriptors, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })) {
                Err(rustix::io::Errno::INTR) => {}
                ready => return ready != Ok(0),
            }
        }
    }

    fn unexpected(&self, answer: Answer) -> StoreFailure {
        match answer {
            Answer::Full(reason) => StoreFailure::Full(reason),
            Answer::Unusable(reason) => StoreFailure::Unusable(reason),
            Answer::Opened(_) | Answer::Kept => StoreFailure::Unusable("the store's process is out of step".to_owned()),
        }
    }
}

impl Drop for StoreWorker {
    fn drop(&mut self) {
        // At the end of its input the worker closes the store, and it ends at the end of its output.
        self.input = None;
        let mut last_words = Vec::new();
        while self.has_more(FAREWELL) {
            match self.output.fill_buf() {
                Ok([]) | Err(_) => break,
                Ok(piece) => {
                    last_words.extend_from_slice(&piece[..piece.len().min(MAX_LAST_WORDS - last_words.len())]);
                    let length = piece.len();
                    self.output.consume(length);
                }
            }
        }
        if !self.has_more(0) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if let Ok(Answer::Full(failure) | Answer::Unusable(failure)) = serde_json::from_slice(&last_words) {
            tracing::warn!(failure, "{}", super::NOT_ERASED);
        }
    }
}

/// What the worker process does: opens the store, keeps what comes, and closes it at the end of its input.
pub fn serve(place: &StorePlace, now: i64) -> std::io::Result<()> {
    // Damage makes sled panic; that is caught and mended, and nobody needs to read about it.
    std::panic::set_hook(Box::new(|_| {}));
    // Started by the kernel's name for the program, it would be listed as "exe".
    let _ = std::fs::write("/proc/self/comm", "mdm-agent-store");
    let _signals = ignore_signals()?;
    let mut output = std::io::stdout().lock();
    let mut say = |answer: &Answer| {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        output.write_all(&line).and_then(|()| output.flush())
    };
    let mut store = match ProfileStore::open(place, now) {
        Ok((store, opened)) => {
            say(&Answer::Opened(Box::new(opened)))?;
            store
        }
        Err(failure) => return say(&refusal(failure)),
    };
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = String::new();
        if (&mut input).take(MAX_LINE as u64).read_line(&mut line)? == 0 {
            return store.close().or_else(|failure| say(&refusal(failure)));
        }
        let changes: Changes = serde_json::from_str(&line)?;
        match store.keep(&changes) {
            Ok(()) => say(&Answer::Kept)?,
            Err(failure) => say(&refusal(failure))?,
        }
    }
}

/// A signal that stops the service reaches its whole process group. The service still brings its session to an end,
/// for which it needs its store; the worker ends after that, with its input.
fn ignore_signals() -> std::io::Result<impl Sized> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let ignored = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    drop(entered);
    Ok((runtime, ignored))
}

fn refusal(failure: StoreFailure) -> Answer {
    match failure {
        StoreFailure::Full(reason) => Answer::Full(reason),
        StoreFailure::Unusable(reason) => Answer::Unusable(reason),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_worker_that_ends_hangs_or_talks_nonsense_is_a_failure_and_leaves_no_process() {
        for (script, reason) in [
            ("exit 1", "ended without an answer"),
            ("printf '{\"Kept'", "ended without an answer"),
            ("echo nonsense", "answered nonsense"),
            ("echo '\"Kept\"'", "out of step"),
            ("exec sleep 1000", "did nothing for 1 seconds"),
            ("echo '\"Kept\"'; exec sleep 1000", "out of step"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("program");
            let process = folder.path().join("process");
            std::fs::write(&program, format!("#!/bin/sh\necho $$ > {}\n{script}\n", process.display())).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            let place = StorePlace { directory: folder.path().join("store"), quarantine: folder.path().join("old") };
            let failure = StoreWorker::start(&program, &place).unwrap_err().to_string();
            assert!(failure.contains(reason), "{script}: {failure}");
            let process = std::fs::read_to_string(&process).unwrap();
            assert!(!Path::new("/proc").join(process.trim()).exists(), "{script}: it still runs");
        }
    }
}
