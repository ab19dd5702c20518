//! The device endpoints as functions from request bytes and peer certificate to response bytes.
//!
//! A service brings together the tenant, which decides, the store, which keeps what was decided before it is answered,
//! the certificate authority, the clock and the source of randomness. It decides nothing itself.

mod admin;
pub(crate) mod authority;
mod discovery;
mod enrolment;
mod fault;
mod management;
mod provisioning;
mod random;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use admin::ServiceError;
pub use authority::CertificateAuthority;
pub(crate) use random::{RandomError, secret};

use crate::store::{Store, StoreError};
use crate::tenant::Tenant;

/// The largest enrolment request that is read, in bytes.
pub const ENROLMENT_LIMIT: usize = 512 << 10;
/// The largest management message that is read, in bytes.
pub const MANAGEMENT_LIMIT: usize = 4 << 20;

/// The answer to a device's request.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug)]
pub struct Service {
    state: Mutex<State>,
    authority: CertificateAuthority,
    base_url: String,
}

#[derive(Debug)]
struct State {
    tenant: Tenant,
    store: Store,
    random: fastrand::Rng,
}

impl Service {
    /// Services at an address (without a slash at its end).
    pub fn new(
        tenant: Tenant,
        store: Store,
        authority: CertificateAuthority,
        base_url: String,
    ) -> Result<Self, RandomError> {
        let random = fastrand::Rng::with_seed(u64::from_ne_bytes(random::bytes()?));
        Ok(Self { state: Mutex::new(State { tenant, store, random }), authority, base_url })
    }

    /// The address of the services.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves the tenant as its last completed step left it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, work: impl FnOnce(&Tenant, i64) -> T) -> T {
        work(&self.lock().tenant, now())
    }

    /// Has the tenant do something and keeps what changed, before anybody learns of it.
    fn change<T>(&self, work: impl FnOnce(&mut Tenant, i64, &mut fastrand::Rng) -> T) -> Result<T, StoreError> {
        let State { tenant, store, random } = &mut *self.lock();
        let result = work(tenant, now(), random);
        let changes = tenant.take_changes();
        if let Err(error) = store.commit(&changes) {
            tracing::error!(%error, "a change could not be stored");
            tenant.put_back(changes);
            return Err(error);
        }
        Ok(result)
    }
}

/// The moment, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
