//! What the service manager is told (sd_notify(3)): ready, reloading, stopping, alive, and how things stand in a line.
//!
//! Where no service manager listens, nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;

/// The longest status line, in characters.
const MAX_STATUS: usize = 200;

/// The service can be asked things.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is read again; [`ready`] says that it was.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The service ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The service lives.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How things stand, for `systemctl status`.
pub fn status(text: &str) {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_STATUS).collect();
    tell(&[NotifyState::Status(&line)]);
}

/// How often the service manager wants a sign of life at least; `None` if it wants none.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
}

fn tell(states: &[NotifyState<'_>]) {
    // A manager that does not hear this does not hear a complaint either.
    let _ = sd_notify::notify(states);
}
