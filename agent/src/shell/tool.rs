//! The programs of the machine: where they are, how they are started, and what they answer, with limits on their time and
//! on what is read of it. A program gets no environment but what is named, and the umask that it has everywhere else.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Where programs are looked for.
pub const PLACES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How much of what a program says is read, in bytes.
const MOST_SAID: u64 = 1 << 20;
/// How much of it is repeated in an error, in characters.
const MOST_REPEATED: usize = 400;

/// Where a program is.
pub fn find(program: &str) -> Option<String> {
    PLACES.iter().map(|place| format!("{place}/{program}")).find(|path| std::path::Path::new(path).exists())
}

/// What a program starts with instead of itself: it may make files that everybody has to be able to read, whatever the umask
/// of this process is. Program and arguments are no part of what the shell reads.
const WITH_USUAL_UMASK: &str = r#"umask 022; exec "$0" "$@""#;

/// A program of this machine, ready to be started. Nothing else starts one that is not this program itself.
pub fn command(program: &str) -> Result<Command, ToolError> {
    let missing = |program: &str| ToolError::Missing(program.to_owned());
    let path = find(program).ok_or_else(|| missing(program))?;
    let mut command = Command::new(find("sh").ok_or_else(|| missing("sh"))?);
    command.args(["-c", WITH_USUAL_UMASK, &path]);
    command.env_clear().env("PATH", PLACES.join(":")).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    // Where another system bus is named, as in a container or a test, the programs are to use it too.
    if let Some(bus) = std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS") {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
    }
    Ok(command)
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is nowhere.
    #[error("{0} is not installed")]
    Missing(String),
    /// The machine does not start it.
    #[error("{tool} cannot be run: {source}")]
    Unusable {
        /// Its name.
        tool: String,
        /// Why.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("{tool} did not end within {seconds} seconds and was stopped")]
    Endless {
        /// Its name.
        tool: String,
        /// How long it had.
        seconds: u64,
    },
    /// It says that it failed.
    #[error("{tool} failed: {said}")]
    Failed {
        /// Its name.
        tool: String,
        /// The beginning of what it printed, or how it ended.
        said: String,
    },
}

/// Whose word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errors {
    /// What is printed as an error is part of the answer.
    Heard,
    Ignored,
}

/// Runs a program and comes back with all that it printed, errors included, as far as that is read. Blocks.
pub fn ask(program: &str, arguments: &[&str], patience: Duration) -> Result<String, ToolError> {
    let mut output = start(program, arguments, patience, Errors::Heard)?;
    let unusable = |source| ToolError::Unusable { tool: program.to_owned(), source };
    let mut said = Vec::new();
    output.rewind().and_then(|()| output.take(MOST_SAID).read_to_end(&mut said)).map_err(unusable)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Runs a program and reads the end of what it prints, `most` bytes of it. Blocks.
pub fn run(program: &str, arguments: &[&str], patience: Duration, most: u64) -> Result<String, String> {
    let unusable = |source| ToolError::Unusable { tool: program.to_owned(), source };
    let read = |mut output: std::fs::File| {
        let length = output.metadata()?.len();
        output.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut said = Vec::new();
        output.take(most).read_to_end(&mut said)?;
        Ok(whole_lines(&said, length > most))
    };
    let output = start(program, arguments, patience, Errors::Ignored);
    output.and_then(|output| read(output).map_err(unusable)).map_err(|error| error.to_string())
}

/// Runs a program to its end; what it printed.
fn start(program: &str, arguments: &[&str], patience: Duration, errors: Errors) -> Result<std::fs::File, ToolError> {
    let unusable = |source: std::io::Error| ToolError::Unusable { tool: program.to_owned(), source };
    let output = rustix::fs::memfd_create("answer", rustix::fs::MemfdFlags::CLOEXEC);
    let output = std::fs::File::from(output.map_err(|error| unusable(error.into()))?);
    let mut command = command(program)?;
    command.args(arguments).stdout(output.try_clone().map_err(unusable)?);
    match errors {
        Errors::Heard => command.stderr(output.try_clone().map_err(unusable)?),
        Errors::Ignored => command.stderr(Stdio::null()),
    };
    let mut child = command.spawn().map_err(unusable)?;
    if !ends_within(&child, patience) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(ToolError::Endless { tool: program.to_owned(), seconds: patience.as_secs() });
    }
    let status = child.wait().map_err(unusable)?;
    if status.success() {
        return Ok(output);
    }
    let said = if errors == Errors::Heard { beginning(output).map_err(unusable)? } else { String::new() };
    let said = if said.is_empty() { status.to_string() } else { said.replace('\n', "; ") };
    Err(ToolError::Failed { tool: program.to_owned(), said })
}

/// The beginning of what a program printed.
fn beginning(mut output: std::fs::File) -> std::io::Result<String> {
    let mut said = Vec::new();
    output.rewind()?;
    output.take(MOST_SAID).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).trim().chars().take(MOST_REPEATED).collect())
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
    fn what_a_program_makes_is_for_everybody_and_its_arguments_are_no_shell_s() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("$(made) 'x'; \\");
        let file = file.to_str().unwrap();
        let umask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let asked = ask("touch", &[file], Duration::from_secs(10));
        rustix::process::umask(umask);
        assert_eq!(asked.unwrap(), "");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o644);
        let failed = ask("ls", &["/no such place"], Duration::from_secs(10)).unwrap_err().to_string();
        assert!(failed.starts_with("ls failed: ") && failed.contains("cannot access '/no such place'"), "{failed}");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let refused = run("sleep", &["60"], Duration::from_secs(0), 10).unwrap_err();
        assert!(refused.contains("did not end"), "{refused}");
        assert!(run("no-such-program", &[], Duration::from_secs(1), 1).is_err());
    }
}
