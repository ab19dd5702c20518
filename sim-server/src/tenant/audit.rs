//! The audit: who did what, when, and what came of it. The oldest lines go first.

use serde::{Deserialize, Serialize};

use super::Tenant;
use super::record::RecordKind;

/// The most lines that are kept.
const LINES: usize = 10_000;
/// The longest that each part of a line may be, in characters.
const CHARACTERS: usize = 512;

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its number.
    pub number: u64,
    /// When, in seconds since 1970.
    pub time: i64,
    /// The administrator, or `tenant` for what the tenant did by itself.
    pub who: String,
    /// What was asked for or done.
    pub what: String,
    /// What came of it.
    pub outcome: String,
}

impl Tenant {
    /// Writes a line.
    pub fn audit(&mut self, who: &str, what: &str, outcome: &str, now: i64) {
        let shortened = |text: &str| text.chars().take(CHARACTERS).collect::<String>();
        let number = self.audit.last_key_value().map_or(1, |(number, _)| number + 1);
        let (who, what, outcome) = (shortened(who), shortened(what), shortened(outcome));
        self.audit.insert(number, AuditLine { number, time: now, who, what, outcome });
        self.note(RecordKind::Audit, audit_key(number));
        while self.audit.len() > LINES {
            if let Some((oldest, _)) = self.audit.pop_first() {
                self.note(RecordKind::Audit, audit_key(oldest));
            }
        }
    }

    /// The last lines, newest first.
    pub fn audit_lines(&self, most: usize) -> Vec<AuditLine> {
        self.audit.values().rev().take(most).cloned().collect()
    }
}

pub(super) fn audit_key(number: u64) -> String {
    format!("{number:020}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_is_bounded_and_the_oldest_lines_are_gone_from_the_records_too() {
        let mut tenant = Tenant::default();
        for number in 0..=LINES {
            tenant.audit("eve", "something", &number.to_string(), 5);
        }
        let lines = tenant.audit_lines(usize::MAX);
        assert_eq!((lines.len(), lines[0].number), (LINES, LINES as u64 + 1));
        assert_eq!(tenant.audit_lines(1)[0].outcome, LINES.to_string());
        let changes = tenant.take_changes();
        assert!(changes.iter().any(|change| change.key.key == audit_key(1) && change.value.is_none()));
        let kept = changes.into_iter().filter_map(|change| Some((change.key, change.value?)));
        assert_eq!(Tenant::restore(kept).unwrap().audit_lines(usize::MAX), lines);
    }
}
