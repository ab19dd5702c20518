//! Lives drawn from seeds; one that differs is made as short as it can be.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::life::live;
use super::step::{Life, draw, simpler};

/// The most lives that are tried to make one shorter.
const MOST_TRIALS: usize = 1500;

/// How a life differs from the promise: every kind of difference once, and the first example of each.
fn differences(life: &Life) -> BTreeMap<String, String> {
    let lived = catch_unwind(AssertUnwindSafe(|| live(life)));
    let wrong = match lived {
        Ok(Ok(wrong)) => wrong,
        Ok(Err(error)) => vec![format!("the life cannot be lived: /{error:#}")],
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            vec![format!("something panicked: /{}", said.unwrap_or_default())]
        }
    };
    let mut kinds = BTreeMap::new();
    for why in wrong {
        kinds.entry(kind_of(&why)).or_insert(why);
    }
    kinds
}

/// The kinds of differences in the life of a seed.
pub fn kinds_of_seed(seed: u64) -> Vec<String> {
    differences(&draw(seed)).into_keys().collect()
}

/// The shortest life that still differs in this way, and how, as text; how many steps it has.
pub fn report(seed: u64, kind: &str) -> (usize, String) {
    let life = shrink(draw(seed), kind);
    let why = differences(&life).remove(kind).unwrap_or_default();
    let lines: String =
        life.steps.iter().enumerate().map(|(number, step)| format!("  {}. {step}\n", number + 1)).collect();
    let end = life.steps.len() + 1;
    let text = format!("seed {seed}: {why}\n  found: {:?}\n{lines}  {end}. the enrolment ends\n", life.furniture);
    (end, text)
}

/// Leaves out what need not be there, as long as the life still differs in the same way.
fn shrink(mut life: Life, kind: &str) -> Life {
    let mut trials = 0;
    'again: loop {
        for smaller in smaller(&life) {
            trials += 1;
            if trials > MOST_TRIALS {
                return life;
            }
            if differences(&smaller).contains_key(kind) {
                life = smaller;
                continue 'again;
            }
        }
        return life;
    }
}

fn smaller(life: &Life) -> Vec<Life> {
    let mut found = Vec::new();
    let half = life.steps.len() / 2;
    if half > 1 {
        found.push(Life { steps: life.steps[..half].to_vec(), ..life.clone() });
        found.push(Life { steps: life.steps[half..].to_vec(), ..life.clone() });
    }
    for place in (0..life.steps.len()).rev() {
        let mut shorter = life.clone();
        shorter.steps.remove(place);
        found.push(shorter);
    }
    for place in 0..life.furniture.len() {
        let mut barer = life.clone();
        barer.furniture.remove(place);
        found.push(barer);
    }
    for place in 0..life.steps.len() {
        for simpler in simpler(&life.steps[place]) {
            let mut changed = life.clone();
            changed.steps[place] = simpler;
            found.push(changed);
        }
    }
    found
}

/// What differs, without what is particular to one life.
fn kind_of(why: &str) -> String {
    let what = why.split_once(" (step ").map_or(why, |(what, _)| what);
    why.split_once(": /").map_or(what, |(what, _)| what).to_owned()
}
