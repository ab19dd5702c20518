//! Refusals by enrolment services, in every spelling that is in use.

use mdm_protocol::XmlError;
use mdm_protocol::enrolment::DiscoverResponse;
use mdm_protocol::soap::{Fault, FaultKind, SoapError};

#[test]
fn a_fault_in_proper_case_is_recognised() {
    let fault = decode(
        "<s:Envelope xmlns:s='urn:s'><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode>\
         <s:Value>s:Authentication</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang='en-US'>who?</s:Text>\
         </s:Reason></s:Fault></s:Body></s:Envelope>",
    );
    assert_eq!((fault.kind, fault.reason.as_str()), (FaultKind::Authentication, "who?"));
}

#[test]
fn a_fault_in_lower_case_is_recognised_with_all_its_envelope() {
    for (envelope, body) in [("Envelope", "Body"), ("envelope", "body")] {
        let fault = decode(&format!(
            "<s:{envelope} xmlns:s='urn:s'><s:{body}><s:fault><s:code><s:value>s:receiver</s:value><s:subcode>\
             <s:value>s:authorization</s:value></s:subcode></s:code><s:reason><s:text>no more</s:text></s:reason>\
             <s:detail><deviceenrollmentserviceerror><errortype>devicecapreached</errortype><message>five</message>\
             <traceid>t-1</traceid></deviceenrollmentserviceerror></s:detail></s:fault></s:{body}></s:{envelope}>"
        ));
        assert_eq!(fault.kind, FaultKind::DeviceCapReached);
        assert_eq!((fault.reason.as_str(), fault.trace_id.as_deref()), ("no more", Some("t-1")));
    }
}

#[test]
fn a_soap_1_1_fault_is_recognised() {
    let fault = decode(
        "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body><soap:Fault>\
         <faultcode>s:MessageFormat</faultcode><faultstring> what? </faultstring></soap:Fault></soap:Body></soap:Envelope>",
    );
    assert_eq!((fault.kind, fault.reason.as_str()), (FaultKind::MessageFormat, "what?"));
}

#[test]
fn every_listed_kind_is_recognised_in_any_case_and_with_any_prefix() {
    for kind in FaultKind::ALL {
        for code in [
            kind.code().to_owned(),
            format!("s:{}", kind.code().to_lowercase()),
            format!(" q:{} ", kind.code().to_uppercase()),
        ] {
            assert_eq!(&FaultKind::parse(&code), kind, "{code}");
        }
    }
}

#[test]
fn only_failures_of_the_service_are_worth_another_attempt() {
    let transient: Vec<_> = FaultKind::ALL.iter().filter(|kind| kind.is_transient()).map(FaultKind::code).collect();
    assert_eq!(transient, ["EnrollmentServer", "InternalServiceFault", "InMaintenance"]);
}

#[test]
fn the_detail_decides_over_the_subcode_unless_it_is_unknown() {
    let fault = |detail: &str| {
        decode(&format!(
            "<e:Envelope xmlns:e='urn:e'><e:Body><e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>e:Authorization\
             </e:Value></e:Subcode></e:Code><e:Detail><DeviceEnrollmentServiceError><ErrorType>{detail}</ErrorType>\
             </DeviceEnrollmentServiceError></e:Detail></e:Fault></e:Body></e:Envelope>"
        ))
    };
    assert_eq!(fault("UserLicense").kind, FaultKind::UserLicense);
    assert_eq!(fault("Moonphase").kind, FaultKind::Authorization);
}

#[test]
fn an_unknown_code_is_kept() {
    let fault = decode(
        "<Envelope><Body><Fault><Code><Value>s:Receiver</Value><Subcode><Value>s:Moonphase</Value></Subcode></Code></Fault></Body></Envelope>",
    );
    assert_eq!(fault.kind, FaultKind::Other("Moonphase".to_owned()));
    assert_eq!(fault.to_string(), "the server refused for a reason of its own (Moonphase)");
}

#[test]
fn a_fault_without_a_reason_takes_the_words_of_its_detail() {
    for reason in ["", "<Reason><Text> </Text></Reason>"] {
        let fault = decode(&format!(
            "<Envelope><Body><Fault>{reason}<Detail><DeviceEnrollmentServiceError><ErrorType>InMaintenance</ErrorType>\
             <Message>back at noon</Message></DeviceEnrollmentServiceError></Detail></Fault></Body></Envelope>"
        ));
        assert_eq!(fault.reason, "back at noon");
    }
}

#[test]
fn an_empty_fault_is_still_a_fault() {
    assert_eq!(decode("<Envelope><Body><Fault/></Body></Envelope>").kind, FaultKind::Other(String::new()));
}

#[test]
fn a_fault_in_place_of_an_answer_is_told_as_a_fault() {
    let text = "<Envelope><Body><Fault><Code><Subcode><Value>s:InMaintenance</Value></Subcode></Code></Fault></Body></Envelope>";
    let SoapError::Fault(fault) = DiscoverResponse::decode(text.as_bytes()).unwrap_err() else { panic!("not a fault") };
    assert!(fault.to_string().contains("80180017"), "{fault}");
}

#[test]
fn what_is_no_fault_is_not_taken_for_one() {
    for text in ["", "<html/>", "<Envelope><Body/></Envelope>", "<Envelope/>", "<SyncML/>", "<Fault/>"] {
        assert_eq!(Fault::decode(text.as_bytes()), None, "{text}");
    }
    assert_eq!(
        DiscoverResponse::decode(b"<Fault/>"),
        Err(SoapError::Xml(XmlError::WrongRoot { expected: "Envelope", found: "Fault".to_owned() }))
    );
}

fn decode(text: &str) -> Fault {
    Fault::decode(text.as_bytes()).expect("a fault that is accepted")
}
