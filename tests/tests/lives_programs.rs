//! Lives of the real programs are what the page says: random lives of `mdm-agent` and `mdm-sim-server` processes, killed
//! and restored from backups, against a plain reference.

use mdm_tests::lives::programs;

/// How many lives are drawn, unless `MDM_LIVES_REAL` says otherwise.
const LIVES: u64 = 60;
/// Where the seeds begin, unless `MDM_LIVES_SEED` says otherwise.
const SEED: u64 = 1;

#[test]
#[ignore = "takes minutes"]
fn whatever_is_killed_or_restored_a_device_has_what_the_page_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, first) = (number("MDM_LIVES_REAL").unwrap_or(LIVES), number("MDM_LIVES_SEED").unwrap_or(SEED));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let live = |worker: u64| -> Vec<String> {
        let seeds = (first + worker..first + count).step_by(threads as usize);
        seeds.filter_map(programs::seed_fails).collect()
    };
    let failing: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|worker| scope.spawn(move || live(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let hint = "play one again with MDM_LIVES_REAL=1 MDM_LIVES_SEED=SEED";
    assert!(failing.is_empty(), "{} of {count} lives differ; {hint}\n{}", failing.len(), failing.join("\n"));
}

/// Makes the life of `MDM_LIVES_SEED` as short as it can be.
#[test]
#[ignore = "for a life that differs"]
fn the_shortest_life_that_still_differs() {
    let seed = std::env::var("MDM_LIVES_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED);
    if let Some(report) = programs::shrink(seed) {
        panic!("{report}");
    }
}
