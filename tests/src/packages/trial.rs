//! One package on one device, both drawn from a seed, held against the reference.

use std::path::Path;

use super::compare::difference;
use super::generate::Generator;
use super::shrink::shrink;
use super::{Device, Package, command};

/// The most remote actions of one session.
const MOST_ACTIONS: usize = 8;
/// Limits of servers on the size of messages.
const LIMITS: [Option<u64>; 4] = [None, Some(2048), Some(4096), Some(65_536)];

/// What is special about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    Nothing,
    /// Nothing can be kept.
    FullStore,
    /// One profile cannot be changed, though its verdict is good.
    StubbornProfile,
}

/// What was sent to a device before, and the package.
pub type Drawn = (Package, Package);

/// What comes with a seed.
pub fn drawn(seed: u64) -> Drawn {
    let mut generator = Generator::new(seed);
    (generator.package(4), generator.package(6))
}

/// How a package differs from the reference, if it does.
pub fn fails(root: &Path, seed: u64, (before, package): &Drawn) -> Option<String> {
    // More remote actions than one session takes are refused in one message and not in several.
    if command::executions(package) > MOST_ACTIONS {
        return None;
    }
    let number = usize::try_from(seed).unwrap_or(0);
    let mut device = Device::new(root);
    device.run(before);
    device.actions = super::device::Actions::default();
    device.max_message = LIMITS[number % LIMITS.len()];
    // What is in the end as it was is never tried.
    let mut elsewhere = device.clone();
    elsewhere.run(package);
    let (present, after) = (device.state(), elsewhere.state());
    match special(seed) {
        Special::Nothing => {}
        Special::FullStore => device.store_fails = after.stored_differs_from(&present),
        Special::StubbornProfile => {
            let roots = command::roots(package);
            let root = roots.get(number % roots.len().max(1));
            let changed = root.filter(|root| after.profiles.get(*root) != present.profiles.get(*root));
            device.machine.failing.extend(changed.cloned());
        }
    }
    difference(&device, package)
}

/// The smallest package that still fails, and how, as text.
pub fn report(root: &Path, seed: u64, drawn: Drawn) -> String {
    let smallest = shrink(drawn, |smaller| fails(root, seed, smaller).is_some());
    let why = fails(root, seed, &smallest).unwrap_or_default();
    let (before, package) = (command::print(&smallest.0), command::print(&smallest.1));
    format!("seed {seed} ({:?}): {why}\nbefore:\n{before}package:\n{package}", special(seed))
}

fn special(seed: u64) -> Special {
    match seed % 32 {
        7 => Special::FullStore,
        3 | 11 | 19 => Special::StubbornProfile,
        _ => Special::Nothing,
    }
}
