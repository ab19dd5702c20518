//! What an administrator asks for, carried out on the tenant and stored before it is answered.

use std::collections::BTreeSet;

use mdm_protocol::Secret;

use super::random::{self, RandomError};
use super::{Service, secret};
use crate::store::StoreError;
use crate::tenant::{Admin, AdminError, Licence, NewUser, PasswordHash, Tenant, UserView};

/// Why an administrative request failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The tenant refused it.
    #[error(transparent)]
    Refused(#[from] AdminError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl Service {
    /// Reads from the tenant.
    pub fn view<T>(&self, work: impl FnOnce(&Tenant) -> Result<T, AdminError>) -> Result<T, ServiceError> {
        Ok(self.read(|tenant, _| work(tenant))?)
    }

    /// Reads from the tenant as it is at the present moment.
    pub fn view_now<T>(&self, work: impl FnOnce(&Tenant, i64) -> Result<T, AdminError>) -> Result<T, ServiceError> {
        Ok(self.read(work)?)
    }

    /// Changes the tenant at the present moment, and stores the change.
    pub fn act<T>(&self, work: impl FnOnce(&mut Tenant, i64) -> Result<T, AdminError>) -> Result<T, ServiceError> {
        Ok(self.change(|tenant, now, _| work(tenant, now))??)
    }

    /// Adds a user.
    pub fn add_user(
        &self,
        name: String,
        password: Secret,
        licences: BTreeSet<Licence>,
        co_managed: bool,
    ) -> Result<UserView, ServiceError> {
        let password = PasswordHash::new(&password, random::bytes()?)?;
        self.act(|tenant, _| tenant.add_user(NewUser { name, password, licences, co_managed }))
    }

    /// Appoints an administrator; returns the token too.
    pub fn add_admin(&self, admin: Admin) -> Result<(Admin, Secret), ServiceError> {
        let token = secret()?;
        let admin = self.act(|tenant, _| tenant.add_admin(admin, &token))?;
        Ok((admin, token))
    }

    /// Makes a one-time enrolment token; returns it with the moment of its expiry.
    pub fn add_token(&self, user: Option<&str>) -> Result<(Secret, i64), ServiceError> {
        let token = secret()?;
        let expires = self.act(|tenant, now| tenant.add_token(user, &token, now))?;
        Ok((token, expires))
    }

    /// Makes a one-time challenge for SCEP; returns it with the moment of its expiry.
    pub fn add_scep_challenge(&self) -> Result<(Secret, i64), ServiceError> {
        let challenge = secret()?;
        let expires = self.act(|tenant, now| Ok(tenant.add_scep_challenge(&challenge, now)))?;
        Ok((challenge, expires))
    }

    /// Makes a one-time token that recovers a device; returns it with the moment of its expiry.
    pub fn add_recovery_token(&self, device_id: &str) -> Result<(Secret, i64), ServiceError> {
        let token = secret()?;
        let expires = self.act(|tenant, now| tenant.add_recovery_token(device_id, &token, now))?;
        Ok((token, expires))
    }
}
