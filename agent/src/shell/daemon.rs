//! The service: the agent, its control socket, the signals that stop it or have it read its configuration again, and the
//! signs of life that the service manager wants.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::agent::{Agent, Message};
use super::config::{Configuration, Sources};
use super::control::server;
use super::desktop;
use super::facts::Sessions;
use super::lock::StateLock;
use super::paths::Paths;
use super::store::StoreAccess;
use super::{logging, notify};
use crate::platform::force::Platform;

/// How long a session may go on after the service was told to stop: less than systemd waits before it kills.
const GRACE: Duration = Duration::from_secs(30);
/// How long answers that are ready may take on their way to those who asked.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the service is begun with.
#[derive(Debug)]
pub struct Setup {
    /// Its directories.
    pub paths: Paths,
    /// Whether it knows who is signed in.
    pub sessions: Sessions,
    /// How it opens the store.
    pub access: StoreAccess,
    /// The machine.
    pub platform: Platform,
    /// Where its configuration comes from.
    pub sources: Sources,
    /// The configuration that it is begun with.
    pub configuration: Configuration,
}

/// Runs the service until it is told to stop.
pub async fn run(setup: Setup) -> anyhow::Result<()> {
    let Setup { paths, sessions, access, platform, sources, configuration } = setup;
    let hung_up = signal(SignalKind::hangup())?;
    let _lock = StateLock::acquire(&paths, "mdm-agent run")?;
    let socket = paths.socket();
    let listener = server::bind(&socket)?;
    let desktop = desktop::of(platform.root());
    let live = configuration.live();
    if let Err(error) = &live.proxy {
        error!(%error, "no server can be reached");
    }
    let agent = Agent::start(paths, sessions, access, platform, live.retention)?.configured(live).going_on();
    let agent = agent.with_desktop(desktop);
    let sender = agent.sender();
    let stopping = told_to_stop(sender.clone())?;
    let beside = [
        tokio::spawn(read_again(hung_up, sources, configuration, sender.clone())),
        tokio::spawn(signs_of_life(sender.clone())),
    ];
    let serving = tokio::spawn(server::serve(listener, sender));
    info!(socket = %socket.display(), "ready");
    notify::status(if agent.is_enrolled() { "Enrolled" } else { "Not enrolled" });
    notify::ready();
    tokio::select! {
        outcome = agent.run() => outcome?,
        () = stopping => warn!("stopped in the middle of a session; the next one makes up for it"),
    }
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = tokio::time::timeout(LAST_WORDS, serving).await;
    // The socket of a stopped daemon would look like one that does not answer.
    let _ = std::fs::remove_file(&socket);
    Ok(())
}

/// Reads the configuration again at every SIGHUP. One that cannot be used changes nothing.
async fn read_again(mut hung_up: Signal, sources: Sources, mut present: Configuration, agent: mpsc::Sender<Message>) {
    while hung_up.recv().await.is_some() {
        notify::reloading();
        match sources.load() {
            Ok(later) => {
                tell_changes(&present, &later);
                logging::set(later.log_level().unwrap_or("info"));
                let live = later.live();
                if let Err(error) = &live.proxy {
                    error!(%error, "no server can be reached");
                }
                let _ = agent.send(Message::Configured(Box::new(live))).await;
                present = later;
            }
            Err(error) => error!(%error, "the configuration cannot be used; the one before stays in effect"),
        }
        notify::ready();
    }
}

fn tell_changes(present: &Configuration, later: &Configuration) {
    let changes = present.changes(later);
    if changes.is_empty() {
        info!("the configuration was read again; nothing changed");
    }
    for change in changes {
        if change.live {
            info!(setting = change.key, now = change.now, "the configuration changed");
        } else {
            warn!(setting = change.key, now = change.now, "this change takes effect at the next start");
        }
    }
}

/// Gives signs of life as often as the service manager wants them, and only while the agent answers.
async fn signs_of_life(agent: mpsc::Sender<Message>) {
    let Some(period) = notify::watchdog() else { return };
    loop {
        let (reply, answer) = oneshot::channel();
        if agent.send(Message::Alive(reply)).await.is_err() {
            return;
        }
        let is_alive = answer.await.is_ok();
        if is_alive {
            notify::alive();
        }
        // Work that takes long may end any moment.
        tokio::time::sleep(if is_alive { period / 2 } else { period / 20 }).await;
    }
}

/// Waits for a signal, tells the agent, and comes back when there is no more time: at a second signal, or after the
/// grace.
fn told_to_stop(agent: mpsc::Sender<Message>) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut signalled = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(async move {
        signalled().await;
        info!("stopping");
        notify::stopping();
        let _ = agent.send(Message::Stop).await;
        let _ = tokio::time::timeout(GRACE, signalled()).await;
    })
}
