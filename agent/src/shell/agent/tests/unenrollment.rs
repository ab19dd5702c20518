//! An unenrollment that was cut off or failed is brought to its end by whoever comes next (rule R6).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::platform::consumer::Consumer;
use crate::platform::force::Others;
use crate::platform::messenger::{Declined, Messenger, News};
use crate::platform::root::Root;
use crate::platform::testing::profile;

/// The file that a profile of these tests is.
const FILE: &str = "etc/sysctl.d/90-mdm-agent.conf";

/// A machine's programs, which can be told nothing for a while.
#[derive(Debug, Default)]
struct Deaf(AtomicBool);

impl Messenger for Deaf {
    fn tell(&self, _: Consumer, _: &News, _: &Root) -> Result<(), Vec<Declined>> {
        if self.0.load(Ordering::SeqCst) {
            return Err(vec![Declined { path: None, reason: "it hangs".to_owned() }]);
        }
        Ok(())
    }
}

/// An enrolled machine with a profile applied and verdicts kept.
struct Enrolled {
    _folder: tempfile::TempDir,
    paths: Paths,
    platform: Platform,
    deaf: Arc<Deaf>,
}

impl Enrolled {
    fn new() -> Self {
        let (folder, paths) = enrolled();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("usr/sbin")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(root.join("usr/sbin/sysctl"), "").unwrap();
        let deaf = Arc::new(Deaf::default());
        let platform = Platform::new(&root, &paths.state, Arc::clone(&deaf) as Arc<dyn Messenger>);
        let applied = profile("./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.sysrq", &[("", "1")]);
        let found = platform.converge(&[applied], Others::Go).unwrap();
        assert_eq!((found.refused.len(), found.applied.len()), (0, 1), "{found:?}");
        crate::shell::compliance::keep(&paths, &crate::engine::compliance::standing::Standing::default()).unwrap();
        Self { _folder: folder, paths, platform, deaf }
    }

    fn ask(&self, request: ControlRequest) -> ControlResult {
        runtime().block_on(async {
            let sessions = facts::Sessions::Untracked;
            let (paths, platform) = (self.paths.clone(), self.platform.clone());
            let agent =
                Agent::start(paths, sessions, StoreAccess::InProcess, platform, RetentionRules::default()).unwrap();
            let sender = agent.sender();
            let answer = ask(&sender, request).await;
            let running = tokio::spawn(agent.run());
            let answer = tokio::time::timeout(Duration::from_secs(30), answer).await.expect("an answer").unwrap();
            sender.send(Message::Stop).await.unwrap();
            running.await.unwrap().unwrap();
            answer
        })
    }

    /// A service starts, and is stopped once it has brought the machine in line.
    fn start_service(&self) {
        runtime().block_on(async {
            let (paths, platform) = (self.paths.clone(), self.platform.clone());
            let sessions = facts::Sessions::Untracked;
            let agent =
                Agent::start(paths, sessions, StoreAccess::InProcess, platform, RetentionRules::default()).unwrap();
            let sender = agent.sender();
            let running = tokio::spawn(agent.going_on().run());
            sender.send(Message::Stop).await.unwrap();
            running.await.unwrap().unwrap();
        });
    }

    /// Whether nothing is left of the enrollment, on the machine and in the state directory.
    fn assert_clean(&self, when: &str) {
        assert!(!self.platform.root().join(FILE).exists(), "{when}: the profile is still applied");
        assert!(!self.platform.root().join("etc/sysctl.d").exists(), "{when}: a directory of ours is still there");
        let left = names_in(&self.paths.state);
        assert!(
            left.iter().all(|name| ["history", "lock", "store.lock", "version"].contains(&name.as_str())),
            "{when}: {left:?}"
        );
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn an_unenrollment_that_could_not_remove_something_says_what_and_is_finished_by_the_next() {
    let machine = Enrolled::new();
    machine.deaf.0.store(true, Ordering::SeqCst);
    let error = machine.ask(ControlRequest::Unenrol).unwrap_err();
    assert!(error.message.contains("sysctl was not told"), "{error:?}");
    assert!(error.advice.is_some_and(|advice| advice.contains("mdm-agent unenroll")));
    assert!(!machine.paths.identity().exists() && !machine.paths.store().exists(), "its secrets are gone");
    let status = machine.ask(ControlRequest::Status).unwrap();
    assert!(status["account"].is_null() && status["unenrollment_unfinished"] == true, "{status}");
    machine.ask(ControlRequest::Unenrol).unwrap_err();
    machine.deaf.0.store(false, Ordering::SeqCst);
    machine.ask(ControlRequest::Unenrol).unwrap();
    machine.assert_clean("at the end");
    assert_eq!(machine.ask(ControlRequest::Unenrol).unwrap_err().code, ErrorCode::NotEnrolled);
}

#[test]
fn an_unenrollment_that_was_killed_after_any_of_its_steps_is_finished_by_the_next() {
    type Step = fn(&Enrolled);
    let steps: [(&str, Step); 5] = [
        ("begun", |machine| std::fs::write(machine.paths.state.join("unenrolling"), "").unwrap()),
        ("given back", |machine| machine.platform.clear(&mut Vec::new()).unwrap()),
        ("verdicts forgotten", |machine| crate::shell::compliance::forget(&machine.paths).unwrap()),
        ("identity renamed", |machine| {
            std::fs::rename(machine.paths.identity(), machine.paths.state.join("identity.old")).unwrap();
        }),
        ("identity removed", |machine| Identity::remove(&machine.paths).unwrap()),
    ];
    for done in 1..=steps.len() {
        let machine = Enrolled::new();
        steps[..done].iter().for_each(|(_, step)| step(&machine));
        let after = steps[done - 1].0;
        assert!(machine.ask(ControlRequest::Status).unwrap()["account"].is_null(), "{after}: it is not enrolled");
        machine.ask(ControlRequest::Unenrol).unwrap_or_else(|error| panic!("{after}: {error:?}"));
        machine.assert_clean(after);
    }
}

#[test]
fn what_is_on_the_machine_is_given_back_though_identity_and_store_are_lost() {
    let machine = Enrolled::new();
    std::fs::remove_dir_all(machine.paths.identity()).unwrap();
    machine.ask(ControlRequest::Unenrol).unwrap();
    machine.assert_clean("without an identity");
}

#[test]
fn a_service_that_starts_brings_an_unenrollment_to_its_end() {
    let machine = Enrolled::new();
    std::fs::write(machine.paths.state.join("unenrolling"), "").unwrap();
    machine.start_service();
    machine.assert_clean("after the start");
}

#[test]
fn a_damaged_list_of_what_to_give_back_is_said_and_kept() {
    let machine = Enrolled::new();
    std::fs::write(machine.paths.state.join("ledger.json"), "{").unwrap();
    let error = machine.ask(ControlRequest::Unenrol).unwrap_err();
    assert!(error.message.contains("ledger.damaged"), "{error:?}");
    let list = machine.paths.state.join("ledger.damaged");
    assert!(list.exists() && !machine.paths.identity().exists());
    machine.ask(ControlRequest::Unenrol).unwrap_err();
    std::fs::remove_file(list).unwrap();
    machine.ask(ControlRequest::Unenrol).unwrap();
}

#[test]
fn an_identity_that_comes_back_from_a_backup_counts_though_the_machine_was_swept_without_it() {
    let machine = Enrolled::new();
    let [identity, backup] = [machine.paths.identity(), machine.paths.state.with_file_name("backup")];
    std::fs::rename(&identity, &backup).unwrap();
    machine.deaf.0.store(true, Ordering::SeqCst);
    machine.start_service();
    assert!(!machine.platform.root().join(FILE).exists(), "nobody is enrolled");
    std::fs::rename(&backup, &identity).unwrap();
    machine.start_service();
    assert!(machine.ask(ControlRequest::Status).unwrap()["account"].is_object(), "it counts");
}

#[test]
fn nobody_ends_an_enrollment_that_is_under_way() {
    let machine = Enrolled::new();
    std::fs::remove_dir_all(machine.paths.identity()).unwrap();
    let order = crate::engine::enrolment::EnrolOrder {
        server: Some("https://127.0.0.1:1".to_owned()),
        user: "ada@example.org".to_owned(),
        password: Some("secret".to_owned()),
        token: None,
        local_user: None,
        authorities: None,
        device_id: Some("device".to_owned()),
    };
    runtime().block_on(async {
        let sessions = facts::Sessions::Untracked;
        let (paths, platform) = (machine.paths.clone(), machine.platform.clone());
        let agent = Agent::start(paths, sessions, StoreAccess::InProcess, platform, RetentionRules::default()).unwrap();
        let sender = agent.sender();
        let enrolled = ask(&sender, ControlRequest::Enrol(Box::new(order))).await;
        let left = ask(&sender, ControlRequest::Unenrol).await;
        let running = tokio::spawn(agent.run());
        assert!(left.await.unwrap().unwrap_err().message.contains("under way"));
        enrolled.await.unwrap().unwrap_err();
        sender.send(Message::Stop).await.unwrap();
        running.await.unwrap().unwrap();
    });
}
