//! The rules of every node.

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{LocUri, Scope};

use crate::engine::profile::Stored;
use crate::engine::testing::wlan;
use crate::engine::tree::schema::{self, Access, Kind, Rule};
use crate::engine::tree::{Node, Tree};

#[test]
fn every_rule_takes_the_commands_of_its_access_letters_and_refuses_the_others() {
    for rule in schema::rules() {
        let uri = sample(rule);
        let (value, format) = (value(rule, &uri), rule.format.format());
        let allowed = |access| rule.access.allows(access);
        let empty = || Tree::new(&Stored::default(), true);
        let filled = || {
            let mut tree = empty();
            tree.own.insert(uri.clone(), Node::new(&format, value.clone()));
            if let Some(owner) = rule.owner(&uri).filter(|owner| *owner != uri) {
                tree.own.insert(owner, Node::new(&Format::Node, ""));
            }
            tree
        };
        let is_refused = rule.effect.refuses(&value).is_some();
        let check = |result: Result<(), StatusCode>, access, name: &str| {
            let writes = [Access::ADD, Access::REPLACE].contains(&access);
            let expected = match allowed(access) {
                true if writes && is_refused => Err(StatusCode::NOT_SUPPORTED),
                true => Ok(()),
                false => Err(StatusCode::NOT_ALLOWED),
            };
            assert_eq!(result, expected, "{name} {uri}");
        };
        check(code(empty().add(&uri, &format, &value)), Access::ADD, "Add");
        check(code(filled().replace(&uri, &format, &value)), Access::REPLACE, "Replace");
        check(code(filled().delete(&uri)), Access::DELETE, "Delete");
        check(code(empty().check_exec(&uri)), Access::EXEC, "Exec");
        check(code(filled().get(&uri)), Access::GET, "Get");
        if allowed(Access::ADD) {
            assert_eq!(code(filled().add(&uri, &format, &value)), Err(StatusCode::ALREADY_EXISTS), "{uri}");
        }
        if allowed(Access::DELETE) {
            assert_eq!(code(empty().delete(&uri)), Err(StatusCode::NOT_FOUND), "{uri}");
        }
    }
}

#[test]
fn every_rule_is_reachable_and_matches_its_fixed_names_in_any_case() {
    for rule in schema::rules() {
        let uri = sample(rule);
        let (found, canonical) = schema::find(&uri).expect("the rule's own sample has a rule");
        assert!(std::ptr::eq(found, rule), "{uri} is taken by another rule");
        assert_eq!(canonical, uri);
        let shouted = rule.pattern().split('/').zip(uri.segments()).map(|(step, segment)| match step {
            "<>" | "..." => segment.clone(),
            _ => segment.to_ascii_uppercase(),
        });
        let shouted =
            LocUri::new(Scope::Device, shouted.chain(uri.segments().iter().skip(pattern_length(rule)).cloned()));
        assert_eq!(schema::find(&shouted).map(|(_, canonical)| canonical), Some(uri));
    }
}

#[test]
fn the_profile_of_a_node_is_found_at_the_nodes_own_address() {
    // Else a profile would be acknowledged and never be kept.
    for rule in schema::rules() {
        let uri = sample(rule);
        match ProfileAddress::locate(&uri) {
            Some(address) => assert!(uri.is_within(&address.root), "{uri} is not within {}", address.root),
            None => assert!(
                rule.pattern().starts_with("Dev")
                    || rule.pattern().starts_with("SyncML")
                    || rule.pattern().contains("/DMClient/")
                    || rule.pattern().contains("/WSTEP/")
                    || rule.pattern().starts_with("Vendor/LinuxMDM/Authority/")
                    || !rule.access.allows(Access::REPLACE) && !rule.access.allows(Access::ADD),
                "{uri} can be set and belongs to no profile"
            ),
        }
    }
}

#[test]
fn trust_stores_are_known_by_name_in_any_case_and_others_are_not_there() {
    let thumbprint = mdm_protocol::Thumbprint::of(b"der").to_string();
    let value = mdm_protocol::base64::encode(b"der");
    for (store, expected) in [
        ("RootCATrustedCertificates/Root", Ok(())),
        ("RootCATrustedCertificates/root", Ok(())),
        ("rootcatrustedcertificates/CA", Ok(())),
        ("RootCATrustedCertificates/Elsewhere", Err(StatusCode::NOT_FOUND)),
        ("CertificateStore/Root/System", Ok(())),
        ("CertificateStore/ROOT/System", Ok(())),
        ("CertificateStore/ca/system", Ok(())),
        ("CertificateStore/My/System", Err(StatusCode::NOT_FOUND)),
    ] {
        let mut tree = Tree::default();
        let uri = parse(&format!("./Device/Vendor/MSFT/{store}/{thumbprint}/EncodedCertificate"));
        assert_eq!(code(tree.add(&uri, &Format::B64, &value)), expected, "{store}");
        let kept: Vec<bool> = tree.changes(0).profiles.into_values().map(|profile| profile.is_some()).collect();
        assert_eq!(kept, if expected.is_ok() { vec![true] } else { vec![] }, "{store}");
    }
}

#[test]
fn values_of_the_wrong_format_are_refused() {
    for (kind, good, bad) in [
        (Kind::Number, vec!["0", "-5", " 12 ", "2147483647"], vec!["", "x", "1.5", "2147483648"]),
        (Kind::Boolean, vec!["true", "FALSE", "1", "0"], vec!["", "yes", "2"]),
    ] {
        // One that takes any value of its format.
        let is_plain = |rule: &&Rule| rule.access.allows(Access::ADD) && rule.effect == schema::Effect::Acts;
        let mut plain = schema::rules().iter().filter(is_plain).filter(|rule| rule.pattern().contains("/Poll/Number"));
        let rule = match kind {
            Kind::Number => plain.next().unwrap(),
            _ => schema::rules().iter().filter(is_plain).find(|rule| rule.format == kind).unwrap(),
        };
        for value in good {
            assert_eq!(code(Tree::default().add(&sample(rule), &Format::Chr, value)), Ok(()), "{value:?}");
        }
        for value in bad {
            let refused = Err(StatusCode::UNSUPPORTED_FORMAT);
            assert_eq!(code(Tree::default().add(&sample(rule), &Format::Chr, value)), refused, "{value:?}");
        }
    }
}

#[test]
fn a_node_has_either_a_value_or_children() {
    let (parent, child) = (parse("./Vendor/MSFT/VPNv2/Head/A"), parse("./Vendor/MSFT/VPNv2/Head/A/B"));
    let mut tree = Tree::default();
    tree.add(&child, &Format::Chr, "1").unwrap();
    assert_eq!(code(tree.replace(&parent, &Format::Chr, "1")), Err(StatusCode::NOT_ALLOWED));
    assert_eq!(code(tree.replace(&parent, &Format::Node, "")), Ok(()));
    let mut tree = Tree::default();
    tree.add(&parent, &Format::Chr, "1").unwrap();
    assert_eq!(code(tree.add(&child, &Format::Chr, "1")), Err(StatusCode::NOT_ALLOWED));
}

#[test]
fn nodes_of_the_user_are_closed_while_the_user_is_away() {
    let uri = parse("./User/Vendor/LinuxMDM/Config/A/B");
    let refused = Err(StatusCode::NOT_ALLOWED);
    let mut tree = Tree::new(&Stored::default(), false);
    assert_eq!(code(tree.add(&uri, &Format::Chr, "1")), refused);
    assert_eq!(code(tree.replace(&uri, &Format::Chr, "1")), refused);
    assert_eq!(code(tree.delete(&uri)), refused);
    assert_eq!(code(tree.get(&uri)), refused);
    assert_eq!(code(tree.list(&uri, mdm_protocol::loc_uri::Listing::Structure)), refused);
}

fn parse(text: &str) -> LocUri {
    LocUri::parse(text).unwrap()
}

fn code<T>(result: Result<T, crate::engine::tree::Refusal>) -> Result<(), StatusCode> {
    result.map(drop).map_err(|refusal| refusal.status)
}

/// An address that the rule is for, in its conventional case.
fn sample(rule: &Rule) -> LocUri {
    let segments = rule.pattern().split('/').map(|step| match step {
        "<>" => mdm_protocol::Thumbprint::of(b"der").to_string(),
        "..." => "Whatever".to_owned(),
        fixed => fixed.to_owned(),
    });
    LocUri::new(Scope::Device, segments)
}

fn pattern_length(rule: &Rule) -> usize {
    rule.pattern().split('/').count()
}

fn value(rule: &Rule, uri: &LocUri) -> String {
    match (rule.format, uri.name()) {
        (Kind::Number, "Cadence") => "90".to_owned(),
        (Kind::Number, _) => "1".to_owned(),
        (Kind::Boolean, _) => "true".to_owned(),
        (Kind::Base64, _) | (_, "PFXCertBlob") => mdm_protocol::base64::encode(b"der"),
        (_, "WlanXml") => wlan("swordfish"),
        (_, "ServerURL") => "https://mdm.example.org/".to_owned(),
        (_, "ManagementServerAddressList") => "<https://mdm.example.org/>".to_owned(),
        (Kind::Interior | Kind::Nothing, _) => String::new(),
        _ => "text".to_owned(),
    }
}
