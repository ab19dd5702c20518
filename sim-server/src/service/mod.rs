//! The device endpoints as functions from request bytes and peer certificate to response bytes.
//!
//! A service brings together the tenant, which decides, the store, which keeps what was decided before it is answered,
//! the certificate authority, the clock and the source of randomness. It decides nothing itself.

mod admin;
pub(crate) mod authority;
mod clock;
mod discovery;
mod enrolment;
mod fault;
mod management;
mod provisioning;
mod random;
mod scep;
mod sweep;
mod unlock_code;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

pub use admin::ServiceError;
pub use authority::CertificateAuthority;
pub use clock::Clock;
pub(crate) use clock::machine_now;
pub(crate) use random::{RandomError, bytes as random_bytes, secret};
pub use scep::{RegistrationAuthority, ScepOperation};
use tokio::sync::watch;

use crate::push::Hub;
use crate::store::{Store, StoreError};
use crate::tenant::{Change, Ring, Tenant};

/// The largest enrolment request that is read, in bytes.
pub const ENROLMENT_LIMIT: usize = 512 << 10;
/// The largest SCEP message that is read, in bytes.
pub const SCEP_LIMIT: usize = 64 << 10;
/// The largest management message that is read, in bytes.
pub const MANAGEMENT_LIMIT: usize = 4 << 20;

/// The answer to a device's request.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body; may be empty.
    pub body: Vec<u8>,
}

impl Answer {
    fn text(status: u16, sentence: impl std::fmt::Display) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: format!("{sentence}\n").into_bytes() }
    }
}

/// The services of one tenant.
pub struct Service {
    state: Mutex<State>,
    authority: Arc<CertificateAuthority>,
    registration: Option<RegistrationAuthority>,
    base_url: String,
    hub: Option<Arc<Hub>>,
    clock: Arc<Clock>,
}

struct State {
    tenant: Tenant,
    store: Store,
    random: fastrand::Rng,
    /// When the next sweep is due, or an earlier moment; `None` without devices.
    next_sweep: watch::Sender<Option<i64>>,
}

impl Service {
    /// Services at an address (without a slash at its end).
    pub fn new(
        mut tenant: Tenant,
        store: Store,
        authority: impl Into<Arc<CertificateAuthority>>,
        base_url: String,
    ) -> Result<Self, RandomError> {
        let random = fastrand::Rng::with_seed(u64::from_ne_bytes(random::bytes()?));
        tenant.set_device_base(base_url.clone());
        let next_sweep = watch::Sender::new(tenant.next_sweep());
        Ok(Self {
            state: Mutex::new(State { tenant, store, random, next_sweep }),
            authority: authority.into(),
            registration: None,
            base_url,
            hub: None,
            clock: Arc::default(),
        })
    }

    /// The same, with a push service at an address (without a slash at its end) to ring devices through.
    #[must_use]
    pub fn with_push(mut self, hub: Arc<Hub>, url: String) -> Self {
        self.lock().tenant.set_push_base(Some(url));
        self.hub = Some(hub);
        self
    }

    /// The same, with what it takes to answer SCEP requests.
    #[must_use]
    pub fn with_scep(self, registration: RegistrationAuthority) -> Self {
        Self { registration: Some(registration), ..self }
    }

    /// The same, by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The clock by which the services go.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// The address of the services.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            // Whoever panicked may have left half of a change behind.
            let mut state = poisoned.into_inner();
            let changes = state.tenant.take_changes();
            let before = state.store.present(&changes);
            state.take_back(changes, before);
            self.state.clear_poison();
            state
        })
    }

    /// Reads the tenant at the present moment: devices that left the portal by now are removed first, so that the audit
    /// does not depend on when the timer runs.
    fn read<T>(&self, work: impl FnOnce(&Tenant, i64) -> T) -> T {
        let (state, moment) = self.lock_swept();
        work(&state.tenant, moment)
    }

    /// Has the tenant do something and keeps what changed, before anybody learns of it. What cannot be kept has not
    /// happened.
    fn change<T>(&self, work: impl FnOnce(&mut Tenant, i64, &mut fastrand::Rng) -> T) -> Result<T, StoreError> {
        let mut state = self.lock();
        let moment = self.clock.now();
        state.sweep(moment);
        let State { tenant, random, .. } = &mut *state;
        let result = work(tenant, moment, random);
        state.persist()?;
        let rings = state.tenant.take_rings();
        drop(state);
        self.ring(&rings);
        Ok(result)
    }

    fn ring(&self, rings: &[Ring]) {
        let Some(hub) = &self.hub else { return };
        for ring in rings {
            match hub.ring(&ring.topic, &ring.text(), self.clock.now()) {
                Ok(heard) => tracing::debug!(device = ring.device, heard, "rung"),
                Err(error) => tracing::warn!(device = ring.device, %error, "a device could not be rung"),
            }
        }
    }
}

impl State {
    fn persist(&mut self) -> Result<(), StoreError> {
        let changes = self.tenant.take_changes();
        let before = self.store.present(&changes);
        let outcome = self.store.commit(&changes);
        match &outcome {
            Ok(()) => self.bring_sweep_forward(&changes),
            Err(error) => {
                tracing::error!(%error, "a change could not be stored");
                self.take_back(changes, before);
            }
        }
        outcome
    }

    /// Makes the tenant and the store what they were `before` changes that failed.
    fn take_back(&mut self, changes: Vec<Change>, before: Result<Vec<Change>, StoreError>) {
        let undone = before.map_err(|error| error.to_string()).and_then(|before| {
            self.tenant.roll_back(&before).map_err(|error| error.to_string())?;
            // The changes may have got as far as the database before they failed.
            self.store.commit(&before).map_err(|error| error.to_string())
        });
        if let Err(error) = undone {
            tracing::error!(error, "what the store holds is not certain; it is written again with the next change");
            self.tenant.put_back(changes);
        }
        self.reschedule_sweep();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Service").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A body may hold a device's secret or a profile's.
        formatter.debug_struct("Answer").field("status", &self.status).field("bytes", &self.body.len()).finish()
    }
}

#[cfg(test)]
mod tests;
