//! `status --watch` on a real terminal, and where nobody looks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use mdm_tests::processes::{Process, silent, wait_until};
use mdm_tests::world::World;
use serde_json::Value;

const LONG: Duration = Duration::from_secs(30);

#[test]
#[ignore = "needs tmux"]
fn a_screen_is_drawn_in_place_follows_what_happens_and_gives_the_terminal_back() {
    let world = World::enrolled().unwrap();
    let mut service = world.agent.run(&silent()).unwrap();
    let tmux = Tmux::start(&world, &format!("{} status --watch", world.agent.command_line()));
    let first = tmux.wait_for(|screen| screen.contains("Managed by") && screen.contains("Last events"));
    assert!(first.lines().next().unwrap().ends_with(" UTC"), "the last column counts: {first}");
    assert!(first.contains("Countdown") && first.contains("Ctrl-C ends it."), "{first}");
    assert_eq!((tmux.ask("#{alternate_on}"), tmux.ask("#{cursor_flag}")), ("1".to_owned(), "0".to_owned()));
    let checked_in = |screen: &str| screen.matches("triggers: user").count();
    let before = checked_in(&first);
    world.agent.json(["sync"]).unwrap();
    tmux.wait_for(|screen| checked_in(screen) > before && screen.starts_with("mdm-agent"));
    tmux.run(&["resize-window", "-x", "60", "-y", "12"]);
    let small = tmux.wait_for(|screen| screen.lines().count() <= 12 && screen.contains("Ctrl-C ends it."));
    assert!(small.lines().all(|line| line.chars().count() <= 60), "{small}");
    service.stop().unwrap();
    tmux.wait_for(|screen| screen.contains("The service does not answer"));
    tmux.run(&["send-keys", "C-c"]);
    let after = tmux.wait_for(|screen| screen.contains("ended with 0"));
    assert!(!after.contains("Managed by") && after.contains("typed before"), "{after}");
    assert_eq!((tmux.ask("#{alternate_on}"), tmux.ask("#{cursor_flag}")), ("0".to_owned(), "1".to_owned()));
}

#[test]
fn where_nobody_looks_there_is_a_line_of_json_for_each_change_and_none_without() {
    let world = World::enrolled().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let watch = Process::start(world.agent.command().args(["status", "--watch", "--json"]), &silent()).unwrap();
    let lines = || -> Vec<Value> {
        watch.output().iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    };
    let first = wait_until(LONG, || Ok(lines().first().cloned())).unwrap();
    assert_eq!(first["status"]["account"]["authority"], "Intune");
    let session = world.agent.json(["sync"]).unwrap()["session_id"].clone();
    let is_there = |line: &Value| line["status"]["last_session"]["session_id"] == session;
    wait_until(LONG, || Ok(lines().iter().any(is_there).then_some(()))).unwrap();
    let all = lines();
    let essence = |line: &Value| (line["status"].clone(), line["last_event"].clone());
    assert!(all.windows(2).all(|pair| essence(&pair[0]) != essence(&pair[1])), "{all:#?}");
}

#[test]
fn a_watch_whose_reader_is_gone_ends() {
    let world = World::enrolled().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let mut command = world.agent.command();
    let mut watch = command.args(["status", "--watch"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(watch.stdout.take());
    let status = wait_until(LONG, || {
        world.agent.json(["sync"])?;
        Ok(watch.try_wait()?)
    });
    assert!(status.unwrap().success());
}

/// A terminal of its own; it ends when this is dropped.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// A terminal in which something was typed before the program was started.
    fn start(world: &World, command: &str) -> Self {
        let tmux = Self { socket: world.folder.path().join("tmux.sock") };
        let script = format!("echo typed before; {command}; echo ended with $?; exec cat");
        tmux.run(&["-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "40", &script]);
        tmux
    }

    fn run(&self, arguments: &[&str]) -> String {
        let said =
            Command::new("tmux").arg("-S").arg(&self.socket).args(arguments).env_remove("TMUX").output().unwrap();
        assert!(said.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    fn ask(&self, format: &str) -> String {
        self.run(&["display-message", "-p", format]).trim().to_owned()
    }

    fn wait_for(&self, mut seen: impl FnMut(&str) -> bool) -> String {
        let mut last = String::new();
        let found = wait_until(LONG, || {
            last = self.run(&["capture-pane", "-p"]);
            Ok(seen(&last).then(|| last.clone()))
        });
        found.unwrap_or_else(|error| panic!("{error}; the screen shows:\n{last}"))
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").status();
    }
}
