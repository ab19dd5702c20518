//! Announcements as the kernel makes them, and as it never would.

use proptest::prelude::*;

use super::*;
use crate::engine::testing::cases;

const INET: u8 = 2;
const INET6: u8 = 10;

#[test]
fn a_global_address_is_news_once() {
    let mut networks = Networks::default();
    assert!(networks.read(&addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1])));
    assert!(!networks.read(&addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1])), "a renewed lease");
    assert!(networks.read(&addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 2])));
    assert!(!networks.read(&addr(RTM_DELADDR, INET, 0, 0, &[10, 0, 0, 1])));
    assert!(networks.read(&addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1])), "it was gone");
}

#[test]
fn an_address_that_leads_nowhere_is_no_news() {
    let mut networks = Networks::default();
    for (flags, scope) in [(0, 253), (0, 254), (0x40, 0), (0x08, 0)] {
        assert!(!networks.read(&addr(RTM_NEWADDR, INET6, flags, scope, &[0xfe; 16])));
    }
    assert!(networks.read(&addr(RTM_NEWADDR, INET6, 0x80, 0, &[0xfe; 16])), "permanent, and no longer tentative");
}

#[test]
fn a_default_route_is_news_and_another_route_is_not() {
    let mut networks = Networks::default();
    assert!(!networks.read(&route(RTM_NEWROUTE, 24, 254, RTN_UNICAST, 1)));
    assert!(!networks.read(&route(RTM_NEWROUTE, 0, 254, 7, 1)), "unreachable");
    assert!(!networks.read(&route(RTM_NEWROUTE, 0, RT_TABLE_LOCAL, RTN_UNICAST, 1)));
    assert!(networks.read(&route(RTM_NEWROUTE, 0, 254, RTN_UNICAST, 1)));
    assert!(!networks.read(&route(RTM_NEWROUTE, 0, 254, RTN_UNICAST, 1)), "renewed by the router");
    assert!(networks.read(&route(RTM_NEWROUTE, 0, 254, RTN_UNICAST, 2)), "over another link");
}

#[test]
fn a_link_that_runs_again_is_news_if_its_address_has_outlived_the_pause() {
    let mut networks = Networks::default();
    assert!(!networks.read(&link(RTM_NEWLINK, IFF_UP | IFF_RUNNING)), "nothing is known of it");
    networks.read(&addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1]));
    assert!(!networks.read(&link(RTM_NEWLINK, IFF_UP | IFF_RUNNING)), "it only talks");
    assert!(!networks.read(&link(RTM_NEWLINK, IFF_UP)));
    assert!(networks.read(&link(RTM_NEWLINK, IFF_UP | IFF_RUNNING)));
    assert!(!networks.read(&link(RTM_NEWLINK, IFF_UP)));
    networks.read(&addr(RTM_DELADDR, INET, 0, 0, &[10, 0, 0, 1]));
    assert!(!networks.read(&link(RTM_NEWLINK, IFF_UP | IFF_RUNNING)), "its address has yet to come");
}

#[test]
fn the_routes_of_a_link_that_is_switched_off_are_news_again() {
    let mut networks = Networks::default();
    for gone in [link(RTM_NEWLINK, 0), link(RTM_DELLINK, 0)] {
        assert!(networks.read(&route(RTM_NEWROUTE, 0, 254, RTN_UNICAST, 2)));
        assert!(!networks.read(&gone));
    }
    assert!(networks.read(&route(RTM_NEWROUTE, 0, 254, RTN_UNICAST, 2)));
}

#[test]
fn the_news_may_be_in_any_message_of_a_datagram() {
    let uninteresting = route(RTM_NEWROUTE, 24, 254, RTN_UNICAST, 1);
    let datagram = [uninteresting.clone(), addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1]), uninteresting].concat();
    assert!(Networks::default().read(&datagram));
}

#[test]
fn after_a_loss_everything_is_news_and_what_is_remembered_stays_bounded() {
    let mut networks = Networks::default();
    let first = addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1]);
    networks.read(&first);
    assert!(networks.lost() && networks.read(&first));
    for number in 0..10_000_u32 {
        assert!(networks.read(&addr(RTM_NEWADDR, INET6, 0, 0, &number.to_ne_bytes())));
        assert!(networks.known.len() <= MOST);
    }
}

#[test]
fn lengths_that_lie_lead_nowhere() {
    let mut whole = addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1]);
    for length in [0, 1, 15, 16, 1000, u32::MAX] {
        whole[..4].copy_from_slice(&length.to_ne_bytes());
        assert!(!Networks::default().read(&whole), "{length}");
    }
    for length in [0_u16, 3, 4, 300, u16::MAX] {
        let mut lying = addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1]);
        lying[24..26].copy_from_slice(&length.to_ne_bytes());
        Networks::default().read(&lying);
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..100) {
        Networks::default().read(&bytes);
        let mut almost = addr(RTM_NEWADDR, INET, 0, 0, &[10, 0, 0, 1]);
        for (old, new) in almost.iter_mut().skip(at).zip(&bytes) {
            *old = *new;
        }
        Networks::default().read(&almost);
    }
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap();
    let mut message = [length.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), &[0; 10], body].concat();
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

fn attribute_of(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + content.len()).unwrap();
    let mut attribute = [length.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), content].concat();
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

fn link(kind: u16, flags: u32) -> Vec<u8> {
    message(kind, &[[0, 0, 1, 0, 2, 0, 0, 0], [flags.to_ne_bytes(), [0xff; 4]].concat().try_into().unwrap()].concat())
}

fn addr(kind: u16, family: u8, flags: u8, scope: u8, address: &[u8]) -> Vec<u8> {
    let head = [family, 24, flags, scope, 2, 0, 0, 0];
    message(kind, &[head.as_slice(), &attribute_of(6, &[7; 16]), &attribute_of(IFA_ADDRESS, address)].concat())
}

fn route(kind: u16, bits: u8, table: u8, route_kind: u8, link: u8) -> Vec<u8> {
    let head = [INET, bits, 0, 0, table, 3, 0, route_kind, 0, 0, 0, 0];
    let link = attribute_of(RTA_OIF, &[link, 0, 0, 0]);
    message(kind, &[head.as_slice(), &attribute_of(RTA_GATEWAY, &[10, 0, 0, 254]), &link].concat())
}
