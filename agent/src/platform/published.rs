//! What programs of the machine have made of managed files, for everybody: dconf's compiled databases and the store of trusted
//! certificates. An earlier version started those programs with its own umask, and what they made then only root could read;
//! that is put right when the agent is started.

use std::collections::BTreeSet;

use super::consumer::Consumer;
use super::force::Platform;
use super::ledger::Ledger;
use super::root::Root;

/// Where dconf's databases are.
const DATABASES: &str = "/etc/dconf/db";
/// Where the store of trusted certificates is published: by Debian's tool, its hook for Java, and that of Red Hat.
const STORES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs/java/cacerts",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/java/cacerts",
];

impl Platform {
    /// Lets everybody read again what is for everybody.
    pub fn open_published(&self) {
        let (Ok(root), Ok(ledger)) = (Root::open(self.root()), self.ledger()) else { return };
        for path in open_again(&root, &ledger) {
            tracing::warn!(path, "only root could read what is for everybody; it is readable again");
        }
    }
}

/// Answers with what only root could read.
fn open_again(root: &Root, ledger: &Ledger) -> Vec<String> {
    let consumers: BTreeSet<Consumer> = ledger.files.values().map(|entry| entry.consumer).collect();
    let mut published: Vec<String> = Vec::new();
    if consumers.contains(&Consumer::Dconf) {
        // Those of the administrator were compiled along with ours.
        let names = root.names_in(DATABASES).into_iter();
        let compiled = names.filter_map(|name| Some(format!("{DATABASES}/{}", name.strip_suffix(".d")?)));
        published.extend(compiled);
    }
    if consumers.contains(&Consumer::TrustStore) {
        published.extend(STORES.map(str::to_owned));
    }
    published.retain(|path| root.open_for_reading(path));
    published
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use crate::platform::testing::profile;
    use crate::platform::tests::Site;

    #[test]
    fn what_an_earlier_version_left_to_root_alone_is_for_everybody_again() {
        let site = Site::new();
        let setting =
            profile("./Device/Vendor/MSFT/Policy/Config/DeviceLock/MaxInactivityTimeDeviceLock", &[("", "5")]);
        site.apply(&[], &[setting]);
        let files =
            ["/etc/dconf/db/mdm-agent", "/etc/dconf/db/local", "/etc/dconf/db/other", "/etc/ssl/certs/java/cacerts"];
        for file in files {
            site.write(file, "made by a program");
            let path = site.root.join(&file[1..]);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        site.write("/etc/dconf/db/local.d/10-admin", "");
        site.platform.open_published();
        let mode = |file: &str| std::fs::metadata(site.root.join(&file[1..])).unwrap().permissions().mode() & 0o777;
        // What is not compiled from settings, and the store that nothing of ours is in, are none of it.
        assert_eq!(files.map(mode), [0o644, 0o644, 0o600, 0o600]);
    }
}
