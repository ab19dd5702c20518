//! Certificates that the server orders from SCEP servers: kept before they are acknowledged, asked for in steps.

use super::*;
use crate::engine::certificate_request::{CertificateAnswer, RequestStatus};
use crate::engine::testing::{add, exec};

const SCEP: &str = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office";

fn order() -> Server {
    let set = |name: &str, value: &str| add(name, &format!("{SCEP}/Install/{name}"), value);
    Server::Says(vec![
        set("ServerURL", "https://ca.example/scep"),
        set("SubjectName", "CN=ada"),
        set("Challenge", "once"),
        set("RetryDelay", "10"),
        exec("go", &format!("{SCEP}/Install/Enroll"), ""),
    ])
}

/// The steps that were ordered of the shell so far, and whether each was the first.
fn steps(world: &World) -> Vec<bool> {
    let steps = world.deeds.iter().filter_map(|deed| match deed {
        Action::RequestCertificate(order) => Some(order.install.is_some()),
        _ => None,
    });
    steps.collect()
}

fn request(world: &World) -> &crate::engine::certificate_request::CertificateRequest {
    &world.engine.progress().certificate_requests.as_ref().unwrap()[SCEP]
}

fn answer(world: &mut World, answer: CertificateAnswer) {
    let actions = world.handle(Event::CertificateAnswered(SCEP.to_owned(), answer));
    world.serve(actions, &Server::Content);
}

fn challenge(world: &World) -> bool {
    world.stored.profiles.iter().any(|profile| profile.nodes.keys().any(|path| path.ends_with("Challenge")))
}

#[test]
fn an_order_is_carried_out_after_the_session_and_a_session_follows_the_certificate() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &order());
    assert_eq!(steps(&world), [true]);
    assert!(challenge(&world), "a restart would need it");
    answer(&mut world, CertificateAnswer::Issued { thumbprint: "AB".to_owned(), server: None });
    assert_eq!(request(&world).status, RequestStatus::Issued);
    assert_eq!(world.history().last().unwrap().0, [Trigger::CertificateIssued]);
    assert!(!challenge(&world), "it is of no more use");
    assert!(world.notes.iter().any(|note| note.what == "certificate-issued"));
}

#[test]
fn an_order_outlives_a_restart_before_its_first_step_and_one_between_steps() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &order());
    world.deeds.clear();
    let mut world = world.restart(60);
    world.wait(&Server::Content);
    assert_eq!(steps(&world), [true], "with all that was ordered");
    answer(&mut world, CertificateAnswer::Pending);
    world.deeds.clear();
    let mut world = world.restart(60);
    let mut waited = 0;
    while steps(&world).is_empty() && waited < 3600 {
        let (seconds, _) = world.next().unwrap();
        world.pass(seconds + 1);
        waited += seconds + 1;
        let actions = world.handle(Event::DeadlineReached);
        world.serve(actions, &Server::Content);
    }
    assert_eq!(steps(&world), [false], "from what the shell has kept");
    assert!((500..=660).contains(&waited), "{waited} s of ten minutes");
}

#[test]
fn a_certificate_that_does_not_come_is_told_with_its_number_and_a_profile_that_goes_takes_its_order_along() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &order());
    answer(&mut world, CertificateAnswer::Failed { code: 0x8004_0203, reason: "another authority".to_owned() });
    assert_eq!((request(&world).status, request(&world).error), (RequestStatus::Failed, 0x8004_0203));
    assert!(world.notes.iter().any(|note| note.what == "certificate-not-issued"));
    world.ask(Trigger::User, &Server::Says(vec![crate::engine::testing::delete("gone", SCEP)]));
    assert!(world.engine.progress().certificate_requests.is_none());
    answer(&mut world, CertificateAnswer::Pending);
}
