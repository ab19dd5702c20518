//! How stations and networks prove who they are, by the names of the schema.

/// How stations prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    Open,
    /// Not at all, but encrypted.
    Owe,
    /// The shared key of WEP.
    SharedWep,
    /// WPA with a shared key.
    WpaPersonal,
    /// WPA2 with a shared key.
    Wpa2Personal,
    /// WPA3 with a shared key.
    Wpa3Personal,
    /// WPA with an enterprise method.
    WpaEnterprise,
    /// WPA2 with an enterprise method.
    Wpa2Enterprise,
    /// WPA3 with an enterprise method.
    Wpa3Enterprise,
    /// WPA3 with an enterprise method, 192-bit mode.
    Wpa3Enterprise192,
}

const AUTHENTICATION_NAMES: &[(&str, Authentication)] = &[
    ("open", Authentication::Open),
    ("OWE", Authentication::Owe),
    ("shared", Authentication::SharedWep),
    ("WPAPSK", Authentication::WpaPersonal),
    ("WPA2PSK", Authentication::Wpa2Personal),
    ("WPA3SAE", Authentication::Wpa3Personal),
    ("WPA", Authentication::WpaEnterprise),
    ("WPA2", Authentication::Wpa2Enterprise),
    ("WPA3ENT", Authentication::Wpa3Enterprise),
    ("WPA3ENT192", Authentication::Wpa3Enterprise192),
    ("WPA3", Authentication::Wpa3Enterprise192),
];

impl Authentication {
    /// The name in the schema.
    pub fn as_str(self) -> &'static str {
        AUTHENTICATION_NAMES.iter().find(|(_, kind)| *kind == self).map_or("open", |(name, _)| name)
    }

    /// The kind of that name, in any case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        AUTHENTICATION_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }

    /// Whether every station uses one shared key.
    pub fn is_personal(self) -> bool {
        matches!(self, Self::WpaPersonal | Self::Wpa2Personal | Self::Wpa3Personal)
    }

    /// Whether each station proves itself by an enterprise method.
    pub fn is_enterprise(self) -> bool {
        matches!(self, Self::WpaEnterprise | Self::Wpa2Enterprise | Self::Wpa3Enterprise | Self::Wpa3Enterprise192)
    }
}
