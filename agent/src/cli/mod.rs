//! The command line: one file for each verb. It asks, shows and sets the exit code; it decides nothing.

mod backend;
mod bundle;
mod check_compliance;
mod doctor;
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

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::output::Output;
use crate::engine::profile::{RetentionClock, RetentionRules};
use crate::platform::force::Platform;
use crate::platform::remote::wipe;
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
    /// Where the agent keeps identity and profiles.
    #[arg(long, global = true, value_name = "DIR", env = "MDM_AGENT_STATE", default_value = Paths::STATE)]
    state: PathBuf,
    /// Where the agent has its control socket.
    #[arg(long, global = true, value_name = "DIR", env = "MDM_AGENT_RUNTIME", default_value = Paths::RUNTIME)]
    runtime: PathBuf,
    /// The directory that stands for the machine's root: profiles are put in force below it, and, unless it is `/`,
    /// no program of the machine is told.
    #[arg(long, global = true, value_name = "DIR", env = "MDM_AGENT_ROOT", default_value = "/")]
    root: PathBuf,
    /// Take the enrolled user for signed in; for machines whose sessions logind does not see.
    #[arg(long, global = true, env = "MDM_AGENT_ASSUME_SIGNED_IN")]
    assume_signed_in: bool,
    /// When the seven days begin that profiles stay without a word of their owner.
    #[arg(long, global = true, env = "MDM_AGENT_RETENTION_CLOCK", value_enum, default_value = "last-confirmed")]
    retention_clock: RetentionStart,
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

impl From<RetentionStart> for RetentionRules {
    fn from(start: RetentionStart) -> Self {
        let clock = match start {
            RetentionStart::LastConfirmed => RetentionClock::LastConfirmed,
            RetentionStart::AuthorityChange => RetentionClock::AuthorityChange,
        };
        Self { clock, ..Self::default() }
    }
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
    /// Carries a wipe out that the server has confirmed.
    #[command(name = wipe::VERB, hide = true)]
    WipeWorker,
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
    retention: RetentionRules,
    platform: Platform,
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
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
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
    match start(arguments, &output) {
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

fn start(arguments: Arguments, output: &Output) -> VerbResult {
    let Arguments { global, verb } = arguments;
    // What a verb's own failure says once at the end need not be in the log as well.
    let usual = if matches!(verb, Verb::Run(_)) { "info" } else { "error" };
    logging::start(global.log.as_deref(), usual);
    // With one provider compiled in, a second installation cannot disagree.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_keep_alive(std::time::Duration::from_secs(2))
        .build()?;
    let paths = Paths { state: global.state, runtime: global.runtime };
    let sessions = if global.assume_signed_in { Sessions::Untracked } else { Sessions::Tracked };
    let platform = Platform::of(global.root, &paths.state);
    let place = Place { paths, sessions, retention: global.retention_clock.into(), platform };
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
            Verb::WipeWorker => wipe_worker::run(&place),
            Verb::StoreWorker { .. } => Ok(ExitCode::SUCCESS),
        }
    });
    // A thread that still waits for a key at the terminal must not keep the program from ending.
    runtime.shutdown_background();
    outcome
}
