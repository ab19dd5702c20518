//! What end-to-end tests begin with: a tenant and an agent, each a real process, in a folder of their own.

use tempfile::TempDir;

use crate::agent::AgentFolder;
use crate::processes::silent;
use crate::programs::{self, Programs};
use crate::server::ServerProcess;

/// A tenant and an agent.
#[derive(Debug)]
pub struct World {
    /// The built programs.
    pub programs: Programs,
    /// Where everything is; removed at the end.
    pub folder: TempDir,
    /// The tenant.
    pub server: ServerProcess,
    /// The agent.
    pub agent: AgentFolder,
}

impl World {
    /// A tenant whose authority is Intune, and an agent that is not enrolled yet.
    pub fn new() -> anyhow::Result<Self> {
        Self::with_authority("intune")
    }

    /// The same with another authority.
    pub fn with_authority(authority: &str) -> anyhow::Result<Self> {
        let programs = programs::build()?;
        let folder = tempfile::tempdir()?;
        let server = ServerProcess::start(&programs, folder.path(), authority, &silent())?;
        let agent = AgentFolder::new(&programs, folder.path());
        Ok(Self { programs, folder, server, agent })
    }

    /// The same with the agent enrolled and checked in.
    pub fn enrolled() -> anyhow::Result<Self> {
        let world = Self::new()?;
        let said = world.agent.enrol(&world.server)?;
        anyhow::ensure!(said.code == 0, "the agent does not enrol: {}", said.errors);
        Ok(world)
    }

    /// Assigns one profile of each kind to all.
    pub async fn assign_all(&self) -> anyhow::Result<()> {
        for (name, fragment) in crate::profiles::all()? {
            self.server.admin.assign(name, &fragment).await?;
        }
        Ok(())
    }
}

/// Runs asynchronous code of the admin client to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime needs only a few file descriptors").block_on(future)
}
