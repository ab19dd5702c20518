//! Random lives of the real programs: `mdm-agent` and `mdm-sim-server` as processes that are killed, restarted, restored
//! from backups, held after every completed check-in against the same plain reference as the lives in virtual time.
//!
//! Real time passes, so no step waits for days: what expires is tested in virtual time. A life differs if its profiles,
//! files, managing authority, portal or console differ from the reference. It is printed with its seed and its steps.

mod administrator;
mod compare;
mod life;
mod step;
mod tenant;

use life::Life;
pub use step::{Plan, ProgramStep, draw};

/// How often a life that differs is repeated for the report: kills happen at real moments, so not every repetition differs.
const REPETITIONS: usize = 2;

/// How a life differs from the reference, if it does.
pub fn fails(plan: &Plan) -> Option<String> {
    match Life::begin(plan.mode, plan.with_service).and_then(|mut life| life.live(&plan.steps)) {
        Ok(difference) => difference,
        Err(error) => Some(format!("the life cannot be lived: {error:#}")),
    }
}

/// The same, with a life that is drawn; the report of a life that differs.
pub fn seed_fails(seed: u64) -> Option<String> {
    let plan = draw(seed);
    let why = fails(&plan)?;
    let again: Vec<String> =
        (0..REPETITIONS).map(|_| fails(&plan).unwrap_or_else(|| "no difference".to_owned())).collect();
    Some(format!("{}repeated:\n  {}\n", text(seed, &plan, &why), again.join("\n  ")))
}

/// The shortest life that still differs in some way, as text: steps are left out as long as the rest differs.
pub fn shrink(seed: u64) -> Option<String> {
    let mut plan = draw(seed);
    let mut why = fails(&plan)?;
    for place in (0..plan.steps.len()).rev() {
        let mut shorter = plan.clone();
        shorter.steps.remove(place);
        if let Some(still) = fails(&shorter) {
            (plan, why) = (shorter, still);
        }
    }
    Some(text(seed, &plan, &why))
}

fn text(seed: u64, plan: &Plan, why: &str) -> String {
    let lines: String =
        plan.steps.iter().enumerate().map(|(number, step)| format!("  {}. {step}\n", number + 1)).collect();
    let service = if plan.with_service { "the service runs" } else { "each check-in is a process of its own" };
    format!("seed {seed}, the tenant is set to {:?}, {service}: {why}\n{lines}", plan.mode)
}
