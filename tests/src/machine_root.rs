//! Directories that stand for the root of a managed machine: what a distribution has, as far as the agent looks at it,
//! in empty files.

use std::collections::BTreeMap;
use std::path::Path;

/// Programs of a Debian desktop.
const PROGRAMS: &[&str] = &[
    "usr/sbin/NetworkManager",
    "usr/bin/nmcli",
    "usr/lib/NetworkManager/VPN/nm-strongswan-service.name",
    "usr/lib/NetworkManager/VPN/nm-openvpn-service.name",
    "usr/sbin/swanctl",
    "usr/sbin/openvpn",
    "usr/bin/wg-quick",
    "usr/sbin/update-ca-certificates",
    "usr/bin/dconf",
    "usr/bin/udevadm",
    "usr/sbin/modprobe",
    "usr/sbin/sysctl",
    "usr/bin/unattended-upgrade",
    "usr/bin/google-chrome",
    "usr/bin/chromium",
    "usr/bin/microsoft-edge",
    "usr/bin/firefox-esr",
    "usr/bin/thunderbird",
    "usr/share/zoneinfo/Etc/UTC",
    "usr/share/zoneinfo/Europe/Berlin",
];
/// Directories that it has whatever is installed.
const DIRECTORIES: &[&str] = &[
    "etc/NetworkManager/system-connections",
    "etc/chromium/policies",
    "etc/sysctl.d",
    "etc/modprobe.d",
    "etc/udev/rules.d",
    "etc/apt/apt.conf.d",
    "etc/security/pwquality.conf.d",
    "etc/dconf/db",
    "usr/share/thunderbird/isp",
    "usr/local/share/ca-certificates",
];
/// PAM stacks and the defaults of what is in them.
const TEXTS: &[(&str, &str)] = &[
    ("etc/pam.d/common-auth", "auth required pam_faillock.so preauth\nauth [success=1] pam_unix.so nullok\n"),
    (
        "etc/pam.d/common-password",
        "password requisite pam_pwquality.so retry=3\npassword required pam_pwhistory.so use_authtok\n",
    ),
    ("etc/security/faillock.conf", "# Configuration for locking the user after multiple failed\n# deny = 3\n"),
    ("etc/security/pwhistory.conf", "# Configuration for remembering the last passwords\n\n# remember = 10\n"),
];

/// A Debian desktop on which everything is installed.
pub fn debian(root: &Path) -> std::io::Result<()> {
    for directory in DIRECTORIES {
        std::fs::create_dir_all(root.join(directory))?;
    }
    for program in PROGRAMS {
        write(root, program, "")?;
    }
    for (path, text) in TEXTS {
        write(root, path, text)?;
    }
    let clock = root.join("etc/localtime");
    if clock.symlink_metadata().is_err() {
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Etc/UTC", clock)?;
    }
    Ok(())
}

fn write(root: &Path, path: &str, text: &str) -> std::io::Result<()> {
    let path = root.join(path);
    if path.exists() {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, text)
}

/// Everything below a root: path, and content or target. A folder ends in a slash.
pub fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if path.is_symlink() {
                let target = std::fs::read_link(&path).unwrap_or_default();
                found.insert(name, format!("-> {}", target.display()));
            } else if path.is_dir() {
                found.insert(format!("{name}/"), String::new());
                open.push(path);
            } else {
                found.insert(name, String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned());
            }
        }
    }
    found
}
