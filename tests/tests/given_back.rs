//! The RPM below a root of its own: installed by rpm, enrolled by the program that it brought, fifty profiles, what a user does
//! to managed files, unenrolled, removed; then the tree is compared with the one before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use mdm_tests::container::{rpm_package, run};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};

/// Networks beside one profile of every kind.
const NETWORKS: usize = 43;
const SYSCTL: &str = "etc/sysctl.d/90-mdm-agent.conf";
const PASSWORDS: &str = "etc/security/pwquality.conf.d/90-mdm-agent.conf";
const LOCALTIME: &str = "etc/localtime";
const FAILLOCK: &str = "etc/security/faillock.conf";

/// Everything below a root but rpm's own data base: type and mode, owner, time of the last change, content.
fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let facts = path.symlink_metadata().unwrap();
            let below = path.strip_prefix(root).unwrap().to_owned();
            if below.starts_with("var/lib/rpm") {
                continue;
            }
            let what = format!("{:o} {}:{}", facts.mode(), facts.uid(), facts.gid());
            let what = match () {
                () if facts.is_dir() => {
                    open.push(path.clone());
                    what
                }
                () if facts.is_symlink() => {
                    format!("{what} {} -> {}", facts.mtime(), std::fs::read_link(&path).unwrap().display())
                }
                () => format!("{what} {}.{} {:?}", facts.mtime(), facts.mtime_nsec(), std::fs::read(&path).unwrap()),
            };
            found.insert(below, what);
        }
    }
    found
}

fn rpm(root: &Path, arguments: &[&str]) {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--nodeps", "--noscripts"]).args(arguments);
    run(&mut command).unwrap();
}

fn assign(world: &World) {
    block_on(world.assign_all()).unwrap();
    let setting = |path: &str, value: &str| {
        format!(
            "<Replace><CmdID>1</CmdID><Item><Target><LocURI>./Device/Vendor/{path}</LocURI></Target><Data>{value}</Data></Item>\
             </Replace>"
        )
    };
    for number in 0..NETWORKS {
        let name = format!("Many {number}");
        let fragment =
            profiles::WIFI.replace("Contoso%20Corp", &name.replace(' ', "%20")).replace("Contoso Corp", &name);
        block_on(world.server.admin.assign(&format!("many-{number}"), &fragment)).unwrap();
    }
    for (name, fragment) in [
        ("forwarding", setting("LinuxMDM/Config/Sysctl/net.ipv4.ip_forward", "1")),
        ("zone", setting("LinuxMDM/Config/Time/Zone", "Europe/Berlin")),
        ("attempts", setting("MSFT/Policy/Config/DeviceLock/MaxDevicePasswordFailedAttempts", "5")),
    ] {
        block_on(world.server.admin.assign(name, &fragment)).unwrap();
    }
}

#[test]
#[ignore = "needs root, rpm, cargo-deb and cargo-generate-rpm"]
fn a_machine_with_the_rpm_is_as_it_was_found_but_for_what_its_user_did() {
    let mut world = World::new().unwrap();
    let root = world.agent.root.clone();
    // Somebody's, with an owner, a mode and a time of their own.
    std::fs::set_permissions(root.join(FAILLOCK), std::fs::Permissions::from_mode(0o640)).unwrap();
    chown(root.join(FAILLOCK), Some(1000), Some(1001)).unwrap();
    std::fs::File::open(root.join(FAILLOCK)).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let package = rpm_package(&world.programs, world.folder.path()).unwrap();
    let install = || rpm(&root, &["-i", package.to_str().unwrap()]);
    // Directories that a distribution's own packages have, and that rpm leaves.
    install();
    rpm(&root, &["-e", "mdm-agent"]);
    let before = tree(&root);
    install();
    world.agent = world.agent.installed_at(&root);
    let said = world.agent.enrol(&world.server).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    assign(&world);
    world.agent.json(["sync"]).unwrap();
    let status = world.agent.json(["status"]).unwrap();
    assert!(status["not_in_force"].as_object().is_none_or(serde_json::Map::is_empty), "{status}");
    assert!(world.agent.json(["profiles", "list"]).unwrap().as_array().unwrap().len() > 50);
    assert!(std::fs::read_to_string(root.join(FAILLOCK)).unwrap().contains("deny = 5"));

    let networks = root.join("etc/NetworkManager/system-connections");
    let mut keyfiles: Vec<PathBuf> = std::fs::read_dir(networks).unwrap().map(|entry| entry.unwrap().path()).collect();
    keyfiles.sort();
    std::fs::write(root.join(PASSWORDS), "minlen = 1\n").unwrap();
    std::fs::remove_file(&keyfiles[0]).unwrap();
    std::fs::set_permissions(&keyfiles[1], std::fs::Permissions::from_mode(0o644)).unwrap();
    chown(&keyfiles[2], Some(1000), None).unwrap();
    std::fs::hard_link(&keyfiles[3], root.join("etc/linked")).unwrap();
    std::fs::remove_file(root.join(SYSCTL)).unwrap();
    symlink("/etc/mine", root.join(SYSCTL)).unwrap();
    world.agent.json(["sync"]).unwrap();
    let history = world.agent.verb(["history", "--limit", "1000"]).unwrap().output;
    assert_eq!(
        (history.matches("file-put-back").count(), history.matches("file-left-alone").count()),
        (5, 1),
        "{history}"
    );
    std::fs::remove_file(root.join(LOCALTIME)).unwrap();
    symlink("/usr/share/zoneinfo/Own", root.join(LOCALTIME)).unwrap();

    let said = world.agent.verb(["unenroll"]).unwrap();
    assert!(said.code == 0 && said.output.contains("kept in"), "{} {}", said.output, said.errors);
    assert_eq!(std::fs::read_link(root.join(SYSCTL)).unwrap(), Path::new("/etc/mine"));
    let mut kept: Vec<String> = std::fs::read_dir(world.agent.state.join("quarantined-files"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    kept.sort();
    // The user's zone is newer than the original, which is kept.
    assert_eq!(std::fs::read_link(root.join(LOCALTIME)).unwrap(), Path::new("/usr/share/zoneinfo/Own"));
    assert_eq!(kept, ["/usr/share/zoneinfo/Etc/UTC", "minlen = 1\n"]);
    for theirs in [SYSCTL, "etc/linked"] {
        std::fs::remove_file(root.join(theirs)).unwrap();
    }
    rpm(&root, &["-e", "mdm-agent"]);
    // As the README has it.
    std::fs::remove_dir_all(&world.agent.state).unwrap();
    let after = tree(&root);
    let is_another =
        |path: &&PathBuf| Path::new("var/lib/rpm").starts_with(path) || path.as_path() == Path::new(LOCALTIME);
    for path in before.keys().chain(after.keys()).filter(|path| !is_another(path)) {
        assert_eq!(after.get(path), before.get(path), "{}", path.display());
    }
}
