//! Whether the machine is as its rules want it.
//!
//! The platform gathers [`Facts`], a profile says the [`Rule`]s, and [`evaluate`] makes verdicts of them: compliant, not
//! compliant or cannot tell, each with what was expected, what is, what shows it and how to put it right. A verdict
//! informs; it never decides whether the machine may enrol or check in.

mod advice;
pub mod device_status;
mod document;
pub mod facts;
pub mod json;
mod judge;
pub mod rule;
pub mod standing;
#[cfg(test)]
mod tests;
pub mod verdict;
mod version;

pub use device_status::device_status;
pub use document::report_document;
pub use facts::{Fact, Facts};
pub use rule::{Rule, RuleError, discovery_scripts};
pub use verdict::{Report, State, Verdict, evaluate};
