//! `cargo run --release -p mdm-tests --bin packages -- 20000`: how many random packages of commands differ from the plain
//! sequential reference, by what differs, with the smallest example of each.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

use std::collections::BTreeMap;

use anyhow::Context as _;
use mdm_tests::packages::{root, trial};

fn main() -> anyhow::Result<()> {
    let count = std::env::args().nth(1).unwrap_or_else(|| "20000".to_owned());
    let count: u64 = count.parse().context("the number of packages is none")?;
    let folder = tempfile::tempdir()?;
    root(folder.path())?;
    let mut kinds: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for seed in 1..=count {
        if let Some(why) = trial::fails(folder.path(), seed, &trial::drawn(seed)) {
            let (number, _) = kinds.entry(kind(&why)).or_insert((0, seed));
            *number += 1;
        }
    }
    let differing: u64 = kinds.values().map(|(number, _)| number).sum();
    println!("{differing} of {count} packages differ, in {} ways", kinds.len());
    for (kind, (number, seed)) in kinds {
        println!("\n{number} times: {kind}\n{}", trial::report(folder.path(), seed, trial::drawn(seed)));
    }
    Ok(())
}

/// The first words of a difference, without what is particular to it.
fn kind(why: &str) -> String {
    let first = why.lines().next().unwrap_or_default();
    first.split([':', '[']).next().unwrap_or_default().trim().to_owned()
}
