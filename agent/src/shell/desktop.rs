//! Shows notifications on the desktops of whoever is signed in, by the machine's own tools. What is shown is decided by
//! [`crate::engine::notification`]; a desktop that does not take one changes nothing.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::notification::Notification;
use crate::shell::files::read_bounded;
use crate::shell::tool;

/// Where systemd and elogind have a directory for each user who is signed in.
const RUN_USER: &str = "/run/user";
/// Where logind writes down who is signed in: a sandboxed service does not see the directories themselves.
const LOGIND_USERS: &str = "/run/systemd/users";
/// The largest file of logind's that is read.
const MOST_BYTES: u64 = 16 << 10;
/// Whether systemd runs (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";
/// How many users are told.
const MOST_USERS: usize = 8;
/// How long a desktop may take.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_ANSWER: u64 = 4096;

/// Whoever shows notifications.
pub trait Desktop: Send + Sync + std::fmt::Debug {
    /// Shows one. Blocks for a bounded time, and what does not work is nobody's failure.
    fn show(&self, notification: &Notification);
}

/// Shows nothing: for a root that is not this machine's own.
#[derive(Debug, Clone, Copy)]
pub struct NoDesktop;

impl Desktop for NoDesktop {
    fn show(&self, _notification: &Notification) {}
}

/// Shows them to every user who has a session bus.
#[derive(Debug, Clone)]
pub struct SessionBuses {
    users: PathBuf,
    logind: PathBuf,
}

impl SessionBuses {
    /// Those that have their directory in `users`, or that logind has in `logind`.
    pub fn below(users: impl Into<PathBuf>, logind: impl Into<PathBuf>) -> Self {
        Self { users: users.into(), logind: logind.into() }
    }
}

/// The desktops of the machine that has this root.
pub fn of(root: &Path) -> Arc<dyn Desktop> {
    if root == Path::new("/") { Arc::new(SessionBuses::below(RUN_USER, LOGIND_USERS)) } else { Arc::new(NoDesktop) }
}

/// Somebody who is signed in, and where the bus of the session is.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    user: u32,
    group: u32,
    bus: PathBuf,
}

impl Desktop for SessionBuses {
    fn show(&self, notification: &Notification) {
        let with_systemd = Path::new(SYSTEMD).exists();
        let mut sessions = sessions(&self.users);
        if with_systemd && sessions.is_empty() {
            sessions = known_to_logind(&self.logind);
        }
        for session in sessions {
            let arguments = as_user(&session, with_systemd, call(notification));
            let (program, arguments) = (arguments[0].as_str(), &arguments[1..]);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            if let Err(reason) = tool::run(program, &arguments, PATIENCE, MOST_ANSWER) {
                tracing::debug!(user = session.user, reason, "a desktop was not told");
            }
        }
    }
}

/// Users whose directory is their own and has a bus in it.
fn sessions(users: &Path) -> Vec<Session> {
    let entries = std::fs::read_dir(users).into_iter().flatten().flatten();
    let mut sessions: Vec<Session> = entries
        .filter_map(|entry| {
            let user: u32 = entry.file_name().to_str()?.parse().ok()?;
            let directory = std::fs::symlink_metadata(entry.path()).ok().filter(std::fs::Metadata::is_dir)?;
            let bus = entry.path().join("bus");
            let is_bus = std::fs::symlink_metadata(&bus).is_ok_and(|bus| bus.file_type().is_socket());
            (is_bus && directory.uid() == user).then(|| Session { user, group: directory.gid(), bus })
        })
        .collect();
    sessions.sort_by_key(|session| session.user);
    sessions.truncate(MOST_USERS);
    sessions
}

/// Users whom logind has signed in. Whether they have a bus is found out by whoever calls it, outside of a sandbox.
fn known_to_logind(directory: &Path) -> Vec<Session> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut sessions: Vec<Session> = entries
        .filter_map(|entry| {
            let user: u32 = entry.file_name().to_str()?.parse().ok()?;
            let content = read_bounded(&entry.path(), MOST_BYTES).ok()??;
            let content = String::from_utf8_lossy(&content).into_owned();
            let field = |name: &str| content.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            let is_here = matches!(field("STATE"), Some("active" | "online"));
            let runtime = field("RUNTIME").filter(|runtime| is_here && runtime.starts_with('/'))?;
            Some(Session { user, group: user, bus: Path::new(runtime).join("bus") })
        })
        .collect();
    sessions.sort_by_key(|session| session.user);
    sessions.truncate(MOST_USERS);
    sessions
}

/// The call, as that user: the bus lets nobody else in, and what the user put there is not trusted with more rights.
fn as_user(session: &Session, with_systemd: bool, call: Vec<String>) -> Vec<String> {
    let (user, group) = (session.user, session.group);
    let own = |text: &str| text.to_owned();
    let mut command = match () {
        () if user == rustix::process::geteuid().as_raw() => Vec::new(),
        // The service's own unit takes the right to become somebody else away.
        () if with_systemd && tool::find("systemd-run").is_some() => {
            vec![
                own("systemd-run"),
                own("--quiet"),
                own("--collect"),
                own("--wait"),
                own("--property=RuntimeMaxSec=5"),
                format!("--uid={user}"),
            ]
        }
        () => vec![own("setpriv"), format!("--reuid={user}"), format!("--regid={group}"), own("--clear-groups")],
    };
    let address = format!("DBUS_SESSION_BUS_ADDRESS=unix:path={}", session.bus.display());
    command.extend([own("env"), address]);
    command.extend(call);
    command
}

/// The call of the notification service (Desktop Notifications Specification 1.2, Notify).
fn call(notification: &Notification) -> Vec<String> {
    const NAME: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";
    let Notification { title, body, urgent } = notification;
    let urgency = if *urgent { "2" } else { "1" };
    let words: Vec<String> = if tool::find("busctl").is_some() {
        let fixed = ["busctl", "--user", "--timeout=4", "--", "call", NAME, PATH, NAME, "Notify", "susssasa{sv}i"];
        let values = ["mdm-agent", "0", "", title, body, "0", "1", "urgency", "y", urgency, "-1"];
        fixed.into_iter().chain(values).map(str::to_owned).collect()
    } else {
        let method = format!("{NAME}.Notify");
        let fixed = ["gdbus", "call", "--session", "--timeout=4", "--dest", NAME, "--object-path", PATH, "--method"];
        let hints = format!("{{'urgency': <byte {urgency}>}}");
        let quoted = [&quote(title), &quote(body), "[]", &hints, "-1"].map(str::to_owned);
        let head = fixed.into_iter().chain([method.as_str(), "--", "'mdm-agent'", "0", "''"]).map(str::to_owned);
        head.chain(quoted).collect()
    };
    words
}

/// Text as GVariant writes it.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_directories_that_are_a_users_own_and_have_a_bus_are_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        for name in [own.to_string(), (own + 1).to_string(), "alice".to_owned(), "7777".to_owned()] {
            std::fs::create_dir(folder.path().join(&name)).unwrap();
        }
        let bus = |name: &str| folder.path().join(name).join("bus");
        let _listeners = [own.to_string(), (own + 1).to_string(), "alice".to_owned()]
            .map(|name| UnixListener::bind(bus(&name)).unwrap());
        std::fs::write(bus("7777"), "no socket").unwrap();
        let found: Vec<u32> = sessions(folder.path()).iter().map(|session| session.user).collect();
        assert_eq!(found, [own]);
    }

    #[test]
    fn where_the_directories_are_not_seen_logind_says_who_is_signed_in() {
        let folder = tempfile::tempdir().unwrap();
        for (user, state) in [("1000", "active"), ("1001", "closing"), ("1002", "online"), ("alice", "active")] {
            let content = format!("# private\nNAME=x\nSTATE={state}\nRUNTIME=/run/user/{user}\n");
            std::fs::write(folder.path().join(user), content).unwrap();
        }
        let found = known_to_logind(folder.path());
        let buses: Vec<_> = found.iter().map(|session| (session.user, session.bus.to_str().unwrap())).collect();
        assert_eq!(buses, [(1000, "/run/user/1000/bus"), (1002, "/run/user/1002/bus")]);
    }

    #[test]
    fn a_call_is_made_by_the_user_and_says_how_urgent_it_is() {
        let session = Session { user: 4_000_000, group: 5, bus: "/run/user/4000000/bus".into() };
        let notification = Notification { title: "it's".to_owned(), body: "-b".to_owned(), urgent: true };
        let command = as_user(&session, false, call(&notification));
        assert_eq!(command[..4], ["setpriv", "--reuid=4000000", "--regid=5", "--clear-groups"]);
        assert_eq!(command[5], "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/4000000/bus");
        assert!(command.contains(&"--".to_owned()), "text is never taken for an option: {command:?}");
        assert_eq!(quote("it's \\"), "'it\\'s \\\\'");
    }

    #[test]
    fn a_root_that_is_not_the_machines_own_has_no_desktop() {
        assert_eq!(format!("{:?}", of(Path::new("/tmp/root"))), "NoDesktop");
        assert!(format!("{:?}", of(Path::new("/"))).starts_with("SessionBuses"));
    }
}
