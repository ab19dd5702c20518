//! Every node that a server may set outside of profiles: something comes of it, or it is kept for a stated reason, or it is
//! refused. The list is `agent/doc/nodes.md`; `MDM_WRITE_LISTS=1 cargo test -p mdm-agent every_node` writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{LocUri, Scope};

use super::{HelpContacts, ServerSettings};
use crate::engine::nodes;
use crate::engine::profile::Stored;
use crate::engine::testing::account;
use crate::engine::tree::Tree;
use crate::engine::tree::schema::{Access, Effect, Kind, Rule, all_rules};

/// Values that differ from what is so anyway, by the ends of patterns.
#[rustfmt::skip]
const SAMPLES: &[(&str, &str)] = &[
    ("ManagementServerAddressList", "<https://other.example/MDM.svc>"),
    ("EntDMID", "entity-1"),
    ("Push/PFN", "ntfy:https://push.example"),
    ("Poll/PollOnLogin", "true"),
    ("Poll/AllUsersPollOnFirstLogin", "true"),
    ("RequireMessageSigning", "true"),
    ("ConfigRefresh/Enabled", "true"),
    ("ConfigRefresh/Cadence", "45"),
    ("Renew/RenewPeriod", "33"),
    ("Renew/RetryInterval", "3"),
    ("Renew/ServerURL", "https://renew.example/Discovery.svc"),
    ("Renew/ROBOSupport", "false"),
    ("AppAuth/CLCRED/AAuthName", "another name"),
    ("AppAuth/CLCRED/AAuthSecret", "another secret"),
    ("AppAuth/CLCRED/AAuthData", "bm9uY2U="),
    ("Authority/Name", "Contoso"),
    ("Authority/ChangedAt", "20261128T000000Z"),
];

/// What has to be set as well for a value to mean something.
const COMPANY: &[(&str, &str, &str)] = &[
    ("CLCRED/AAuthName", "./SyncML/DMAcc/x/AppAuth/CLCRED/AAuthSecret", "secret"),
    ("CLCRED/AAuthData", "./SyncML/DMAcc/x/AppAuth/CLCRED/AAuthSecret", "secret"),
    ("ConfigRefresh/Cadence", "./Device/Vendor/MSFT/DMClient/Provider/{}/ConfigRefresh/Enabled", "true"),
];

fn sample(rule: &Rule) -> String {
    let known = SAMPLES.iter().find(|(end, _)| address(rule).ends_with(end)).map(|(_, value)| (*value).to_owned());
    known.unwrap_or_else(|| match rule.format {
        Kind::Number => "7".to_owned(),
        Kind::Boolean => "true".to_owned(),
        _ => "text".to_owned(),
    })
}

/// An address of the rule, with the account's own name.
fn address(rule: &Rule) -> String {
    let provider = account().provider_id;
    let mut steps: Vec<&str> = Vec::new();
    for step in rule.pattern().split('/') {
        steps.push(match (step, steps.last().copied()) {
            ("<>", Some("Provider")) => &provider,
            ("<>", Some("AppAuth")) => "SRVCRED",
            ("<>" | "...", _) => "x",
            (step, _) => step,
        });
    }
    let path = steps.join("/");
    if steps[0] == "Vendor" { format!("./Device/{path}") } else { format!("./{path}") }
}

/// All that the agent goes by of what the tree has.
fn observed(tree: &Tree) -> String {
    let account = account();
    let stored = Stored { settings: tree.settings().settings, ..Stored::default() };
    let provider = account.provider_address();
    let entity = LocUri::parse(&format!("{provider}/EntDMID")).unwrap();
    let credentials = account.session_credentials(&stored, None);
    let credentials = credentials.map(|known| format!("{:?} {} {:?}", known.name, known.secret.expose(), known.nonce));
    format!(
        "{:?} {:?} {:?} {:?} {credentials:?}",
        nodes::told(tree, &account),
        nodes::push_name(tree, &provider),
        nodes::renewal_address(tree),
        tree.value(&entity),
    )
}

fn is_setting(rule: &&'static Rule) -> bool {
    let writes = rule.access.allows(Access::ADD) || rule.access.allows(Access::REPLACE);
    let uri = LocUri::parse(&address(rule)).unwrap();
    let is_profile = ProfileAddress::locate(&nodes_of_profile(uri)).is_some();
    writes && rule.format != Kind::Interior && !is_profile
}

fn nodes_of_profile(uri: LocUri) -> LocUri {
    mdm_protocol::csp::profile::replaced_node(uri)
}

#[test]
fn every_node_that_a_server_may_set_is_acted_upon_or_kept_for_a_reason_or_refused() {
    let mut list: BTreeMap<&str, String> = BTreeMap::new();
    for rule in all_rules().iter().filter(is_setting) {
        let mut tree = Tree::new(&Stored::default(), true);
        // The account is there, as enrollment provides it.
        let provider = account().provider_address();
        tree.provide(LocUri::parse(&format!("{provider}/HWDevID")).unwrap(), &Format::Chr, "hardware");
        nodes::provide_terms(&mut tree, &account());
        for (_, node, value) in COMPANY.iter().filter(|(end, ..)| address(rule).ends_with(end)) {
            let node = node.replace("{}", &account().provider_id);
            tree.replace(&LocUri::parse(&node).unwrap(), &Format::Chr, value).unwrap();
        }
        let uri = LocUri::parse(&address(rule)).unwrap();
        assert_eq!(uri.scope(), Scope::Device);
        let before = observed(&tree);
        let answer = tree.replace(&uri, &Format::Chr, &sample(rule));
        let becomes = match rule.effect {
            Effect::Acts => {
                assert!(answer.is_ok(), "{uri}: {answer:?}");
                assert_ne!(observed(&tree), before, "{uri} is answered with 200 and nothing comes of it");
                "acted upon".to_owned()
            }
            Effect::Stored(reason) => {
                assert!(answer.is_ok() && tree.value(&uri).is_some(), "{uri}: {answer:?}");
                format!("kept: {reason}")
            }
            Effect::Only(values, reason) => {
                let other = if rule.format == Kind::Boolean { "true" } else { "9" };
                let refused = tree.replace(&uri, &Format::Chr, other).unwrap_err();
                assert_eq!(refused.status, StatusCode::NOT_SUPPORTED, "{uri}");
                assert!(tree.replace(&uri, &Format::Chr, values[0]).is_ok(), "{uri}");
                format!("only `{}`, which is so anyway; else refused (406): {reason}", values.join("`, `"))
            }
            Effect::Refused(reason) => {
                assert_eq!(answer.unwrap_err().status, StatusCode::NOT_SUPPORTED, "{uri}");
                format!("refused (406): {reason}")
            }
        };
        list.insert(rule.pattern(), becomes);
    }
    check_list(&list);
}

/// Compares the list with the one that is kept, or keeps it.
fn check_list(list: &BTreeMap<&str, String>) {
    let mut text = "# What becomes of every node that a server may set\n\n\
        Made by `MDM_WRITE_LISTS=1 cargo test -p mdm-agent every_node`, which also sets every node. Nodes of profiles are in \
        [payload-parts.md](payload-parts.md).\n\n| node | what becomes of it |\n|---|---|\n"
        .to_owned();
    for (pattern, becomes) in list {
        let _ = writeln!(text, "| `{pattern}` | {becomes} |");
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/nodes.md");
    if std::env::var_os("MDM_WRITE_LISTS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "doc/nodes.md is not what was found; write it anew with MDM_WRITE_LISTS=1 and review it");
}

#[test]
fn settings_are_read_as_provisioned_and_as_set_since_within_their_bounds() {
    let account = account();
    let provider = account.provider_address();
    let read = |nodes: &[(&str, &str)]| {
        let mut tree = Tree::new(&Stored::default(), true);
        for (path, value) in nodes {
            tree.provision(LocUri::parse(&format!("{provider}/{path}")).unwrap(), &Format::Chr, *value);
        }
        ServerSettings::read(&tree, &account)
    };
    assert_eq!(read(&[]), ServerSettings::default());
    assert_eq!(read(&[("ConfigRefresh/Enabled", "true")]).refresh_minutes, Some(90));
    assert_eq!(read(&[("ConfigRefresh/Enabled", "1"), ("ConfigRefresh/Cadence", "30")]).refresh_minutes, Some(30));
    assert_eq!(read(&[("ConfigRefresh/Enabled", "true"), ("ConfigRefresh/Cadence", "1")]).refresh_minutes, Some(90));
    assert_eq!(read(&[("ConfigRefresh/Cadence", "30")]).refresh_minutes, None);
    for (days, expected) in [("0", None), ("30", Some(30)), ("99999", None), ("-1", None)] {
        assert_eq!(read(&[("NumberOfDaysAfterLostContactToUnenroll", days)]).lost_contact_days, expected, "{days}");
    }
    let long = "9".repeat(1000);
    let help = read(&[("HelpPhoneNumber", &long), ("HelpWebsite", "https://help.example")]).help;
    let expected =
        HelpContacts { phone: Some("9".repeat(256)), website: Some("https://help.example".to_owned()), email: None };
    assert_eq!(help, expected);
}
