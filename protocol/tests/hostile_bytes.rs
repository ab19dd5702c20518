//! No bytes, however made, bring a reader down; and what is accepted is understood the same way twice.

mod common;
#[path = "common/strategies.rs"]
mod strategies;

use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::policy::AdmxValue;
use mdm_protocol::csp::vpn::VpnProfile;
use mdm_protocol::csp::wifi::WlanProfile;
use mdm_protocol::enrolment::{
    CertificatePolicy, Discover, DiscoverResponse, GetPolicies, RequestSecurityToken, SecurityTokenResponse,
};
use mdm_protocol::provisioning::{Provisioning, WapDocument};
use mdm_protocol::soap::Fault;
use mdm_protocol::syncml::{Message, decode_fragment};
use mdm_protocol::{LocUri, Thumbprint, base64};
use proptest::prelude::*;
use strategies::config;

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn arbitrary_bytes_bring_no_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn scraps_of_markup_bring_no_reader_down(scraps in prop::collection::vec(scrap(), 0..30)) {
        read_as_everything(scraps.concat().as_bytes());
    }

    #[test]
    fn damaged_documents_bring_no_reader_down(index in any::<prop::sample::Index>(), damages in damages()) {
        let documents = common::documents();
        let mut bytes = index.get(&documents).1.clone().into_bytes();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        read_as_everything(&bytes);
    }

    #[test]
    fn damaged_messages_that_are_accepted_can_be_passed_on(index in any::<prop::sample::Index>(), damages in damages()) {
        let documents = common::documents();
        let messages: Vec<_> = documents.iter().filter(|(name, _)| name.starts_with("syncml")).collect();
        let mut bytes = index.get(&messages).1.clone().into_bytes();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(Message::decode(message.encode().as_bytes()).unwrap(), message);
        }
    }
}

fn read_as_everything(bytes: &[u8]) {
    let _ = Message::decode(bytes);
    let _ = Discover::decode(bytes);
    let _ = DiscoverResponse::decode(bytes);
    let _ = GetPolicies::decode(bytes);
    let _ = CertificatePolicy::decode(bytes);
    let _ = RequestSecurityToken::decode(bytes);
    let _ = SecurityTokenResponse::decode(bytes);
    let _ = Fault::decode(bytes);
    let _ = WapDocument::decode(bytes);
    let _ = Provisioning::decode(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = decode_fragment(&text);
    let _ = WlanProfile::parse(&text);
    let _ = AdmxValue::parse("Policy", &text);
    let _ = VpnProfile::from_leaves(&Leaves::default().with("ProfileXML", Some(text.as_ref())));
    let _ = LocUri::parse_with_listing(&text);
    let _ = Thumbprint::parse(&text);
    let _ = base64::decode(&text);
}

#[derive(Debug, Clone)]
enum Damage {
    Delete(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, &'static str),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let range = |index: &prop::sample::Index, length: usize| {
            let start = index.index(bytes.len());
            start..(start + length).min(bytes.len())
        };
        match self {
            Self::Delete(index, length) => drop(bytes.drain(range(index, *length))),
            Self::Repeat(index, length) => {
                let range = range(index, *length);
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, piece);
            }
            Self::Flip(index, bits) => {
                let at = index.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Insert(index, scrap) => {
                let at = index.index(bytes.len());
                bytes.splice(at..at, scrap.bytes());
            }
        }
    }
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let place = any::<prop::sample::Index>;
    let damage = prop_oneof![
        (place(), 1..200_usize).prop_map(|(at, length)| Damage::Delete(at, length)),
        (place(), 1..200_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (place(), 1..=u8::MAX).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (place(), scrap()).prop_map(|(at, scrap)| Damage::Insert(at, scrap)),
    ];
    prop::collection::vec(damage, 1..4)
}

fn scrap() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "<",
        ">",
        "/>",
        "</",
        "&",
        ";",
        "&#",
        "&#0;",
        "&#x1F980;",
        "&lt;",
        "&nope;",
        "\"",
        "'",
        "=",
        " ",
        "\r",
        "\u{feff}",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "?>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
        "<!DOCTYPE a [",
        "é",
        "<SyncML>",
        "</SyncML>",
        "<Atomic>",
        "<Item/>",
        "<Data>",
        "</Data>",
        "<a b=\"c\">",
        "<html",
        "\u{ffff}",
        "\0",
    ])
}
