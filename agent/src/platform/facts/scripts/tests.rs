use std::path::Path;

use super::*;

fn quick() -> Limits {
    Limits { seconds: 5, ..Limits::default() }
}

/// Runs a script as a user that no other test has, so that tests do not end each other's processes: once in a
/// namespace of its own and once without, as in a container that must not make one.
fn run_as(user: u32, limits: Limits, script: &str) -> Result<String, String> {
    let [one, other] = [true, false].map(|namespace| run_once(user, limits, script, namespace));
    assert_eq!(one.is_ok(), other.is_ok(), "{one:?} and {other:?}");
    other
}

fn run_once(user: u32, limits: Limits, script: &str, namespace: bool) -> Result<String, String> {
    let place = tempfile::tempdir().unwrap();
    open_to_all(place.path());
    let output = Sandboxed::by_util_linux(limits, user, place.path(), namespace).run(script);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left behind");
    // What was just ended may need a moment to be gone.
    let gone = (0..1000).any(|_| processes_of(user).is_empty());
    assert!(gone, "something still runs: {:?}", processes_of(user));
    output.map(|output| String::from_utf8(output).unwrap())
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Processes of a user that have not ended yet.
fn processes_of(user: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name).map(str::trim).map(str::to_owned));
        let is_theirs = field("Uid:").is_some_and(|uids| uids.split_whitespace().next() == Some(&user.to_string()));
        if is_theirs && !field("State:").is_some_and(|state| state.starts_with(['Z', 'X'])) {
            found.push(status);
        }
    }
    found
}

#[test]
fn findings_are_names_and_plain_values() {
    let found = findings::read(b"\xef\xbb\xbf{\"a\":true,\"b\":7,\"c\":1.5,\"d\":\"x\",\"e\":null}\n").unwrap();
    let expected = [
        ("a", ScriptValue::Boolean(true)),
        ("b", ScriptValue::Integer(7)),
        ("c", ScriptValue::Decimal(1.5)),
        ("d", ScriptValue::Text("x".to_owned())),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[test]
fn findings_that_cannot_be_used_say_why() {
    let many: Vec<String> = (0..300).map(|index| format!("\"{index}\":1")).collect();
    for (output, word) in [
        ("", "nothing"),
        ("[1]", "not an object"),
        ("hello", "not JSON"),
        ("{\"a\":[1]}", "a is not text"),
        ("{\"a\":[[[[[1]]]]]}", "deep"),
        (&format!("{{{}}}", many.join(",")), "more than 256 names"),
    ] {
        let said = findings::read(output.as_bytes()).unwrap_err();
        assert!(said.contains(word), "{output}: {said}");
    }
    assert!(findings::read(b"\xff").unwrap_err().contains("no text"));
}

#[test]
fn one_script_that_fails_does_not_stop_the_others() {
    struct Half;
    impl ScriptRunner for Half {
        fn run(&self, script: &str) -> Result<Vec<u8>, String> {
            if script == "good" { Ok(b"{\"a\":1}".to_vec()) } else { Err("it was stopped".to_owned()) }
        }
    }
    let scripts = ["bad", "good"].map(|name| (format!("linux_customcompliance_{name}"), name.to_owned()));
    let facts = run(&scripts, &Half);
    assert!(facts["linux_customcompliance_good"].value().is_some());
    let Fact::Unknown { reason } = &facts["linux_customcompliance_bad"] else { panic!("it failed") };
    assert!(reason.contains("it was stopped"));
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_script_runs_as_nobody_with_nothing() {
    let script = "#!/bin/sh -u\nprintf '%s|%s|%s|' \"$(id -u):$(id -g):$(id -G)\" \"$(ls -A | wc -l)\" \"$(pwd)\"\nenv | \
         sort | tr '\\n' ' '; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status | tr -s '\\t\\n' ' '";
    let said = run_as(65_401, quick(), script).unwrap();
    let parts: Vec<&str> = said.split('|').collect();
    assert_eq!(parts[0], "65401:65401:65401");
    assert_eq!(parts[1], "0");
    assert!(parts[2].ends_with("/work"));
    let rest = parts[3];
    assert!(rest.contains("CapBnd: 0000000000000000") && rest.contains("CapEff: 0000000000000000"), "{rest}");
    assert!(rest.contains("NoNewPrivs: 1"), "{rest}");
    assert!(!rest.contains("CARGO") && !rest.contains("HOME=/root"), "{rest}");
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_script_runs_in_a_directory_that_the_agent_made_with_its_own_umask() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let place = folder.path().join("mdm-agent");
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&place).unwrap();
    let output = Sandboxed::by_util_linux(quick(), 65_411, &place, false).run("echo '{}'");
    assert_eq!(output, Ok(b"{}\n".to_vec()));
}

#[test]
#[ignore = "needs root and util-linux"]
fn the_first_line_names_the_interpreter() {
    assert_eq!(run_as(65_402, quick(), "#!/usr/bin/perl -w\nprint qq({\"a\":1});").unwrap(), "{\"a\":1}");
    assert_eq!(run_as(65_402, quick(), "#!/usr/bin/env bash\n[[ a == a ]] && echo yes").unwrap(), "yes\n");
    assert!(run_as(65_402, quick(), "#!/no/such/program\n").unwrap_err().contains("failed"));
    assert!(run_as(65_402, quick(), "exit 3").unwrap_err().contains('3'));
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_script_that_hangs_is_stopped() {
    let limits = Limits { seconds: 1, ..Limits::default() };
    let said = run_as(65_403, limits, "trap '' TERM INT HUP; while :; do sleep 100; done").unwrap_err();
    assert_eq!(said, "it was stopped after 1 seconds");
}

#[test]
#[ignore = "needs root and util-linux"]
fn what_a_script_leaves_in_the_background_ends_with_it() {
    let script = "(trap '' TERM HUP; setsid sleep 1000) & setsid -f sleep 1000; echo '{}'";
    assert_eq!(run_as(65_404, quick(), script).unwrap(), "{}\n", "nobody waits for those who hold on to its output");
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_fork_bomb_is_stopped() {
    let limits = Limits { seconds: 2, ..Limits::default() };
    let bomb = "b() { b | b & }; while :; do b; done 2>/dev/null";
    assert!(run_as(65_405, limits, bomb).is_err());
    assert_eq!(run_as(65_405, quick(), "echo still").unwrap(), "still\n", "the next script is not held up");
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_script_cannot_have_more_processes_than_it_may() {
    let limits = Limits { processes: 8, ..quick() };
    let script = "n=0; while [ $n -lt 40 ]; do sleep 50 & n=$((n+1)); done; echo all";
    assert!(run_as(65_406, limits, script).is_err(), "the shell gives up when it cannot fork");
}

#[test]
#[ignore = "needs root and util-linux"]
fn endless_output_is_cut_off() {
    assert!(run_as(65_407, quick(), "exec cat /dev/zero").unwrap_err().contains("printed more than 65536 bytes"));
    assert!(run_as(65_407, quick(), "trap '' PIPE; yes & yes").unwrap_err().contains("printed more"));
    assert!(run_as(65_407, quick(), "yes >&2 & echo fine; exit 0").unwrap().starts_with("fine"));
}

#[test]
#[ignore = "needs root and util-linux"]
fn memory_and_files_are_limited() {
    let limits = Limits { memory_bytes: 64 << 20, ..quick() };
    let script = "#!/usr/bin/perl\nmy $x = 'x' x (256*1024*1024); print 'got it';";
    assert!(run_as(65_408, limits, script).unwrap_err().contains("failed"));
    assert!(run_as(65_408, quick(), "head -c 5000000 /dev/zero > file && echo written").is_err());
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_script_can_neither_read_nor_end_what_is_not_its_own() {
    let own = std::process::id();
    let script =
        format!("cat /etc/shadow 2>/dev/null; kill -9 {own} 2>/dev/null; echo x > /etc/mdm-test 2>/dev/null; echo end");
    assert_eq!(run_as(65_409, quick(), &script).unwrap(), "end\n");
    assert!(!Path::new("/etc/mdm-test").exists());
}

#[test]
#[ignore = "needs root and util-linux"]
fn a_script_that_ends_everybody_it_may_harms_only_itself() {
    let said = run_as(65_410, quick(), "while :; do (trap '' TERM; while :; do kill -9 -1; done) & sleep 1; done");
    assert!(said.is_err());
}
