//! Every refusal of the enrolment services, and what it takes to be let in.

use mdm_protocol::enrolment::{AdditionalContext, AuthPolicy, RequestSecurityToken, RequestType, item};
use mdm_protocol::soap::{Fault, FaultKind, Security};
use mdm_protocol::{Secret, base64};

use crate::tenant::test_support::*;
use crate::tenant::{Authentication, NewUser, SettingsPatch, Tenant, TenantMode};

fn ask(tenant: &Tenant, security: Option<&Security>, context: AdditionalContext) -> Result<(), Fault> {
    permit(tenant, security, &request(context), NOW).map(drop)
}

fn refusal(tenant: &Tenant, security: Option<&Security>, context: AdditionalContext) -> FaultKind {
    ask(tenant, security, context).unwrap_err().kind
}

fn without(name: &str) -> AdditionalContext {
    AdditionalContext(context("device-1").0.into_iter().filter(|(item, _)| item != name).collect())
}

fn with(name: &str, value: &str) -> AdditionalContext {
    without(name).with(name, value)
}

#[test]
fn s2_nobody_enrols_until_the_authority_is_set() {
    let tenant = fresh_tenant();
    let fault = ask(&tenant, Some(&password()), context("device-1")).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Authorization);
    assert!(fault.reason.contains("No MDM authority is set"), "{}", fault.reason);
    assert_eq!(tenant.check_policy_caller(Some(&password()), None, NOW).unwrap_err().kind, FaultKind::Authorization);
}

#[test]
fn s2_a_refused_token_can_be_used_once_the_authority_is_set() {
    let mut tenant = fresh_tenant();
    tenant.add_token(None, &Secret::new("token"), NOW).unwrap();
    assert_eq!(refusal(&tenant, Some(&token("token")), context("device-1")), FaultKind::Authorization);
    change(&mut tenant, SettingsPatch { authority: Some(TenantMode::Intune), ..SettingsPatch::default() });
    ask(&tenant, Some(&token("token")), context("device-1")).unwrap();
}

#[test]
fn s79_with_the_authority_set_enrolment_can_begin() {
    for authority in [TenantMode::Intune, TenantMode::Office365] {
        let mut tenant = fresh_tenant();
        change(&mut tenant, SettingsPatch { authority: Some(authority), ..SettingsPatch::default() });
        enrol(&mut tenant, "device-1");
        let device = tenant.device_view("device-1").unwrap();
        assert_eq!((device.summary.user.as_deref(), device.summary.name.as_str()), (Some(USER), "laptop"));
    }
}

#[test]
fn credentials_must_be_there_and_right() {
    let tenant = tenant();
    let credentials = |username: &str, password: &str| Security::UsernameToken {
        username: username.to_owned(),
        password: Secret::new(password),
    };
    let refused = |security: Option<&Security>| refusal(&tenant, security, context("device-1"));
    assert_eq!(refused(None), FaultKind::InvalidSecurity);
    assert_eq!(refused(Some(&credentials(USER, "wrong"))), FaultKind::Authentication);
    assert_eq!(refused(Some(&credentials("nobody", PASSWORD))), FaultKind::Authentication);
    assert_eq!(refused(Some(&token("no such token"))), FaultKind::Authentication);
    let no_base64 = Security::BinaryToken { is_jwt: false, content: Secret::new("!!") };
    assert_eq!(refused(Some(&no_base64)), FaultKind::InvalidSecurity);
    ask(&tenant, Some(&credentials("Alice@Contoso.example", PASSWORD)), context("device-1")).unwrap();
}

#[test]
fn a_token_enrols_one_device_within_an_hour() {
    let mut tenant = tenant();
    let secret = Secret::new("one time");
    assert_eq!(tenant.add_token(Some(USER), &secret, NOW).unwrap(), NOW + 3600);
    let proof = token("one time");
    let late = permit(&tenant, Some(&proof), &request(context("device-1")), NOW + 3600);
    assert_eq!(late.unwrap_err().kind, FaultKind::Authentication);
    let grant = permit(&tenant, Some(&proof), &request(context("device-1")), NOW + 3599).unwrap();
    complete(&mut tenant, &grant);
    assert_eq!(tenant.device_view("device-1").unwrap().summary.user.as_deref(), Some(USER));
    assert_eq!(refusal(&tenant, Some(&proof), context("device-2")), FaultKind::Authentication);
    assert!(tenant.add_token(Some("nobody"), &secret, NOW).is_err());
}

#[test]
fn a_federated_tenant_takes_tokens_only_and_names_its_page() {
    let mut tenant = tenant();
    let both = question(&[AuthPolicy::OnPremise, AuthPolicy::Federated]);
    assert_eq!(tenant.discover("https://mdm", &both).unwrap().auth_policy, AuthPolicy::OnPremise);
    tenant.add_token(None, &Secret::new("token"), NOW).unwrap();
    ask(&tenant, Some(&token("token")), context("device-1")).unwrap();
    change(&mut tenant, SettingsPatch { auth: Some(Authentication::Federated), ..SettingsPatch::default() });
    assert_eq!(refusal(&tenant, Some(&password()), context("device-1")), FaultKind::InvalidSecurity);
    ask(&tenant, Some(&token("token")), context("device-1")).unwrap();
    let answer = tenant.discover("https://mdm", &both).unwrap();
    assert_eq!(answer.auth_policy, AuthPolicy::Federated);
    assert_eq!(answer.authentication_url.as_deref(), Some("https://mdm/EnrollmentServer/Authenticate.svc"));
}

#[test]
fn the_device_limit_counts_other_devices_of_the_user_only() {
    let mut tenant = tenant();
    change(&mut tenant, SettingsPatch { device_limit: Some(2), ..SettingsPatch::default() });
    enrol(&mut tenant, "device-1");
    enrol(&mut tenant, "device-2");
    assert_eq!(refusal(&tenant, Some(&password()), context("device-3")), FaultKind::DeviceCapReached);
    enrol(&mut tenant, "device-2");
    tenant.add_token(None, &Secret::new("token"), NOW).unwrap();
    ask(&tenant, Some(&token("token")), context("device-3")).unwrap();
    tenant.remove_device("device-1").unwrap();
    enrol(&mut tenant, "device-3");
}

#[test]
fn a_user_without_licence_cannot_enrol() {
    let mut tenant = tenant();
    tenant.add_user(NewUser { licences: [].into(), ..new_user("bob", "pw") }).unwrap();
    let proof = Security::UsernameToken { username: "bob".to_owned(), password: Secret::new("pw") };
    assert_eq!(refusal(&tenant, Some(&proof), context("device-1")), FaultKind::UserLicense);
}

#[test]
fn during_maintenance_nobody_enrols() {
    let mut tenant = tenant();
    change(&mut tenant, SettingsPatch { maintenance: Some(true), ..SettingsPatch::default() });
    assert_eq!(refusal(&tenant, Some(&password()), context("device-1")), FaultKind::InMaintenance);
}

#[test]
fn only_supported_devices_with_complete_data_can_enrol() {
    let tenant = tenant();
    let refused = |context| refusal(&tenant, Some(&password()), context);
    assert_eq!(refused(with(item::DEVICE_TYPE, "WindowsPhone")), FaultKind::DeviceNotSupported);
    assert_eq!(refused(without(item::DEVICE_TYPE)), FaultKind::DeviceNotSupported);
    for name in [item::DEVICE_ID, item::HARDWARE_ID, item::ENROLLMENT_TYPE, item::DEVICE_NAME, item::OS_VERSION] {
        assert_eq!(refused(without(name)), FaultKind::InvalidEnrollmentData, "{name}");
    }
    assert_eq!(refused(with(item::ENROLLMENT_TYPE, "Half")), FaultKind::InvalidEnrollmentData);
    for id in ["a/b", "a b", ".", ".."] {
        assert_eq!(refused(with(item::DEVICE_ID, id)), FaultKind::InvalidEnrollmentData, "{id}");
    }
    assert_eq!(refused(with(item::DEVICE_ID, &"x".repeat(65))), FaultKind::InvalidEnrollmentData);
    ask(&tenant, Some(&password()), with(item::ENROLLMENT_TYPE, "Device")).unwrap();
}

#[test]
fn nobody_takes_over_another_users_device() {
    let mut tenant = tenant();
    enrol(&mut tenant, "device-1");
    tenant.add_token(None, &Secret::new("token"), NOW).unwrap();
    assert_eq!(refusal(&tenant, Some(&token("token")), context("device-1")), FaultKind::InvalidEnrollmentData);
}

#[test]
fn a_bad_certificate_request_is_refused() {
    let tenant = tenant();
    let mut forged = request(context("device-1"));
    let last = forged.certificate_request.len() - 4;
    forged.certificate_request[last] ^= 0x55;
    let no_request = RequestSecurityToken { certificate_request: b"no request".to_vec(), ..forged.clone() };
    let short = RequestSecurityToken { certificate_request: rsa_1024_certificate_request(), ..forged.clone() };
    for request in [forged, no_request, short] {
        let fault = permit(&tenant, Some(&password()), &request, NOW).unwrap_err();
        assert_eq!(fault.kind, FaultKind::CertificateRequest);
    }
}

#[test]
fn a_password_is_no_proof_for_a_renewal() {
    let tenant = tenant();
    let renew = RequestSecurityToken { request_type: RequestType::Renew, ..request(context("device-1")) };
    let fault = permit(&tenant, Some(&password()), &renew, NOW).unwrap_err();
    assert_eq!(fault.kind, FaultKind::InvalidSecurity);
}

#[test]
fn a_device_that_enrols_again_begins_anew() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker.check_in();
    enrol(&mut talker.tenant, "device-1");
    assert_eq!(talker.check_in().len(), 1);
}

#[test]
fn passwords_and_tokens_are_not_kept_as_they_are() {
    let mut tenant = tenant();
    tenant.add_token(Some(USER), &Secret::new("one time"), NOW).unwrap();
    let records: Vec<u8> = tenant.take_changes().into_iter().filter_map(|change| change.value).flatten().collect();
    let records = String::from_utf8(records).unwrap();
    for secret in [PASSWORD, "one time", &base64::encode(PASSWORD), &base64::encode("one time")] {
        assert!(!records.contains(secret));
    }
}

#[test]
fn a_tenant_comes_back_from_its_records() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail", ""), NOW).unwrap();
    talker.check_in();
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevInfo", ""), NOW).unwrap();
    let changes = talker.tenant.take_changes();
    assert!(talker.tenant.take_changes().is_empty());
    let records = changes.into_iter().filter_map(|change| Some((change.key, change.value?)));
    let restored = Tenant::restore(records).unwrap();
    assert_eq!(restored.settings(), talker.tenant.settings());
    assert_eq!(restored.users(), talker.tenant.users());
    assert_eq!(restored.profiles(), talker.tenant.profiles());
    assert_eq!(restored.device("device-1"), talker.tenant.device("device-1"));
    assert_eq!(restored.commands("device-1"), talker.tenant.commands("device-1"));
    assert_eq!(restored.identify(Some(b"device-1"), NOW).unwrap().id(), "device-1");
}
