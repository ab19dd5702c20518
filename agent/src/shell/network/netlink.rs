//! Reads the kernel's announcements of addresses and routes (rtnetlink(7)), as far as they say that there is a new way
//! out. Lengths are believed only as far as there are bytes, and what is remembered is bounded.

use std::collections::BTreeSet;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;

const HEADER: usize = 16;
/// The link is switched on; its other end is there too.
const IFF_UP: u32 = 0x1;
const IFF_RUNNING: u32 = 0x40;
/// The address in an announcement of an address; the second is one's own on a link between two.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// Not yet or never usable: its neighbours may have it too.
const IFA_F_TENTATIVE_OR_FAILED: u8 = 0x40 | 0x08;
const RT_SCOPE_UNIVERSE: u8 = 0;
/// Through which link, and over which neighbour.
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTN_UNICAST: u8 = 1;
const RT_TABLE_LOCAL: u8 = 255;

/// More ways out than machines have; if there are more, all of them count as new once again.
const MOST: usize = 256;
/// The attributes that tell one way out from another are no longer than an address.
const LONGEST: usize = 16;

/// An address or a default route. The order puts those of a link together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    link: u32,
    is_route: bool,
    /// What else tells it from others.
    rest: Vec<u8>,
}

/// The addresses and default routes that have been announced. An announcement is repeated whenever a lease or a router
/// renews it, and is then no news.
#[derive(Debug, Default)]
pub(super) struct Networks {
    known: BTreeSet<Way>,
    /// Links that lead nowhere for now.
    idle: BTreeSet<u32>,
}

impl Networks {
    /// Takes in what one datagram says; whether it has a way out that was not there.
    pub(super) fn read(&mut self, mut datagram: &[u8]) -> bool {
        let mut has_new = false;
        while let Some((kind, body, rest)) = next_message(datagram) {
            has_new |= self.announced(kind, body).unwrap_or(false);
            datagram = rest;
        }
        has_new
    }

    /// Something was announced that could not be read. Nothing is certain any more, and there may be a new way out.
    pub(super) fn lost(&mut self) -> bool {
        *self = Self::default();
        true
    }

    fn announced(&mut self, kind: u16, body: &[u8]) -> Option<bool> {
        match kind {
            RTM_NEWLINK => return self.link(body),
            RTM_DELLINK => {
                let index = u32::from_ne_bytes(field(body, 4)?);
                self.known.retain(|way| way.link != index);
                self.idle.remove(&index);
                return None;
            }
            _ => {}
        }
        let way = match kind {
            RTM_NEWADDR | RTM_DELADDR => address(body)?,
            RTM_NEWROUTE | RTM_DELROUTE => default_route(body)?,
            _ => return None,
        };
        if matches!(kind, RTM_DELADDR | RTM_DELROUTE) {
            self.known.remove(&way);
            return None;
        }
        if self.known.len() >= MOST && !self.known.contains(&way) {
            self.known.clear();
        }
        Some(self.known.insert(way))
    }

    /// A link that runs again, a cable that is back for instance, is news if its addresses have outlived the pause
    /// (struct ifinfomsg).
    fn link(&mut self, body: &[u8]) -> Option<bool> {
        let index = u32::from_ne_bytes(field(body, 4)?);
        let flags = u32::from_ne_bytes(field(body, 8)?);
        if flags & IFF_UP == 0 {
            // The routes of a link that is switched off go without a word.
            self.known.retain(|way| way.link != index || !way.is_route);
        }
        if flags & IFF_RUNNING != 0 {
            let runs_again = self.idle.remove(&index);
            return Some(runs_again && self.known.iter().any(|way| way.link == index));
        }
        if self.idle.len() >= MOST {
            self.idle.clear();
        }
        self.idle.insert(index);
        None
    }
}

/// The type of the next message, what is in it, and what follows it.
fn next_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(field(bytes, 0)?)).ok()?;
    let kind = u16::from_ne_bytes(field(bytes, 4)?);
    let body = bytes.get(HEADER..length)?;
    Some((kind, body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// This address, if one can reach the world from it (struct ifaddrmsg).
fn address(body: &[u8]) -> Option<Way> {
    let [family, _, flags, scope, link @ ..] = field::<8>(body, 0)?;
    if scope != RT_SCOPE_UNIVERSE || flags & IFA_F_TENTATIVE_OR_FAILED != 0 {
        return None;
    }
    let address = attribute(&body[8..], IFA_LOCAL).or_else(|| attribute(&body[8..], IFA_ADDRESS))?;
    Some(Way { link: u32::from_ne_bytes(link), is_route: false, rest: [&[family], address].concat() })
}

/// This route, if it leads to the world (struct rtmsg).
fn default_route(body: &[u8]) -> Option<Way> {
    let [family, destination_bits, _, _, table, _, _, kind, ..] = field::<12>(body, 0)?;
    if destination_bits != 0 || kind != RTN_UNICAST || table == RT_TABLE_LOCAL {
        return None;
    }
    let link = attribute(&body[12..], RTA_OIF).and_then(|link| field(link, 0)).map_or(0, u32::from_ne_bytes);
    let gateway = attribute(&body[12..], RTA_GATEWAY).unwrap_or_default();
    Some(Way { link, is_route: true, rest: [&[family, table], gateway].concat() })
}

/// The content of the first attribute of this type.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(field(bytes, 0)?));
        let kind = u16::from_ne_bytes(field(bytes, 2)?);
        let content = bytes.get(4..length)?;
        if kind == wanted {
            return Some(content).filter(|content| content.len() <= LONGEST);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
