//! Who can manage devices, how a whole tenant is set, and which changes of that are legal.

use std::fmt;

use mdm_protocol::csp::authority::{CO_MANAGEMENT, INTUNE, OFFICE_365};
use serde::{Deserialize, Serialize};

/// Who manages a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// Intune.
    Intune,
    /// Configuration Manager and Intune together.
    CoManagement,
    /// Basic Mobility and Security (BMS), shown as "Office 365".
    Office365,
}

/// How the whole tenant is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantMode {
    /// Never set: nobody can enrol.
    #[default]
    Unknown,
    /// Intune alone.
    Intune,
    /// Configuration Manager and Intune together.
    CoManagement,
    /// BMS alone.
    Office365,
    /// BMS and Intune, decided for each user.
    Coexistence,
}

/// Whether the policies of BMS reach devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BmsPolicies {
    /// They do.
    #[default]
    On,
    /// They are removed from devices; BMS stays provisioned all the same.
    Off,
}

/// What counts of a user when it is decided who manages the user's devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserStanding {
    /// Whether a licence of the user entitles to Intune.
    pub entitled: bool,
    /// Whether the user is co-managed, which counts like such a licence.
    pub co_managed: bool,
}

/// Why a tenant cannot be set as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionRefusal {
    /// Once set, it cannot become unknown again.
    #[error("the MDM authority was set and cannot be made unknown again")]
    BackToUnknown,
    /// BMS cannot be unprovisioned.
    #[error(
        "Basic Mobility and Security (Office 365) cannot be unprovisioned; its policies can be turned off with bms_policies"
    )]
    BmsStays,
    /// BMS comes beside Intune, never in its place.
    #[error("Intune cannot be replaced by Office 365; choose coexistence to have both")]
    IntuneStays,
}

impl Authority {
    /// Every authority.
    pub const ALL: [Self; 3] = [Self::Intune, Self::CoManagement, Self::Office365];

    /// The name that people and devices are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intune => INTUNE,
            Self::CoManagement => CO_MANAGEMENT,
            Self::Office365 => OFFICE_365,
        }
    }

    /// The segment of its management address.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Intune => "Intune",
            Self::CoManagement => "CoManagement",
            Self::Office365 => "Office365",
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl UserStanding {
    /// Whether Intune may manage the user's devices.
    pub fn is_for_intune(self) -> bool {
        self.entitled || self.co_managed
    }
}

impl TenantMode {
    /// The name that people are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Intune => INTUNE,
            Self::CoManagement => CO_MANAGEMENT,
            Self::Office365 => OFFICE_365,
            Self::Coexistence => "Intune and Office 365",
        }
    }

    /// The authority of all devices of a user; `None` as long as none is set.
    pub fn authority_of(self, owner: UserStanding) -> Option<Authority> {
        match self {
            Self::Unknown => None,
            Self::Intune => Some(Authority::Intune),
            Self::CoManagement => Some(Authority::CoManagement),
            Self::Office365 => Some(Authority::Office365),
            Self::Coexistence if owner.is_for_intune() => Some(Authority::Intune),
            Self::Coexistence => Some(Authority::Office365),
        }
    }

    /// The authority under which a device enrols; one without a user enrols under Intune where there are two.
    pub fn enrols_under(self, owner: Option<UserStanding>) -> Option<Authority> {
        self.authority_of(owner.unwrap_or(UserStanding { entitled: true, co_managed: false }))
    }

    /// Whether the user's standing entitles to be managed at all: where BMS is provisioned, everybody is.
    pub fn admits(self, owner: UserStanding) -> bool {
        match self {
            Self::Unknown | Self::Intune => owner.is_for_intune(),
            Self::CoManagement | Self::Office365 | Self::Coexistence => true,
        }
    }

    /// Whether an authority is one of the tenant's.
    pub fn offers(self, authority: Authority) -> bool {
        match self {
            Self::Unknown => false,
            Self::Intune => authority == Authority::Intune,
            Self::CoManagement => authority == Authority::CoManagement,
            Self::Office365 => authority == Authority::Office365,
            Self::Coexistence => authority != Authority::CoManagement,
        }
    }

    /// Whether what an authority has set is deleted where another one takes over a device: where there are two, a user is
    /// given from one to the other. What a change of the whole tenant does not replace may stay for a while.
    pub fn leaves_nothing_of(self, former: Authority) -> bool {
        self == Self::Coexistence && self.offers(former)
    }

    /// Whether BMS is provisioned.
    pub fn has_bms(self) -> bool {
        matches!(self, Self::Office365 | Self::Coexistence)
    }

    /// What a tenant becomes that is asked to be set so. Adding Intune to Office 365 enables coexistence.
    pub fn set(self, to: Self) -> Result<Self, TransitionRefusal> {
        match (self, to) {
            (Self::Unknown, to) => Ok(to),
            (from, to) if from == to => Ok(to),
            (_, Self::Unknown) => Err(TransitionRefusal::BackToUnknown),
            (Self::Office365, Self::Intune) | (_, Self::Coexistence) => Ok(Self::Coexistence),
            (Self::Office365 | Self::Coexistence, _) => Err(TransitionRefusal::BmsStays),
            (_, Self::Office365) => Err(TransitionRefusal::IntuneStays),
            (_, to) => Ok(to),
        }
    }
}
