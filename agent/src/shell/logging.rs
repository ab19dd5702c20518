//! Where log lines go: to the journal under systemd, to standard error as readable text elsewhere. How much is logged can
//! be changed while the program runs.

use std::sync::OnceLock;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable that sets what is logged: `TARGET=LEVEL` pairs, for example `warn,mdm_agent=debug`.
///
/// The richer syntax of tracing's `EnvFilter` would cost every idle agent a regular-expression engine in memory.
pub const VARIABLE: &str = "MDM_AGENT_LOG";

/// The filter in use, as long as neither command line nor environment have decided what it is.
static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Starts logging: at the level asked for, else as the environment says, else at the usual level, which [`set`] changes.
/// Called once, by the program.
pub fn start(level: Option<&str>, usual: &str) {
    let asked = || std::env::var(VARIABLE).ok()?.parse::<Targets>().ok();
    let decided = level.map(own).or_else(asked);
    let is_decided = decided.is_some();
    let (filter, handle) = reload::Layer::new(decided.unwrap_or_else(|| own(usual)));
    if !is_decided {
        let _ = FILTER.set(handle);
    }
    let journal = under_systemd().then(|| tracing_journald::layer().ok()).flatten();
    let text = journal.is_none().then(|| {
        use std::io::IsTerminal as _;
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
    });
    // A second start (in tests) changes nothing.
    let _ = tracing_subscriber::registry().with(filter).with(journal).with(text).try_init();
}

/// Changes the level, unless command line or environment have decided it.
pub fn set(level: &str) {
    if let Some(filter) = FILTER.get() {
        // Fails only where logging was never started.
        let _ = filter.reload(own(level));
    }
}

/// Libraries speak up only when something is wrong: their inner life belongs to whoever debugs them.
fn own(level: &str) -> Targets {
    format!("warn,mdm_agent={level}").parse().unwrap_or_else(|_| Targets::new())
}

/// systemd names the journal that standard error is connected to (systemd.exec(5)).
fn under_systemd() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}
