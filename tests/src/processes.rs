//! Child processes that end with their owner, their output read line by line.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Takes each line of a process's output.
pub type LineSink = Arc<dyn Fn(&str) + Send + Sync>;

/// A process that is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts a process; every line of its output is kept and given to `sink`.
    pub fn start(command: &mut Command, sink: &LineSink) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let lines = Arc::default();
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take() {
            readers.push(read_lines(output, sink, &lines));
        }
        if let Some(errors) = child.stderr.take() {
            readers.push(read_lines(errors, sink, &lines));
        }
        Ok(Self { child, readers, lines })
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed.
    pub fn output(&self) -> Vec<String> {
        self.lines.lock().map(|lines| lines.clone()).unwrap_or_default()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Asks the process to end (SIGTERM) and waits; one that does not end in ten seconds is killed and an error.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        terminate(self.child.id());
        wait_until(Duration::from_secs(10), || Ok(self.has_ended().then_some(())))
            .context("the process does not end")?;
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Ok(())
    }

    /// Kills the process at once (SIGKILL).
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() && self.stop().is_err() {
            self.kill();
        }
    }
}

/// Asks a process to end (SIGTERM).
pub fn terminate(process: u32) {
    if let Some(id) = rustix::process::Pid::from_raw(process.cast_signed()) {
        // One that has ended already is what was wanted.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
}

fn read_lines(output: impl Read + Send + 'static, sink: &LineSink, lines: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let (sink, lines) = (Arc::clone(sink), Arc::clone(lines));
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            sink(&line);
            if let Ok(mut kept) = lines.lock() {
                kept.push(line);
            }
        }
    })
}

/// Looks again and again until there is something to see; for what another process does in its own time.
pub fn wait_until<T>(limit: Duration, mut look: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        anyhow::ensure!(begun.elapsed() < limit, "it did not happen within {} seconds", limit.as_secs());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A sink for output that nobody needs to see.
pub fn silent() -> LineSink {
    Arc::new(|_| {})
}
