//! Asking one of the machine's tools, with a limit on its time and on what it prints.

use std::io::{Read as _, Seek as _};
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a tool may take, in seconds.
const PATIENCE: i64 = 10;
/// How much of its answer is read, in bytes.
const MOST_BYTES: u64 = 256 << 10;
/// Where tools are looked for.
pub(super) const PLACES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Where a tool is.
pub(super) fn find(tool: &str) -> Option<String> {
    PLACES.iter().map(|place| format!("{place}/{tool}")).find(|path| std::path::Path::new(path).exists())
}

/// What a tool prints. `Err` says why it did not answer.
pub(super) fn ask(tool: &str, arguments: &[&str]) -> Result<String, String> {
    let program = find(tool).ok_or_else(|| format!("{tool} is not installed"))?;
    let unusable = |error: std::io::Error| format!("{tool} cannot be run: {error}");
    let output = rustix::fs::memfd_create("answer", rustix::fs::MemfdFlags::CLOEXEC);
    let mut output = std::fs::File::from(output.map_err(|error| unusable(error.into()))?);
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PLACES.join(":"))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(unusable)?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(unusable)?;
    if !ends_within(&child, PATIENCE) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("{tool} did not answer within {PATIENCE} seconds"));
    }
    let status = child.wait().map_err(unusable)?;
    if !status.success() {
        return Err(format!("{tool} failed: {status}"));
    }
    let mut said = Vec::new();
    output.rewind().map_err(unusable)?;
    output.take(MOST_BYTES).read_to_end(&mut said).map_err(unusable)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Waits for a program's end; the program is not reaped.
fn ends_within(child: &std::process::Child, seconds: i64) -> bool {
    let Some(process) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return true };
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else { return true };
    let patience = Timespec { tv_sec: seconds, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience)) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => return false,
            _ => return true,
        }
    }
}
