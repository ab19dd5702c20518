//! What the end-to-end tests, the demo and the measurements share: the two real programs as processes, and profiles
//! in the form in which administrators write them. Everything runs on loopback, in folders of its own.

pub mod admin;
pub mod agent;
pub mod container;
pub mod fleet;
pub mod hostile;
pub mod hostile_push;
pub mod hostile_scep;
pub mod lived_in;
pub mod lives;
pub mod machine_root;
pub mod marionette;
pub mod packages;
pub mod policies;
pub mod processes;
pub mod profiles;
pub mod programs;
pub mod scenario;
pub mod scep;
pub mod seeds;
pub mod server;
pub mod week;
pub mod world;
