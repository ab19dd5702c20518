//! Plans carried out on directories that stand for a machine's root: whole, interrupted anywhere, on a full disk, and
//! beside what was there first.

mod changes;
mod faults;
mod foreign;
mod foreseen;
mod lifecycle;
mod originals;
mod others;
mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::force::{Others, Platform};
use super::messenger::Silent;
use super::testing::profile;
use crate::engine::Profile;
use crate::engine::application::{Application, ApplicationOutcome};

/// A machine in a folder.
pub(super) struct Site {
    _folder: tempfile::TempDir,
    pub(super) root: PathBuf,
    pub(super) state: PathBuf,
    pub(super) platform: Platform,
}

impl Site {
    /// A machine with NetworkManager, sysctl, a trust store, Firefox and PAM.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (root, state) = (folder.path().join("root"), folder.path().join("state"));
        for path in [
            "usr/sbin/NetworkManager",
            "usr/sbin/sysctl",
            "usr/sbin/update-ca-certificates",
            "usr/bin/firefox",
            "usr/bin/dconf",
            "usr/share/zoneinfo/Etc/UTC",
            "usr/share/zoneinfo/Europe/Berlin",
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::create_dir_all(root.join("etc/pam.d")).unwrap();
        std::fs::write(root.join("etc/pam.d/common-auth"), "auth required pam_faillock.so preauth\n").unwrap();
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Etc/UTC", root.join("etc/localtime")).unwrap();
        let platform = Platform::new(&root, &state, Arc::new(Silent));
        Self { _folder: folder, root, state, platform }
    }

    pub(super) fn apply(&self, before: &[Profile], changes: &[Profile]) -> ApplicationOutcome {
        self.platform.put_in_force(before, &application(changes), Others::Go).unwrap()
    }

    /// Every file below the root: what it is, its permissions, its content.
    pub(super) fn tree(&self) -> BTreeMap<String, (u32, String)> {
        tree(&self.root)
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

pub(super) fn application(changes: &[Profile]) -> Application {
    let profiles = changes.iter().map(|profile| (profile.root.to_string(), Some(Arc::new(profile.clone())))).collect();
    Application { profiles, now: 1_790_000_000, ..Application::default() }
}

/// The addresses of these profiles.
pub(super) fn roots(profiles: &[&Profile]) -> BTreeSet<String> {
    profiles.iter().map(|profile| profile.root.to_string()).collect()
}

pub(super) fn tree(root: &Path) -> BTreeMap<String, (u32, String)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let facts = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let content = if facts.is_dir() {
                open.push(path.clone());
                String::new()
            } else if facts.is_symlink() {
                std::fs::read_link(&path).unwrap().to_string_lossy().into_owned()
            } else if !facts.is_file() {
                "neither file nor link".to_owned()
            } else {
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
            };
            found.insert(name, (facts.permissions().mode(), content));
        }
    }
    found
}

/// Inode and time of the last change of every file.
pub(super) fn stamps(root: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let paths = tree(root).into_keys();
    let stamp = |path: &String| {
        let facts = root.join(path).symlink_metadata().unwrap();
        (facts.ino(), facts.mtime(), facts.mtime_nsec())
    };
    paths.map(|path| (path.clone(), stamp(&path))).collect()
}

pub(super) fn wifi(name: &str, passphrase: &str) -> Profile {
    let document = crate::engine::testing::wlan(passphrase).replace("Corp", name);
    profile(&format!("./Device/Vendor/MSFT/WiFi/Profile/{name}"), &[("WlanXml", &document)])
}

pub(super) fn sysctl(name: &str, value: &str) -> Profile {
    profile(&format!("./Device/Vendor/LinuxMDM/Config/Sysctl/{name}"), &[("", value)])
}

pub(super) fn policy(name: &str, value: &str) -> Profile {
    profile(&format!("./Device/Vendor/MSFT/Policy/Config/{name}"), &[("", value)])
}

/// A certificate of an authority, as a profile.
pub(super) fn authority() -> Profile {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    trusted(parameters.self_signed(&key).unwrap().der())
}

pub(super) fn trusted(der: &[u8]) -> Profile {
    let name = mdm_protocol::Thumbprint::of(der);
    let address = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{name}");
    profile(&address, &[("EncodedCertificate", &mdm_protocol::base64::encode(der))])
}
