//! Lives of agent and tenant together are what the page says (rules R1 to R8, A1 to A4, I2): random lives in virtual time
//! against a plain reference.

use mdm_tests::lives::trial;
use mdm_tests::seeds::Seeds;

/// How many lives are drawn, unless `MDM_LIVES` says otherwise.
const LIVES: u64 = 120;

#[test]
fn seven_days_whatever_happens_a_device_has_what_the_page_says() {
    let failing = Seeds::of("MDM_LIVES", LIVES).find(trial::seed_fails);
    if let Some((seed, _)) = failing {
        panic!("play it again with MDM_LIVES=1 MDM_LIVES_SEED={seed}\n{}", trial::report(seed));
    }
}
