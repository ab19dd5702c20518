//! The service: the agent, its control socket, and the signals that stop it.

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::agent::{Agent, Message};
use super::control::server;
use super::facts::Sessions;
use super::lock::StateLock;
use super::paths::Paths;
use super::store::StoreAccess;

/// Runs the service until it is told to stop. `ready` is called once it can be asked things.
pub async fn run(paths: Paths, sessions: Sessions, access: StoreAccess, ready: impl FnOnce()) -> anyhow::Result<()> {
    let _lock = StateLock::acquire(&paths, "mdm-agent run")?;
    let socket = paths.socket();
    let listener = server::bind(&socket)?;
    let agent = Agent::start(paths, sessions, access)?;
    let sender = agent.sender();
    let serving = tokio::spawn(server::serve(listener, sender.clone()));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    info!(socket = %socket.display(), "ready");
    ready();
    let stopping = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping");
        let _ = sender.send(Message::Stop).await;
    });
    agent.run().await?;
    serving.abort();
    stopping.abort();
    // The socket of a stopped daemon would look like one that does not answer.
    let _ = std::fs::remove_file(&socket);
    Ok(())
}
