//! Running a script as an unprivileged user with limits on time, output, memory and processes.
//!
//! systemd does it where it manages the machine, util-linux elsewhere. Either way nothing of a script outlives its run:
//! not what it left in the background, nor what holds on to its output or ignores signals.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::tool;
use super::findings;

mod arguments;
mod watch;

use watch::Ending;

/// The user that a script is where systemd does not make one up: no account has it.
const USER: u32 = 65_500;
/// Where the scripts are put for the time that they run.
const PLACE: &str = "/run/mdm-agent";
/// How often processes are looked for that are still there.
const SWEEPS: usize = 8;

/// What a script may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Seconds until it is stopped.
    pub seconds: u32,
    /// Bytes that it may print before it is stopped.
    pub output_bytes: usize,
    /// Bytes of memory: of all its processes with systemd, else of each.
    pub memory_bytes: u64,
    /// Processes that it may have at once.
    pub processes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 60, output_bytes: findings::MOST_BYTES, memory_bytes: 256 << 20, processes: 32 }
    }
}

/// Runs scripts as nobody in particular.
#[derive(Debug, Clone)]
pub struct Sandboxed {
    limits: Limits,
    user: u32,
    place: PathBuf,
    systemd: bool,
    /// Whether a namespace for processes is used; `None` if the machine is to be asked.
    namespace: Option<bool>,
}

impl Sandboxed {
    /// A runner with these limits, by what this machine has.
    pub fn new(limits: Limits) -> Self {
        let systemd = Path::new("/run/systemd/system").exists() && tool::find("systemd-run").is_some();
        Self { limits, user: USER, place: PathBuf::from(PLACE), systemd, namespace: None }
    }

    /// The same with a user and a place of its own, without systemd.
    #[cfg(test)]
    pub(super) fn by_util_linux(limits: Limits, user: u32, place: &Path, namespace: bool) -> Self {
        Self { limits, user, place: place.to_owned(), systemd: false, namespace: Some(namespace) }
    }

    fn with_systemd(&self, unit: &str, desk: &Desk, interpreter: &[String]) -> Result<Ending, String> {
        let arguments = arguments::systemd(&self.limits, unit, interpreter, &desk.script());
        // systemd stops the script; this is only for the case that it does not.
        let patience = self.limits.seconds.saturating_add(15);
        let ending =
            watch::run(command("systemd-run", &arguments, Path::new("/"))?, patience, self.limits.output_bytes);
        if !matches!(ending, Ok(Ending::Ended { .. })) {
            let _ = tool::ask("systemctl", &["kill", "--signal=KILL", unit]);
            let _ = tool::ask("systemctl", &["stop", unit]);
        }
        ending
    }

    fn with_util_linux(&self, desk: &Desk, interpreter: &[String]) -> Result<Ending, String> {
        let work = desk.work(self.user)?;
        // What an agent left that was ended in the middle of a script.
        self.sweep()?;
        let apart = self.namespace.unwrap_or_else(can_be_apart);
        let arguments = arguments::util_linux(&self.limits, self.user, apart, interpreter, &desk.script());
        let (program, arguments) = arguments.split_first().ok_or("there is nothing to run")?;
        let program = program.to_string_lossy().into_owned();
        let ending = watch::run(command(&program, arguments, &work)?, self.limits.seconds, self.limits.output_bytes);
        self.sweep()?;
        ending
    }

    /// Ends every process of the script's user at once, so that none can start another one in between. One of them
    /// may end the sweeper first, so this is repeated until the sweeper says that there is nobody left.
    fn sweep(&self) -> Result<(), String> {
        let arguments = arguments::sweep(self.user);
        for _ in 0..SWEEPS {
            let status = command("setpriv", &arguments, Path::new("/"))?.stdout(Stdio::null()).status();
            let status = status.map_err(|error| format!("what it started cannot be ended: {error}"))?;
            if status.code().is_some_and(|code| code != 0) {
                break;
            }
        }
        Ok(())
    }
}

impl super::ScriptRunner for Sandboxed {
    fn run(&self, script: &str) -> Result<Vec<u8>, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can run it as another user".to_owned());
        }
        let interpreter = arguments::interpreter(script);
        let desk = Desk::new(&self.place, script)?;
        let ending = match self.systemd {
            true => self.with_systemd(&desk.unit(), &desk, &interpreter),
            false => self.with_util_linux(&desk, &interpreter),
        }?;
        match ending {
            Ending::Ended { output, status } if status.success() => Ok(output),
            Ending::Ended { status, .. } => Err(format!("it failed: {status}")),
            Ending::TooLong => Err(format!("it was stopped after {} seconds", self.limits.seconds)),
            Ending::TooMuch => {
                Err(format!("it was stopped because it printed more than {} bytes", self.limits.output_bytes))
            }
        }
    }
}

/// Whether processes can have numbers of their own here, so that all end with the first of them.
fn can_be_apart() -> bool {
    tool::ask("unshare", &["--pid", "--fork", "--kill-child", "true"]).is_ok()
}

fn command(program: &str, arguments: &[OsString], directory: &Path) -> Result<Command, String> {
    let mut command = crate::shell::tool::command(program).map_err(|error| error.to_string())?;
    command.args(arguments).current_dir(directory).env_clear().stderr(Stdio::null());
    for (name, value) in arguments::environment() {
        command.env(name, value);
    }
    Ok(command)
}

/// A directory for one run: the script, which anybody may read, and a place to work. It goes with the value.
struct Desk {
    directory: PathBuf,
    number: u32,
}

impl Desk {
    fn new(place: &Path, script: &str) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = place.join(format!("script-{}-{number}", std::process::id()));
        let cannot = |error: std::io::Error| format!("it cannot be put into {}: {error}", directory.display());
        open_to_scripts(place).map_err(cannot)?;
        // A directory of the same name is left over from a process that had the same number.
        let _ = fs::remove_dir_all(&directory);
        DirBuilder::new().mode(0o711).create(&directory).map_err(cannot)?;
        let desk = Self { directory: directory.clone(), number };
        let script_file = desk.script();
        let mut file = fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o644).open(&script_file);
        file.and_then(|mut file| file.write_all(script.as_bytes())).map_err(cannot)?;
        // Whatever the agent's umask is, the script's user has to get there.
        for (path, mode) in [(&directory, 0o711), (&script_file, 0o644)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(cannot)?;
        }
        Ok(desk)
    }

    fn script(&self) -> PathBuf {
        self.directory.join("script")
    }

    fn unit(&self) -> String {
        format!("mdm-agent-script-{}-{}.service", std::process::id(), self.number)
    }

    /// An empty directory that belongs to the script's user.
    fn work(&self, user: u32) -> Result<PathBuf, String> {
        let work = self.directory.join("work");
        let made = DirBuilder::new().mode(0o700).create(&work);
        let made = made.and_then(|()| std::os::unix::fs::chown(&work, Some(user), Some(user)));
        made.map(|()| work).map_err(|error| format!("it has no place to work: {error}"))
    }
}

/// Makes the directory of all desks if it is not there, and lets every user through it. The agent's umask keeps others
/// from what it makes, and a script that cannot be reached ends with status 126.
fn open_to_scripts(place: &Path) -> std::io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o755).create(place) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mode = fs::metadata(place)?.permissions().mode();
    if mode & 0o011 == 0o011 { Ok(()) } else { fs::set_permissions(place, fs::Permissions::from_mode(mode | 0o055)) }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_s_user_gets_to_the_script_whoever_made_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let private = folder.path().join("private");
        DirBuilder::new().mode(0o700).create(&private).unwrap();
        for place in [private, folder.path().join("absent")] {
            let desk = Desk::new(&place, "true").unwrap();
            assert_eq!(mode(&place), 0o755, "{}", place.display());
            assert_eq!((mode(&desk.directory), mode(&desk.script())), (0o711, 0o644));
        }
    }
}
