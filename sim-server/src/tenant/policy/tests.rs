//! What discovery answers to which client.

use mdm_protocol::enrolment::AuthPolicy::{self, Certificate, Federated, OnPremise};
use mdm_protocol::enrolment::Discover;
use mdm_protocol::soap::FaultKind;

use super::super::SettingsPatch;
use super::super::test_support::{change, question, tenant};
use super::*;

#[test]
fn discovery_answers_the_strongest_policy_that_both_sides_offer() {
    let table: [(Authentication, &[AuthPolicy], Option<AuthPolicy>); 12] = [
        (Authentication::Any, &[OnPremise, Federated, Certificate], Some(Federated)),
        (Authentication::Any, &[OnPremise], Some(OnPremise)),
        (Authentication::Any, &[], Some(Federated)),
        (Authentication::Any, &[Certificate], None),
        (Authentication::Federated, &[OnPremise, Federated], Some(Federated)),
        (Authentication::Federated, &[OnPremise], None),
        (Authentication::Federated, &[], Some(Federated)),
        (Authentication::OnPremise, &[OnPremise, Federated], Some(OnPremise)),
        (Authentication::OnPremise, &[Federated, OnPremise], Some(OnPremise)),
        (Authentication::OnPremise, &[Federated], Some(Federated)),
        (Authentication::OnPremise, &[], Some(OnPremise)),
        (Authentication::OnPremise, &[Certificate], None),
    ];
    for (auth, offers, expected) in table {
        let mut tenant = tenant();
        change(&mut tenant, SettingsPatch { auth: Some(auth), ..SettingsPatch::default() });
        let answer = tenant.discover("https://mdm", &question(offers));
        match (answer, expected) {
            (Ok(answer), Some(expected)) => {
                assert_eq!(answer.auth_policy, expected, "{auth:?} {offers:?}");
                assert_eq!(answer.authentication_url.is_some(), expected == Federated, "{auth:?} {offers:?}");
            }
            (Err(fault), None) => assert_eq!(fault.kind, FaultKind::NotSupported, "{auth:?} {offers:?}"),
            (answer, _) => panic!("{auth:?} {offers:?}: {answer:?}"),
        }
    }
}

#[test]
fn the_version_that_is_answered_is_never_above_the_clients() {
    let versions = [("3.0", "3.0"), ("3", "3.0"), ("4.0", "4.0"), ("5.0", "4.0"), ("9.0", "4.0"), ("10.0", "4.0")];
    for (asked, answered) in
        versions.into_iter().chain(["", "four", "4.", ".5", "4.0.0", "-4"].map(|none| (none, "4.0")))
    {
        let question = Discover { request_version: asked.to_owned(), ..question(&[OnPremise]) };
        let answer = tenant().discover("https://mdm", &question).unwrap();
        assert_eq!(answer.enrollment_version, answered, "{asked:?}");
    }
}
