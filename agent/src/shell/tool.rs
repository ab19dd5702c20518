//! Asks one of the machine's programs something, with limits on its time and on what is read of its answer. No shell
//! is involved, and the program gets no environment but what is named.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Where programs are looked for.
pub const PLACES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Where a program is.
pub fn find(program: &str) -> Option<String> {
    PLACES.iter().map(|place| format!("{place}/{program}")).find(|path| std::path::Path::new(path).exists())
}

/// Runs a program and reads the end of what it prints, `most` bytes of it. Blocks.
pub fn run(program: &str, arguments: &[&str], patience: Duration, most: u64) -> Result<String, String> {
    let path = find(program).ok_or_else(|| format!("{program} is not installed"))?;
    let unusable = |error: std::io::Error| format!("{program} cannot be run: {error}");
    let output = rustix::fs::memfd_create("answer", rustix::fs::MemfdFlags::CLOEXEC);
    let mut output = std::fs::File::from(output.map_err(|error| unusable(error.into()))?);
    let mut child = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", PLACES.join(":"))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(unusable)?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(unusable)?;
    if !ends_within(&child, patience) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("{program} did not end within {} seconds", patience.as_secs()));
    }
    let status = child.wait().map_err(unusable)?;
    if !status.success() {
        return Err(format!("{program} failed: {status}"));
    }
    let length = output.metadata().map_err(unusable)?.len();
    output.seek(SeekFrom::Start(length.saturating_sub(most))).map_err(unusable)?;
    let mut said = Vec::new();
    output.take(most).read_to_end(&mut said).map_err(unusable)?;
    Ok(whole_lines(&said, length > most))
}

/// Text without the line that it was cut in.
pub fn whole_lines(content: &[u8], is_cut: bool) -> String {
    let begin = content.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    String::from_utf8_lossy(if is_cut { &content[begin..] } else { content }).into_owned()
}

/// Waits for a program's end; the program is not reaped.
fn ends_within(child: &Child, patience: Duration) -> bool {
    let Some(process) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return true };
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else { return true };
    let patience = Timespec { tv_sec: patience.as_secs().cast_signed(), tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience)) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => return false,
            _ => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer_is_read_in_whole_lines() {
        let said = run("seq", &["1", "1000"], Duration::from_secs(10), 12).unwrap();
        assert_eq!(said, "999\n1000\n");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let refused = run("sleep", &["60"], Duration::from_secs(0), 10).unwrap_err();
        assert!(refused.contains("did not end"), "{refused}");
        assert!(run("no-such-program", &[], Duration::from_secs(1), 1).is_err());
    }
}
