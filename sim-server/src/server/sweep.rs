//! The task that removes devices from the portal at the moment at which they leave it, also when no request arrives. It
//! sleeps until then, and is woken when the tenant's clock is moved or another device leaves earlier.

use std::sync::Arc;
use std::time::Duration;

use crate::http::Shutdown;
use crate::service::Service;

/// How long the task pauses after a sweep that panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(60);

/// Sweeps whenever a sweep is due, until the server stops.
pub(super) async fn run(service: Arc<Service>, mut shutdown: Shutdown) {
    let mut next = service.next_sweep();
    let clock = service.clock().clone();
    let mut pause = Duration::ZERO;
    loop {
        let moment = *next.borrow_and_update();
        let due = async {
            tokio::time::sleep(pause).await;
            match moment {
                Some(moment) => clock.reach(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.requested() => return,
            // The sender lives as long as the service.
            _ = next.changed() => {}
            () = due => pause = sweep(service.clone()).await,
        }
    }
}

/// Sweeps on a thread that may wait for the disk; returns how long to pause afterwards.
async fn sweep(service: Arc<Service>) -> Duration {
    match tokio::task::spawn_blocking(move || service.sweep()).await {
        Ok(()) => Duration::ZERO,
        Err(error) => {
            tracing::error!(%error, "sweep of expired devices failed");
            PANIC_PAUSE
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::service::{CertificateAuthority, Clock};
    use crate::store::Store;
    use crate::tenant::Tenant;
    use crate::tenant::life::{DAY, LISTED_AFTER_EXPIRY};
    use crate::tenant::test_support::{NOW, enrol, tenant};

    const LATEST: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn s48_a_device_is_removed_and_that_is_stored_at_its_moment_without_a_request() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), false).unwrap();
        let (authority, _) = CertificateAuthority::create(NOW).unwrap();
        let clock = Arc::new(Clock::standing(NOW));
        let service = Service::new(tenant(), store, authority, String::new()).unwrap().with_clock(clock.clone());
        let (service, (stop, stopped)) = (Arc::new(service), watch::channel(false));
        let task = tokio::spawn(run(service.clone(), Shutdown(stopped)));
        let mut next = service.next_sweep();
        // Without devices the task has nothing to wait for.
        tokio::task::yield_now().await;
        let add = |tenant: &mut Tenant, _| {
            enrol(tenant, "device-1");
            Ok(())
        };
        service.act(add).unwrap();
        let leaves = NOW + DAY + LISTED_AFTER_EXPIRY;
        assert_eq!(*next.borrow(), Some(leaves));
        clock.advance(leaves - 1 - NOW);
        tokio::task::yield_now().await;
        assert_eq!(*next.borrow(), Some(leaves));
        clock.advance(1000);
        tokio::time::timeout(LATEST, next.wait_for(Option::is_none)).await.unwrap().unwrap();
        stop.send_replace(true);
        task.await.unwrap();
        drop(service);
        let stored = Tenant::restore(Store::open(directory.path(), false).unwrap().records().unwrap()).unwrap();
        assert!(stored.devices().is_empty());
        assert_eq!(stored.audit_lines(1)[0].time, leaves);
    }
}
