//! Lives drawn from seeds; one that differs is made as short as it can be.

use mdm_sim_server::tenant::TenantMode;

use super::life::Life;
use super::step::{Step, draw};

/// How a life differs from the reference, if it does.
pub fn fails(mode: TenantMode, steps: &[Step]) -> Option<String> {
    match Life::begin(mode).and_then(|mut life| life.live(steps)) {
        Ok(difference) => difference,
        Err(error) => Some(format!("the life cannot be lived: {error:#}")),
    }
}

/// The same, with a life that is drawn.
pub fn seed_fails(seed: u64) -> Option<String> {
    let (mode, steps) = draw(seed);
    fails(mode, &steps)
}

/// The shortest life that still differs, and how, as text.
pub fn report(seed: u64) -> String {
    let (mode, steps) = draw(seed);
    let steps = shrink(mode, steps);
    let why = fails(mode, &steps).unwrap_or_default();
    let lines: String = steps.iter().enumerate().map(|(number, step)| format!("  {}. {step}\n", number + 1)).collect();
    format!("seed {seed}, the tenant is set to {mode:?}: {why}\n{lines}")
}

/// Leaves out steps, and shortens waits, as long as the life still differs in the same way.
fn shrink(mode: TenantMode, mut steps: Vec<Step>) -> Vec<Step> {
    let kind = |steps: &[Step]| fails(mode, steps).map(|why| kind_of(&why));
    let wanted = kind(&steps);
    'again: loop {
        for place in (0..steps.len()).rev() {
            let mut shorter = steps.clone();
            shorter.remove(place);
            if kind(&shorter) == wanted {
                steps = shorter;
                continue 'again;
            }
        }
        for place in 0..steps.len() {
            let Some(simpler) = simpler(steps[place]) else { continue };
            let mut changed = steps.clone();
            changed[place] = simpler;
            if kind(&changed) == wanted {
                steps = changed;
                continue 'again;
            }
        }
        return steps;
    }
}

fn simpler(step: Step) -> Option<Step> {
    const HOUR: i64 = 3600;
    let rounded = |seconds: i64| {
        [24 * HOUR, HOUR]
            .into_iter()
            .map(|unit| seconds / unit * unit)
            .find(|rounded| *rounded > 0 && *rounded < seconds)
    };
    match step {
        Step::Pass(seconds) => rounded(seconds).map(Step::Pass),
        Step::Sleep(seconds) => rounded(seconds).map(Step::Sleep),
        _ => None,
    }
}

/// What differs, without what is particular to this life.
pub fn kind_of(why: &str) -> String {
    let what = why.split_once(": ").map_or(why, |(_, what)| what);
    let what: String =
        what.chars().map(|letter| if letter.is_ascii_digit() || letter == '-' { '#' } else { letter }).collect();
    let mut kind = what.split(['{', '[', '(']).next().unwrap_or_default().to_owned();
    while kind.contains("##") {
        kind = kind.replace("##", "#");
    }
    for name in ["Intune", "Co#management", "Office #", "S#"] {
        kind = kind.replace(name, "X");
    }
    kind
}
