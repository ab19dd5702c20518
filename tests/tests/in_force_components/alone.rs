//! Tests in namespaces of their own: the test program starts itself once more, in there, for one test.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::machine::Machine;

/// Where the folder of the machine is; whoever finds this set is in the namespaces.
const FOLDER: &str = "MDM_TESTS_ALONE";
/// Makes the machine's `/etc` and what else the programs write, then becomes the test.
const PREPARATION: &str = r#"set -e
folder=$1; shift
mount -t tmpfs none "$folder"
mkdir -p "$folder/root/etc" "$folder/state" "$folder/home"
cp -a /etc/. "$folder/root/etc"
# What this machine has of its own is none of the test's business, and PAM stacks differ.
rm -rf "$folder"/root/etc/NetworkManager/system-connections/* "$folder/root/etc/pam.d" "$folder/root/etc/dconf"
mount --bind "$folder/root/etc" /etc
for shared in /usr/local/share/ca-certificates /usr/share/thunderbird/isp; do
    mkdir -p "$folder/root$shared"
    if [ -d "$shared" ]; then mount --bind "$folder/root$shared" "$shared"; fi
done
for private in /run /var/lib/NetworkManager; do
    if [ -d "$private" ]; then mount -t tmpfs none "$private"; fi
done
mount -t sysfs none /sys
ip link set lo up
exec "$@""#;

/// Does what a test does in namespaces of its own.
pub(crate) fn alone<Test: Fn()>(_: Test, body: impl FnOnce(&Machine)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let machine = Machine::new(PathBuf::from(folder));
        // As the agent has it: what is for everybody has to be so by itself.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        return body(&machine);
    }
    let (_, name) = std::any::type_name::<Test>().split_once("::").unwrap();
    let folder = TempDir::new().unwrap();
    let mut command = Command::new("unshare");
    command.args("--mount --net --pid --uts --ipc --fork --kill-child --mount-proc sh -c".split(' '));
    command.args([PREPARATION, "sh"]).arg(folder.path()).arg(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    command.env(FOLDER, folder.path()).env("HOME", folder.path().join("home")).env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    // Without a test of that name, nothing would have been done and nothing would have failed.
    assert!(output.status.success() && said.contains("test result: ok. 1 passed"), "{said}");
}
