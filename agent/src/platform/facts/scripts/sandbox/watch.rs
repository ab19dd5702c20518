//! One program until it ends, has used up its time or has printed too much.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// How a program ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// By itself.
    Ended { output: Vec<u8>, status: ExitStatus },
    /// It was stopped when its time was up.
    TooLong,
    /// It was stopped when it had printed too much.
    TooMuch,
}

/// Runs a program in a process group of its own, which is ended in any case.
pub(super) fn run(mut command: Command, seconds: u32, most_bytes: usize) -> Result<Ending, String> {
    let mut child = command
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let watched = watch(&mut child, seconds, most_bytes);
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait().map_err(|error| format!("it cannot be waited for: {error}"))?;
    Ok(match watched.map_err(|error| format!("it cannot be watched: {error}"))? {
        Watched::Ended(output) => Ending::Ended { output, status },
        Watched::TooLong => Ending::TooLong,
        Watched::TooMuch => Ending::TooMuch,
    })
}

enum Watched {
    Ended(Vec<u8>),
    TooLong,
    TooMuch,
}

fn watch(child: &mut Child, seconds: u32, most_bytes: usize) -> std::io::Result<Watched> {
    let absent = || std::io::Error::other("it has no output");
    let mut stdout = child.stdout.take().ok_or_else(absent)?;
    let flags = rustix::fs::fcntl_getfl(&stdout)?;
    rustix::fs::fcntl_setfl(&stdout, flags | OFlags::NONBLOCK)?;
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(absent)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    let timer = timer(seconds)?;
    let mut output = Vec::new();
    let mut open = true;
    loop {
        let mut watched = vec![PollFd::new(&process, PollFlags::IN), PollFd::new(&timer, PollFlags::IN)];
        if open {
            watched.push(PollFd::new(&stdout, PollFlags::IN));
        }
        match poll(&mut watched, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        let ready = |index: usize| watched.get(index).is_some_and(|watched| !watched.revents().is_empty());
        let (ended, over) = (ready(0), ready(1));
        drop(watched);
        // What it printed before it ended is still in the pipe; who else holds the pipe open does not matter.
        open = open && read(&mut stdout, &mut output, most_bytes)?;
        match () {
            () if output.len() > most_bytes => return Ok(Watched::TooMuch),
            () if ended => return Ok(Watched::Ended(output)),
            () if over => return Ok(Watched::TooLong),
            () => {}
        }
    }
}

/// Reads what is there, at most one byte more than is wanted. Says whether there may be more.
fn read(stdout: &mut ChildStdout, output: &mut Vec<u8>, most_bytes: usize) -> std::io::Result<bool> {
    let mut buffer = [0; 8192];
    while output.len() <= most_bytes {
        let room = buffer.len().min(most_bytes + 1 - output.len());
        match stdout.read(&mut buffer[..room]) {
            Ok(0) => return Ok(false),
            Ok(count) => output.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn timer(seconds: u32) -> rustix::io::Result<rustix::fd::OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    let value = Timespec { tv_sec: i64::from(seconds.max(1)), tv_nsec: 0 };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value: value })?;
    Ok(timer)
}
