//! The machine as it was found, applied, watched, given back: random lives of the real platform on roots that people and
//! tools live in, against a plain reference.

use mdm_tests::lived_in::trial;

/// How many lives are drawn, unless `MDM_ROOTS` says otherwise.
const LIVES: u64 = 300;
/// Where the seeds begin, unless `MDM_ROOTS_SEED` says otherwise.
const SEED: u64 = 1;

#[test]
fn whatever_people_do_nothing_of_theirs_is_lost_and_everything_of_the_agents_goes() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, first) = (number("MDM_ROOTS").unwrap_or(LIVES), number("MDM_ROOTS_SEED").unwrap_or(SEED));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let live = |worker: u64| {
        let mut seeds = (first + worker..first + count).step_by(threads as usize);
        seeds.find_map(|seed| Some((seed, trial::kinds_of_seed(seed).into_iter().next()?)))
    };
    let failing = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|worker| scope.spawn(move || live(worker))).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok().flatten()).min()
    });
    if let Some((seed, kind)) = failing {
        let (_, text) = trial::report(seed, &kind);
        panic!("play it again with MDM_ROOTS=1 MDM_ROOTS_SEED={seed}\n{text}");
    }
}
