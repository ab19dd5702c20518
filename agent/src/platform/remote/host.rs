//! The machine around the files: its sessions, its power, its service manager.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use crate::engine::remote::LockTerms;
use crate::platform::messenger::{ask, own_program, run};

/// The unit that a wipe runs in.
const WIPE_UNIT: &str = "mdm-agent-wipe";
/// The unit that asks for the unlock code on a console; it comes with the package.
const UNLOCK_UNIT: &str = "mdm-agent-unlock.service";

/// The machine around the files.
pub trait Host: Send + Sync + Debug {
    /// Locks out whoever is signed in, root excepted; says what was done.
    fn lock_sessions(&self) -> Result<String, String>;
    /// Undoes that, as far as it is the agent's to undo: screens stay locked until their owner unlocks them.
    fn release_sessions(&self) -> Result<(), String>;
    /// Asks for the unlock code at the machine, where there is a console and a code.
    fn ask_for_code(&self, terms: &LockTerms);
    /// Has the machine restart; says when.
    fn reboot(&self) -> Result<String, String>;
    /// Has the wipe that is written down carried out outside of this process; `false` if it is to be done here.
    fn begin_wipe(&self, state: &Path) -> Result<bool, String>;
}

/// A root that is not this machine's own: it has no sessions and no power switch.
#[derive(Debug, Clone, Copy)]
pub struct OtherRoot;

impl Host for OtherRoot {
    fn lock_sessions(&self) -> Result<String, String> {
        Ok("there are no sessions in a directory".to_owned())
    }

    fn release_sessions(&self) -> Result<(), String> {
        Ok(())
    }

    fn ask_for_code(&self, _: &LockTerms) {}

    fn reboot(&self) -> Result<String, String> {
        Err("the agent works on a directory, which cannot be restarted".to_owned())
    }

    fn begin_wipe(&self, _: &Path) -> Result<bool, String> {
        Ok(false)
    }
}

/// This machine, by systemd's tools.
#[derive(Debug, Clone, Copy)]
pub struct SystemHost;

/// A session as logind knows it.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    id: String,
    user: u32,
    is_graphical: bool,
}

impl Host for SystemHost {
    fn lock_sessions(&self) -> Result<String, String> {
        // Without logind sessions cannot be found, and that they were locked is not claimed.
        let sessions = sessions()?;
        let others: Vec<&Session> = sessions.iter().filter(|session| session.user != 0).collect();
        // Something of a user's may run without a session, too.
        let running = slices().into_iter().filter(|user| *user != 0);
        let users: BTreeSet<u32> = others.iter().map(|session| session.user).chain(running).collect();
        if users.is_empty() {
            return Ok("nobody was signed in".to_owned());
        }
        if !others.is_empty() {
            run("loginctl", &["lock-sessions"])?;
        }
        let (mut frozen, mut ended, mut only_locked) = (0, 0, 0);
        for user in users {
            let of_user = others.iter().filter(|session| session.user == user);
            if run("systemctl", &["freeze", &slice(user)]).is_ok() {
                frozen += of_user.count();
                continue;
            }
            // Where a session cannot be held, a text session has no screen that could be locked.
            for session in of_user {
                if session.is_graphical {
                    only_locked += 1;
                } else {
                    run("loginctl", &["terminate-session", &session.id])?;
                    ended += 1;
                }
            }
        }
        let sessions = others.len();
        if only_locked > 0 {
            let reason = "their screens are locked, but this machine cannot hold them, and a password may unlock them";
            return Err(format!("of {sessions} sessions {only_locked} are only locked: {reason}"));
        }
        Ok(format!("{sessions} sessions: {frozen} held, {ended} ended, screens locked"))
    }

    fn release_sessions(&self) -> Result<(), String> {
        for user in slices() {
            let unit = slice(user);
            let state = ask("systemctl", &["show", "--property=FreezerState", "--value", &unit]).unwrap_or_default();
            if state.trim() == "frozen" {
                run("systemctl", &["thaw", &unit])?;
            }
        }
        let _ = run("systemctl", &["--no-block", "stop", UNLOCK_UNIT]);
        Ok(())
    }

    fn ask_for_code(&self, terms: &LockTerms) {
        if terms.verifier.is_some() {
            // Not every machine has a console, and the lock holds without it.
            let _ = run("systemctl", &["--no-block", "start", UNLOCK_UNIT]);
        }
    }

    fn reboot(&self) -> Result<String, String> {
        let words = "The administrator of this machine restarts it.";
        run("shutdown", &["-r", "+1", words]).or_else(|_| run("systemctl", &["reboot"]))?;
        Ok("the machine restarts within a minute".to_owned())
    }

    fn begin_wipe(&self, state: &Path) -> Result<bool, String> {
        let active = ask("systemctl", &["is-active", WIPE_UNIT]).unwrap_or_default();
        if matches!(active.trim(), "active" | "activating") {
            return Ok(true);
        }
        let unit = format!("--unit={WIPE_UNIT}");
        let program = own_program()?;
        let description = "--property=Description=Erasing this machine by order of its administrator";
        let arguments = [&unit, "--collect", "--no-block", description, "--property=DefaultDependencies=no", "--"];
        run(
            "systemd-run",
            &[&arguments[..], &[&program, "--state", &state.to_string_lossy(), super::wipe::VERB]].concat(),
        )?;
        Ok(true)
    }
}

/// Users of whom something runs.
fn slices() -> Vec<u32> {
    let units = ["list-units", "--plain", "--no-legend", "--type=slice", "user-*.slice"];
    let listed = ask("systemctl", &units).unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    names.filter_map(|unit| unit.strip_prefix("user-")?.strip_suffix(".slice")?.parse().ok()).collect()
}

fn slice(user: u32) -> String {
    format!("user-{user}.slice")
}

fn sessions() -> Result<Vec<Session>, String> {
    let listed = ask("loginctl", &["list-sessions", "--no-legend"]).map_err(|error| error.to_string())?;
    let mut sessions = Vec::new();
    for id in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        let properties = ["--property=User", "--property=Type", "--property=Class", "--property=State"];
        // One that has ended meanwhile needs no lock.
        let Ok(shown) = ask("loginctl", &[&["show-session", id], &properties[..]].concat()) else { continue };
        sessions.extend(read_session(id, &shown));
    }
    Ok(sessions)
}

/// A session in which something of a user's runs, in the background or not; greeters and lock screens are none.
fn read_session(id: &str, shown: &str) -> Option<Session> {
    let value = |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let is_person = value("Class").is_some_and(|class| class.starts_with("user") || class.starts_with("background"));
    let is_over = value("State") == Some("closing");
    let is_graphical = matches!(value("Type"), Some("x11" | "wayland" | "mir"));
    let user = value("User")?.parse().ok()?;
    (is_person && !is_over).then(|| Session { id: id.to_owned(), user, is_graphical })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_persons_and_graphical_or_not() {
        let shown =
            |class: &str, kind: &str, state: &str| format!("User=1000\nType={kind}\nClass={class}\nState={state}\n");
        let session = |is_graphical| Some(Session { id: "3".to_owned(), user: 1000, is_graphical });
        assert_eq!(read_session("3", &shown("user", "wayland", "active")), session(true));
        assert_eq!(read_session("3", &shown("user", "tty", "online")), session(false));
        assert_eq!(read_session("3", &shown("background", "unspecified", "active")), session(false));
        assert_eq!(read_session("3", &shown("greeter", "wayland", "active")), None);
        assert_eq!(read_session("3", &shown("user", "tty", "closing")), None);
        assert_eq!(read_session("3", "nonsense"), None);
    }
}
