//! Whatever an enrolment message or a provisioning document says, it says the same after it was written and read.

#[path = "common/strategies.rs"]
mod strategies;

use mdm_protocol::enrolment::{
    AdditionalContext, AuthPolicy, CertificatePolicy, Discover, DiscoverResponse, GetPolicies, RequestSecurityToken,
    RequestType, SecurityTokenResponse,
};
use mdm_protocol::provisioning::{Characteristic, Parameter, WapDocument};
use mdm_protocol::soap::{Fault, FaultKind, RequestHeader, ResponseHeader, Security};
use proptest::prelude::*;
use strategies::{config, text, token, word};

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn a_discovery_request_survives((header, message) in (request_header(), discover())) {
        prop_assert_eq!(Discover::decode(message.encode(&header).as_bytes()).unwrap(), (header, message));
    }

    #[test]
    fn a_discovery_response_survives((header, message) in (response_header(), discover_response())) {
        prop_assert_eq!(DiscoverResponse::decode(message.encode(&header).as_bytes()).unwrap(), message);
    }

    #[test]
    fn a_policy_request_survives(header in request_header()) {
        prop_assert_eq!(GetPolicies::decode(GetPolicies::encode(&header).as_bytes()).unwrap(), (header, GetPolicies));
    }

    #[test]
    fn a_policy_response_survives((header, message) in (response_header(), certificate_policy())) {
        prop_assert_eq!(CertificatePolicy::decode(message.encode(&header).as_bytes()).unwrap(), message);
    }

    #[test]
    fn a_token_request_survives((header, message) in (request_header(), token_request())) {
        prop_assert_eq!(RequestSecurityToken::decode(message.encode(&header).as_bytes()).unwrap(), (header, message));
    }

    #[test]
    fn a_token_response_survives((header, document) in (response_header(), document_bytes())) {
        let message = SecurityTokenResponse { provisioning_document: document };
        prop_assert_eq!(SecurityTokenResponse::decode(message.encode(&header).as_bytes()).unwrap(), message);
    }

    #[test]
    fn a_fault_survives((header, fault) in (response_header(), fault())) {
        prop_assert_eq!(Fault::decode(fault.encode(&header).as_bytes()), Some(fault));
    }

    #[test]
    fn a_provisioning_document_survives(characteristics in prop::collection::vec(characteristic(), 0..4)) {
        let document = WapDocument { characteristics };
        prop_assert_eq!(WapDocument::decode(document.encode().as_bytes()).unwrap(), document);
    }
}

fn request_header() -> impl Strategy<Value = RequestHeader> {
    let security = prop_oneof![
        (token(), text())
            .prop_map(|(username, password)| Security::UsernameToken { username, password: password.as_str().into() }),
        (any::<bool>(), token())
            .prop_map(|(is_jwt, content)| Security::BinaryToken { is_jwt, content: content.as_str().into() }),
    ];
    (token(), token(), prop::option::of(security)).prop_map(|(message_id, to, security)| RequestHeader {
        message_id,
        to,
        security,
    })
}

fn response_header() -> impl Strategy<Value = ResponseHeader> {
    (token(), text(), prop::option::of(any::<i64>()))
        .prop_map(|(relates_to, activity_id, valid_around)| ResponseHeader { relates_to, activity_id, valid_around })
}

fn policy() -> impl Strategy<Value = AuthPolicy> {
    prop::sample::select(vec![AuthPolicy::OnPremise, AuthPolicy::Federated, AuthPolicy::Certificate])
}

fn discover() -> impl Strategy<Value = Discover> {
    let texts = (token(), token(), token(), token(), token());
    (texts, prop::collection::vec(policy(), 0..4)).prop_map(
        |((email, request_version, device_type, application_version, os_edition), auth_policies)| Discover {
            email,
            request_version,
            device_type,
            application_version,
            os_edition,
            auth_policies,
        },
    )
}

fn discover_response() -> impl Strategy<Value = DiscoverResponse> {
    (policy(), token(), prop::option::of(word()), word(), prop::option::of(word())).prop_map(
        |(auth_policy, enrollment_version, policy_url, enrollment_url, authentication_url)| DiscoverResponse {
            auth_policy,
            enrollment_version,
            policy_url,
            enrollment_url,
            authentication_url,
        },
    )
}

fn certificate_policy() -> impl Strategy<Value = CertificatePolicy> {
    let periods = (prop::option::of(any::<u64>()), prop::option::of(any::<u64>()));
    (any::<u32>(), "[0-9.]{1,20}", "[0-9.]{1,20}", periods).prop_map(
        |(length, key_algorithm, hash_algorithm, (validity_seconds, renewal_seconds))| CertificatePolicy {
            minimal_key_length: Some(length),
            key_algorithm: Some(key_algorithm),
            hash_algorithm: Some(hash_algorithm),
            validity_seconds,
            renewal_seconds,
        },
    )
}

fn document_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..200)
}

fn token_request() -> impl Strategy<Value = RequestSecurityToken> {
    let types = prop::sample::select(vec![RequestType::Issue, RequestType::Renew]);
    let context = prop::collection::vec((text(), token()), 0..5).prop_map(AdditionalContext);
    (types, document_bytes(), context).prop_map(|(request_type, certificate_request, context)| RequestSecurityToken {
        request_type,
        certificate_request,
        context,
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let listed = prop::sample::select(FaultKind::ALL.to_vec());
    let kind = prop_oneof![4 => listed, 1 => "x[a-z]{0,10}".prop_map(FaultKind::Other)];
    (kind, token(), prop::option::of(word())).prop_map(|(kind, reason, trace_id)| Fault { kind, reason, trace_id })
}

fn characteristic() -> impl Strategy<Value = Characteristic> {
    let group = |children| {
        let parameters = prop::collection::vec(parameter(), 0..4);
        (text(), parameters, children).prop_map(|(kind, parameters, children)| Characteristic {
            kind,
            parameters,
            children,
        })
    };
    group(Just(Vec::new()).boxed())
        .prop_recursive(4, 12, 3, move |inner| group(prop::collection::vec(inner, 0..3).boxed()))
}

fn parameter() -> impl Strategy<Value = Parameter> {
    (text(), prop::option::of(text()), prop::option::of(text())).prop_map(|(name, value, data_type)| Parameter {
        name,
        value,
        data_type,
    })
}
