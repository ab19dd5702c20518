//! The server's own certificate. Every handshake asks for it, and the first one after two thirds of its validity renews
//! it: there is no timer, and open connections keep the certificate that they were made with.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsError;
use crate::service::authority::{ServerIdentity, utc};
use crate::service::{CertificateAuthority, Clock};

/// How long no further attempt is made after one that failed, in seconds.
const RETRY_SECONDS: i64 = 60;

/// The certificate of the device and push listeners, issued by the tenant's own authority.
#[derive(Debug)]
pub(crate) struct ServerCertificate {
    authority: Arc<CertificateAuthority>,
    /// The DNS names and addresses in it.
    names: Vec<String>,
    clock: Arc<Clock>,
    current: Mutex<Current>,
}

/// The certificate in use. Moments are seconds since 1970.
#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    not_before: i64,
    not_after: i64,
    /// When the last attempt to renew it failed.
    failed: Option<i64>,
}

/// Why a certificate is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RenewalReason {
    /// The clock was set back, to a moment before the certificate's notBefore.
    NotYetValid,
    /// Less than a third of its validity is left.
    LastThird,
    /// It expired: no client connected during the last third, or the clock was set forward.
    Expired,
}

impl ServerCertificate {
    /// Issues the first certificate for these DNS names and addresses. `clock` is the computer's: clients check the
    /// certificate by theirs, not by the tenant's.
    pub(crate) fn issue(
        authority: Arc<CertificateAuthority>,
        names: Vec<String>,
        clock: Arc<Clock>,
    ) -> Result<Self, TlsError> {
        let identity = authority.issue_server(&names, clock.now())?;
        warn_of_authority(&authority, identity.not_after);
        let current = Mutex::new(Current::new(identity)?);
        Ok(Self { authority, names, clock, current })
    }

    /// The certificate for the next handshake, renewed if that is due. One that cannot be renewed stays in use.
    fn certified_key(&self) -> Arc<CertifiedKey> {
        let now = self.clock.now();
        // A panic leaves the old certificate in place.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = current.renewal_reason(self.authority.not_after(), now)
            && !current.failed.is_some_and(|failed| (failed..failed.saturating_add(RETRY_SECONDS)).contains(&now))
        {
            self.renew(&mut current, reason, now);
        }
        current.key.clone()
    }

    fn renew(&self, current: &mut Current, reason: RenewalReason, now: i64) {
        let issued = self.authority.issue_server(&self.names, now).map_err(TlsError::from);
        let renewed = issued.and_then(|identity| {
            let serial = identity.serial.clone();
            Ok((serial, Current::new(identity)?))
        });
        match renewed {
            Ok((serial, renewed)) => {
                tracing::info!(serial, expires = utc(renewed.not_after), ?reason, "server certificate renewed");
                warn_of_authority(&self.authority, renewed.not_after);
                *current = renewed;
            }
            Err(error) => {
                let expires = utc(current.not_after);
                tracing::error!(%error, expires, ?reason, "server certificate not renewed; the old one stays in use");
                current.failed = Some(now);
            }
        }
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified_key())
    }
}

impl Current {
    fn new(identity: ServerIdentity) -> Result<Self, TlsError> {
        let ServerIdentity { certificate, key, not_before, not_after, .. } = identity;
        let chain = vec![CertificateDer::from(certificate)];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let key = CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())?;
        Ok(Self { key: Arc::new(key), not_before, not_after, failed: None })
    }

    /// Why the certificate is to be replaced at `now`, if it is.
    ///
    /// A third of the validity, as ACME clients have it, is 132 of 397 days: enough for an administrator to read the
    /// error of a renewal that fails, and for clients whose clocks are weeks ahead. Unlike a number of days it also
    /// suits an authority that was given a short validity. A certificate that already expires with the authority is
    /// kept: another one would not last longer.
    fn renewal_reason(&self, authority_not_after: i64, now: i64) -> Option<RenewalReason> {
        let third = (self.not_after - self.not_before) / 3;
        if now < self.not_before {
            Some(RenewalReason::NotYetValid)
        } else if now >= self.not_after {
            Some(RenewalReason::Expired)
        } else if self.not_after - now < third && self.not_after < authority_not_after {
            Some(RenewalReason::LastThird)
        } else {
            None
        }
    }
}

/// Says that the authority expires before a new certificate of the server would.
fn warn_of_authority(authority: &CertificateAuthority, not_after: i64) {
    if not_after == authority.not_after() {
        tracing::warn!(
            expires = utc(not_after),
            "certificate authority is about to expire; every device must enroll again with a new one"
        );
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    /// When less than a third of 397 days and one hour is left.
    const RENEWAL: i64 = NOW + 397 * DAY - (397 * DAY + HOUR) / 3 + 1;

    /// A certificate that was issued at `NOW`, and its clock.
    fn certificate() -> (ServerCertificate, Arc<Clock>) {
        let (authority, _) = CertificateAuthority::create(NOW).unwrap();
        let clock = Arc::new(Clock::standing(NOW));
        let names = vec!["localhost".to_owned()];
        (ServerCertificate::issue(Arc::new(authority), names, clock.clone()).unwrap(), clock)
    }

    fn set(clock: &Clock, moment: i64) {
        clock.advance(moment - clock.now());
    }

    /// The serial number and the validity of the certificate that the next handshake presents.
    fn presented(certificate: &ServerCertificate) -> (String, i64, i64) {
        let key = certificate.certified_key();
        let (_, parsed) = X509Certificate::from_der(&key.cert[0]).unwrap();
        let validity = parsed.validity();
        (parsed.raw_serial_as_string(), validity.not_before.timestamp(), validity.not_after.timestamp())
    }

    #[test]
    fn the_certificate_is_renewed_once_when_less_than_a_third_of_its_validity_is_left() {
        let (certificate, clock) = certificate();
        let first = presented(&certificate);
        assert_eq!((first.1, first.2), (NOW - HOUR, NOW + 397 * DAY));
        set(&clock, RENEWAL - 1);
        assert_eq!(presented(&certificate), first);
        set(&clock, RENEWAL);
        let second = presented(&certificate);
        assert_ne!(second.0, first.0);
        assert_eq!((second.1, second.2), (RENEWAL - HOUR, RENEWAL + 397 * DAY));
        set(&clock, RENEWAL + 30 * DAY);
        assert_eq!(presented(&certificate), second);
    }

    #[test]
    fn the_certificate_is_valid_wherever_the_clock_is_set() {
        let (certificate, clock) = certificate();
        let mut last = presented(&certificate);
        for (moment, is_new) in [
            (NOW - HOUR, false),
            (NOW - HOUR - 1, true),
            (NOW + 3 * 365 * DAY, true),
            (NOW, true),
            (NOW - 2 * 365 * DAY, true),
            (NOW - 500 * DAY, false),
        ] {
            set(&clock, moment);
            let next = presented(&certificate);
            assert_eq!(next.0 != last.0, is_new, "at {moment}");
            assert!((next.1..next.2).contains(&moment), "at {moment}");
            last = next;
        }
    }

    #[test]
    fn a_certificate_that_expires_with_the_authority_is_kept_until_then_and_afterwards() {
        let (certificate, clock) = certificate();
        let end = certificate.authority.not_after();
        set(&clock, end - 30 * DAY);
        let last = presented(&certificate);
        assert_eq!(last.2, end);
        for moment in [end - DAY, end - 1, end, end + 365 * DAY] {
            set(&clock, moment);
            assert_eq!(presented(&certificate), last, "at {moment}");
        }
        set(&clock, NOW);
        assert_eq!(presented(&certificate).2, NOW + 397 * DAY);
    }

    #[test]
    fn a_renewal_that_failed_is_tried_again_after_a_minute() {
        let (certificate, clock) = certificate();
        let end = certificate.authority.not_after();
        let failed = || certificate.current.lock().unwrap().failed;
        for (moment, attempt) in [(end, end), (end + 59, end), (end + 60, end + 60), (end + 1, end + 1)] {
            set(&clock, moment);
            presented(&certificate);
            assert_eq!(failed(), Some(attempt), "at {moment}");
        }
        set(&clock, end - DAY);
        presented(&certificate);
        assert_eq!(failed(), None);
    }
}
