//! What key is made for which policy.

use mdm_protocol::enrolment::CertificatePolicy;

use super::{at, failure, policy, request};
use crate::engine::enrolment::{EnrolmentFailure, KeyKind, KeyOrder, Stage, Step};
use crate::engine::testing::NOW;

const RSA: &str = "1.2.840.113549.1.1.1";
const CURVE: &str = "1.2.840.10045.2.1";

#[test]
fn the_key_is_as_long_as_the_policy_asks_and_never_shorter_than_2048_bits() {
    for (bits, algorithm, expected) in [
        (None, None, KeyKind::Rsa(2048)),
        (Some(0), None, KeyKind::Rsa(2048)),
        (Some(1024), Some(RSA), KeyKind::Rsa(2048)),
        (Some(2048), Some(RSA), KeyKind::Rsa(2048)),
        (Some(2049), Some(RSA), KeyKind::Rsa(3072)),
        (Some(4096), None, KeyKind::Rsa(4096)),
        (Some(256), Some(CURVE), KeyKind::P256),
        (None, Some(CURVE), KeyKind::P256),
        (Some(2048), Some(CURVE), KeyKind::P256),
    ] {
        let step = at(Stage::Policy, request()).received(&answer(bits, algorithm), NOW);
        assert!(matches!(&step, Step::MakeKey(KeyOrder { kind, .. }) if *kind == expected), "{bits:?}: {step:?}");
    }
}

#[test]
fn a_policy_that_cannot_be_met_is_refused() {
    for (bits, algorithm) in [
        (Some(4097), Some(RSA)),
        (Some(u32::MAX), None),
        (Some(384), Some(CURVE)),
        (Some(521), Some(CURVE)),
        (Some(2048), Some("1.3.101.112")),
    ] {
        let failed = failure(at(Stage::Policy, request()).received(&answer(bits, algorithm), NOW));
        assert!(matches!(failed, EnrolmentFailure::Policy(_)), "{bits:?}: {failed:?}");
    }
}

#[test]
fn a_weak_digest_in_the_policy_does_not_matter() {
    let weak = CertificatePolicy { hash_algorithm: Some("1.3.14.3.2.29".to_owned()), ..CertificatePolicy::default() };
    let step = at(Stage::Policy, request()).received(&policy(&weak), NOW);
    assert!(matches!(step, Step::MakeKey(_)));
}

fn answer(bits: Option<u32>, algorithm: Option<&str>) -> crate::engine::reply::Reply {
    let key_algorithm = algorithm.map(str::to_owned);
    let text = CertificatePolicy { minimal_key_length: bits, key_algorithm, ..CertificatePolicy::default() };
    policy(&text)
}
