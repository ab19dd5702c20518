//! The nodes by which the agent is steered, as a server reads and sets them.

use mdm_protocol::csp::authority::{CHANGED_AT, NAME};
use mdm_protocol::syncml::Command;

use super::*;
use crate::engine::certificates::{Certificates, RenewalState, RenewalStatus};
use crate::engine::life::Beginning;
use crate::engine::profile::Stored;
use crate::engine::progress::Progress;
use crate::engine::push::{Channel, LinkState};
use crate::engine::testing::{
    DAY, NOW, PROVIDER, Talk, add, atomic, beginning, certificate_for, context, delete, facts, format_of, get, owner,
    replace,
};
use crate::engine::time::Now;

const WSTEP: &str = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP";
const THUMB: &str = "0707070707070707070707070707070707070707";
const TOPIC: &str = "0123456789ABCDEF0123456789ABCDEF";

#[test]
fn how_renewal_stands_is_readable_with_its_formats() {
    let progress = Progress {
        renewal: RenewalState {
            attempted: Some(NOW - DAY),
            status: RenewalStatus::Failed,
            error: 0x8018_0016,
            ..RenewalState::default()
        },
        ..Progress::default()
    };
    let mut talk = talk(account(), progress);
    for (leaf, format, value) in [
        ("CertThumprint", "chr", THUMB),
        ("Renew/Status", "int", "3"),
        ("Renew/ErrorCode", "int", "-2145910762"),
        ("Renew/LastRenewalAttemptTime", "time", "20250614T150640Z"),
        ("Renew/RenewPeriod", "int", "42"),
        ("Renew/RetryInterval", "int", "7"),
        ("Renew/ROBOSupport", "bool", "true"),
        ("Renew/ServerURL", "chr", "https://renew.example.org/x"),
    ] {
        // Microsoft's own documents write `My`.
        for store in ["MY", "My"] {
            let told = read(&mut talk, &format!("./Device/Vendor/MSFT/CertificateStore/{store}/WSTEP/{leaf}"));
            assert_eq!(told, Some((format.to_owned(), value.to_owned())), "{leaf}");
        }
    }
    assert_eq!(read(&mut talk, &format!("{WSTEP}/Renew/RenewNow")), None, "it can only be run");
}

#[test]
fn a_listing_has_the_same_values_and_formats() {
    let mut talk = talk(account(), Progress::default());
    talk.say([get("g", &format!("{WSTEP}?list=StructData"))]);
    assert_eq!(talk.code("g"), 200);
    let results = talk.message.commands.iter().find_map(|command| match command {
        Command::Results(results) => Some(&results.items),
        _ => None,
    });
    let told: Vec<(&str, &str, &str)> = results
        .unwrap()
        .iter()
        .filter(|item| item.data.is_some())
        .map(|item| {
            let leaf = item.source.as_deref().unwrap().rsplit('/').next().unwrap();
            (leaf, format_of(item), item.data.as_deref().unwrap())
        })
        .collect();
    let expected = [
        ("CertThumprint", "chr", THUMB),
        ("ErrorCode", "int", "0"),
        ("ROBOSupport", "bool", "true"),
        ("RenewPeriod", "int", "42"),
        ("RetryInterval", "int", "7"),
        ("ServerURL", "chr", "https://renew.example.org/x"),
        ("Status", "int", "0"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn terms_that_cannot_be_followed_are_refused_with_the_command() {
    let mut talk = talk(account(), Progress::default());
    for (leaf, bad) in [
        ("ServerURL", "http://renew.example.org/"),
        ("ServerURL", "renew.example.org"),
        ("ServerURL", ""),
        ("RenewPeriod", "0"),
        ("RenewPeriod", "1001"),
        ("RetryInterval", "-1"),
    ] {
        talk.say([replace("r", &format!("{WSTEP}/Renew/{leaf}"), bad)]);
        assert_eq!(talk.code("r"), 406, "{leaf} {bad}");
    }
    assert!(talk.kept.is_empty());
    let set = [("ServerURL", "https://elsewhere.example.org/"), ("RenewPeriod", "1000"), ("RetryInterval", "1")];
    for (leaf, good) in set {
        talk.say([replace("r", &format!("{WSTEP}/Renew/{leaf}"), good)]);
        assert_eq!(talk.code("r"), 200, "{leaf} {good}");
    }
    assert_eq!(renewal_address(talk.session.tree()).as_deref(), Some("https://elsewhere.example.org/"));
    let terms = told(talk.session.tree(), &account()).renewal;
    assert_eq!(terms, Some(RenewalTerms { period: 1000, retry: 1 }));
}

#[test]
fn renewal_that_was_switched_off_can_be_switched_on_again() {
    let robo = format!("{WSTEP}/Renew/ROBOSupport");
    let mut stored = Stored::default();
    let mut progress = Progress::default();
    for (value, period) in [("false", 0), ("true", 42), ("false", 0), ("1", 42)] {
        let mut talk = talk_on(&stored, account(), progress.clone());
        talk.say([replace("r", &robo, value)]);
        assert_eq!(read(&mut talk, &format!("{WSTEP}/Renew/RenewPeriod")).unwrap().1, "42");
        talk.kept.iter().for_each(|changes| stored.apply(changes));
        progress.renewal.terms = told(talk.session.tree(), &account()).renewal;
        assert_eq!(progress.renewal.terms, Some(RenewalTerms { period, retry: 7 }), "{value}");
    }
}

#[test]
fn address_lists_that_could_never_be_followed_are_refused_and_change_nothing() {
    let list = format!("{PROVIDER}/ManagementServerAddressList");
    let nine: String = (0..9).map(|number| format!("<https://h{number}.example/>")).collect();
    let long = format!("<https://example.org/{}>", "a".repeat(2048));
    for bad in [
        "<http://mdm.example.org/>",
        "http://mdm.example.org/",
        "garbage",
        "<https://>",
        "<https://ada:lovelace@mdm.example.org/>",
        "<https://mdm.example.org/><http://mdm.example.org/>",
        "<https://mdm.example.org/",
        "<https://mdm.example .org/>",
        "",
        &nine,
        &long,
    ] {
        let mut talk = talk(account(), Progress::default());
        talk.say([replace("r", &list, bad)]);
        assert_eq!(talk.code("r"), 406, "{bad}");
        talk.say([atomic("a", vec![replace("n", NAME, "Intune"), replace("r", &list, bad)])]);
        assert_eq!((talk.code("a"), talk.code("n"), talk.code("r")), (507, 216, 406), "{bad}");
        assert!(talk.kept.is_empty(), "{bad}");
        let told = told(talk.session.tree(), &account());
        assert_eq!(told.authority, ToldAuthority::default(), "{bad}");
    }
}

#[test]
fn an_authority_tells_name_time_and_addresses_in_order() {
    let list = format!("{PROVIDER}/ManagementServerAddressList");
    let mut talk = talk(account(), Progress::default());
    assert_eq!(read(&mut talk, NAME), None);
    talk.say([replace("r", NAME, " \t ")]);
    assert_eq!(talk.code("r"), 406);
    let time = "2027-01-02T03:04:05Z";
    let addresses = "<https://a.example.org/x><https://b.example.org/y>";
    talk.say([atomic(
        "a",
        vec![add("n", NAME, "Intune"), replace("c", CHANGED_AT, time), replace("l", &list, addresses)],
    )]);
    assert_eq!(talk.code("a"), 200);
    assert_eq!(talk.kept.len(), 1, "one unit");
    for (node, value) in [(NAME, "Intune"), (CHANGED_AT, time), (list.as_str(), addresses)] {
        assert_eq!(read(&mut talk, node), Some(("chr".to_owned(), value.to_owned())));
    }
    let told = told(talk.session.tree(), &account()).authority;
    assert_eq!((told.name.as_deref(), told.changed_at.as_deref()), (Some("Intune"), Some(time)));
    assert_eq!(told.addresses, [Arc::from("https://a.example.org/x"), Arc::from("https://b.example.org/y")]);
}

#[test]
fn the_channel_is_there_as_soon_as_a_push_server_is_named_and_follows_its_name() {
    let (pfn, uri) = (format!("{PROVIDER}/Push/PFN"), format!("{PROVIDER}/Push/ChannelURI"));
    let mut talk = talk(account(), Progress::default());
    talk.say([replace("r", &pfn, "ntfy:https://push.example.org"), get("g", &uri)]);
    assert_eq!(talk.results(), [(uri.clone(), Some(format!("https://push.example.org/{TOPIC}")))]);
    talk.say([replace("r", &pfn, "ntfy:https://other.example.org/below/"), get("g", &uri)]);
    assert_eq!(talk.results(), [(uri.clone(), Some(format!("https://other.example.org/below/{TOPIC}")))]);
    for gone in [replace("r", &pfn, "carrier pigeon"), delete("r", &pfn), delete("r", &format!("{PROVIDER}/Push"))] {
        talk.say([replace("s", &pfn, "ntfy:https://push.example.org"), get("g", &uri)]);
        assert_eq!(talk.code("g"), 200);
        talk.say([gone, get("g", &uri)]);
        assert_eq!((talk.code("r"), talk.code("g")), (200, 404));
    }
}

#[test]
fn the_channel_of_a_push_server_that_was_named_in_vain_is_not_there() {
    let (pfn, uri) = (format!("{PROVIDER}/Push/PFN"), format!("{PROVIDER}/Push/ChannelURI"));
    let named = |server: &str| replace("p", &pfn, &format!("ntfy:https://{server}.example.org"));
    let mut talk = talk(account(), Progress::default());
    talk.say([atomic("a", vec![named("push"), add("x", "./DevInfo/DevId", "x")]), get("g", &uri)]);
    assert_eq!((talk.code("a"), talk.code("g")), (507, 404));
    talk.say([named("push")]);
    talk.say([atomic("a", vec![named("other"), add("x", "./DevInfo/DevId", "x")]), get("g", &uri)]);
    assert_eq!(talk.results(), [(uri, Some(format!("https://push.example.org/{TOPIC}")))]);
}

#[test]
fn the_topic_stays_as_long_as_the_push_server_does() {
    let uri = format!("{PROVIDER}/Push/ChannelURI");
    let channel = Channel { base: "https://push.example.org".to_owned(), topic: "kept".to_owned() };
    let state = PushState { channel: Some(Box::new(channel)), ..PushState::default() };
    let mut talk = talk(account(), Progress { push: state, ..Progress::default() });
    for (server, channel) in [
        ("ntfy:https://push.example.org/", "https://push.example.org/kept"),
        ("ntfy:https://other.example.org", "https://other.example.org/0123456789ABCDEF0123456789ABCDEF"),
        ("ntfy:https://push.example.org", "https://push.example.org/kept"),
    ] {
        talk.say([replace("r", &format!("{PROVIDER}/Push/PFN"), server)]);
        assert_eq!(read(&mut talk, &uri).unwrap().1, channel);
    }
}

#[test]
fn the_state_of_the_push_link_is_a_number() {
    let bad = PushState { bad_address: true, ..PushState::default() };
    for (push, link, number) in [
        (PushState::default(), LinkState::Up, "0"),
        (PushState::default(), LinkState::Refused, "2"),
        (PushState::default(), LinkState::Connecting, "4"),
        (PushState::default(), LinkState::None, "4"),
        (bad, LinkState::None, "1"),
    ] {
        let mut tree = Tree::new(&Stored::default(), true);
        if push.bad_address {
            tree.add(&LocUri::parse(&format!("{PROVIDER}/Push/PFN")).unwrap(), &Format::Chr, "other").unwrap();
        }
        provide_channel(&mut tree, PROVIDER, &PushOffer { state: push, topic: TOPIC.to_owned(), link });
        let status = LocUri::parse(&format!("{PROVIDER}/Push/Status")).unwrap();
        assert_eq!(tree.value(&status), Some(number));
    }
}

#[test]
fn a_renewed_device_proves_who_it_is_and_the_proof_is_kept() {
    let mut tree = Tree::new(&Stored::default(), true).speaking_for(owner());
    let proof = RenewalProof { signed_entity_id: Some("c2lnbmVk".to_owned()), renewed: NOW };
    prove_renewal(&mut tree, &account(), &proof);
    let changes = tree.changes(NOW);
    let kept = |leaf: &str| {
        let node = changes.settings.get(&format!("{PROVIDER}/{leaf}")).and_then(Option::as_ref);
        node.map(|node| node.value.as_str())
    };
    assert_eq!([kept("CertRenewTimeStamp"), kept("SignedEntDMID")], [Some("20250615T150640Z"), Some("c2lnbmVk")]);
    let mut talk = Talk::begin_on(context(), tree);
    assert_eq!(read(&mut talk, &format!("{PROVIDER}/SignedEntDMID")).unwrap().1, "c2lnbmVk");
    assert_eq!(read(&mut talk, &format!("{PROVIDER}/CertRenewTimeStamp")).unwrap().1, "20250615T150640Z");
}

#[test]
fn without_an_entity_id_only_the_time_is_told() {
    let mut tree = Tree::new(&Stored::default(), true).speaking_for(owner());
    prove_renewal(&mut tree, &account(), &RenewalProof { signed_entity_id: None, renewed: NOW });
    let mut talk = Talk::begin_on(context(), tree);
    assert_eq!(read(&mut talk, &format!("{PROVIDER}/SignedEntDMID")), None);
    assert!(read(&mut talk, &format!("{PROVIDER}/CertRenewTimeStamp")).is_some());
}

fn account() -> Account {
    Account { renew_url: Some("https://renew.example.org/x".to_owned()), ..crate::engine::testing::account() }
}

fn now() -> Now {
    Now { boot_ms: 1_000_000, wall: NOW }
}

fn talk(account: Account, progress: Progress) -> Talk {
    talk_on(&Stored::default(), account, progress)
}

/// A session with everything in its tree that the machine puts there.
fn talk_on(stored: &Stored, account: Account, progress: Progress) -> Talk {
    let push = PushOffer { state: progress.push.clone(), topic: TOPIC.to_owned(), link: LinkState::None };
    let beginning = Beginning {
        certificates: Certificates { active: Some(certificate_for(365)), pending: None },
        ..beginning(Some(account.clone()), progress, 1)
    };
    let life = Life::new(beginning, now());
    let mut tree = Tree::new(stored, true).speaking_for(owner());
    crate::engine::facts::provide(&mut tree, &account, &facts());
    provide(&mut tree, &life, &account);
    provide_channel(&mut tree, PROVIDER, &push);
    Talk::begin_on(crate::engine::session::SessionContext { push, ..context() }, tree)
}

/// Format and value of a node as the server is told them; `None` if it is not told.
fn read(talk: &mut Talk, node: &str) -> Option<(String, String)> {
    talk.say([get("read", node)]);
    let results = talk.message.commands.iter().find_map(|command| match command {
        Command::Results(results) => results.items.first(),
        _ => None,
    })?;
    Some((format_of(results).to_owned(), results.data.clone()?))
}
