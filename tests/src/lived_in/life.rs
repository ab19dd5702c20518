//! A life: the real engine and the real platform on a root that people and tools live in, watched at every step.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use mdm_agent::engine::Progress;
use mdm_agent::engine::application::MachineReport;
use mdm_agent::engine::profile::Stored;

use super::expectation::{Expectation, Look, is_the_same};
use super::foresight::{Foreseen, accepted};
use super::judge::Work;
use super::machine::{LivedInMachine, Said};
use super::node::{Node, Snapshot, snapshot};
use super::places::{Places, real};
use super::reference::{Reference, quarantine};
use super::step::{Life, Step};
use super::trouble::{Spell, Trouble};
use super::watchdog::{pipes, watched};
use super::{furniture, hands};
use crate::packages::command::Package;
use crate::packages::{Answers, Device};

/// What the agent left when it was at work and everything went well.
#[derive(Debug, Clone)]
struct Rest {
    snapshot: Snapshot,
    in_force: InForce,
}

/// Which profiles are in force, with the hash of their content, and which are not.
type InForce = (BTreeMap<String, String>, BTreeSet<String>);

/// A life that is being lived.
struct Living {
    device: Device<LivedInMachine>,
    reference: Reference,
    expectation: Expectation,
    /// Counts what people write, so that no two texts are the same.
    own: u32,
    /// What the agent left, if nobody has done anything since.
    rest: Option<Rest>,
    wrong: Vec<String>,
}

/// Lives a life; every difference from the promise, in the order in which they were found.
pub(super) fn live(life: &Life) -> anyhow::Result<Vec<String>> {
    let machine = LivedInMachine::new().context("a folder for the machine")?;
    furniture::live_in(machine.root(), &life.furniture).context("the furniture")?;
    let mut living = Living {
        device: Device::on(machine),
        reference: Reference::default(),
        expectation: Expectation::default(),
        own: 0,
        rest: None,
        wrong: Vec::new(),
    };
    living.device.stored = enrolled();
    let last = [Step::Clear(Trouble::Nothing)];
    for (number, step) in life.steps.iter().chain(&last).enumerate() {
        let known = living.wrong.len();
        let pipes = pipes(living.device.machine.root(), &living.look());
        let ((), has_waited) = watched(&pipes, || living.step(step));
        if has_waited {
            living.wrong.push("the agent waits for ever for somebody to write to a pipe".to_owned());
        }
        for wrong in &mut living.wrong[known..] {
            wrong.push_str(&format!(" (step {})", number + 1));
        }
    }
    Ok(living.wrong)
}

/// What the store holds after the first session of an enrolment.
fn enrolled() -> Stored {
    Stored { progress: Some(Progress::default()), ..Stored::default() }
}

impl Living {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Session(trouble, package) => self.session(*trouble, Some(package)),
            Step::Start(trouble) => self.session(*trouble, None),
            Step::Clear(trouble) => self.clear(*trouble),
            Step::Deed(deed) => {
                let now = self.look();
                let files = self.reference.agents_files(&now);
                hands::perform(self.device.machine.root(), *deed, &files, &mut self.own);
                self.people_worked();
                if self.look() != now {
                    self.rest = None;
                }
            }
        }
    }

    fn look(&self) -> Snapshot {
        snapshot(self.device.machine.root())
    }

    fn people_worked(&mut self) {
        let places = Places::on(self.device.machine.root());
        self.reference.people_worked(&self.look(), &places);
    }

    /// A session, or the start of the agent if there is no package.
    fn session(&mut self, trouble: Trouble, package: Option<&Package>) {
        self.people_worked();
        let before = self.look();
        let places = Places::on(self.device.machine.root());
        let spell = Spell::new(trouble, None);
        let foreseen = Foreseen::before(&self.device, package, self.rest.is_some());
        self.device.machine.begin(std::sync::Arc::clone(&spell));
        let answers = match package {
            Some(package) => self.device.run(package),
            None => {
                self.device.start();
                Answers::default()
            }
        };
        let said = self.device.machine.said();
        let after = self.look();
        let in_force = said.report.as_ref().map(in_force);
        let is_disturbed = spell.has_struck();
        self.listen(&said, (&before, &after), answers.completed && !spell.has_killed(), is_disturbed);
        let (kept, open) = quarantine(self.device.machine.state());
        self.wrong.extend(open);
        let work = Work {
            before: &before,
            after: &after,
            places: &places,
            quarantine: &kept,
            is_disturbed,
            is_killed: spell.has_killed(),
            has_commands: package.is_some_and(|package| !package.is_empty()),
            is_unsettled: self.is_unsettled(said.report.as_ref()),
            is_end: false,
        };
        let wrong = self.reference.agent_worked(&work);
        self.wrong.extend(wrong);
        if is_disturbed {
            self.rest = None;
            return;
        }
        self.wrong.extend(foreseen.after(&self.device, &answers, (&before, &after), &places));
        self.wrong.extend(
            package
                .into_iter()
                .flat_map(|package| accepted(package, &answers, &self.device.stored.profiles, said.report.as_ref())),
        );
        self.rest_after(package.is_none_or(Vec::is_empty), after, in_force, &said);
    }

    /// Where nothing was done in between, nothing changes.
    fn rest_after(&mut self, is_idle: bool, after: Snapshot, in_force: Option<InForce>, said: &Said) {
        let Some(in_force) = in_force else { return };
        if let Some(rest) = self.rest.take().filter(|_| is_idle) {
            let paths: BTreeSet<&String> = rest.snapshot.keys().chain(after.keys()).collect();
            let is_changed = |path: &&&String| rest.snapshot.get(**path) != after.get(**path);
            let changed =
                paths.iter().find(is_changed).map(|path| format!("an idle session changes something: /{path}"));
            self.wrong.extend(changed);
            self.wrong.extend(said.noted.first().map(|path| format!("an idle session notes something: {path}")));
            if rest.in_force != in_force {
                let (was, is) = (&rest.in_force, &in_force);
                self.wrong.push(format!("other profiles are in force though nothing changed: /{was:?} {is:?}"));
            }
        }
        self.rest = Some(Rest { snapshot: after, in_force });
    }

    fn listen(&mut self, said: &Said, (before, after): (&Snapshot, &Snapshot), is_completed: bool, is_disturbed: bool) {
        let root = self.device.machine.root();
        let real = |paths: &[String]| paths.iter().map(|path| real(root, path)).collect::<Vec<String>>();
        let (noted, told) = (real(&said.noted), real(&said.told));
        let (certain, perhaps) = self.reference.touched(before);
        let there = |paths: BTreeSet<String>| {
            paths.into_iter().map(|path| (path.clone(), before.get(&path).cloned())).collect::<BTreeMap<_, _>>()
        };
        let look = Look {
            certain: there(certain),
            perhaps: there(perhaps),
            noted: &noted,
            told: &told,
            is_completed,
            is_disturbed,
        };
        let wrong = self.expectation.look(&look);
        self.wrong.extend(wrong);
        self.expectation.forget(|path, node: Option<&Node>| is_the_same(after.get(path), node));
    }

    fn is_unsettled(&self, report: Option<&MachineReport>) -> bool {
        report.is_none_or(|report| {
            let is_applied = |root: String| report.applied.contains_key(&root);
            !report.refused.is_empty()
                || !report.held.is_empty()
                || !self.device.stored.profiles.iter().all(|profile| is_applied(profile.root.to_string()))
        })
    }

    /// The enrolment ends, at the second attempt where the first one meets trouble; the device is enrolled anew.
    fn clear(&mut self, trouble: Trouble) {
        self.people_worked();
        let stuck = match trouble {
            Trouble::Stuck(place) => {
                let files = self.reference.agents_files(&self.look());
                files.get(place % files.len().max(1)).map(|path| format!("/{path}"))
            }
            _ => None,
        };
        let attempts = [Spell::new(trouble, stuck), Spell::new(Trouble::Nothing, None)];
        for spell in attempts {
            if self.clear_once(&spell) {
                break;
            }
        }
        self.rest = None;
        self.expectation = Expectation::default();
        self.device.stored = enrolled();
    }

    fn clear_once(&mut self, spell: &std::sync::Arc<Spell>) -> bool {
        self.people_worked();
        let before = self.look();
        let places = Places::on(self.device.machine.root());
        self.device.machine.begin(std::sync::Arc::clone(spell));
        let cleared = self.device.machine.clear();
        let said = self.device.machine.said();
        let after = self.look();
        self.listen(&said, (&before, &after), false, spell.has_struck());
        let (kept, open) = quarantine(self.device.machine.state());
        self.wrong.extend(open);
        let work = Work {
            before: &before,
            after: &after,
            places: &places,
            quarantine: &kept,
            is_disturbed: spell.has_struck(),
            is_killed: spell.has_killed(),
            has_commands: false,
            is_unsettled: cleared.is_err(),
            is_end: cleared.is_ok(),
        };
        let wrong = self.reference.agent_worked(&work);
        self.wrong.extend(wrong);
        if let (Err(error), false) = (&cleared, spell.has_struck()) {
            self.wrong.push(format!("the end fails though nothing is in its way: /{error}"));
        }
        cleared.is_ok()
    }
}

fn in_force(report: &MachineReport) -> InForce {
    let both = report.applied.iter().chain(&report.held);
    (both.map(|(root, content)| (root.clone(), content.clone())).collect(), report.refused.keys().cloned().collect())
}
