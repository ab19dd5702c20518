//! `man` and `completions`: manual pages and completions of shells, made from the command line itself. A package brings
//! them along; a program that was copied somewhere makes its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Failure, VerbResult};

/// What the first page has beside what the command line knows of itself.
const MORE: &str = r#".SH FILES
.TP
\fI/etc/mdm\-agent/agent.toml\fR, \fI/etc/mdm\-agent/agent.d/*.toml\fR
The configuration, see \fBmdm\-agent.toml\fR(5).
.TP
\fI/var/lib/mdm\-agent\fR
Identity, profiles and history.
.TP
\fI/run/mdm\-agent/control.sock\fR
The control socket.
.SH ENVIRONMENT
.TP
\fBMDM_AGENT_LOG\fR
What is logged, as TARGET=LEVEL pairs such as \fIwarn,mdm_agent=debug\fR; the option \fB\-\-log\fR comes first.
.TP
\fBhttps_proxy\fR, \fBHTTPS_PROXY\fR, \fBno_proxy\fR, \fBNO_PROXY\fR
The proxy, before that of the configuration.
.TP
\fBNO_COLOR\fR
If set, no colours are used.
.PP
Variables that stand for options are named with them.
.SH SEE ALSO
\fBmdm\-agent.toml\fR(5), \fBjournalctl\fR(1), \fBsystemctl\fR(1)
"#;

/// Print a manual page, or write all of them.
#[derive(Debug, Args)]
#[command(
    name = "man",
    after_help = "Examples:
  mdm-agent man enroll | man -l -
  mdm-agent man --directory /usr/local/share/man/man1"
)]
pub(super) struct ManualPage {
    /// The verb whose page is printed; without one, the program's.
    verb: Option<String>,
    /// Write all pages into this directory instead.
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    directory: Option<PathBuf>,
}

impl ManualPage {
    pub(super) fn run(self, mut program: Command) -> VerbResult {
        program.build();
        if let Some(directory) = &self.directory {
            for (name, page) in pages(&program)? {
                let path = directory.join(name);
                let written = std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()));
                written.map_err(Failure::Local)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let name = self.verb.map_or_else(|| "mdm-agent.1".to_owned(), |verb| format!("mdm-agent-{verb}.1"));
        let page = pages(&program)?.into_iter().find(|(page, _)| *page == name);
        let (_, page) =
            page.with_context(|| format!("there is no page {name}; see mdm-agent help")).map_err(Failure::Local)?;
        print(&page)
    }
}

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mdm-agent completions bash > /usr/local/share/bash-completion/completions/mdm-agent")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, mut program: Command) -> VerbResult {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "mdm-agent", &mut script);
        print(&script)
    }
}

/// Every page with the name of its file.
fn pages(program: &Command) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let mut waiting = vec![program];
    while let Some(command) = waiting.pop() {
        let is_program = command.get_name() == program.get_name();
        let man = Man::new(command.clone()).manual("mdm-agent");
        let mut page = Vec::new();
        man.render(&mut page)?;
        if is_program {
            page.extend_from_slice(MORE.as_bytes());
        }
        pages.push((man.get_filename(), page));
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
        waiting.extend(verbs);
    }
    Ok(pages)
}

fn print(text: &[u8]) -> VerbResult {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Local(anyhow::Error::new(error).context("it cannot be written")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_verb_that_is_shown_has_a_page_and_nothing_else_has() {
        let mut program = crate::cli::Arguments::command();
        program.build();
        let names: Vec<String> = pages(&program).unwrap().into_iter().map(|(name, _)| name).collect();
        for verb in ["", "-enroll", "-run", "-profiles", "-profiles-why", "-config-check", "-man"] {
            assert!(names.contains(&format!("mdm-agent{verb}.1")), "{verb}: {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("store-worker") || name.contains("help")), "{names:?}");
    }
}
