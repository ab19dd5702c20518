//! Every refusal of a renewal, and how the new certificate takes the old one's place.

use mdm_protocol::enrolment::RequestType;
use mdm_protocol::{Secret, base64};
use rcgen::KeyPair;

use super::*;
use crate::service::CertificateAuthority;
use crate::tenant::life::DAY;
use crate::tenant::test_support::renewal::sign;
use crate::tenant::test_support::*;
use crate::tenant::{AccessRefusal, EnrolmentSecrets, SettingsPatch};

const DAYS: u32 = 100;
/// Inside the window of the first certificate.
const LATER: i64 = NOW + 60 * DAY;

/// A tenant with a device, its certificate and its key.
struct World {
    authority: CertificateAuthority,
    talker: Talker,
    certificate: Vec<u8>,
    key: KeyPair,
}

fn world() -> World {
    let (authority, _) = CertificateAuthority::create(NOW).unwrap();
    let mut talker = Talker::new();
    let mut asked = request(context("device-1"));
    let (der, key) = certificate_request("device-1");
    asked.certificate_request = der;
    let grant = permit(&talker.tenant, Some(&password()), &asked, NOW).unwrap();
    let (certificate, issued) = authority.issue("device-1", "Contoso", &grant.public_key, DAYS, NOW).unwrap();
    let secrets = EnrolmentSecrets { secret: Secret::new("shared secret"), nonce: b"n".to_vec() };
    talker.tenant.complete_enrolment(&grant, issued, &secrets, NOW);
    talker.certificate.clone_from(&certificate);
    World { authority, talker, certificate, key }
}

fn renew_request(content: &[u8], certificate: &[u8], key: &KeyPair) -> RequestSecurityToken {
    RequestSecurityToken {
        request_type: RequestType::Renew,
        certificate_request: sign(content, certificate, key),
        context: context("device-1"),
    }
}

impl World {
    fn ask(&self, request: &RequestSecurityToken, now: i64) -> Result<RenewalGrant, Fault> {
        self.talker.tenant.permit_renewal(request, Some(&self.certificate), self.authority.der(), now)
    }

    fn proper(&self) -> (RequestSecurityToken, KeyPair) {
        let (content, key) = certificate_request("new");
        (renew_request(&content, &self.certificate, &self.key), key)
    }

    /// Renews; returns the new certificate and its key.
    fn renew(&mut self, now: i64) -> (Vec<u8>, KeyPair) {
        let (request, key) = self.proper();
        let grant = self.ask(&request, now).unwrap();
        let (certificate, issued) = self.authority.issue("device-1", "x", &grant.public_key, DAYS, now).unwrap();
        self.talker.tenant.complete_renewal(&grant, issued);
        (certificate, key)
    }

    fn identify(&self, certificate: &[u8]) -> Result<&str, AccessRefusal> {
        self.talker.tenant.identify(Some(certificate), LATER).map(Device::id)
    }
}

#[test]
fn s46_inside_the_window_a_certificate_is_renewed_for_a_new_key() {
    let world = world();
    let (request, key) = world.proper();
    let grant = world.ask(&request, LATER).unwrap();
    assert_eq!(grant.public_key.0, rcgen::PublicKeyData::subject_public_key_info(&key));
    assert!(grant.full);
    let (content, _) = certificate_request("new");
    let as_text = renew_request(base64::encode(content).as_bytes(), &world.certificate, &world.key);
    assert!(world.ask(&as_text, LATER).is_ok());
}

#[test]
fn the_old_certificate_is_accepted_until_the_new_one_has_completed_a_session() {
    let mut world = world();
    let (new, _) = world.renew(LATER);
    assert_eq!((world.identify(&world.certificate), world.identify(&new)), (Ok("device-1"), Ok("device-1")));
    world.talker.now = LATER;
    world.talker.check_in();
    assert!(world.identify(&world.certificate).is_ok(), "a session with the old certificate proves nothing");
    world.talker.certificate.clone_from(&new);
    world.talker.check_in();
    assert_eq!(world.identify(&world.certificate), Err(AccessRefusal::Superseded));
    assert_eq!(world.identify(&new), Ok("device-1"));
    let view = world.talker.tenant.device_view("device-1").unwrap();
    assert_eq!(view.certificate.unwrap().fingerprint, fingerprint(&new));
    assert_eq!(view.new_certificate, None);

    let fault = world.ask(&world.proper().0, LATER).unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotEligibleToRenew);
    assert!(fault.reason.contains("renewed already"), "{}", fault.reason);
}

#[test]
fn a_renewal_whose_answer_was_lost_is_asked_for_again() {
    let mut world = world();
    let (lost, _) = world.renew(LATER);
    let (second, _) = world.renew(LATER);
    assert_eq!(world.identify(&lost), Err(AccessRefusal::UnknownDevice));
    assert!(world.identify(&second).is_ok());
}

#[test]
fn a_new_certificate_must_prove_itself_before_it_is_renewed() {
    let mut world = world();
    (world.certificate, world.key) = world.renew(LATER);
    let fault = world.ask(&world.proper().0, LATER + 60 * DAY).unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotEligibleToRenew);
    assert!(fault.reason.contains("completed a session"), "{}", fault.reason);
}

#[test]
fn who_may_not_renew_is_told_why() {
    let world = world();
    let (request, _) = world.proper();
    let tenant = &world.talker.tenant;
    let refusal = |request: &RequestSecurityToken, peer: Option<&[u8]>, now| {
        tenant.permit_renewal(request, peer, world.authority.der(), now).unwrap_err()
    };
    let peer = Some(&world.certificate[..]);
    let told = |fault: Fault, kind, words: &str| {
        assert_eq!(fault.kind, kind, "{}", fault.reason);
        assert!(fault.reason.contains(words), "{}", fault.reason);
    };
    told(refusal(&request, None, LATER), FaultKind::InvalidSecurity, "over a connection with the certificate");
    told(refusal(&request, Some(b"other"), LATER), FaultKind::InvalidSecurity, "another certificate than");
    told(refusal(&request, peer, NOW + DAY), FaultKind::NotEligibleToRenew, "cannot be renewed yet");
    told(refusal(&request, peer, NOW + 101 * DAY), FaultKind::NotEligibleToRenew, "has expired");
    let bad = |bytes: &[u8]| RequestSecurityToken { certificate_request: bytes.to_vec(), ..request.clone() };
    told(refusal(&bad(b"x"), peer, LATER), FaultKind::MessageFormat, "not a CMS");
    let (content, _) = certificate_request("new");
    let stranger = KeyPair::generate().unwrap();
    let forged = renew_request(&content, &world.certificate, &stranger);
    told(refusal(&forged, peer, LATER), FaultKind::InvalidSecurity, "signature of the signed message is wrong");
    let same_key = renew_request(&content_of(&world.key), &world.certificate, &world.key);
    told(refusal(&same_key, peer, LATER), FaultKind::CertificateRequest, "needs a new key");
    let mut broken = content;
    *broken.last_mut().unwrap() ^= 1;
    let unproved = renew_request(&broken, &world.certificate, &world.key);
    told(refusal(&unproved, peer, LATER), FaultKind::CertificateRequest, "signature is wrong");
    let elsewhere = RequestSecurityToken { context: context("device-2"), ..request.clone() };
    told(refusal(&elsewhere, peer, LATER), FaultKind::InvalidEnrollmentData, "another DeviceID");
}

#[test]
fn a_certificate_of_another_authority_or_of_a_removed_device_is_no_proof() {
    let mut world = world();
    let (request, _) = world.proper();
    let (other, _) = CertificateAuthority::create(NOW).unwrap();
    let tenant = &world.talker.tenant;
    let fault = tenant.permit_renewal(&request, Some(&world.certificate), other.der(), LATER).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Authentication);
    assert!(fault.reason.contains("not issued by this server"), "{}", fault.reason);
    world.talker.tenant.remove_device("device-1").unwrap();
    let fault = world.ask(&request, LATER).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Authentication);
    assert!(fault.reason.contains("no device that is enrolled"), "{}", fault.reason);
}

#[test]
fn a_blocked_device_does_not_renew_until_it_is_unblocked() {
    let mut world = world();
    let (request, _) = world.proper();
    world.talker.tenant.block_device("device-1", true).unwrap();
    assert_eq!(world.ask(&request, LATER).unwrap_err().kind, FaultKind::Authorization);
    world.talker.tenant.block_device("device-1", false).unwrap();
    assert!(world.ask(&request, LATER).is_ok());
}

#[test]
fn an_order_to_renew_opens_the_window_once() {
    let mut world = world();
    let early = NOW + DAY;
    world.talker.tenant.queue_renewal("device-1", early).unwrap();
    let (new, _) = world.renew(early);
    assert!(world.ask(&world.proper().0, early).is_ok(), "the answer may have been lost");
    world.talker.now = early;
    world.talker.certificate.clone_from(&new);
    world.talker.check_in();
    let life = world.talker.tenant.device("device-1").unwrap().life;
    assert!(!life.renewal_ordered);
}

#[test]
fn the_renewal_period_is_a_setting() {
    let mut world = world();
    let (request, _) = world.proper();
    let patch = SettingsPatch { renew_period_days: Some(10), ..SettingsPatch::default() };
    change(&mut world.talker.tenant, patch);
    assert_eq!(world.ask(&request, LATER).unwrap_err().kind, FaultKind::NotEligibleToRenew);
    assert!(world.ask(&request, NOW + 95 * DAY).is_ok());
}

/// A certificate request for a key that is there already.
fn content_of(key: &KeyPair) -> Vec<u8> {
    rcgen::CertificateParams::default().serialize_request(key).unwrap().der().to_vec()
}
