//! Settings that were refused because another one holds their place. They are no part of the tree and cannot be read; when
//! the place is free, they are applied without being sent again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most that are remembered.
pub const MAX_CLAIMS: usize = 16;

/// A setting that waits for its place. `Debug` hides the value, which may be secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The address of the profile's own node.
    pub root: String,
    /// The address of the node.
    pub node: String,
    /// The format of the value.
    pub format: String,
    /// The value.
    pub value: String,
    /// The authority that has set it; another one takes nothing over from it.
    pub authority: String,
}

impl fmt::Debug for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Claim({}, {} bytes)", self.node, self.value.len())
    }
}
