//! The `mdm-agent` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mdm_agent::cli::main()
}
