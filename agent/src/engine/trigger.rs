//! Why a session is started (rule C1).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a session is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The device has just enrolled.
    Enrolment,
    /// The schedule.
    Schedule,
    /// A push rang.
    Push,
    /// A person asked for it.
    User,
    /// The machine was started.
    Boot,
    /// A network came up after a check-in had failed.
    NetworkUp,
    /// The machine was asleep.
    Resume,
    /// A user signed in at the machine.
    SignIn,
    /// The certificate should be renewed, or was.
    CertificateDue,
    /// Another authority took over.
    AuthorityMoved,
    /// A certificate that the server ordered from a SCEP server has come, or will not.
    CertificateIssued,
    /// What was ordered to be done to the machine is done, or came to nothing.
    OrderOver,
    /// Compliance is not what the server was last told.
    ComplianceChanged,
    /// A profile is about to be removed because its owner was not heard of.
    LastChance,
    /// The last check-in failed.
    Retry,
    /// The enrolment ends.
    Farewell,
}

impl Trigger {
    /// All triggers.
    pub const ALL: [Self; 16] = [
        Self::Enrolment,
        Self::Schedule,
        Self::Push,
        Self::User,
        Self::Boot,
        Self::NetworkUp,
        Self::Resume,
        Self::SignIn,
        Self::CertificateDue,
        Self::AuthorityMoved,
        Self::CertificateIssued,
        Self::OrderOver,
        Self::ComplianceChanged,
        Self::LastChance,
        Self::Retry,
        Self::Farewell,
    ];

    /// The trigger's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Schedule => "schedule",
            Self::Push => "push",
            Self::User => "user",
            Self::Boot => "boot",
            Self::NetworkUp => "network-up",
            Self::Resume => "resume",
            Self::SignIn => "sign-in",
            Self::CertificateDue => "certificate-due",
            Self::AuthorityMoved => "authority-moved",
            Self::CertificateIssued => "certificate-issued",
            Self::OrderOver => "order-over",
            Self::ComplianceChanged => "compliance-changed",
            Self::LastChance => "last-chance",
            Self::Retry => "retry",
            Self::Farewell => "farewell",
        }
    }
}

/// A set of triggers: those that arrive while a session runs merge into one that follows it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Triggers(u16);

impl Triggers {
    /// No trigger.
    pub const NONE: Self = Self(0);

    /// The set of one.
    pub const fn of(trigger: Trigger) -> Self {
        Self(1 << trigger as u16)
    }

    /// Puts one in.
    pub fn insert(&mut self, trigger: Trigger) {
        *self = self.and(Self::of(trigger));
    }

    /// Takes one out.
    pub fn remove(&mut self, trigger: Trigger) {
        self.0 &= !Self::of(trigger).0;
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one is in it.
    pub const fn contains(self, trigger: Trigger) -> bool {
        self.0 & Self::of(trigger).0 != 0
    }

    /// Whether any of these is in it.
    pub fn contains_any(self, triggers: &[Trigger]) -> bool {
        triggers.iter().any(|trigger| self.contains(*trigger))
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set's triggers in their order.
    pub fn iter(self) -> impl Iterator<Item = Trigger> {
        Trigger::ALL.into_iter().filter(move |trigger| self.contains(*trigger))
    }

    /// The names, with commas between them.
    pub fn names(self) -> String {
        self.iter().map(Trigger::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl FromIterator<Trigger> for Triggers {
    fn from_iter<T: IntoIterator<Item = Trigger>>(triggers: T) -> Self {
        triggers.into_iter().fold(Self::NONE, |set, trigger| set.and(Self::of(trigger)))
    }
}

impl std::fmt::Debug for Triggers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Triggers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Triggers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Trigger>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trigger_has_a_place_of_its_own_and_comes_back_from_its_names() {
        for trigger in Trigger::ALL {
            let one = Triggers::of(trigger);
            assert_eq!(one.iter().collect::<Vec<_>>(), [trigger]);
            let written = serde_json::to_string(&one).unwrap();
            assert_eq!(written, format!("[\"{}\"]", trigger.as_str()));
            assert_eq!(serde_json::from_str::<Triggers>(&written).unwrap(), one);
        }
        let all: Triggers = Trigger::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Trigger::ALL.len());
    }
}
