//! Random packages of commands, the engine that carries them out, and a plain sequential reference that knows every
//! command only from the engine's answer to it alone (rule C6).
//!
//! What is compared is everything that can be seen from outside: every status, every value read, what is stored, what is
//! applied, the files on the machine, the actions started. A package that differs is shrunk and printed as SyncML.

pub mod command;
pub mod compare;
pub mod device;
pub(crate) mod enrolment;
pub mod generate;
pub mod machine;
pub mod managed;
pub mod nodes;
pub mod programs;
pub mod reference;
mod session;
pub mod shrink;
pub mod trial;

use std::path::Path;

pub use self::command::{Item, Package, Single, Top};
pub use self::device::{Answers, Device};

/// What stands for the root of the machines here: a Debian desktop without dconf and udev, on which another program has
/// configured Firefox.
pub fn root(root: &Path) -> std::io::Result<()> {
    crate::machine_root::debian(root)?;
    bare(root)
}

fn bare(root: &Path) -> std::io::Result<()> {
    for program in ["usr/bin/dconf", "usr/bin/udevadm"] {
        std::fs::remove_file(root.join(program))?;
    }
    std::fs::create_dir_all(root.join("etc/firefox/policies"))?;
    std::fs::write(root.join("etc/firefox/policies/policies.json"), "{\"policies\": {}}\n")
}
