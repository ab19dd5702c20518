//! Seeds of random lives and packages, shared out among all processors. What they are seeds of is not known here.

use std::iter::StepBy;
use std::ops::Range;

/// Seeds that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// How many there are.
    pub count: u64,
}

impl Seeds {
    /// As many as an environment variable says, beginning where that of the same name with `_SEED` says; without them
    /// `count` from 1 on.
    pub fn of(variable: &str, count: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let first = number(&format!("{variable}_SEED")).unwrap_or(1);
        Self { first, count: number(variable).unwrap_or(count) }
    }

    /// The lowest seed, of the first that each processor meets, for which there is something, and that.
    pub fn find<T: Send>(self, search: impl Fn(u64) -> Option<T> + Sync) -> Option<(u64, T)> {
        let found = self.share_out(|mut seeds| seeds.find_map(|seed| Some((seed, search(seed)?))));
        found.into_iter().flatten().min_by_key(|(seed, _)| *seed)
    }

    /// What there is for each seed, in their order.
    pub fn map<T: Send>(self, make: impl Fn(u64) -> T + Sync) -> Vec<(u64, T)> {
        let made = self.share_out(|seeds| seeds.map(|seed| (seed, make(seed))).collect::<Vec<_>>());
        let mut made: Vec<(u64, T)> = made.into_iter().flatten().collect();
        made.sort_by_key(|(seed, _)| *seed);
        made
    }

    /// A panic of one share is one of the whole: a test must not pass because of it.
    fn share_out<T: Send>(self, work: impl Fn(StepBy<Range<u64>>) -> T + Sync) -> Vec<T> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let work = &work;
        std::thread::scope(|scope| {
            let share = |worker: u64| {
                let seeds = (self.first + worker..self.first + self.count).step_by(processors);
                scope.spawn(move || work(seeds))
            };
            let workers: Vec<_> = (0..processors as u64).map(share).collect();
            let results = workers.into_iter().map(|worker| worker.join());
            results.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_met_once_and_the_lowest_is_found() {
        let seeds = Seeds { first: 7, count: 100 };
        assert_eq!(seeds.map(|seed| seed * 2), (7..107).map(|seed| (seed, seed * 2)).collect::<Vec<_>>());
        assert_eq!(seeds.find(|seed| (seed >= 50).then_some(())), Some((50, ())));
        assert_eq!(seeds.find(|seed| (seed > 106).then_some(())), None);
    }

    #[test]
    #[should_panic(expected = "at 30")]
    fn a_panic_at_one_seed_is_no_success() {
        Seeds { first: 1, count: 40 }.map(|seed| assert!(seed != 30, "at {seed}"));
    }
}
