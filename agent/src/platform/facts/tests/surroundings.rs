use super::*;
use crate::engine::compliance::facts::BatteryActivity;

#[test]
fn the_battery_is_the_machines_own() {
    let base = "/sys/class/power_supply";
    let mouse = Tree::new().file(&format!("{base}/A/type"), "Battery\n").file(&format!("{base}/A/scope"), "Device\n");
    assert_eq!(known(&mouse.facts().battery).0, None);
    let own = |status: &str| {
        Tree::new()
            .file(&format!("{base}/BAT0/type"), "Battery\n")
            .file(&format!("{base}/BAT0/status"), status)
            .file(&format!("{base}/BAT0/capacity"), "80\n")
            .file(&format!("{base}/BAT0/energy_now"), "30000000\n")
            .file(&format!("{base}/BAT0/power_now"), "10000000\n")
    };
    let battery = known(&own("Discharging\n").facts().battery).0.unwrap();
    assert_eq!(
        (battery.activity, battery.charge, battery.lasts_seconds),
        (BatteryActivity::Discharging, Some(80), Some(10_800))
    );
    let full = known(&own("Full\n").facts().battery).0.unwrap();
    assert_eq!((full.activity, full.lasts_seconds), (BatteryActivity::Idle, None));
    let still = known(&own("Discharging\n").file(&format!("{base}/BAT0/power_now"), "0\n").facts().battery).0.unwrap();
    assert_eq!(still.lasts_seconds, None, "no division by nothing");
}

#[test]
fn the_domain_is_one_that_was_joined() {
    let domain = |tree: Tree| known(&tree.facts().domain).0;
    assert_eq!(domain(Tree::new()), None);
    let sssd = "[sssd]\ndomains = ad.example.com\n[domain/ad.example.com]\nid_provider = ad\n";
    assert_eq!(domain(Tree::new().file("/etc/sssd/sssd.conf", sssd)).as_deref(), Some("ad.example.com"));
    let samba = "[global]\n security = ADS\n realm = AD.EXAMPLE.COM\n";
    assert_eq!(domain(Tree::new().file("/etc/samba/smb.conf", samba)).as_deref(), Some("ad.example.com"));
    assert_eq!(domain(Tree::new().file("/etc/samba/smb.conf", samba.replace("ADS", "user"))), None);
}

#[test]
fn cards_have_the_addresses_of_their_networks() {
    let class = "/sys/class/net";
    let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.0\n        /8 universe UNICAST\nLocal:\n     |-- 10.1.2.3\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.168.1.5\n        /32 host LOCAL\n     |-- 192.168.1.255\n        /32 link BROADCAST\n";
    // Numbers as a machine with the smallest byte first writes them, which is what tests run on.
    let number = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
    let route = |card: &str, to: [u8; 4], by: [u8; 4], mask: [u8; 4]| {
        format!("{card}\t{}\t{}\t0001\t0\t0\t100\t{}\t0\t0\t0\n", number(to), number(by), number(mask))
    };
    let routes = format!(
        "Iface\tDestination\tGateway\n{}{}{}",
        route("eth0", [0; 4], [192, 168, 1, 1], [0; 4]),
        route("eth0", [192, 168, 1, 0], [0; 4], [255, 255, 255, 0]),
        route("wlan0", [10, 0, 0, 0], [0; 4], [255, 0, 0, 0])
    );
    let sixth =
        "fe800000000000000000000000000001 02 40 20 80 eth0\n20010db8000000000000000000000005 02 40 00 80 eth0\nzz 1\n";
    let card = |tree: Tree, name: &str, mac: &str, state: &str| {
        tree.directory(&format!("{class}/{name}/device"))
            .file(&format!("{class}/{name}/address"), mac)
            .file(&format!("{class}/{name}/operstate"), state)
    };
    let tree =
        Tree::new().file("/proc/net/fib_trie", trie).file("/proc/net/route", routes).file("/proc/net/if_inet6", sixth);
    let tree = card(tree, "eth0", "02:00:00:00:00:0a\n", "up\n");
    let tree = card(tree, "wlan0", "02:00:00:00:00:0b\n", "down\n").directory(&format!("{class}/wlan0/phy80211"));
    let tree = tree.file(&format!("{class}/veth0/address"), "02:00:00:00:00:0c\n");
    let tree = card(tree, "odd0", "../../x\n", "up\n");
    let cards = known(&tree.facts().networks).0;
    assert_eq!(cards.len(), 2, "virtual cards come and go: {cards:?}");
    let (wired, wireless) = (&cards[0], &cards[1]);
    assert_eq!((wired.mac.as_str(), wired.connected, wired.wireless), ("02-00-00-00-00-0A", true, false));
    assert_eq!((wired.ipv4.as_deref(), wired.ipv6.as_deref()), (Some("192.168.1.5"), Some("2001:db8::5")));
    assert_eq!((wireless.ipv4.as_deref(), wireless.ipv6.as_deref()), (Some("10.1.2.3"), None));
    assert!(!wireless.connected && wireless.wireless);
}
