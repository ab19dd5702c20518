//! When a certificate may be renewed.

use super::{DAY, DeviceLife};

/// Why a certificate may not be renewed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenewalRefusal {
    /// An administrator blocked the device.
    #[error("the device is blocked; an administrator must unblock it")]
    Blocked,
    /// The certificate is past its end.
    #[error("the certificate has expired and cannot be renewed; the device must be recovered or enrol again")]
    Expired,
    /// The renewal window is not open yet.
    #[error("the certificate cannot be renewed yet; renewal opens at {opens} (seconds since 1970)")]
    TooEarly {
        /// When it opens, in seconds since 1970.
        opens: i64,
    },
}

/// When the renewal window of a device's certificate opens: the period before its end, but not before half of its life.
pub fn renewal_opens(life: &DeviceLife, period_days: u32) -> i64 {
    let span = life.certificate_not_after.saturating_sub(life.certificate_not_before);
    life.certificate_not_after.saturating_sub((i64::from(period_days) * DAY).min(span / 2))
}

/// Whether a device may renew its certificate now. An administrator's order opens the window early.
pub fn renewal_allowed(life: &DeviceLife, now: i64, period_days: u32) -> Result<(), RenewalRefusal> {
    let opens = renewal_opens(life, period_days);
    if life.blocked {
        Err(RenewalRefusal::Blocked)
    } else if now > life.certificate_not_after {
        Err(RenewalRefusal::Expired)
    } else if now < opens && !life.renewal_ordered {
        Err(RenewalRefusal::TooEarly { opens })
    } else {
        Ok(())
    }
}
