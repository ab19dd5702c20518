//! How the tools are told what a script may do.

use std::ffi::OsString;
use std::path::Path;

use super::Limits;

/// The longest first line of a script that names its interpreter, in bytes.
const MOST_FIRST_LINE: usize = 255;
/// The largest file that a script may write, in bytes.
const MOST_FILE: u64 = 1 << 20;

/// The environment of a script.
pub(super) fn environment() -> [(&'static str, &'static str); 2] {
    [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8")]
}

/// The program that reads a script, by its first line as the kernel reads it; else the shell. The script itself need
/// not be executable, because it may be where nothing is.
pub(super) fn interpreter(script: &str) -> Vec<String> {
    let line = script.lines().next().unwrap_or_default();
    let named = line.strip_prefix("#!").filter(|_| line.len() <= MOST_FIRST_LINE).map(str::trim);
    let Some(named) = named.filter(|named| named.starts_with('/')) else { return vec!["/bin/sh".to_owned()] };
    match named.split_once([' ', '\t']) {
        Some((program, argument)) => vec![program.to_owned(), argument.trim().to_owned()],
        None => vec![named.to_owned()],
    }
}

/// For `systemd-run`: a unit with a user that is made up for it.
pub(super) fn systemd(limits: &Limits, unit: &str, interpreter: &[String], script: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["--pipe", "--wait", "--collect", "--quiet"].iter().map(|flag| OsString::from(*flag)).collect();
    arguments.push(format!("--unit={unit}").into());
    let properties = [
        "DynamicUser=yes".to_owned(),
        format!("MemoryMax={}", limits.memory_bytes),
        "MemorySwapMax=0".to_owned(),
        format!("TasksMax={}", limits.processes),
        format!("RuntimeMaxSec={}", limits.seconds),
        format!("LimitFSIZE={MOST_FILE}"),
        "LimitCORE=0".to_owned(),
        "KillSignal=SIGKILL".to_owned(),
        "TimeoutStopSec=5".to_owned(),
        "NoNewPrivileges=yes".to_owned(),
        "CapabilityBoundingSet=".to_owned(),
        "ProtectSystem=strict".to_owned(),
        "ProtectHome=yes".to_owned(),
        "PrivateTmp=yes".to_owned(),
        "PrivateDevices=yes".to_owned(),
        "ProtectKernelTunables=yes".to_owned(),
        "ProtectControlGroups=yes".to_owned(),
        "RestrictSUIDSGID=yes".to_owned(),
        "WorkingDirectory=/tmp".to_owned(),
    ];
    arguments.extend(properties.into_iter().map(|property| OsString::from(format!("--property={property}"))));
    arguments.extend(environment().map(|(name, value)| OsString::from(format!("--setenv={name}={value}"))));
    arguments.push("--".into());
    arguments.extend(interpreter.iter().map(OsString::from));
    arguments.push(script.into());
    arguments
}

/// For util-linux, the program itself first: numbers of its own for processes, limits, then another user.
pub(super) fn util_linux(
    limits: &Limits,
    user: u32,
    apart: bool,
    interpreter: &[String],
    script: &Path,
) -> Vec<OsString> {
    let mut words: Vec<String> = Vec::new();
    if apart {
        // All that the script started ends with its first process. /proc stays that of the machine: scripts look there
        // for programs that should run.
        words.extend(["unshare", "--pid", "--fork", "--kill-child=KILL", "--"].map(str::to_owned));
    }
    words.push("prlimit".to_owned());
    words.extend([
        format!("--nproc={}", limits.processes),
        format!("--as={}", limits.memory_bytes),
        format!("--fsize={MOST_FILE}"),
        format!("--cpu={}", limits.seconds),
        "--nofile=256".to_owned(),
        "--core=0".to_owned(),
        "--".to_owned(),
    ]);
    words.push("setpriv".to_owned());
    words.extend(other_user(user));
    words
        .extend(["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"].map(str::to_owned));
    // A change of user makes the kernel forget the signal that unshare asked for.
    words.extend(["--pdeathsig=KILL", "--"].map(str::to_owned));
    words.extend(interpreter.iter().cloned());
    let mut arguments: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    arguments.push(script.into());
    arguments
}

/// For `setpriv`: all processes that the user may signal, which are the user's own.
pub(super) fn sweep(user: u32) -> Vec<OsString> {
    let mut words = other_user(user).to_vec();
    words.extend(["--", "/bin/sh", "-c", "kill -KILL -1"].map(str::to_owned));
    words.into_iter().map(OsString::from).collect()
}

fn other_user(user: u32) -> [String; 3] {
    [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_read_as_the_kernel_reads_it() {
        let read = |script: &str| interpreter(script).join("|");
        assert_eq!(
            read("#!/usr/bin/env python3 -u\nprint()"),
            "/usr/bin/env|python3 -u",
            "one argument, with its spaces"
        );
        assert_eq!(read("#! /bin/bash\t-e \n"), "/bin/bash|-e");
        for plain in ["echo", "", "#!bash", "#!", "# !/bin/bash", &format!("#!/{}", "x".repeat(300))] {
            assert_eq!(read(plain), "/bin/sh", "{plain}");
        }
    }

    #[test]
    fn systemd_is_told_every_limit_and_where_options_end() {
        let arguments = systemd(&Limits::default(), "a.service", &["/bin/sh".to_owned()], Path::new("/run/x/script"));
        let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
        for wanted in
            ["DynamicUser=yes", "MemoryMax=268435456", "TasksMax=32", "RuntimeMaxSec=60", "NoNewPrivileges=yes"]
        {
            assert!(words.contains(&format!("--property={wanted}").as_str()), "{wanted}");
        }
        assert!(words.ends_with(&["--", "/bin/sh", "/run/x/script"]));
    }
}
