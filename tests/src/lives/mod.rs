//! Random lives of an agent and a tenant together, in virtual time: real session bytes between both engines, both clocks
//! moved independently and wrongly, held after every event against a plain reference of the page's rules.
//!
//! What is compared is what a user or an administrator sees: which profile is applied, whose it is, until when, which
//! certificate is used, when the next check-in is due, which portal lists the device, what the console says. A life that
//! differs is shrunk to the fewest steps that still differ, and printed with the seed that replays it.

mod clock;
mod compare;
mod life;
pub mod programs;
mod reference;
pub mod step;
pub mod trial;
mod watch;

pub use step::Step;
