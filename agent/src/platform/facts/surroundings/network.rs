//! Network cards with hardware behind them, and their addresses, by what /sys and /proc/net show.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::source::Source;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::Network;

const CLASS: &str = "/sys/class/net";
/// The most cards that are listed.
const MOST_CARDS: usize = 32;

/// Network cards.
pub(in super::super) fn networks(source: &Source) -> Fact<Vec<Network>> {
    let names = source.names(CLASS);
    if names.is_empty() {
        return Fact::unknown(format!("{CLASS} shows nothing"));
    }
    let fourth = local_addresses(&source.text("/proc/net/fib_trie").unwrap_or_default());
    let routes = source.text("/proc/net/route").unwrap_or_default();
    let sixth = source.text("/proc/net/if_inet6").unwrap_or_default();
    let card = |name: String| {
        let base = format!("{CLASS}/{name}");
        if !source.has(&format!("{base}/device")) {
            return None;
        }
        let mac = source.line(&format!("{base}/address"))?.to_ascii_uppercase().replace(':', "-");
        let plain = mac.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !plain || mac.len() > 64 || mac == "00-00-00-00-00-00" {
            return None;
        }
        Some(Network {
            mac,
            ipv4: fourth
                .iter()
                .find(|address| leads_to(&routes, **address) == Some(name.as_str()))
                .map(Ipv4Addr::to_string),
            ipv6: sixth_address(&sixth, &name).map(|address| address.to_string()),
            connected: source.line(&format!("{base}/operstate")).as_deref() == Some("up"),
            wireless: source.has(&format!("{base}/wireless")) || source.has(&format!("{base}/phy80211")),
            name,
        })
    };
    Fact::known(names.into_iter().filter_map(card).take(MOST_CARDS).collect(), format!("{CLASS}, /proc/net"))
}

/// The machine's own addresses: in the routing trie, those whose next line calls them local.
fn local_addresses(trie: &str) -> Vec<Ipv4Addr> {
    let mut addresses = Vec::new();
    let mut last = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.ends_with("/32 host LOCAL")
            && let Some(address) = last.filter(|address: &Ipv4Addr| !address.is_loopback())
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// The card that an address belongs to: that of the smallest network around it that is reached without a gateway.
fn leads_to(routes: &str, address: Ipv4Addr) -> Option<&str> {
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(|number| u32::from_be_bytes(number.to_ne_bytes()));
    let mask = |line: &str| -> Option<u32> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (destination, gateway, mask) = (number(fields.get(1)?)?, number(fields.get(2)?)?, number(fields.get(7)?)?);
        let around = gateway == 0 && mask != 0 && u32::from(address) & mask == destination;
        around.then_some(mask)
    };
    let lines = routes.lines().skip(1).filter_map(|line| Some((mask(line)?, line.split_whitespace().next()?)));
    lines.max_by_key(|(mask, _)| *mask).map(|(_, name)| name)
}

/// The first address of a card that reaches farther than its link, or else the first.
fn sixth_address(table: &str, card: &str) -> Option<Ipv6Addr> {
    let entries = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let address = u128::from_str_radix(fields.first()?, 16).ok()?;
        (fields.get(5)? == &card).then(|| (fields.get(3) == Some(&"00"), Ipv6Addr::from(address)))
    });
    let entries: Vec<(bool, Ipv6Addr)> = entries.collect();
    entries.iter().find(|(global, _)| *global).or(entries.first()).map(|(_, address)| *address)
}
