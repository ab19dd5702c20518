//! `config`: what the configuration says, and whether it can be used.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Subcommand, ValueEnum as _};
use serde::Serialize;

use super::output::{Output, table};
use super::{Failure, Global, VerbResult};
use crate::shell::config::keys::{self, Value};
use crate::shell::config::{ConfigError, Configuration, Origin, Setting, Sources};
use crate::shell::control::{ControlError, ErrorCode};

/// Show the configuration, or check a file of it.
///
/// Settings come from /etc/mdm-agent/agent.toml, overridden by the files in /etc/mdm-agent/agent.d, by environment
/// variables, and by options, in this order. See mdm-agent.toml(5).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mdm-agent config show
  mdm-agent config check /etc/mdm-agent/agent.toml")]
pub(super) struct Config {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show every setting in effect, and where it comes from.
    Show,
    /// Check a file and the drop-ins beside it; without FILE, those that would be read.
    Check {
        /// The file.
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Serialize)]
struct Shown {
    setting: &'static str,
    value: String,
    origin: String,
    /// Whether a running service takes another value at `systemctl reload mdm-agent`.
    live: bool,
}

#[derive(Debug, Serialize)]
struct Checked {
    files: Vec<PathBuf>,
    problem: Option<String>,
}

impl Config {
    pub(super) fn run(self, mut sources: Sources, output: &Output) -> VerbResult {
        match self.what.unwrap_or(What::Show) {
            What::Show => show(&sources.load().map_err(|error| unusable(&error))?, output)?,
            What::Check { file } => {
                sources.file = file.or(sources.file);
                let configuration = sources.load().map_err(|error| unusable(&error))?;
                check(&sources, &configuration, output)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(configuration: &Configuration, output: &Output) -> Result<(), Failure> {
    let is_live = |name| keys::find(name).is_some_and(|key| key.live);
    let shown: Vec<Shown> = configuration
        .settings()
        .map(|(name, setting)| Shown {
            setting: name,
            value: configuration.shown(name),
            origin: setting.origin.to_string(),
            live: is_live(name),
        })
        .collect();
    output.show(&shown, |output| {
        let cells = |shown: &Shown| vec![shown.setting.to_owned(), shown.value.clone(), shown.origin.clone()];
        table(output, &["SETTING", "VALUE", "FROM"], &shown.iter().map(cells).collect::<Vec<_>>())
    })
}

fn check(sources: &Sources, configuration: &Configuration, output: &Output) -> Result<(), Failure> {
    // A proxy's credentials that this user may not read are no fault of the configuration's.
    let problem = configuration.live().proxy.err().filter(|_| rustix::process::geteuid().is_root());
    if let Some(problem) = problem {
        return Err(ControlError::new(ErrorCode::Usage, problem.to_string()).into());
    }
    let checked = Checked { files: configuration.files().to_vec(), problem: None };
    output.show(&checked, |_| match checked.files.as_slice() {
        [] => format!("{} does not exist; everything is as it is by default.", sources.path().display()),
        files => {
            let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
            format!("Good: {}", names.join(", "))
        }
    })
}

/// A configuration that cannot be used is an error of usage.
pub(super) fn unusable(error: &ConfigError) -> Failure {
    let advice = "Correct it and try again; mdm-agent.toml(5) has every setting.";
    ControlError::new(ErrorCode::Usage, error.to_string()).with_advice(advice).into()
}

/// What environment and command line say.
pub(super) fn sources(global: &Global, matches: &ArgMatches) -> Sources {
    let mut sources = Sources { file: global.config.clone(), overrides: Vec::new() }
        .with_proxy_variables(|name| std::env::var(name).ok());
    let mut say = |key, id: &str, variable: &str, value: Option<Value>| {
        let origin = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => Origin::Option(format!("--{}", id.replace('_', "-"))),
            Some(ValueSource::EnvVariable) => Origin::Environment(variable.to_owned()),
            _ => return,
        };
        sources.overrides.push((key, Setting { value, origin }));
    };
    let path = |path: &Option<String>| path.clone().map(Value::Text);
    say(keys::STATE, "state", "MDM_AGENT_STATE", path(&global.state));
    say(keys::RUNTIME, "runtime", "MDM_AGENT_RUNTIME", path(&global.runtime));
    say(keys::ROOT, "root", "MDM_AGENT_ROOT", path(&global.root));
    let signed_in = Some(Value::Flag(global.assume_signed_in));
    say(keys::ASSUME_SIGNED_IN, "assume_signed_in", "MDM_AGENT_ASSUME_SIGNED_IN", signed_in);
    let clock = global.retention_clock.and_then(|clock| clock.to_possible_value());
    let clock = clock.map(|clock| Value::Text(clock.get_name().to_owned()));
    say(keys::RETENTION_CLOCK, "retention_clock", "MDM_AGENT_RETENTION_CLOCK", clock);
    say(keys::LOG_LEVEL, "log", "", global.log.clone().map(Value::Text));
    sources
}
