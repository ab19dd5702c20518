//! Prints what the agent finds out about this machine for its compliance rules, as JSON.

fn main() -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let runner = mdm_agent::platform::facts::NoScripts;
    let facts = mdm_agent::platform::facts::gather(std::path::Path::new("/"), now.try_into()?, &[], &runner);
    // What a program prints is all that this one is for.
    #[expect(clippy::print_stdout)]
    {
        println!("{}", serde_json::to_string(&facts)?);
    }
    Ok(())
}
