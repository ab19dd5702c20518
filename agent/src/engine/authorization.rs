//! Who may ask the daemon for what (DESIGN section 6).

mod pace;
#[cfg(test)]
mod tests;

pub use pace::Pace;

/// What can be asked for over the control socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// How things stand, and which profiles there are.
    Read,
    /// A profile's payload, which may contain secrets.
    ReadSecrets,
    /// A session now.
    CheckIn,
    /// A try to unlock the machine: wrong codes cost time, which nobody else is to bring about.
    Unlock,
    /// Enrolment.
    Enrol,
    /// Another identity for the same device.
    Recover,
    /// The end of the enrolment.
    Unenrol,
}

/// Whether a caller may ask for it: everyone may look and ask for a check-in, only root and the daemon's own user
/// may change who manages the machine.
pub fn is_allowed(request: Request, caller_uid: u32, daemon_uid: u32) -> bool {
    match request {
        Request::Read | Request::CheckIn => true,
        Request::ReadSecrets | Request::Unlock | Request::Enrol | Request::Recover | Request::Unenrol => {
            caller_uid == 0 || caller_uid == daemon_uid
        }
    }
}
