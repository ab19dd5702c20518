//! Work beside the loop: threads for what blocks, and an end for everything.
//!
//! A machine that is short of threads, memory or file descriptors for a moment must not leave the agent waiting for ever.
//! So whatever is begun here has an outcome: its result, or that it was lost, because no thread could be had, because it
//! panicked, or because it took longer than it may. Nothing else in the shell starts threads, but for the resolver of names.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How often a thread is asked for before the work is given up, and how long is waited in between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// How long the store may take to be opened or to keep something, the tools of the machine included that are asked then.
pub const STORE: Duration = Duration::from_secs(30 * 60);
/// How long the machine may take to be changed, or looked at.
pub const MACHINE: Duration = Duration::from_secs(60 * 60);
/// How long an exchange with a server may take; the connections have limits of their own.
pub const EXCHANGE: Duration = Duration::from_secs(30 * 60);

/// Work that was given up because it took too long, and goes on.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// Why work has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The machine gave no thread for it.
    #[error("the machine has no thread left for it: {0}")]
    NoThread(String),
    /// It panicked, or was dropped.
    #[error("it ended without a result, which is an error in this program; the log has more")]
    Died,
    /// It took too long.
    #[error("it took longer than {} seconds and was given up", .0.as_secs())]
    TooLong(Duration),
}

/// Whether everything that was begun has come to its end, or is still waited for.
pub fn is_going_on() -> bool {
    LEFT_BEHIND.load(Ordering::Relaxed) == 0
}

/// Does something that blocks on a thread of its own. If nobody waits for it any more, it goes on.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
    blocking_on(start_thread, PAUSE, work).await
}

async fn blocking_on<T: Send + 'static>(
    start: impl Fn(Job) -> Result<(), NotStarted>,
    pause: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    let (sender, receiver) = oneshot::channel();
    let waiting = Waiting::default();
    let running = waiting.running();
    let mut job: Job = Box::new(move || {
        let _running = running;
        let _ = sender.send(work());
    });
    let mut tries = 1;
    while let Err(NotStarted { job: back, reason }) = start(job) {
        if tries == TRIES {
            return Err(Lost::NoThread(reason));
        }
        tries += 1;
        tokio::time::sleep(pause).await;
        job = back;
    }
    let result = receiver.await;
    waiting.is_over();
    result.map_err(|_| Lost::Died)
}

/// Does something that blocks, beside everything else; nobody waits for it.
pub fn detached(what: &'static str, work: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        if let Err(lost) = blocking(work).await {
            tracing::error!(%lost, what, "something was not done");
        }
    });
}

/// Does something beside everything else, and reports its end: once, whatever becomes of it.
pub fn begin<T: Send + 'static>(
    limit: Duration,
    work: impl Future<Output = T> + Send + 'static,
    report: impl FnOnce(Result<T, Lost>) + Send + 'static,
) {
    let mut end = End { report: Some(report), result: PhantomData };
    tokio::spawn(async move {
        let result = tokio::time::timeout(limit, work).await;
        end.report(result.map_err(|_| Lost::TooLong(limit)));
    });
}

/// Reports the end of work, also when the task that does it panics or is dropped.
struct End<T, R: FnOnce(Result<T, Lost>)> {
    report: Option<R>,
    result: PhantomData<fn(T)>,
}

impl<T, R: FnOnce(Result<T, Lost>)> End<T, R> {
    fn report(&mut self, result: Result<T, Lost>) {
        if let Some(report) = self.report.take() {
            report(result);
        }
    }
}

impl<T, R: FnOnce(Result<T, Lost>)> Drop for End<T, R> {
    fn drop(&mut self) {
        self.report(Err(Lost::Died));
    }
}

const WAITED_FOR: u8 = 0;
const ENDED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Somebody waits for work; if that ends before the work does, the work is left behind.
#[derive(Default)]
struct Waiting(Arc<AtomicU8>);

/// Work goes on.
struct Running(Arc<AtomicU8>);

impl Waiting {
    fn running(&self) -> Running {
        Running(Arc::clone(&self.0))
    }

    fn is_over(&self) {
        self.0.store(ENDED, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.compare_exchange(WAITED_FOR, GIVEN_UP, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            LEFT_BEHIND.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.swap(ENDED, Ordering::Relaxed) == GIVEN_UP {
            LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// There was no thread for a job.
struct NotStarted {
    job: Job,
    reason: String,
}

fn start_thread(job: Job) -> Result<(), NotStarted> {
    // A thread that cannot be started takes its work along; this one can be taken back.
    let shared = Arc::new(Mutex::new(Some(job)));
    let take = |shared: &Mutex<Option<Job>>| shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    let taken = Arc::clone(&shared);
    let started = std::thread::Builder::new().name("work".to_owned()).spawn(move || {
        if let Some(job) = take(&taken) {
            job();
        }
    });
    started.map(drop).or_else(|error| match take(&shared) {
        Some(job) => Err(NotStarted { job, reason: error.to_string() }),
        None => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// What is reported of some work.
    async fn reported<T: Send + 'static>(
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, receiver) = oneshot::channel();
        begin(limit, work, |result| {
            let _ = sender.send(result);
        });
        receiver.await.expect("everything is reported")
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn everything_that_is_begun_has_an_end() {
        assert_eq!(reported(LONG, async { 1 }).await, Ok(1));
        assert_eq!(reported(LONG, blocking(|| 1)).await, Ok(Ok(1)));
        assert_eq!(reported(LONG, async { panic!("a bug") as () }).await, Err(Lost::Died));
        assert_eq!(reported(LONG, blocking(|| panic!("a bug") as ())).await, Ok(Err(Lost::Died)));
        let short = Duration::from_millis(1);
        assert_eq!(reported(short, std::future::pending::<()>()).await, Err(Lost::TooLong(short)));
    }

    #[tokio::test]
    async fn a_moment_without_threads_is_waited_for() {
        let start = |failures: u32| {
            let failures = AtomicUsize::new(failures as usize);
            move |job: Job| {
                let is_short = failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                match is_short {
                    Ok(_) => Err(NotStarted { job, reason: "none left".to_owned() }),
                    Err(_) => start_thread(job),
                }
            }
        };
        assert_eq!(blocking_on(start(TRIES - 1), Duration::ZERO, || 7).await, Ok(7));
        assert_eq!(blocking_on(start(TRIES), Duration::ZERO, || 7).await, Err(Lost::NoThread("none left".to_owned())));
    }

    #[tokio::test]
    async fn what_is_given_up_and_goes_on_is_known_until_it_ends() {
        let (go_on, wait) = mpsc::channel::<()>();
        let stuck = blocking(move || wait.recv().is_ok());
        let lost = reported(Duration::from_millis(20), stuck).await.unwrap_err();
        assert!(matches!(lost, Lost::TooLong(_)) && !is_going_on());
        drop(go_on);
        while !is_going_on() {
            tokio::task::yield_now().await;
        }
    }
}
