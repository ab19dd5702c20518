//! `cargo run --release -p mdm-tests --bin lived_in -- 1000`: how many random lives on machines that people live in differ
//! from the promise that they get their machine back, by what differs, with the shortest example of each.
//!
//! With `MDM_ROOTS_BRIEF` it names seeds instead of examples, with `MDM_ROOTS_KIND` only the kinds that have this in them.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

use std::collections::BTreeMap;

use anyhow::Context as _;
use mdm_tests::lived_in::trial;
use mdm_tests::seeds::Seeds;

/// How many lives of each kind are made short, to find the shortest.
const EXAMPLES: usize = 3;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().as_deref().unwrap_or("1000").parse().context("the number of lives is none")?;
    let first: u64 = arguments.next().as_deref().unwrap_or("1").parse().context("the first seed is none")?;
    let found = Seeds { first, count }.map(trial::kinds_of_seed);
    let differing = found.iter().filter(|(_, kinds)| !kinds.is_empty()).count();
    let mut seeds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (seed, kinds) in found {
        kinds.into_iter().for_each(|kind| seeds.entry(kind).or_default().push(seed));
    }
    println!("{differing} of {count} lives differ, in {} ways", seeds.len());
    let is_brief = std::env::var_os("MDM_ROOTS_BRIEF").is_some();
    let wanted = std::env::var("MDM_ROOTS_KIND").unwrap_or_default();
    for (kind, mut seeds) in seeds.into_iter().filter(|(kind, _)| kind.contains(&wanted)) {
        seeds.sort_unstable();
        println!("\n{} lives: {kind}", seeds.len());
        if is_brief {
            println!("seeds {:?}", &seeds[..seeds.len().min(EXAMPLES)]);
        } else if let Some((_, text)) = seeds.iter().take(EXAMPLES).map(|seed| trial::report(*seed, &kind)).min() {
            println!("{text}");
        }
    }
    Ok(())
}
