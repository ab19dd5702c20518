//! Status codes (OMA-DM representation protocol section 10, as used by MS-MDM).

use std::fmt;

/// The outcome of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $reason:literal;)*) => {
        impl StatusCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// What the code says, in plain words.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "unknown status",
                }
            }
        }
    };
}

codes! {
    /// The command was done.
    OK = 200, "ok";
    /// The command was accepted; its result follows later.
    ACCEPTED = 202, "accepted, result later";
    /// The credentials are accepted for the whole session.
    AUTHENTICATED = 212, "authentication accepted";
    /// A piece of a large object was kept.
    CHUNK_BUFFERED = 213, "chunk accepted";
    /// The command was not run because the group it is in failed before it.
    NOT_EXECUTED = 215, "not executed";
    /// The command was run and undone because the group it is in failed.
    ROLLED_BACK = 216, "rolled back";
    /// The node has that value already.
    NOT_MODIFIED = 304, "not modified";
    /// The command is malformed.
    BAD_REQUEST = 400, "malformed command";
    /// The credentials are wrong.
    INVALID_CREDENTIALS = 401, "wrong credentials";
    /// The command was understood and is refused.
    FORBIDDEN = 403, "forbidden";
    /// There is no such node.
    NOT_FOUND = 404, "no such node";
    /// The command is not allowed on that node.
    NOT_ALLOWED = 405, "command not allowed on this node";
    /// The feature is not supported here.
    NOT_SUPPORTED = 406, "feature not supported";
    /// Credentials are required.
    MISSING_CREDENTIALS = 407, "credentials required";
    /// The command lacks something it needs.
    INCOMPLETE = 412, "incomplete command";
    /// The data is larger than what is accepted.
    TOO_LARGE = 413, "data too large";
    /// The address is longer than what is accepted.
    URI_TOO_LONG = 414, "LocURI too long";
    /// The data has not the type or format that the node has.
    UNSUPPORTED_FORMAT = 415, "wrong type or format";
    /// The announced size is larger than what is accepted.
    SIZE_TOO_BIG = 416, "announced size too big";
    /// The same command may succeed later.
    RETRY_LATER = 417, "retry later";
    /// The node exists already.
    ALREADY_EXISTS = 418, "node exists already";
    /// The device has no room for it.
    DEVICE_FULL = 420, "device full";
    /// The pieces of a large object do not add up to the announced size.
    SIZE_MISMATCH = 424, "size mismatch";
    /// Access to that node is denied.
    PERMISSION_DENIED = 425, "permission denied";
    /// The command failed.
    FAILED = 500, "command failed";
    /// The command is not implemented.
    NOT_IMPLEMENTED = 501, "command not implemented";
    /// The processing of the command failed.
    PROCESSING_ERROR = 506, "processing error";
    /// A command of the Atomic failed; all were undone.
    ATOMIC_FAILED = 507, "atomic failed";
    /// A command of an Atomic could not be undone.
    ATOMIC_ROLLBACK_FAILED = 516, "atomic roll back failed";
}

impl StatusCode {
    /// Whether the code says that the command was done, or will be: 2xx, without the two by which an Atomic says that
    /// a command was *not* done.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.0) && self != Self::NOT_EXECUTED && self != Self::ROLLED_BACK
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.0, self.reason())
    }
}
