//! When the device's certificate is renewed, and which of its two slots speaks (rules I2 and I3).

use mdm_protocol::Thumbprint;
use serde::{Deserialize, Serialize};

use super::enrolment::KeyKind;
use super::renewal::RenewalForm;

#[cfg(test)]
mod tests;

const DAY: i64 = 86_400;
/// Refusals after which a certificate that was never accepted is given up.
const PENDING_REFUSALS: u8 = 3;

/// A certificate's own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateTerms {
    /// The beginning of its validity, seconds since 1970.
    pub not_before: i64,
    /// The end of its validity, seconds since 1970.
    pub not_after: i64,
    /// The SHA-1 digest of its DER form.
    pub thumbprint: Thumbprint,
    /// The kind of its key.
    pub key: KeyKind,
}

/// The certificates of both slots. What cannot be read is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The one in use.
    pub active: Option<CertificateTerms>,
    /// A new one that no session was completed with yet.
    pub pending: Option<CertificateTerms>,
}

/// Which slot a session uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The one in use.
    Active,
    /// The new one.
    Pending,
}

/// How renewal stands (`CertificateStore/MY/WSTEP/Renew`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RenewalState {
    /// When it was last tried, seconds.
    pub attempted: Option<i64>,
    /// What became of that.
    pub status: RenewalStatus,
    /// The error of the last attempt, an HRESULT; 0 for none.
    pub error: u32,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// Whether the server ordered it now.
    pub forced: bool,
    /// Refusals of the pending certificate.
    pub refusals: u8,
    /// Whether the beginning of the renewal window has started a session.
    pub window_noted: bool,
    /// When a certificate was last put in use by renewal, seconds.
    pub renewed: Option<i64>,
    /// Whether the server is still to be told of it.
    pub unreported: bool,
    /// The terms that the server has set since enrolment.
    pub terms: Option<RenewalTerms>,
    /// The form of the request that the server took last.
    pub form: RenewalForm,
}

/// How the last renewal went; the numbers are those of the `Status` node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenewalStatus {
    /// Never tried.
    #[default]
    NotStarted,
    /// Under way: the new certificate waits for its first session.
    InProgress,
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
}

/// The server's terms of renewal, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalTerms {
    /// Days before the end at which renewal begins.
    pub period: u32,
    /// Days between attempts.
    pub retry: u32,
}

impl CertificateTerms {
    /// When the renewal window opens: as the terms say, but not before half of what remained of the certificate's life
    /// when the device received it, at `since`. Certificates exist that are back-dated by half a year.
    pub fn window_opens(&self, terms: RenewalTerms, since: i64) -> i64 {
        let period = i64::from(terms.period).saturating_mul(DAY).min(self.life(since) / 2);
        self.not_after.saturating_sub(period)
    }

    /// How long the certificate was to last when the device received it, in seconds. A moment outside of its validity is
    /// that of a wrong clock.
    fn life(&self, since: i64) -> i64 {
        let since = if (self.not_before..self.not_after).contains(&since) { since } else { self.not_before };
        self.not_after.saturating_sub(since).max(0)
    }

    /// The wait between attempts: as the terms say, but a day at most in the last tenth of the certificate's life.
    fn retry_seconds(&self, terms: RenewalTerms, since: i64, utc: i64) -> i64 {
        let life = self.life(since);
        let in_last_tenth = self.not_after.saturating_sub(utc) < life / 10;
        let retry = i64::from(terms.retry.max(1)).saturating_mul(DAY);
        if in_last_tenth { retry.min(DAY).min((life / 40).max(60)) } else { retry.min((life / 10).max(60)) }
    }
}

impl Certificates {
    /// Whether the certificate in use is over.
    pub fn is_expired(&self, utc: i64) -> bool {
        self.active.is_some_and(|certificate| certificate.not_after <= utc)
    }

    /// When the beginning of the renewal window should start a session by itself, in seconds.
    pub fn window_due(&self, state: &RenewalState, terms: RenewalTerms, since: i64) -> Option<i64> {
        let active = self.active.filter(|_| self.pending.is_none() && !state.window_noted)?;
        Some(active.window_opens(terms, since))
    }

    /// Whether renewal is to be tried now, at the end of a completed check-in. `since` is when the device received the
    /// certificate in use, `at` the steady clock's reading.
    pub fn renewal_is_due(&self, state: &RenewalState, terms: RenewalTerms, since: i64, utc: i64, at: i64) -> bool {
        let Some(active) = self.active.filter(|_| self.pending.is_none()) else { return false };
        // After its end a certificate is never renewed by itself (MS-MDE2): that takes a person.
        if active.not_after <= utc {
            return false;
        }
        if state.forced {
            return true;
        }
        let rested =
            state.attempted.is_none_or(|last| at >= last.saturating_add(active.retry_seconds(terms, since, utc)));
        rested && utc >= active.window_opens(terms, since)
    }

    /// The slot for the next session: the new certificate, unless it was just refused.
    pub fn slot(&self, state: &RenewalState, last_was_refused: bool) -> Slot {
        if self.pending.is_some() && !last_was_refused && state.refusals < PENDING_REFUSALS {
            Slot::Pending
        } else {
            Slot::Active
        }
    }
}

impl RenewalState {
    /// Takes note that the server refused the pending certificate; `true` if it is given up.
    pub fn note_refusal(&mut self) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < PENDING_REFUSALS {
            return false;
        }
        self.refusals = 0;
        self.note_failure();
        true
    }

    /// Records that an attempt failed.
    pub fn note_failure(&mut self) {
        self.status = RenewalStatus::Failed;
        self.failures = self.failures.saturating_add(1);
    }

    /// Takes note that the pending certificate is in use now.
    pub fn note_promotion(&mut self, at: i64) {
        *self = Self {
            attempted: self.attempted,
            status: RenewalStatus::Succeeded,
            renewed: Some(at),
            unreported: true,
            terms: self.terms,
            form: self.form,
            ..Self::default()
        };
    }
}

impl RenewalStatus {
    /// The status in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::InProgress => "in progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The number of the `Status` node.
    pub fn number(self) -> u32 {
        match self {
            Self::NotStarted => 0,
            Self::InProgress => 1,
            Self::Succeeded => 2,
            Self::Failed => 3,
        }
    }
}
