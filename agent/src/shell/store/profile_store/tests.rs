//! What was removed is in no file once the store is closed, and what was kept is there whatever happens meanwhile.

mod erasing;
mod interrupted;
mod quarantined;
mod random;

use super::*;
