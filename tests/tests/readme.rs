//! The README is true: its commands work as printed, and it names every verb and exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Stdio};

use mdm_tests::processes::silent;
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};

const README: &str = include_str!("../../README.md");

#[test]
fn the_commands_under_use_work_as_printed() {
    let world = World::new().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let mut ran = Vec::new();
    for line in console_lines() {
        // The tenant and the service run already, on ports that are free.
        if line.starts_with("mdm-sim-server ") || line == "sudo mdm-agent run" || line.starts_with("printf ") {
            continue;
        }
        let line = line.strip_prefix("sudo ").unwrap_or(line);
        let line = line
            .replace("https://localhost:8443", &world.server.device_url)
            .replace("http://127.0.0.1:8080/api/v1", world.server.admin.base())
            .replace("@tests/", concat!("@", env!("CARGO_MANIFEST_DIR"), "/"))
            .replace("sim/", "server/");
        if line.starts_with("curl ") && !curl_is_there() {
            // The same by other means: the machine needs nothing but a toolchain.
            block_on(world.server.admin.assign("wifi", profiles::WIFI)).unwrap();
            continue;
        }
        let said = shell(&line, &world);
        assert!(said.status.success(), "{line}: {}", String::from_utf8_lossy(&said.stderr));
        let words = line.split_whitespace();
        ran.extend(words.skip_while(|word| *word != "mdm-agent").nth(1).map(str::to_owned));
    }
    assert_eq!(
        ran,
        [
            "enroll", "status", "sync", "profiles", "profiles", "profiles", "profiles", "profiles", "plan", "history",
            "unenroll"
        ]
    );
}

fn curl_is_there() -> bool {
    Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn every_verb_and_exit_code_of_the_help_is_in_the_readme() {
    let world = World::new().unwrap();
    let help = world.agent.verb(["--help"]).unwrap().output;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let verbs =
        commands.lines().take_while(|line| !line.trim().is_empty()).filter_map(|line| line.split_whitespace().next());
    for verb in verbs.filter(|verb| *verb != "help") {
        assert!(README.contains(&format!("`{verb}")), "the README does not name {verb}");
        let said = world.agent.verb([verb, "--help"]).unwrap();
        assert!(said.output.contains("Example"), "{verb} --help has no example");
    }
    let codes = help.lines().find(|line| line.starts_with("Exit codes: ")).unwrap();
    for code in codes.trim_start_matches("Exit codes: ").trim_end_matches('.').split(", ") {
        assert!(README.contains(code), "the README does not explain exit code {code:?}");
    }
}

#[test]
fn the_two_commands_stand_at_the_top() {
    let top: Vec<&str> = README.lines().take(16).collect();
    for command in ["cargo demo", "cargo test --workspace"] {
        assert!(top.iter().any(|line| line.trim().starts_with(command)), "{command}");
    }
}

fn console_lines() -> Vec<&'static str> {
    let blocks = README.split("```console\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.flat_map(|(block, _)| block.lines()).filter_map(|line| line.strip_prefix("$ ")).collect()
}

fn shell(line: &str, world: &World) -> std::process::Output {
    let programs = world.programs.agent.parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let folder: &Path = world.folder.path();
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env("MDM_AGENT_STATE", &world.agent.state)
        .env("MDM_AGENT_ROOT", &world.agent.root)
        .env("MDM_AGENT_RUNTIME", &world.agent.runtime)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_tables_of_policies_are_those_of_the_code() {
    use mdm_tests::policies::{BEGIN, END, tables};
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let begin = readme.find(BEGIN).expect("the README has the tables");
    let end = readme.find(END).expect("the README's tables end") + END.len() + 1;
    assert!(
        readme[begin..end] == tables(),
        "put the output of `cargo run -p mdm-tests --bin policies` into the README"
    );
}
