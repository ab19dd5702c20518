//! The programs under test, built from this workspace.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

/// Where the two programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `mdm-agent`.
    pub agent: PathBuf,
    /// `mdm-sim-server`.
    pub server: PathBuf,
}

/// Builds the programs if they are not built, once in a process, in this profile.
pub fn build() -> anyhow::Result<Programs> {
    static BUILT: OnceLock<Result<Programs, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| run_cargo().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn run_cargo() -> anyhow::Result<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "mdm-agent", "--package", "mdm-sim-server", "--bins"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    // The variables that cargo sets for this program would make it build everything anew.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            command.env_remove(name);
        }
    }
    let status = command.status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("the programs cannot be built; see above");
    }
    let directory = target_directory().context("the folder with the built programs is not where it should be")?;
    Ok(Programs { agent: directory.join("mdm-agent"), server: directory.join("mdm-sim-server") })
}

/// `target/debug` or `target/release`, by where this program itself lies.
fn target_directory() -> Option<PathBuf> {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let program = std::env::current_exe().ok()?;
    program.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == profile)).map(PathBuf::from)
}
