//! Compliance checked beside the sessions, and told when it changes.

use mdm_protocol::syncml::{Command, Message};

use super::{Server, World, answer, content};
use crate::engine::compliance::facts::{Fact, Firewall};
use crate::engine::compliance::standing::{Rules, Standing};
use crate::engine::compliance::{Facts, State};
use crate::engine::progress::{Progress, Trigger};
use crate::engine::testing::{NOW, account, add, beginning, certificates, delete, get, ok};
use crate::engine::{Action, Engine, Event, Now};

const RULE: &str = "./Device/Vendor/LinuxMDM/Compliance/firewall_required";

fn facts(active: bool) -> Facts {
    let firewall = Firewall { active, tool: "nftables".to_owned() };
    Facts { gathered_at: NOW, firewall: Fact::known(firewall, "nft list ruleset"), ..Facts::default() }
}

/// The rules of the last look that was ordered, if one was.
fn ordered(world: &mut World) -> Option<Rules> {
    let looks = std::mem::take(&mut world.beside);
    looks.into_iter().rev().find_map(|deed| match deed {
        Action::CheckCompliance(rules) => Some(*rules),
        _ => None,
    })
}

/// Carries a look out; what the device then told the server of it.
fn look(world: &mut World, rules: &Rules, active: bool) -> Vec<String> {
    let standing: Standing = world.engine.compliance().check(rules, &facts(active), NOW);
    let mut told = Vec::new();
    let actions = world.handle(Event::ComplianceChecked(Box::new(standing)));
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).unwrap();
        for command in &message.commands {
            if let Command::Alert(alert) = command {
                told.extend(alert.items.iter().filter_map(|item| {
                    let is_it = item.meta.media_type.as_deref() == Some("org.linuxmdm:compliance");
                    item.data.clone().filter(|_| is_it)
                }));
            }
        }
        content(body)
    });
    told
}

fn with_rule() -> (World, Rules) {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Says(vec![add("a", RULE, "true")]));
    let rules = ordered(&mut world).expect("a session of the user's is an occasion to look");
    (world, rules)
}

#[test]
fn s70_the_server_knows_at_once_what_the_device_knows_and_hears_nothing_twice() {
    let (mut world, rules) = with_rule();
    assert_eq!(rules.len(), 1);
    let told = look(&mut world, &rules, false);
    assert!(told.len() == 1 && told[0].contains("not compliant"), "{told:?}");
    assert_eq!(world.engine.compliance().report.overall, State::NotCompliant);
    assert_eq!(ordered(&mut world), None, "a session that only tells is no occasion to look again");
    assert!(look(&mut world, &rules, false).is_empty(), "what is known already is not told again");
    let told = look(&mut world, &rules, true);
    assert!(told[0].contains(r#""overall":"compliant""#), "{told:?}");
    let notes: Vec<&str> =
        world.notes.iter().map(|note| note.what).filter(|what| what.contains("compliance")).collect();
    assert_eq!(notes, ["compliance-changed", "compliance-changed"]);
}

#[test]
fn what_could_not_be_told_is_told_in_the_next_session_and_over_a_restart() {
    let (mut world, rules) = with_rule();
    let standing = world.engine.compliance().check(&rules, &facts(false), NOW);
    let actions = world.handle(Event::ComplianceChecked(Box::new(standing)));
    world.serve(actions, &Server::Gone);
    let kept = world.beside.iter().rev().find_map(|deed| match deed {
        Action::KeepCompliance(standing) => Some((**standing).clone()),
        _ => None,
    });
    let kept = kept.expect("it is kept");
    assert!(!kept.reported);
    let mut again = World::enrolled();
    again.engine.remember_compliance(kept);
    let mut told = 0;
    let actions = again.handle(Event::CheckInRequested(Trigger::User));
    again.serve_by(actions, |_, body| {
        told += usize::from(String::from_utf8_lossy(body).contains("org.linuxmdm:compliance"));
        content(body)
    });
    assert_eq!(told, 1);
    assert!(again.engine.compliance().reported);
}

#[test]
fn what_is_found_while_a_session_tells_something_else_is_told_in_the_next() {
    let (mut world, rules) = with_rule();
    let untold = world.engine.compliance().check(&rules, &facts(true), NOW);
    let actions = world.handle(Event::ComplianceChecked(Box::new(untold)));
    let mut told = Vec::new();
    let mut found = Some(world.engine.compliance().check(&rules, &facts(false), NOW));
    let mut actions = std::collections::VecDeque::from(actions);
    while let Some(action) = actions.pop_front() {
        let event = match action {
            Action::OpenStore => super::opened(&world.stored),
            Action::Keep(changes) => {
                world.stored.apply(&changes);
                Event::Kept(Ok(()))
            }
            Action::Post { body, .. } => {
                let text = String::from_utf8_lossy(&body).into_owned();
                told.extend(["not compliant", "compliant"].into_iter().find(|state| {
                    text.contains(&format!(":&quot;{state}&quot;")) || text.contains(&format!(":\"{state}\""))
                }));
                if let Some(found) = found.take() {
                    let more = world.handle(Event::ComplianceChecked(Box::new(found)));
                    actions.extend(more);
                }
                content(&body)
            }
            _ => continue,
        };
        actions.extend(world.handle(event));
    }
    assert_eq!(told, ["compliant", "not compliant"]);
    assert!(world.engine.compliance().reported);
}

#[test]
fn what_was_told_while_it_was_checked_once_more_is_not_told_again() {
    let (mut world, rules) = with_rule();
    let untold = world.engine.compliance().check(&rules, &facts(false), NOW);
    // The same is found again by a check that began before the server was told.
    let again = untold.check(&rules, &facts(false), NOW + 1);
    assert!(!again.reported);
    let actions = world.handle(Event::ComplianceChecked(Box::new(untold)));
    world.serve(actions, &Server::Content);
    assert!(world.engine.compliance().reported);
    assert_eq!(world.handle(Event::ComplianceChecked(Box::new(again))), []);
    assert!(world.engine.compliance().reported);
}

#[test]
fn the_end_of_a_grace_period_is_an_occasion_of_its_own() {
    let (mut world, _) = with_rule();
    let mut rules = Rules::new();
    let nodes = [("Value".to_owned(), "true".to_owned()), ("GracePeriod".to_owned(), "90".to_owned())].into();
    rules.insert(
        "firewall_required".to_owned(),
        crate::engine::compliance::Rule::read("firewall_required", &nodes).unwrap(),
    );
    look(&mut world, &rules, false);
    assert!(matches!(world.engine.compliance().report.overall, State::InGrace { .. }));
    ordered(&mut world);
    assert_eq!(world.next().map(|(_, reason)| reason), Some(crate::engine::TimerReason::GracePeriod));
    world.wait(&Server::Content);
    assert!(ordered(&mut world).is_some());
    assert_ne!(world.next().map(|(_, reason)| reason), Some(crate::engine::TimerReason::GracePeriod), "once");
}

#[test]
fn a_server_that_cannot_be_reached_is_not_tried_more_often_because_of_it() {
    let (mut world, rules) = with_rule();
    world.ask(Trigger::User, &Server::Gone);
    assert!(ordered(&mut world).is_some(), "a person who asks wants to know all the same");
    let standing = world.engine.compliance().check(&rules, &facts(false), NOW);
    assert_eq!(world.handle(Event::ComplianceChecked(Box::new(standing))), []);
    world.wait(&Server::Gone);
    assert_eq!(ordered(&mut world), None, "a retry is no occasion");
}

#[test]
fn a_rule_that_goes_takes_its_verdict_along() {
    let (mut world, rules) = with_rule();
    look(&mut world, &rules, false);
    world.ask(Trigger::Push, &Server::Says(vec![delete("d", RULE)]));
    let rules = ordered(&mut world).expect("rules changed");
    assert!(rules.is_empty());
    let told = look(&mut world, &rules, false);
    assert!(told[0].contains(r#""verdicts":[]"#) && told[0].contains(r#""overall":"compliant""#), "{told:?}");
}

#[test]
fn without_rules_nothing_is_told_and_the_status_of_the_device_can_be_read() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Content);
    let rules = ordered(&mut world).expect("DeviceStatus wants facts");
    assert!(look(&mut world, &rules, true).is_empty());
    let mut seen = String::new();
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    let mut asked = false;
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).unwrap();
        seen = String::from_utf8_lossy(body).into_owned();
        if std::mem::replace(&mut asked, true) {
            return content(body);
        }
        let gets = ["Firewall/Status", "Firewall", "TPM/SpecificationVersion"];
        let gets = gets.iter().map(|node| get(node, &format!("./Vendor/MSFT/DeviceStatus/{node}")));
        Event::Replied(ok(answer(&message, gets.collect())))
    });
    assert!(seen.contains("<Data>0</Data>"), "the firewall is on: {seen}");
    assert!(seen.contains("<Data>404</Data>"), "what is not known is not there: {seen}");
}

#[test]
fn nothing_is_looked_at_when_the_enrolment_ends() {
    let mut world = World::enrolled();
    let actions = world.handle(Event::UnenrolRequested);
    world.serve(actions, &Server::Content);
    assert_eq!(ordered(&mut world), None);
}

#[test]
fn device_status_can_be_read_in_the_first_session_where_the_device_was_inspected_before_it() {
    let now = Now { boot_ms: 5, wall: NOW };
    let mut world = World::enrolled();
    world.engine = Engine::new(beginning(None, Progress::default(), 7), now);
    let inspected = Standing::default().check(&Rules::new(), &facts(true), NOW);
    assert!(inspected.reported, "without rules there is nothing to report");
    world.engine.remember_compliance(inspected);
    let actions = world.handle(Event::Enrolled(Box::new(account()), certificates()));
    let mut codes = Vec::new();
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).unwrap();
        let statuses = crate::engine::testing::statuses(&message);
        codes.extend(statuses.iter().filter(|(_, command, _)| *command == "Get").map(|(.., code)| *code));
        let is_first = message.header.message_id == 1;
        let ask = get("g", "./Device/Vendor/MSFT/DeviceStatus/Firewall/Status");
        Event::Replied(ok(answer(&message, is_first.then_some(ask).into_iter().collect())))
    });
    assert_eq!(codes, [200]);
}
