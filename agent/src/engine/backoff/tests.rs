//! Waits after failures.

use super::{ceiling_ms, wait_ms};

#[test]
fn the_ceiling_doubles_with_every_failure_up_to_its_bound() {
    let ceilings: Vec<u64> = (0..8).map(|failures| ceiling_ms(failures, 1000, 20_000)).collect();
    assert_eq!(ceilings, [1000, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    assert_eq!(ceiling_ms(u32::MAX, 1000, 20_000), 20_000);
}

#[test]
fn odd_terms_of_a_server_are_survived() {
    assert_eq!(ceiling_ms(5, 0, 0), 1);
    assert_eq!(ceiling_ms(5, 5000, 1000), 5000, "a bound below the first wait counts as the first wait");
    for (initial, max) in [(u64::MAX, u64::MAX), (0, u64::MAX), (u64::MAX, 0), (1 << 60, 1 << 61)] {
        let mut random = fastrand::Rng::with_seed(1);
        assert!(wait_ms(u32::MAX, initial, max, u64::MAX, &mut random) == u64::MAX);
    }
}

#[test]
fn waits_are_spread_over_everything_up_to_the_ceiling_even_at_the_bound() {
    let mut random = fastrand::Rng::with_seed(1);
    let waits: Vec<u64> = (0..1000).map(|_| wait_ms(30, 1000, 10_000, 0, &mut random)).collect();
    assert!(waits.iter().all(|wait| *wait <= 10_000));
    for tenth in 0..10 {
        let range = tenth * 1000..(tenth + 1) * 1000;
        assert!(waits.iter().filter(|wait| range.contains(*wait)).count() > 50, "few waits in {range:?}");
    }
}

#[test]
fn a_floor_is_never_undercut() {
    let mut random = fastrand::Rng::with_seed(1);
    let waits: Vec<u64> = (0..1000).map(|_| wait_ms(1, 1000, 10_000, 60_000, &mut random)).collect();
    assert!(waits.iter().all(|wait| (60_000..=61_000).contains(wait)));
}
