//! A Debian machine with systemd as its first process, in a container, with a network of its own that it shares with the
//! test. For whoever is root.
//!
//! The tree is made once by debootstrap and kept in `target/debian`; each machine writes to a layer above it in memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::processes::wait_until;
use crate::programs::Programs;

/// The release, and what is installed beside the smallest system: what profiles need.
const RELEASE: &str = "bookworm";
const PACKAGES: &str = "systemd-sysv,dbus,libpam-systemd,ca-certificates,procps,network-manager,libpam-pwquality,\
                        dconf-cli,kmod,udev";
/// Says that the process is in the namespaces that [`alone`] makes.
const MARK: &str = "MDM_TESTS_CONTAINER";
/// What makes those namespaces fit for systemd-nspawn: a loopback, one hierarchy of control groups, and a `/run` of
/// their own.
const PREPARATION: &str = r#"set -e
ip link set lo up
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mkdir -p "/sys/fs/cgroup/mdm-tests-$$"
echo $$ >"/sys/fs/cgroup/mdm-tests-$$/cgroup.procs"
mount -t tmpfs tmpfs /run
exec "$@""#;

/// Does what a test does in namespaces of its own: starts the test program once more, in there, for one test.
pub fn alone<Test: Fn()>(_: Test, body: impl FnOnce() -> anyhow::Result<()>) {
    if std::env::var_os(MARK).is_some() {
        body().unwrap_or_else(|error| panic!("{error:#}"));
        return;
    }
    let (_, name) = std::any::type_name::<Test>().split_once("::").expect("a test is in a crate");
    let mut command = Command::new("unshare");
    command.args("--mount --net --propagation private sh -c".split(' ')).args([PREPARATION, "sh"]);
    command.arg(std::env::current_exe().expect("a test is a program"));
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(MARK, "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("unshare is a part of every Linux");
    let id = child.id();
    let output = child.wait_with_output().expect("what a child prints can be read");
    for place in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        clean_up(&Path::new(place).join(format!("mdm-tests-{id}")));
    }
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("test result: ok. 1 passed"), "{said}");
}

/// Ends whatever is left in a control group, and removes the group. A test that was killed leaves a whole machine.
fn clean_up(group: &Path) {
    if !group.exists() {
        return;
    }
    let _ = std::fs::write(group.join("cgroup.kill"), "1");
    let _ = wait_until(Duration::from_secs(10), || {
        let mut removing = Command::new("find");
        removing.arg(group).args(["-depth", "-type", "d", "-delete"]).stderr(Stdio::null());
        removing.status()?;
        Ok((!group.exists()).then_some(()))
    });
}

/// Makes sure that Debian is there; for whoever still has a network to fetch it by.
pub fn prepare() -> anyhow::Result<()> {
    tree().map(drop)
}

/// The workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The machine.
#[derive(Debug)]
pub struct Container {
    folder: PathBuf,
    running: Option<Child>,
}

impl Container {
    /// A machine that is off. Its layer is below `folder`.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let tree = tree()?;
        let folder = folder.join("container");
        std::fs::create_dir(&folder)?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=0755", "tmpfs"]).arg(&folder))?;
        let layer = |name: &str| folder.join(name);
        for name in ["upper", "work", "root"] {
            std::fs::create_dir(layer(name))?;
        }
        let [upper, work] = ["upper", "work"].map(|name| layer(name).display().to_string());
        let options = format!("lowerdir={},upperdir={upper},workdir={work}", tree.display());
        run(Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]).arg(layer("root")))?;
        std::fs::write(layer("root").join("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        Ok(Self { folder, running: None })
    }

    /// A file of the machine.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join("root").join(path.trim_start_matches('/'))
    }

    /// Starts the machine and waits until everything that starts with it has started.
    pub fn boot(&mut self) -> anyhow::Result<()> {
        let log = std::fs::File::create(self.folder.join("console"))?;
        let mut command = Command::new("systemd-nspawn");
        command.args(
            "--boot --quiet --keep-unit --register=no --timezone=off --console=pipe --machine=mdm-test --capability=CAP_NET_ADMIN"
                .split(' '),
        );
        command.arg(format!("--network-namespace-path=/proc/{}/ns/net", std::process::id()));
        command.arg("--directory").arg(self.path("/")).env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command.env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.running = Some(command.spawn().context("systemd-nspawn cannot be started")?);
        wait_until(Duration::from_secs(90), || {
            ensure!(!self.has_ended(), "the machine ended: {}", self.console());
            let Ok(state) = self.try_to(&["systemctl", "is-system-running"]) else { return Ok(None) };
            let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
            Ok(matches!(state.as_str(), "running" | "degraded").then_some(()))
        })
        .with_context(|| format!("the machine does not come up: {}", self.console()))
    }

    /// Has the machine end by itself, as at a reboot, and starts it again.
    pub fn reboot(&mut self) -> anyhow::Result<()> {
        // The shell goes away with the machine; whether it says so does not matter.
        let _ = self.try_to(&["systemctl", "reboot"]);
        wait_until(Duration::from_secs(60), || Ok(self.has_ended().then_some(())))
            .context("the machine does not go down")?;
        self.boot()
    }

    /// Runs a program on the machine; it must succeed. Gives what it printed.
    pub fn to(&self, command: &[&str]) -> anyhow::Result<String> {
        let Output { status, stdout, stderr } = self.try_to(command)?;
        let [said, errors] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        ensure!(status.success(), "{command:?} ended with {status}: {said}{errors}");
        Ok(said)
    }

    /// Runs a program on the machine.
    pub fn try_to(&self, command: &[&str]) -> anyhow::Result<Output> {
        let leader = self.leader()?.to_string();
        let mut entering = Command::new("nsenter");
        entering.args(["--target", &leader, "--all", "--root", "--wd", "--"]).args(command);
        entering.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        entering.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        entering.output().context("nsenter cannot be started")
    }

    /// Whether the machine has gone down.
    pub fn is_off(&mut self) -> bool {
        self.has_ended()
    }

    fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(|running| matches!(running.try_wait(), Ok(Some(_)) | Err(_)))
    }

    /// The first process of the machine, as this side sees it.
    fn leader(&self) -> anyhow::Result<u32> {
        let Some(nspawn) = self.running.as_ref().map(Child::id) else { bail!("the machine is off") };
        let children = std::fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children"))?;
        let child = children.split_whitespace().next().context("the machine has no process yet")?;
        Ok(child.parse()?)
    }

    fn console(&self) -> String {
        std::fs::read_to_string(self.folder.join("console")).unwrap_or_default()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Without its first process everything on the machine ends; without systemd-nspawn it would live on.
        let leader = self.leader().ok().and_then(|leader| rustix::process::Pid::from_raw(leader.cast_signed()));
        if let Some(leader) = leader {
            let _ = rustix::process::kill_process(leader, rustix::process::Signal::KILL);
        }
        if let Some(running) = &mut self.running {
            let _ = running.kill();
            let _ = running.wait();
        }
        for mounted in [self.path("/"), self.folder.clone()] {
            let _ = Command::new("umount").arg("--lazy").arg(mounted).status();
        }
    }
}

/// Debian, as debootstrap installs it.
fn tree() -> anyhow::Result<PathBuf> {
    let _turn = turn()?;
    let folder = workspace().join("target/debian");
    let tree = folder.join(RELEASE);
    if !tree.exists() {
        std::fs::create_dir_all(&folder)?;
        let building = folder.join(format!("{RELEASE}.new"));
        let _ = std::fs::remove_dir_all(&building);
        let include = format!("--include={PACKAGES}");
        run(Command::new("debootstrap").args(["--variant=minbase", &include, RELEASE]).arg(&building))?;
        // A machine makes its own at its first start.
        std::fs::write(building.join("etc/machine-id"), "")?;
        std::fs::rename(&building, &tree)?;
    }
    Ok(tree.canonicalize()?)
}

/// Runs a program; it must succeed.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?} cannot be started"))?;
    let [said, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    ensure!(output.status.success(), "{command:?} ended with {}: {said}{errors}", output.status);
    Ok(())
}

/// The Debian package of the programs under test, in a folder of the test's.
pub fn package(programs: &Programs, folder: &Path) -> anyhow::Result<PathBuf> {
    made_package(programs, folder, "deb")
}

/// The RPM of the programs under test, in a folder of the test's.
pub fn rpm_package(programs: &Programs, folder: &Path) -> anyhow::Result<PathBuf> {
    made_package(programs, folder, "rpm")
}

fn made_package(programs: &Programs, folder: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    let _turn = turn()?;
    run(Command::new(workspace().join("packaging/build")).arg("--program").arg(&programs.agent))?;
    let packages = std::fs::read_dir(workspace().join("target/packages"))?;
    let mut packages = packages.filter_map(|entry| Some(entry.ok()?.path()));
    let made = packages.find(|path| path.extension().is_some_and(|end| end == ending));
    let package = folder.join(format!("mdm-agent.{ending}"));
    std::fs::copy(made.context("packaging/build makes no package")?, &package)?;
    Ok(package)
}

/// One test at a time makes what all of them share.
fn turn() -> anyhow::Result<std::fs::File> {
    let path = workspace().join("target/container.lock");
    let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}
