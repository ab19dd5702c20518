//! `cargo run --release -p mdm-tests --bin lives -- 20000`: how many random lives differ from the plain reference of the
//! page's rules, by what differs, with the shortest example of each.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

use std::collections::BTreeMap;

use anyhow::Context as _;
use mdm_tests::lives::trial;
use mdm_tests::seeds::Seeds;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().as_deref().unwrap_or("2000").parse().context("the number of lives is none")?;
    let first: u64 = arguments.next().as_deref().unwrap_or("1").parse().context("the first seed is none")?;
    let found = Seeds { first, count }.map(trial::seed_fails);
    let found = found.into_iter().filter_map(|(seed, why)| Some((seed, why?)));
    let mut kinds: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (seed, why) in found {
        let (number, example) = kinds.entry(trial::kind_of(&why)).or_insert((0, seed));
        (*number, *example) = (*number + 1, seed.min(*example));
    }
    let differing: u64 = kinds.values().map(|(number, _)| number).sum();
    println!("{differing} of {count} lives differ, in {} ways", kinds.len());
    for (kind, (number, seed)) in kinds {
        let example =
            if std::env::var_os("MDM_LIVES_BRIEF").is_some() { format!("seed {seed}") } else { trial::report(seed) };
        println!("\n{number} times: {kind}\n{example}");
    }
    Ok(())
}
