//! The command line: one file for each verb. It asks, shows and sets the exit code; it decides nothing.

mod backend;
mod bundle;
mod check_compliance;
mod config;
mod doctor;
mod documents;
mod enroll;
mod examination;
mod history;
mod output;
mod plan;
mod profiles;
mod recover;
mod run;
mod status;
mod sync;
mod time;
mod unenroll;
mod unlock;
mod watch;
mod wipe_worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::output::Output;
use crate::platform::facts;
use crate::platform::force::Platform;
use crate::platform::remote::wipe;
use crate::shell::config::{Configuration, Sources};
use crate::shell::control::{ControlError, ErrorCode};
use crate::shell::facts::Sessions;
use crate::shell::paths::Paths;
use crate::shell::store::{StorePlace, worker};
use crate::shell::{clock, logging};

/// Device management client for Linux.
///
/// Enrols this machine with an MDM server over the open protocols that Windows management uses (MS-MDE2, OMA-DM), and
/// keeps the profiles that the server assigns.
#[derive(Debug, Parser)]
#[command(name = "mdm-agent", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 failed, 2 usage, 3 not enrolled, 4 not compliant, 5 server unreachable.

Example:
  sudo mdm-agent enroll --server https://mdm.example.com --user alice@example.com";

/// Options that every verb takes.
#[derive(Debug, Args)]
struct Global {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Read this configuration file, and the drop-ins beside it, instead of /etc/mdm-agent/agent.toml.
    #[arg(long, global = true, value_name = "FILE", env = "MDM_AGENT_CONFIG")]
    config: Option<PathBuf>,
    /// Where the agent keeps identity and profiles [default: /var/lib/mdm-agent].
    #[arg(long, global = true, value_name = "DIR", env = "MDM_AGENT_STATE")]
    state: Option<String>,
    /// Where the agent has its control socket [default: /run/mdm-agent].
    #[arg(long, global = true, value_name = "DIR", env = "MDM_AGENT_RUNTIME")]
    runtime: Option<String>,
    /// The directory that stands for the machine's root: profiles are put in force below it, and, unless it is `/`,
    /// no program of the machine is told [default: /].
    #[arg(long, global = true, value_name = "DIR", env = "MDM_AGENT_ROOT")]
    root: Option<String>,
    /// Take the enrolled user for signed in; for machines whose sessions logind does not see.
    #[arg(long, global = true, env = "MDM_AGENT_ASSUME_SIGNED_IN")]
    assume_signed_in: bool,
    /// When the seven days begin that profiles stay without a word of their owner [default: last-confirmed].
    #[arg(long, global = true, env = "MDM_AGENT_RETENTION_CLOCK", value_enum)]
    retention_clock: Option<RetentionStart>,
    /// How much is logged.
    #[arg(long, global = true, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log: Option<String>,
}

/// When the retention window begins.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RetentionStart {
    /// At the last completed check-in with the owner.
    LastConfirmed,
    /// When the device hears of another authority; for fleets that go on long leave.
    AuthorityChange,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Enroll(enroll::Enroll),
    Run(run::Run),
    Sync(sync::Sync),
    CheckCompliance(check_compliance::CheckCompliance),
    Status(status::Status),
    Profiles(profiles::Profiles),
    Plan(plan::Plan),
    History(history::History),
    Doctor(doctor::Doctor),
    Bundle(bundle::Bundle),
    Recover(recover::Recover),
    Unlock(unlock::Unlock),
    Unenroll(unenroll::Unenroll),
    /// Prints what is known of this machine, as JSON, for the service.
    #[command(name = facts::VERB, hide = true)]
    FactsWorker,
    /// Plans a wipe, or carries one out that the server has confirmed.
    #[command(name = wipe::VERB, hide = true)]
    WipeWorker {
        #[arg(long)]
        plan: bool,
    },
    Config(config::Config),
    Completions(documents::Completions),
    Man(documents::ManualPage),
    /// Opens the store for the daemon.
    #[command(name = worker::VERB, hide = true)]
    StoreWorker {
        directory: PathBuf,
        quarantine: PathBuf,
    },
}

/// Where a verb works.
#[derive(Debug, Clone)]
struct Place {
    paths: Paths,
    sessions: Sessions,
    platform: Platform,
    sources: Sources,
    configuration: Configuration,
}

/// Why a verb did not do what it should.
enum Failure {
    /// The agent or the server said no.
    Control(ControlError),
    /// Something on this machine.
    Local(anyhow::Error),
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure
where
    E: std::error::Error + Send + Sync + 'static,
{
    fn from(error: E) -> Self {
        Self::Local(error.into())
    }
}

type VerbResult = Result<ExitCode, Failure>;

/// Runs the program.
pub fn main() -> ExitCode {
    let parsed = Arguments::command().try_get_matches().and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches)?;
        let sources = config::sources(&arguments.global, &matches);
        Ok((arguments, sources))
    });
    let (arguments, sources) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return not_understood(&error),
    };
    // Whatever is created, by libraries too, is for the owner alone unless it says otherwise.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    if let Verb::StoreWorker { directory, quarantine } = arguments.verb {
        let place = StorePlace { directory, quarantine };
        let served = worker::serve(&place, clock::now().wall);
        return if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let output = Output::new(arguments.global.json);
    match start(arguments, sources, &output) {
        Ok(code) => code,
        Err(failure) => output.failure(&failure),
    }
}

/// Says what is wrong with a command line, or shows the help that it asks for.
fn not_understood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let message = error.to_string();
        let first: Vec<&str> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = first.join(" ").trim_start_matches("error: ").to_owned();
        return Output::new(true).failure(&ControlError::new(ErrorCode::Usage, message).into());
    }
    // Help that nobody reads to its end (`| head`) is not an error.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

fn start(arguments: Arguments, sources: Sources, output: &Output) -> VerbResult {
    let Arguments { global, verb } = arguments;
    // These are for whoever has a configuration that cannot be used, too.
    let verb = match verb {
        Verb::Config(verb) => return verb.run(sources, output),
        Verb::Completions(verb) => return verb.run(Arguments::command()),
        Verb::Man(verb) => return verb.run(Arguments::command()),
        // The service that starts these may have been started with another configuration than there is by now.
        Verb::FactsWorker => return facts_worker(),
        Verb::WipeWorker { plan } => {
            return wipe_worker::run(Path::new(global.state.as_deref().unwrap_or(Paths::STATE)), plan, output);
        }
        verb => verb,
    };
    let configuration = sources.load().map_err(|error| config::unusable(&error))?;
    // What a verb's own failure says once at the end need not be in the log as well.
    let usual = configuration.log_level().filter(|_| matches!(verb, Verb::Run(_))).unwrap_or("error");
    logging::start(global.log.as_deref(), usual);
    // With one provider compiled in, a second installation cannot disagree.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_keep_alive(std::time::Duration::from_secs(2))
        .build()?;
    let paths = configuration.paths();
    let sessions = if configuration.assume_signed_in() { Sessions::Untracked } else { Sessions::Tracked };
    let platform = Platform::of(configuration.root(), &paths.state);
    let place = Place { paths, sessions, platform, sources, configuration };
    let outcome = runtime.block_on(async {
        match verb {
            Verb::Enroll(verb) => verb.run(&place, output).await,
            Verb::Run(verb) => verb.run(place).await,
            Verb::Sync(verb) => verb.run(&place, output).await,
            Verb::CheckCompliance(verb) => verb.run(&place, output).await,
            Verb::Status(verb) => verb.run(&place, output).await,
            Verb::Profiles(verb) => verb.run(&place, output).await,
            Verb::Plan(verb) => verb.run(&place, output).await,
            Verb::History(verb) => verb.run(&place, output).await,
            Verb::Doctor(verb) => verb.run(&place, output).await,
            Verb::Bundle(verb) => verb.run(&place, output).await,
            Verb::Recover(verb) => verb.run(&place, output).await,
            Verb::Unenroll(verb) => verb.run(&place, output).await,
            Verb::Unlock(verb) => verb.run(&place, output).await,
            Verb::Config(_)
            | Verb::Completions(_)
            | Verb::Man(_)
            | Verb::FactsWorker
            | Verb::WipeWorker { .. }
            | Verb::StoreWorker { .. } => Ok(ExitCode::SUCCESS),
        }
    });
    // A thread that still waits for a key at the terminal must not keep the program from ending.
    runtime.shutdown_background();
    outcome
}

/// What the service asks for outside of its sandbox.
fn facts_worker() -> VerbResult {
    let facts = facts::gather(Path::new("/"), clock::now().wall, &[], &facts::NoScripts);
    // On one line, so that it can be told from what else is said.
    let line = serde_json::to_string(&facts)?;
    Output::new(false).show(&facts, |_| line)?;
    Ok(ExitCode::SUCCESS)
}
