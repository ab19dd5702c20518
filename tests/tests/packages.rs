//! A package of commands is what its commands are one by one (rule C6): random packages against a plain reference.

use std::path::Path;

use mdm_tests::packages::compare::difference;
use mdm_tests::packages::generate::Generator;
use mdm_tests::packages::shrink::shrink;
use mdm_tests::packages::{Device, Package, command};

/// How many packages are drawn, unless `MDM_PACKAGES` says otherwise.
const PACKAGES: u64 = 1_000;
/// Where the seeds begin, unless `MDM_PACKAGES_SEED` says otherwise.
const SEED: u64 = 1;

/// The most remote actions of one session.
const MOST_ACTIONS: usize = 8;

#[test]
fn a_package_of_commands_is_what_its_commands_are_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    mdm_tests::packages::root(folder.path()).unwrap();
    let (count, first) = (number("MDM_PACKAGES").unwrap_or(PACKAGES), number("MDM_PACKAGES_SEED").unwrap_or(SEED));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        let root = folder.path();
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    (first + worker..first + count).step_by(threads as usize).for_each(|seed| check(root, seed))
                })
            })
            .collect();
        let failed = workers.into_iter().filter_map(|worker| worker.join().err()).count();
        assert_eq!(failed, 0, "see above");
    });
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A package on a device with a past.
fn drawn(seed: u64) -> (Package, Package) {
    let mut generator = Generator::new(seed);
    (generator.package(4), generator.package(6))
}

fn check(root: &Path, seed: u64) {
    let drawn = drawn(seed);
    if fails(root, seed, &drawn).is_none() {
        return;
    }
    let (before, package) = shrink(drawn, |pair| fails(root, seed, pair).is_some());
    let why = fails(root, seed, &(before.clone(), package.clone())).unwrap_or_default();
    panic!(
        "seed {seed} ({}): {why}\nbefore:\n{}package:\n{}",
        kind(seed),
        command::print(&before),
        command::print(&package)
    );
}

/// What is special about the device of a seed.
fn kind(seed: u64) -> &'static str {
    match seed % 32 {
        7 => "nothing can be kept",
        3 | 11 | 19 => "one profile cannot be changed",
        _ => "a device like any other",
    }
}

fn fails(root: &Path, seed: u64, (before, package): &(Package, Package)) -> Option<String> {
    // More remote actions than one session takes are refused in one message and not in several.
    if command::executions(package) > MOST_ACTIONS {
        return None;
    }
    let mut device = Device::new(root);
    device.run(before);
    device.actions = Default::default();
    device.max_message = [None, Some(2048), Some(4096), Some(65_536)][seed as usize % 4];
    let mut elsewhere = device.clone();
    elsewhere.run(package);
    let (before_package, after) = (device.state(), elsewhere.state());
    match kind(seed) {
        // What is in the end as it was is never tried.
        "nothing can be kept" => device.store_fails = after.stored_differs_from(&before_package),
        "one profile cannot be changed" => {
            let roots = command::roots(package);
            let root = roots.get(seed as usize % roots.len().max(1))?;
            if after.profiles.get(root) != before_package.profiles.get(root) {
                device.machine.failing.insert(root.clone());
            }
        }
        _ => {}
    }
    difference(&device, package)
}
