//! What happens in a life, drawn from a seed.

use std::fmt;

use fastrand::Rng;

use super::catalogue;
use super::furniture::{Furniture, furnish};
use super::hands::{Deed, deed};
use super::trouble::Trouble;
use crate::packages::command::{Package, print};

/// The most changes that happen before a kill, and the most writes before the disk is full.
const LATEST: usize = 24;

/// Something that the server, the machine or somebody on it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A session, with these commands.
    Session(Trouble, Package),
    /// The agent starts.
    Start(Trouble),
    /// The enrolment ends, and the device is enrolled anew.
    Clear(Trouble),
    /// A person or a tool does something.
    Deed(Deed),
}

/// A life: how the machine was found, and what happens on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) furniture: Vec<Furniture>,
    pub(super) steps: Vec<Step>,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(trouble, package) => {
                let commands = print(package);
                write!(formatter, "a session{} {}", spoken(*trouble), commands.trim_end().replace('\n', "\n       "))
            }
            Self::Start(trouble) => write!(formatter, "the agent starts{}", spoken(*trouble)),
            Self::Clear(trouble) => write!(formatter, "the enrolment ends{}", spoken(*trouble)),
            Self::Deed(deed) => write!(formatter, "{deed:?}"),
        }
    }
}

fn spoken(trouble: Trouble) -> String {
    match trouble {
        Trouble::Nothing => String::new(),
        other => format!(" ({other:?})"),
    }
}

/// A life from a seed.
pub(super) fn draw(seed: u64) -> Life {
    let mut random = Rng::with_seed(seed);
    let furniture = furnish(&mut random);
    let mut steps = vec![Step::Session(Trouble::Nothing, catalogue::draw(&mut random))];
    // Half of all lives have a quiet agent, so that the rest of them can be judged strictly.
    let has_trouble = random.bool();
    for _ in 0..random.usize(3..14) {
        steps.push(one(&mut random, has_trouble));
    }
    Life { furniture, steps }
}

fn one(random: &mut Rng, has_trouble: bool) -> Step {
    match random.u8(..24) {
        0..=6 => Step::Session(trouble(random, has_trouble), catalogue::draw(random)),
        7 | 8 => Step::Session(trouble(random, has_trouble), Package::new()),
        9 => Step::Session(trouble(random, has_trouble), catalogue::nothing()),
        10 | 11 => Step::Start(trouble(random, has_trouble)),
        12 => Step::Clear(match random.u8(..6) {
            0..=2 if has_trouble => Trouble::Kill(random.usize(..LATEST)),
            3 if has_trouble => Trouble::Full(random.usize(..LATEST / 2)),
            4 => Trouble::Stuck(random.usize(..8)),
            _ => Trouble::Nothing,
        }),
        _ => Step::Deed(deed(random)),
    }
}

fn trouble(random: &mut Rng, has_trouble: bool) -> Trouble {
    match random.u8(..8) {
        0 | 1 if has_trouble => Trouble::Kill(random.usize(..LATEST)),
        2 if has_trouble => Trouble::Full(random.usize(..LATEST / 2)),
        _ => Trouble::Nothing,
    }
}

/// What may stand in the place of a step.
pub(super) fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Session(trouble, package) => {
            let mut found = Vec::new();
            if *trouble != Trouble::Nothing {
                found.push(Step::Session(Trouble::Nothing, package.clone()));
            }
            let shorter = crate::packages::shrink::smaller(package);
            found.extend(shorter.into_iter().map(|package| Step::Session(*trouble, package)));
            if package.is_empty() {
                found.push(Step::Start(*trouble));
            }
            found
        }
        Step::Start(trouble) if *trouble != Trouble::Nothing => vec![Step::Start(Trouble::Nothing)],
        Step::Clear(trouble) if *trouble != Trouble::Nothing => vec![Step::Clear(Trouble::Nothing)],
        Step::Start(_) | Step::Clear(_) | Step::Deed(_) => Vec::new(),
    }
}
