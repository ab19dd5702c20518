//! Enrolment requests and responses in every form that real peers give them.

use mdm_protocol::Secret;
use mdm_protocol::enrolment::{
    AuthPolicy, CertificatePolicy, Discover, DiscoverResponse, GetPolicies, RequestSecurityToken, RequestType,
    SecurityTokenResponse,
};
use mdm_protocol::soap::{Security, SoapError};

const POLICY_PREAMBLE: &str = "<e:Envelope xmlns:e='urn:e'><e:Body><GetPoliciesResponse>";

#[test]
fn prefixes_are_free() {
    let text = "<q:Envelope xmlns:q='urn:q'><q:Header><w:MessageID xmlns:w='urn:w'>id-1</w:MessageID></q:Header>\
                <q:Body><z:Discover xmlns:z='urn:z'><z:request><z:EmailAddress>ada@example.org</z:EmailAddress>\
                </z:request></z:Discover></q:Body></q:Envelope>";
    let (header, discover) = Discover::decode(text.as_bytes()).unwrap();
    assert_eq!((header.message_id.as_str(), discover.email.as_str()), ("id-1", "ada@example.org"));
}

#[test]
fn default_namespaces_serve_as_well_as_prefixes() {
    let text = "<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Header><To xmlns='urn:a'>https://x/</To></Header>\
                <Body><GetPolicies xmlns='urn:p'><client/></GetPolicies></Body></Envelope>";
    assert_eq!(GetPolicies::decode(text.as_bytes()).unwrap().0.to, "https://x/");
}

#[test]
fn namespaces_may_be_missing_or_end_in_a_slash() {
    for namespace in ["", " xmlns='http://schemas.microsoft.com/windows/management/2012/01/enrollment/'"] {
        let text = response(&format!(
            "<DiscoverResponse{namespace}><DiscoverResult><AuthPolicy>OnPremise</AuthPolicy>\
             <EnrollmentServiceUrl>https://x/</EnrollmentServiceUrl></DiscoverResult></DiscoverResponse>"
        ));
        assert_eq!(DiscoverResponse::decode(text.as_bytes()).unwrap().enrollment_url, "https://x/");
    }
}

#[test]
fn a_soap_1_1_envelope_is_as_good() {
    let text = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><DiscoverResponse><DiscoverResult>\
                <EnrollmentServiceUrl>https://x/</EnrollmentServiceUrl></DiscoverResult></DiscoverResponse></s:Body></s:Envelope>";
    assert_eq!(DiscoverResponse::decode(text.as_bytes()).unwrap().auth_policy, AuthPolicy::OnPremise);
}

#[test]
fn the_edition_may_come_second_and_white_space_anywhere() {
    let text = response(
        "<Discover><request>\n  <EmailAddress>\n EXAMPLE\\ada </EmailAddress>\n  <OSEdition> 72 </OSEdition>\
         <RequestVersion>5.0</RequestVersion><AuthPolicies><AuthPolicy> federated </AuthPolicy>\
         <AuthPolicy>Telepathy</AuthPolicy></AuthPolicies></request></Discover>",
    );
    let (_, discover) = Discover::decode(text.as_bytes()).unwrap();
    assert_eq!((discover.email.as_str(), discover.os_edition.as_str()), ("EXAMPLE\\ada", "72"));
    assert_eq!(discover.auth_policies, [AuthPolicy::Federated]);
}

#[test]
fn an_unknown_way_of_proof_is_refused_by_name() {
    let text = response(
        "<DiscoverResponse><DiscoverResult><AuthPolicy>Telepathy</AuthPolicy></DiscoverResult></DiscoverResponse>",
    );
    let error = DiscoverResponse::decode(text.as_bytes()).unwrap_err();
    assert!(matches!(error, SoapError::Invalid { element: "AuthPolicy", .. }), "{error}");
}

#[test]
fn a_response_without_the_enrolment_address_is_refused() {
    let text =
        response("<DiscoverResponse><DiscoverResult><EnrollmentServiceUrl/></DiscoverResult></DiscoverResponse>");
    assert_eq!(DiscoverResponse::decode(text.as_bytes()), Err(SoapError::Missing("EnrollmentServiceUrl")));
}

#[test]
fn policy_references_resolve_through_the_table() {
    let text = policy(
        "<policySchema>3</policySchema><privateKeyAttributes><minimalKeyLength>2048</minimalKeyLength>\
         <algorithmOIDReference>1</algorithmOIDReference><provider>one</provider><provider>two</provider>\
         </privateKeyAttributes><hashAlgorithmOIDReference>0</hashAlgorithmOIDReference>",
        "<oIDs><oID><value>1.2.3</value><oIDReferenceID>1</oIDReferenceID></oID>\
         <oID><value>2.16.840</value><oIDReferenceID>0</oIDReferenceID></oID></oIDs>",
    );
    let policy = CertificatePolicy::decode(text.as_bytes()).unwrap();
    assert_eq!(policy.hash_algorithm.as_deref(), Some("2.16.840"));
    assert_eq!(policy.key_algorithm.as_deref(), Some("1.2.3"));
}

#[test]
fn a_table_without_entries_round_its_values_leaves_the_algorithms_open() {
    let text = policy(
        "<privateKeyAttributes><minimalKeyLength>4096</minimalKeyLength></privateKeyAttributes>\
         <hashAlgorithmOIDReference>0</hashAlgorithmOIDReference>",
        "<oIDs><value>1.3.6.1</value><group>1</group><defaultName>digest</defaultName></oIDs>",
    );
    let policy = CertificatePolicy::decode(text.as_bytes()).unwrap();
    assert_eq!((policy.minimal_key_length, policy.hash_algorithm), (Some(4096), None));
    assert_eq!((policy.validity_seconds, policy.renewal_seconds), (None, None));
}

#[test]
fn nil_empty_and_missing_policy_fields_are_left_open() {
    let nil = "<certificateValidity><validityPeriodSeconds x:nil='true' xmlns:x='urn:x'>5</validityPeriodSeconds>\
               <renewalPeriodSeconds/></certificateValidity><hashAlgorithmOIDReference xsi:nil='1'/>";
    let nowhere = format!("{POLICY_PREAMBLE}<response/></GetPoliciesResponse></e:Body></e:Envelope>");
    for text in [policy(nil, ""), policy("", "<oIDs/>"), nowhere] {
        assert_eq!(CertificatePolicy::decode(text.as_bytes()).unwrap(), CertificatePolicy::default(), "{text}");
    }
}

#[test]
fn the_type_of_a_password_may_have_a_prefix_or_not_or_be_missing() {
    for kind in ["wsse:Type='#PasswordText'", "Type='#PasswordText'", ""] {
        let text = format!(
            "<s:Envelope xmlns:s='urn:s'><s:Header><wsse:Security><u:Timestamp/><wsse:UsernameToken>\
             <wsse:Username> ada </wsse:Username><wsse:Password {kind}> spaces stay </wsse:Password>\
             </wsse:UsernameToken></wsse:Security></s:Header><s:Body><GetPolicies/></s:Body></s:Envelope>"
        );
        let password = Secret::new(" spaces stay ");
        let expected = Security::UsernameToken { username: "ada".to_owned(), password };
        assert_eq!(GetPolicies::decode(text.as_bytes()).unwrap().0.security, Some(expected));
    }
}

#[test]
fn a_json_web_token_is_told_from_other_tokens() {
    let kinds = [
        ("urn:ietf:params:oauth:token-type:jwt", true),
        ("URN:IETF:params:oauth:token-type:JWT", true),
        ("urn:other", false),
    ];
    for (kind, expected) in kinds {
        let text = format!(
            "<s:Envelope xmlns:s='urn:s'><s:Header><Security><BinarySecurityToken ValueType='{kind}'>\n  ZXlK\n</BinarySecurityToken>\
             </Security></s:Header><s:Body><GetPolicies/></s:Body></s:Envelope>"
        );
        let token = Security::BinaryToken { is_jwt: expected, content: Secret::new("ZXlK") };
        assert_eq!(GetPolicies::decode(text.as_bytes()).unwrap().0.security, Some(token), "{kind}");
    }
}

#[test]
fn a_renewal_is_accepted_under_both_names_of_its_content() {
    let names = [
        "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS7",
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#PKCS7",
    ];
    for name in names {
        let (_, request) = RequestSecurityToken::decode(token_request("Renew", name, "MIIB").as_bytes()).unwrap();
        assert_eq!((request.request_type, request.certificate_request), (RequestType::Renew, vec![0x30, 0x82, 0x01]));
    }
}

#[test]
fn white_space_inside_base64_is_ignored() {
    let text = token_request("Issue", "x#PKCS10", "\r\n  MI\tI&#13;B\n ");
    assert_eq!(RequestSecurityToken::decode(text.as_bytes()).unwrap().1.certificate_request, [0x30, 0x82, 0x01]);
}

#[test]
fn an_unusable_certificate_request_is_refused_by_name() {
    let refused = |verb: &str, content: &str| {
        RequestSecurityToken::decode(token_request(verb, "x", content).as_bytes()).unwrap_err()
    };
    assert!(matches!(refused("Issue", "M!!!"), SoapError::Invalid { element: "BinarySecurityToken", .. }));
    assert_eq!(refused("Issue", ""), SoapError::Missing("BinarySecurityToken"));
    assert!(matches!(refused("Cancel", "MIIB"), SoapError::Invalid { element: "RequestType", .. }));
}

#[test]
fn context_items_may_repeat_and_be_empty() {
    let (_, request) = RequestSecurityToken::decode(token_request("Issue", "x", "MIIB").as_bytes()).unwrap();
    assert_eq!(request.context.all("MAC").collect::<Vec<_>>(), ["00-01", "00-02"]);
    assert_eq!((request.context.get("IMEI"), request.context.get("Locale")), (Some(""), None));
}

#[test]
fn a_token_response_is_read_by_local_names_whatever_its_timestamp() {
    let text = "<s:Envelope xmlns:s='urn:s'><s:Header><o:Security><u:Timestamp><u:Expires>2018-01-01T00:00:00.000Z</u:Expires>\
                </u:Timestamp></o:Security></s:Header><s:Body><t:RequestSecurityTokenResponseCollection>\
                <t:RequestSecurityTokenResponse><t:RequestedSecurityToken><b:BinarySecurityToken> PGEv \n Pg== \
                </b:BinarySecurityToken></t:RequestedSecurityToken></t:RequestSecurityTokenResponse>\
                </t:RequestSecurityTokenResponseCollection></s:Body></s:Envelope>";
    assert_eq!(SecurityTokenResponse::decode(text.as_bytes()).unwrap().provisioning_document, b"<a/>");
}

#[test]
fn another_message_than_the_expected_one_is_refused_by_name() {
    let text = response("<GetPolicies/>");
    assert_eq!(Discover::decode(text.as_bytes()), Err(SoapError::Missing("Discover")));
    assert_eq!(Discover::decode(b"<Envelope/>"), Err(SoapError::Missing("Body")));
}

fn response(body: &str) -> String {
    format!("<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body>{body}</s:Body></s:Envelope>")
}

fn policy(attributes: &str, table: &str) -> String {
    format!(
        "{POLICY_PREAMBLE}<response><policies><policy><attributes>{attributes}</attributes></policy></policies>\
         </response>{table}</GetPoliciesResponse></e:Body></e:Envelope>"
    )
}

fn token_request(verb: &str, value_type: &str, content: &str) -> String {
    response(&format!(
        "<RequestSecurityToken><AdditionalContext><ContextItem Name='MAC'><Value>00-01</Value></ContextItem>\
         <ContextItem Name='MAC'><Value>00-02</Value></ContextItem><ContextItem Name='IMEI'/></AdditionalContext>\
         <RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/{verb}</RequestType>\
         <BinarySecurityToken EncodingType='e' ValueType='{value_type}'>{content}</BinarySecurityToken></RequestSecurityToken>"
    ))
}
