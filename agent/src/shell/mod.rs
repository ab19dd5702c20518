//! The impure half: clocks, files, network, processes and sockets. It carries out what the engine orders and tells it
//! what came of it. It decides nothing; if a choice has to be made, the engine makes it.

pub mod agent;
pub mod bundle;
pub mod clock;
pub mod cms;
pub mod compliance;
pub mod config;
pub mod control;
pub mod daemon;
pub mod desktop;
pub mod doctor;
pub mod enrol;
pub mod facts;
pub mod files;
pub mod format;
pub mod history;
pub mod http;
pub mod identity;
pub mod keys;
pub mod lock;
pub mod logging;
pub mod network;
pub mod notify;
pub mod paths;
pub mod push;
pub mod renew;
pub mod scep;
pub mod sign_in;
pub mod store;
pub mod suspend;
pub mod timer;
pub mod tool;
pub mod unenrollment;
pub mod unseal;
pub mod work;
