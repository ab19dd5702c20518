//! The real components of a machine on what profiles become: each profile is put in force with the library, and the
//! program that is to obey it is asked what it makes of it, and of something broken, which it has to refuse.
//!
//! Every test runs in namespaces of its own, with an `/etc` of its own and no network but loopback. Nothing outside is
//! changed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alone;
mod certificates;
mod daemon;
mod dconf;
mod handshake;
mod hardware;
mod keyfiles;
mod machine;
mod network_manager;
mod networks;
mod openvpn;
mod password;
mod pfx;
mod programs;
mod samples;
mod strongswan;
mod sysctl;
mod thunderbird;
mod trust_store;
mod tunnels;
mod updates;
mod wireguard;
