//! The service: the agent, its control socket, and the signals that stop it.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::agent::{Agent, Message};
use super::control::server;
use super::desktop;
use super::facts::Sessions;
use super::lock::StateLock;
use super::paths::Paths;
use super::store::StoreAccess;
use crate::engine::profile::RetentionRules;
use crate::platform::force::Platform;

/// How long a session may go on after the service was told to stop: less than systemd waits before it kills.
const GRACE: Duration = Duration::from_secs(30);
/// How long answers that are ready may take on their way to those who asked.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs the service until it is told to stop. `ready` is called once it can be asked things.
pub async fn run(
    paths: Paths,
    sessions: Sessions,
    access: StoreAccess,
    platform: Platform,
    retention: RetentionRules,
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    let _lock = StateLock::acquire(&paths, "mdm-agent run")?;
    let socket = paths.socket();
    let listener = server::bind(&socket)?;
    let desktop = desktop::of(platform.root());
    let agent = Agent::start(paths, sessions, access, platform, retention)?.going_on().with_desktop(desktop);
    let sender = agent.sender();
    let stopping = told_to_stop(sender.clone())?;
    let serving = tokio::spawn(server::serve(listener, sender));
    info!(socket = %socket.display(), "ready");
    ready();
    tokio::select! {
        outcome = agent.run() => outcome?,
        () = stopping => warn!("stopped in the middle of a session; the next one makes up for it"),
    }
    let _ = tokio::time::timeout(LAST_WORDS, serving).await;
    // The socket of a stopped daemon would look like one that does not answer.
    let _ = std::fs::remove_file(&socket);
    Ok(())
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
        let _ = agent.send(Message::Stop).await;
        let _ = tokio::time::timeout(GRACE, signalled()).await;
    })
}
