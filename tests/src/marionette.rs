//! Firefox or Thunderbird, asked by Marionette: JSON in frames that begin with their length, over a TCP connection.
//! Scripts run with the rights of the program's own code.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::processes::wait_until;

/// How long the program may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// A conversation with one program.
#[derive(Debug)]
pub struct Marionette {
    stream: TcpStream,
    count: u64,
}

/// Writes down in a profile of Firefox or Thunderbird where it should listen; the port.
pub fn prepare(profile: &Path) -> anyhow::Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    std::fs::write(profile.join("user.js"), format!("user_pref(\"marionette.port\", {port});\n"))?;
    Ok(port)
}

/// The arguments that have a program listen, with the profile that [`prepare`] has seen.
pub fn arguments(profile: &Path) -> [&std::ffi::OsStr; 6] {
    let [headless, alone, listening, privileged, with] =
        ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile"].map(AsRef::as_ref);
    [headless, alone, listening, privileged, with, profile.as_os_str()]
}

impl Marionette {
    /// Waits for a program that is starting, and begins.
    pub fn begin(port: u16) -> anyhow::Result<Self> {
        let stream = wait_until(PATIENCE, || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut this = Self { stream, count: 0 };
        this.read().context("the greeting")?;
        this.call("WebDriver:NewSession", &json!({}))?;
        this.call("Marionette:SetContext", &json!({"value": "chrome"}))?;
        Ok(this)
    }

    /// The value that a script returns.
    pub fn run(&mut self, script: &str) -> anyhow::Result<Value> {
        Ok(self.call("WebDriver:ExecuteScript", &json!({"script": script, "args": []}))?["value"].take())
    }

    /// The value that a script hands to its last argument.
    pub fn run_to_its_end(&mut self, script: &str, arguments: &[&str]) -> anyhow::Result<Value> {
        let parameters = json!({"script": script, "args": arguments});
        Ok(self.call("WebDriver:ExecuteAsyncScript", &parameters)?["value"].take())
    }

    fn call(&mut self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.count += 1;
        let message = json!([0, self.count, command, parameters]).to_string();
        self.stream.write_all(format!("{}:{message}", message.len()).as_bytes())?;
        let mut answer = self.read().context(command.to_owned())?;
        ensure!(answer[2].is_null(), "{command}: {}", answer[2]);
        Ok(answer[3].take())
    }

    fn read(&mut self) -> anyhow::Result<Value> {
        let mut length = 0;
        loop {
            let mut digit = [0];
            self.stream.read_exact(&mut digit)?;
            match digit[0] {
                b':' => break,
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                other => anyhow::bail!("a length with the byte {other}"),
            }
            ensure!(length <= MAX_ANSWER, "an answer of {length} bytes");
        }
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message)?;
        Ok(serde_json::from_slice(&message)?)
    }
}
