//! The account of the devices here, and what they say of themselves.

use std::collections::BTreeMap;

use mdm_agent::engine::Account;
use mdm_agent::engine::account::{ACCOUNT_VERSION, Trust};
use mdm_agent::engine::certificates::{CertificateTerms, Certificates};
use mdm_agent::engine::enrolment::KeyKind;
use mdm_agent::engine::facts::DeviceFacts;
use mdm_protocol::Thumbprint;
use mdm_protocol::csp::dm_client::Poll;

/// When everything here begins, seconds since 1970.
pub(super) const TIME: i64 = 1_790_000_000;
/// The management server's address.
pub(super) const SERVER: &str = "https://mdm.example.org/ManagementServer/MDM.svc";
/// The enrolled user.
pub(crate) const USER: &str = "ada@contoso.example";
const MACHINE: &str = "0123456789ABCDEF";

pub(super) fn account() -> Account {
    Account {
        version: ACCOUNT_VERSION,
        provider_id: "Contoso".to_owned(),
        name: "Contoso Ltd".to_owned(),
        management_url: SERVER.to_owned(),
        discovery_url: "https://mdm.example.org/EnrollmentServer/Discovery.svc".to_owned(),
        device_id: "DEVICE".to_owned(),
        hardware_id: "DEVICE".to_owned(),
        user: Some(USER.to_owned()),
        local_user: None,
        trust: Trust::default(),
        credentials: None,
        poll: Poll::DEFAULT.into(),
        renew_period_days: 42,
        renew_retry_days: 7,
        renew_url: None,
        initial_backoff_ms: 16_000,
        max_backoff_ms: 3_600_000,
        settings: BTreeMap::from([("EntDMID".to_owned(), "entity-7".to_owned())]),
        enrolled_at: TIME,
        machine_id: MACHINE.to_owned(),
        authority: None,
        enrollment_token: None,
    }
}

pub(super) fn certificates() -> Certificates {
    let terms = CertificateTerms {
        not_before: TIME,
        not_after: TIME + 20_000 * 86_400,
        thumbprint: Thumbprint::of(b"certificate"),
        key: KeyKind::P256,
    };
    Certificates { active: Some(terms), pending: None }
}

pub(super) fn facts(host_name: String) -> DeviceFacts {
    DeviceFacts { host_name, machine_id: MACHINE.to_owned(), ..DeviceFacts::default() }
}
