//! Paths on the managed machine, below whatever directory stands for its root.
//!
//! Names that come from the network get into a path by [`MachinePath::named`] only, which derives a safe and unique
//! file name from them: never their own bytes, never two profiles in one file.

use std::fmt;

use mdm_protocol::Scope;
use mdm_protocol::csp::profile::ProfileAddress;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The longest part of a profile's name that is repeated in a file name.
const MAX_SLUG: usize = 40;

/// An absolute path on the managed machine, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachinePath(String);

impl MachinePath {
    /// A path that the program itself knows.
    pub fn new(path: impl Into<String>) -> Self {
        let path = path.into();
        assert!(is_sound(&path), "a path on the machine is absolute and has no dots: {path:?}");
        Self(path)
    }

    /// A path out of a file, if it is one.
    pub fn parse(path: &str) -> Option<Self> {
        is_sound(path).then(|| Self(path.to_owned()))
    }

    /// The file of one profile in a directory: `mdm-agent-<name>-<digest><ending>`.
    pub fn named(directory: &str, address: &ProfileAddress, ending: &str) -> Self {
        Self::new(format!("{directory}/{}{ending}", file_name(address)))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that the file is in.
    pub fn directory(&self) -> &str {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => "/",
            Some((directory, _)) => directory,
        }
    }

    /// The file's name in its directory.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }
}

fn is_sound(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    path.len() <= 4000
        && !path.contains('\0')
        && rest.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.len() <= 255)
}

impl fmt::Display for MachinePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// What a profile's files are called: a readable part, and a digest that no other profile has.
pub fn file_name(address: &ProfileAddress) -> String {
    let mut slug = String::new();
    for letter in address.name.chars() {
        let letter = if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        if letter != '-' || !slug.ends_with('-') {
            slug.push(letter);
        }
        if slug.len() == MAX_SLUG {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    let separator = if slug.is_empty() { "" } else { "-" };
    let digest: String = digest(address)[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("mdm-agent-{slug}{separator}{digest}")
}

/// An identifier that is the same for the same kind, scope and name, whoever sets the profile (S71).
pub fn uuid(address: &ProfileAddress) -> String {
    let bytes: [u8; 16] = digest(address)[..16].try_into().expect("a SHA-256 digest has more than sixteen bytes");
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn digest(address: &ProfileAddress) -> [u8; 32] {
    let scope = match address.scope {
        Scope::Device => "device",
        Scope::User => "user",
    };
    let mut hasher = Sha256::new();
    for part in [address.kind.as_str(), scope, &address.name] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use mdm_protocol::LocUri;

    use super::*;

    fn address(name: &str) -> ProfileAddress {
        let root = LocUri::new(Scope::Device, ["Vendor", "MSFT", "WiFi", "Profile", name].map(str::to_owned));
        ProfileAddress::locate(&root).unwrap()
    }

    #[test]
    fn a_name_from_the_network_never_becomes_a_path_and_never_that_of_another_profile() {
        let names =
            ["../../etc/passwd", "a\nb", "a\0b", "a/b", "a-b", "A-B", "", ".", "..", "-", "é", &"x".repeat(5000)];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let path = MachinePath::named("/etc/x", &address(name), ".nmconnection");
            assert_eq!(path.directory(), "/etc/x");
            assert!(path.name().starts_with("mdm-agent-") && path.name().len() < 80, "{path}");
            assert!(path.name().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)), "{path}");
            assert!(seen.insert(path.clone()), "{path} is already that of another profile");
        }
    }

    #[test]
    fn a_path_from_a_file_is_absolute_and_has_no_dots() {
        for wrong in ["", "etc/x", "/", "/etc//x", "/etc/../x", "/./x", "/etc/x/", "/a\0b"] {
            assert_eq!(MachinePath::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(MachinePath::parse("/etc/x").unwrap().directory(), "/etc");
        assert_eq!(MachinePath::parse("/x").unwrap().directory(), "/");
    }

    #[test]
    fn the_identifier_of_a_profile_depends_on_kind_scope_and_name_alone() {
        assert_eq!(uuid(&address("Corp")), uuid(&address("Corp")));
        assert_ne!(uuid(&address("Corp")), uuid(&address("corp")));
    }
}
