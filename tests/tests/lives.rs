//! Lives of agent and tenant together are what the page says (rules R1 to R8, A1 to A4, I2): random lives in virtual time
//! against a plain reference.

use mdm_tests::lives::trial;

/// How many lives are drawn, unless `MDM_LIVES` says otherwise.
const LIVES: u64 = 120;
/// Where the seeds begin, unless `MDM_LIVES_SEED` says otherwise.
const SEED: u64 = 1;

#[test]
fn seven_days_whatever_happens_a_device_has_what_the_page_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, first) = (number("MDM_LIVES").unwrap_or(LIVES), number("MDM_LIVES_SEED").unwrap_or(SEED));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let live = |worker: u64| {
        let mut seeds = (first + worker..first + count).step_by(threads as usize);
        seeds.find(|seed| trial::seed_fails(*seed).is_some())
    };
    let failing = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|worker| scope.spawn(move || live(worker))).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok().flatten()).min()
    });
    if let Some(seed) = failing {
        panic!("play it again with MDM_LIVES=1 MDM_LIVES_SEED={seed}\n{}", trial::report(seed));
    }
}
