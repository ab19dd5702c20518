//! The agent as a process, and its verbs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::processes::{LineSink, Process, wait_until};
use crate::programs::Programs;
use crate::server::{ServerProcess, USER};

/// An agent's folder, in which its verbs can be run.
#[derive(Debug, Clone)]
pub struct AgentFolder {
    program: PathBuf,
    /// The agent's state.
    pub state: PathBuf,
    /// The agent's socket.
    pub runtime: PathBuf,
    /// What stands for the root of its machine.
    pub root: PathBuf,
}

/// What a verb said.
#[derive(Debug, Clone)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl AgentFolder {
    /// A folder for an agent.
    pub fn new(programs: &Programs, folder: &Path) -> Self {
        let root = folder.join("root");
        crate::machine_root::debian(&root).expect("a folder for tests can be written to");
        Self { program: programs.agent.clone(), state: folder.join("agent"), runtime: folder.join("run"), root }
    }

    /// The same machine with the program and the state that a package puts below its root.
    #[must_use]
    pub fn installed_at(&self, root: &Path) -> Self {
        Self { program: root.join("usr/bin/mdm-agent"), state: root.join("var/lib/mdm-agent"), ..self.clone() }
    }

    /// Runs a verb to its end.
    pub fn verb<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> anyhow::Result<Said> {
        let Output { status, stdout, stderr } =
            self.command().args(arguments).output().context("mdm-agent cannot be started")?;
        Ok(Said {
            code: status.code().unwrap_or(-1),
            output: String::from_utf8_lossy(&stdout).into_owned(),
            errors: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// Runs a verb that must succeed and reads its JSON.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> anyhow::Result<Value> {
        let mut all: Vec<std::ffi::OsString> = vec!["--json".into()];
        all.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        let said = self.verb(&all)?;
        ensure!(said.code == 0, "mdm-agent {all:?} ended with {}: {}", said.code, said.errors);
        serde_json::from_str(&said.output).with_context(|| format!("mdm-agent {all:?} printed no JSON"))
    }

    /// Enrols with a simulated tenant.
    pub fn enrol(&self, server: &ServerProcess) -> anyhow::Result<Said> {
        let arguments: [&OsStr; 9] = [
            "enroll".as_ref(),
            "--server".as_ref(),
            server.device_url.as_ref(),
            "--ca-file".as_ref(),
            server.ca_file.as_ref(),
            "--user".as_ref(),
            USER.as_ref(),
            "--password-file".as_ref(),
            server.password_file.as_ref(),
        ];
        self.verb(arguments)
    }

    /// Starts the service and waits until it can be asked things.
    pub fn run(&self, sink: &LineSink) -> anyhow::Result<Process> {
        self.run_at("info", sink)
    }

    /// The same, with every step of a session in the log.
    pub fn run_verbosely(&self, sink: &LineSink) -> anyhow::Result<Process> {
        self.run_at("debug", sink)
    }

    fn run_at(&self, level: &str, sink: &LineSink) -> anyhow::Result<Process> {
        let socket = self.runtime.join("control.sock");
        let _ = std::fs::remove_file(&socket);
        let mut process = Process::start(self.command().args(["--log", level, "run"]), sink)?;
        wait_until(Duration::from_secs(20), || {
            ensure!(!process.has_ended(), "the agent ended: {}", process.output().join("\n"));
            Ok(std::os::unix::net::UnixStream::connect(&socket).is_ok().then_some(()))
        })
        .context("the agent does not start")?;
        Ok(process)
    }

    /// A command line up to the verb.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--state")
            .arg(&self.state)
            .arg("--runtime")
            .arg(&self.runtime)
            .arg("--root")
            .arg(&self.root)
            .env_remove("SUDO_USER")
            .arg("--assume-signed-in");
        command
    }

    /// The command line up to the verb, as a person would type it.
    pub fn command_line(&self) -> String {
        let [program, state, runtime, root] =
            [&self.program, &self.state, &self.runtime, &self.root].map(|path| path.display());
        format!("{program} --state {state} --runtime {runtime} --root {root}")
    }

    /// Makes the enrolled agent take another server for its own, as an attacker in the network would like it to: its
    /// address and its certificate authority go into the account.
    pub fn redirect_to(&self, server: &crate::hostile::HostileServer) -> anyhow::Result<()> {
        let path = self.state.join("identity/account.json");
        let mut account: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        account["management_url"] = format!("{}/ManagementServer/MDM.svc", server.url).into();
        account["trust"]["roots"] = vec![mdm_protocol::base64::encode(&server.ca_der)].into();
        std::fs::write(&path, serde_json::to_vec(&account)?)?;
        Ok(())
    }

    /// Makes the enrolled agent trust another certificate authority beside its own.
    pub fn also_trust(&self, ca_der: &[u8]) -> anyhow::Result<()> {
        let path = self.state.join("identity/account.json");
        let mut account: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let roots = account["trust"]["roots"].as_array_mut().context("the account has no list of roots")?;
        roots.push(mdm_protocol::base64::encode(ca_der).into());
        std::fs::write(&path, serde_json::to_vec(&account)?)?;
        Ok(())
    }

    /// Whether nothing of an enrolment is there: no key, no certificate, no account, no store.
    pub fn is_blank(&self) -> bool {
        ["identity", "identity.new", "identity.old", "store"].iter().all(|name| !self.state.join(name).exists())
    }
}
