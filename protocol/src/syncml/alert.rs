//! Alert codes and the types of generic alerts (OMA-DM section 8.7, MS-MDM section 2.2).

/// What an Alert announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertCode(pub u16);

impl AlertCode {
    /// The session was begun on the server's request.
    pub const SERVER_INITIATED: Self = Self(1200);
    /// The session was begun by the client.
    pub const CLIENT_INITIATED: Self = Self(1201);
    /// Asks for the next message, or for the next piece of a large object.
    pub const NEXT_MESSAGE: Self = Self(1222);
    /// Aborts the session.
    pub const SESSION_ABORT: Self = Self(1223);
    /// An event on the client.
    pub const CLIENT_EVENT: Self = Self(1224);
    /// The end of a large object was never received.
    pub const NO_END_OF_DATA: Self = Self(1225);
    /// A generic alert, told apart by its type.
    pub const GENERIC: Self = Self(1226);

    /// Whether the code is one that a device sends in a management session.
    pub fn is_known(self) -> bool {
        matches!(self, Self::SERVER_INITIATED | Self::CLIENT_INITIATED) || (1222..=1226).contains(&self.0)
    }
}

/// Types of client events and generic alerts, written to the letter: servers compare them literally.
pub mod alert_type {
    /// Who is signed in at the machine: `user`, `others` or `none`.
    pub const LOGIN_STATUS: &str = "com.microsoft/MDM/LoginStatus";
    /// The commands of the last message are still being carried out (DMClient CSP, EnableOmaDmKeepAliveMessage).
    pub const REQUEST_PENDING: &str = "Reversed-Domain-Name:com.microsoft.mdm.requestpending";
    /// The person at the machine, or the server, ends the enrolment.
    pub const UNENROLMENT: &str = "com.microsoft:mdm.unenrollment.userrequest";
    /// The device lost the profiles it had; the server should send them again.
    pub const STORE_REBUILT: &str = "org.linuxmdm:store.rebuilt";
    /// The device has a new certificate; the data is its thumbprint.
    pub const CERTIFICATE_RENEWED: &str = "org.linuxmdm:certificate.renewed";
    /// The device itself removed a profile; the data says which and why, in JSON.
    pub const PROFILE_REMOVED: &str = "org.linuxmdm:profile.removed";
    /// Files that profiles had made and somebody changed were put back; the data lists them in JSON.
    pub const DRIFT: &str = "org.linuxmdm:drift";
    /// Profiles that the device holds but that are not in force on it; the data lists them with reasons in JSON.
    pub const NOT_IN_FORCE: &str = "org.linuxmdm:profile.not-in-force";
    /// Settings that the device had refused and accepted later by itself, because it had what it had lacked; the data lists
    /// their nodes in JSON, each with the status that it would be answered with now.
    pub const ACCEPTED: &str = "org.linuxmdm:profile.accepted";
    /// Whether the device complies with each rule that it was given; the data lists the verdicts in JSON.
    pub const COMPLIANCE: &str = "org.linuxmdm:compliance";
    /// How something stands that was ordered to be done to the machine; the data says which and how in JSON.
    pub const ORDER: &str = "org.linuxmdm:order";
    /// Profiles of an authority that is no longer the device's; the data lists them in JSON.
    pub const REDUNDANT: &str = "org.linuxmdm:redundant";
}
