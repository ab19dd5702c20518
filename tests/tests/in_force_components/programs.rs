//! Programs that are run once, and what they said.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a program said, and whether it was content.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) said: String,
}

/// Runs a program; what it says on both ways comes together.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Answer {
    with_input(Command::new(program).args(arguments), b"")
}

/// Runs a program that has to be content, and answers with what it said.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> String {
    let answer = run(program, arguments);
    assert!(answer.success, "{program} {arguments:?}: {}", answer.said);
    answer.said
}

/// Runs a program as a user of the machine who is nobody in particular.
pub(crate) fn run_as_user(program: &str, arguments: &[&str]) -> Answer {
    let way = "--reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent".split(' ');
    with_input(Command::new("setpriv").args(way).arg(program).args(arguments), b"")
}

/// Runs a program that reads something.
pub(crate) fn with_input(command: &mut Command, input: &[u8]) -> Answer {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that does not read to the end says why by itself.
    drop(child.stdin.take().unwrap().write_all(input));
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Answer { success: output.status.success(), said }
}
