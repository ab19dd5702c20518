//! Tells when the machine gets a network: a default route or an address that was not there before.
//!
//! Listens to the kernel's own announcements (rtnetlink) and never asks, so it needs no privilege and costs nothing
//! while nothing changes. What a network is worth is for others to find out: this only says that trying is worthwhile.

mod netlink;

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::clock;
use super::timer::{self, BootTimer};
use netlink::Networks;

/// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR and RTMGRP_IPV6_ROUTE (rtnetlink(7)).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
/// A network comes up in several pieces: what is told is that it has come.
const SETTLING_MS: u64 = 2_000;
/// Larger than the kernel's messages (NLMSG_GOODSIZE).
const BUFFER: usize = 16 << 10;

/// What happened to the machine's networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkEvent {
    /// There is one more way out than before.
    Up,
}

/// The running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct NetworkWatch {
    task: AbortHandle,
}

impl Drop for NetworkWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to watch, in a task of its own on the present runtime.
pub fn watch(events: mpsc::Sender<NetworkEvent>) -> io::Result<NetworkWatch> {
    let watcher = Watcher {
        socket: timer::readable(open()?)?,
        timer: BootTimer::new()?,
        networks: Networks::default(),
        buffer: vec![0; BUFFER],
        events,
    };
    Ok(NetworkWatch { task: tokio::spawn(watcher.run()).abort_handle() })
}

fn open() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // No protocol stands for the first of the family, NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    Ok(socket)
}

struct Watcher {
    socket: AsyncFd<OwnedFd>,
    timer: BootTimer,
    networks: Networks,
    buffer: Vec<u8>,
    events: mpsc::Sender<NetworkEvent>,
}

impl Watcher {
    async fn run(mut self) {
        if let Err(error) = self.listen().await {
            tracing::error!(%error, "changes of the network are no longer noticed; the schedule goes on");
        }
    }

    async fn listen(&mut self) -> io::Result<()> {
        let mut settling = false;
        loop {
            let arrived = tokio::select! {
                arrived = Self::arrived(&self.socket, &mut self.networks, &mut self.buffer) => arrived?,
                reached = self.timer.reached() => {
                    reached?;
                    settling = false;
                    if self.events.send(NetworkEvent::Up).await.is_err() {
                        return Ok(());
                    }
                    continue;
                }
            };
            // Not begun anew by what follows: a network that never comes to rest must not keep it to itself.
            if arrived && !settling {
                settling = true;
                self.timer.set(Some(clock::now().after_ms(SETTLING_MS)))?;
            }
        }
    }

    /// Waits for announcements and takes in all that are there; whether one of them is a new way out.
    async fn arrived(socket: &AsyncFd<OwnedFd>, networks: &mut Networks, buffer: &mut [u8]) -> io::Result<bool> {
        let mut ready = socket.readable().await?;
        let mut has_new = false;
        loop {
            match recv(socket.get_ref(), &mut *buffer, RecvFlags::TRUNC) {
                Ok((_, length)) if length > buffer.len() => has_new |= networks.lost(),
                Ok((_, length)) => has_new |= networks.read(&buffer[..length]),
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    ready.clear_ready();
                    return Ok(has_new);
                }
                Err(rustix::io::Errno::INTR) => {}
                // So much has changed that the kernel stopped telling.
                Err(rustix::io::Errno::NOBUFS) => has_new |= networks.lost(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
