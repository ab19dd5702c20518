//! The store in a process of its own: one line of JSON for each request and each answer, over its standard input and
//! output. It ends when its input ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

use super::{Opened, ProfileStore, StorePlace, unusable};
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Changes;

/// The verb by which the program becomes a worker; it is not shown in the help.
pub const VERB: &str = "store-worker";
/// The longest line that is accepted, in bytes.
const MAX_LINE: u64 = 256 << 20;

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
        let mut line = String::new();
        let read = (&mut self.output).take(MAX_LINE).read_line(&mut line);
        match read {
            Ok(0) => Err(StoreFailure::Unusable("the store's process ended without an answer".to_owned())),
            Ok(_) => serde_json::from_str(&line)
                .map_err(|error| StoreFailure::Unusable(format!("the store's process answered nonsense: {error}"))),
            Err(error) => Err(StoreFailure::Unusable(format!("the store's process cannot be read: {error}"))),
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
        // The end of its input tells the worker to end; only then can it be waited for.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// What the worker process does: opens the store, keeps what comes, ends with its input.
pub fn serve(place: &StorePlace, now: i64) -> std::io::Result<()> {
    // Damage makes sled panic; that is caught and mended, and nobody needs to read about it.
    std::panic::set_hook(Box::new(|_| {}));
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
        if (&mut input).take(MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let changes: Changes = serde_json::from_str(&line)?;
        match store.keep(&changes) {
            Ok(()) => say(&Answer::Kept)?,
            Err(failure) => say(&refusal(failure))?,
        }
    }
}

fn refusal(failure: StoreFailure) -> Answer {
    match failure {
        StoreFailure::Full(reason) => Answer::Full(reason),
        StoreFailure::Unusable(reason) => Answer::Unusable(reason),
    }
}
