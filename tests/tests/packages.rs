//! A package of commands is what its commands are one by one (rule C6): random packages against a plain reference.

use std::path::Path;
use std::time::Duration;

use anyhow::{bail, ensure};
use mdm_tests::packages::compare::joined;
use mdm_tests::packages::device::State;
use mdm_tests::packages::generate::Generator;
use mdm_tests::packages::programs::RealDevice;
use mdm_tests::packages::{Device, Package, command, trial};
use mdm_tests::seeds::Seeds;

/// How many packages are drawn, unless `MDM_PACKAGES` says otherwise.
const PACKAGES: u64 = 1_000;
/// Where the seeds begin, unless `MDM_PACKAGES_SEED` says otherwise.
const SEED: u64 = 1;

#[test]
fn a_package_of_commands_is_what_its_commands_are_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    mdm_tests::packages::root(folder.path()).unwrap();
    Seeds::of("MDM_PACKAGES", PACKAGES).map(|seed| check(folder.path(), seed));
}

/// How many packages the real programs get, unless `MDM_PACKAGES_REAL` says otherwise.
const REAL_PACKAGES: u64 = 2_000;
/// The latest moment of a kill after the check-in was asked for, in milliseconds: a whole session fits in.
const LATEST_KILL_MS: u64 = 160;

#[test]
#[ignore = "takes minutes"]
fn the_real_programs_do_what_the_simulated_device_does_and_a_kill_leaves_before_or_after() {
    let folder = tempfile::tempdir().unwrap();
    mdm_tests::packages::root(folder.path()).unwrap();
    let mut simulated = Device::new(folder.path());
    simulated.retries_refused = true;
    let mut pair = Pair { simulated, real: RealDevice::enrolled().unwrap(), kills: [0, 0] };
    let count = number("MDM_PACKAGES_REAL").unwrap_or(REAL_PACKAGES);
    let first = number("MDM_PACKAGES_SEED").unwrap_or(SEED);
    for seed in first..first + count {
        let package = Generator::of_settings(seed).package(6);
        let outcome = if seed % 4 == 3 { pair.kill(seed, &package) } else { pair.run(seed, &package) };
        outcome.unwrap_or_else(|error| panic!("seed {seed}: {error:#}\n{}", command::print(&package)));
    }
    let [before, after] = pair.kills;
    let both = before > count / 50 && after > count / 50;
    assert!(count < 200 || both, "kills left {before} times before, {after} times after");
}

/// The real device and what it should be.
struct Pair {
    simulated: Device,
    real: RealDevice,
    /// Kills that left what was there before, and what was to be there after.
    kills: [u64; 2],
}

impl Pair {
    /// The same package on both.
    fn run(&mut self, seed: u64, package: &Package) -> anyhow::Result<()> {
        let limit = [None, Some(2048), Some(8192), Some(65_536)][seed as usize / 4 % 4];
        let mut answers = self.real.run(package, limit, seed % 4 == 1)?;
        // The first of two pieces.
        answers.statuses.retain(|(.., code)| *code != 213);
        let expected = self.simulated.run(package);
        let (found, wanted) = (&answers.statuses, &expected.statuses);
        ensure!(found == wanted, "statuses\n  found  {found:?}\n  wanted {wanted:?}");
        let (found, wanted) = (joined(&answers.results), joined(&expected.results));
        ensure!(found == wanted, "values\n  found  {found:?}\n  wanted {wanted:?}");
        // The real one may have held sessions of its own, in which it tries again what was refused.
        for _ in 0..self.simulated.settle() {
            self.real.run(&Package::new(), None, false)?;
        }
        let difference = self.real.difference(&self.simulated.state())?;
        ensure!(difference.is_none(), "{difference:?}");
        Ok(())
    }

    /// Kills the real one at some moment: it is what it was before, or what it is to be after.
    fn kill(&mut self, seed: u64, package: &Package) -> anyhow::Result<()> {
        let mut after = self.simulated.clone();
        after.run(package);
        let sessions = after.settle();
        let (present, claims) = (self.simulated.state(), after.state().claims);
        let is_different = present.claims != claims || self.simulated.refused() != after.refused();
        if is_different && after.state() == (State { claims, ..present }) {
            // Only what waits is different, and that cannot be seen from outside.
            return self.run(seed, package);
        }
        let delay = seed.wrapping_mul(7919) % LATEST_KILL_MS;
        self.real.run_and_kill(package, Duration::from_millis(delay))?;
        for _ in 0..sessions {
            self.real.run(&Package::new(), None, false)?;
        }
        let Some(no_longer) = self.real.difference(&self.simulated.state())? else {
            self.kills[0] += 1;
            return Ok(());
        };
        if let Some(not_yet) = self.real.difference(&after.state())? {
            bail!("killed after {delay} ms, neither before: {no_longer}\nnor after: {not_yet}");
        }
        self.simulated = after;
        self.kills[1] += 1;
        Ok(())
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn check(root: &Path, seed: u64) {
    let drawn = trial::drawn(seed);
    if trial::fails(root, seed, &drawn).is_some() {
        panic!("{}", trial::report(root, seed, drawn));
    }
}
