//! The machine as it was found, applied, watched, given back: random lives of the real platform on roots that people and
//! tools live in, against a plain reference.

use mdm_tests::lived_in::trial;
use mdm_tests::seeds::Seeds;

/// How many lives are drawn, unless `MDM_ROOTS` says otherwise.
const LIVES: u64 = 300;

#[test]
fn whatever_people_do_nothing_of_theirs_is_lost_and_everything_of_the_agents_goes() {
    let failing = Seeds::of("MDM_ROOTS", LIVES).find(|seed| trial::kinds_of_seed(seed).into_iter().next());
    if let Some((seed, kind)) = failing {
        let (_, text) = trial::report(seed, &kind);
        panic!("play it again with MDM_ROOTS=1 MDM_ROOTS_SEED={seed}\n{text}");
    }
}
