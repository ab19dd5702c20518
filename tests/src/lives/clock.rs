//! How old the device thinks it is, by the rule: while it runs by true time, while it was off by its wall clock, as far as
//! the server's date does not say otherwise. Seconds.

const TOLERANCE: i64 = 300;
const HOUR: i64 = 3600;
/// As much as lies between two check-ins, and ten minutes, may not have been kept when a machine is switched off.
pub(super) const UNKEPT: i64 = 8 * HOUR + 600;

/// The device's own time.
#[derive(Debug, Clone, Copy)]
pub(super) struct AgeClock {
    /// The device's own moment, in seconds since 1970.
    pub(super) reading: i64,
    /// The true moment of it.
    at: i64,
    /// What the wall clock claimed for the times that the machine was off, as far as nothing confirmed it.
    unproven: i64,
    /// The part of it that the device still doubts, and for how long it has run in doubt.
    pub(super) doubted: i64,
    ran_in_doubt: i64,
    /// When it had run long enough to doubt nothing any more, by its own moment.
    believed_at: i64,
    /// Whether that was so shortly before it was switched off that the device may not have kept it: what it ran in doubt then
    /// counts for what it doubts now.
    may_believe: bool,
    /// What the server's clock was ahead of the device's own moment when it was heard of last.
    skew: Option<i64>,
    /// What the wall clock was ahead of true time when the machine was switched off.
    pub(super) error_when_off: i64,
    is_on: bool,
    /// Whether nothing of this is kept any more.
    is_lost: bool,
}

impl AgeClock {
    pub(super) fn new(reading: i64, at: i64) -> Self {
        Self {
            reading,
            at,
            unproven: 0,
            doubted: 0,
            ran_in_doubt: 0,
            believed_at: i64::MIN,
            may_believe: false,
            skew: Some(0),
            error_when_off: 0,
            is_on: true,
            is_lost: false,
        }
    }

    /// True time has come to a moment.
    pub(super) fn advance(&mut self, now: i64) {
        let passed = now - self.at;
        self.at = now;
        if self.is_on {
            self.reading += passed;
            self.ran_in_doubt += passed;
            // The machine was up for a moment before its agent was.
            if self.ran_in_doubt >= HOUR - 3 && self.doubted > 0 {
                (self.doubted, self.believed_at, self.may_believe) = (0, self.reading, false);
            }
        }
    }

    pub(super) fn switch_off(&mut self, now: i64, error: i64) {
        self.advance(now);
        self.may_believe |= self.reading - self.believed_at.max(0) < UNKEPT;
        (self.is_on, self.error_when_off) = (false, error);
    }

    /// The machine is switched on after `off` seconds; it has been up for a second when the agent starts.
    pub(super) fn switch_on(&mut self, now: i64, off: i64, error: i64) {
        (self.at, self.is_on) = (now, true);
        if std::mem::take(&mut self.is_lost) {
            // It begins with what the wall clock shows.
            (self.reading, self.unproven, self.doubted, self.skew) = (now + error, 0, 0, None);
            return;
        }
        let claimed = (off + error - self.error_when_off).max(1);
        self.reading += claimed;
        self.unproven += claimed - 1;
        if self.doubted == 0 {
            self.ran_in_doubt = 0;
        }
        self.doubted += claimed - 1;
        if self.doubted <= TOLERANCE {
            self.doubted = 0;
        }
    }

    /// What was kept of it is lost while the machine is off.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// The server's date arrives: it can only take back what a wall clock claimed.
    pub(super) fn server_date(&mut self, now: i64) {
        if let Some(skew) = self.skew {
            let excess = self.reading - (now - skew);
            if excess > TOLERANCE {
                self.reading -= excess.min(self.unproven);
            }
            (self.unproven, self.doubted) = (0, 0);
        }
        (self.believed_at, self.may_believe) = (i64::MIN, false);
        self.skew = Some(now - self.reading);
    }

    /// Whether the device may be in doubt: of the time that it ran in doubt before, it may not have kept all.
    pub(super) fn may_be_in_doubt(&self) -> bool {
        self.unproven > TOLERANCE
    }

    /// The device's own moment without what it has to doubt.
    pub(super) fn certain(&self) -> i64 {
        if self.may_believe { self.reading } else { self.reading - self.doubted }
    }
}
