//! How a refusal is written: as SOAP 1.2 has it, or with every name in lower case as several real servers do
//! (PROTOCOL section 1.5), under the HTTP status that the tenant is set to.

use mdm_protocol::soap::{CONTENT_TYPE, Fault, FaultKind, ResponseHeader};

use super::{Answer, random};
use crate::tenant::{FaultStyle, Settings};

/// The answer that carries a fault.
pub(super) fn answer(fault: Fault, relates_to: &str, settings: &Settings) -> Answer {
    let trace_id = random::activity_id();
    tracing::info!(kind = fault.kind.code(), reason = fault.reason, trace_id, "refused");
    let header =
        ResponseHeader { relates_to: relates_to.to_owned(), activity_id: trace_id.clone(), valid_around: None };
    let text = Fault { trace_id: Some(trace_id), ..fault }.encode(&header);
    let body = match settings.fault_style {
        FaultStyle::Proper => text,
        FaultStyle::Lower => lower_case(&text),
    };
    Answer { status: settings.fault_http_status, content_type: CONTENT_TYPE, body: body.into_bytes() }
}

/// The fault for what the server itself could not do.
pub(super) fn internal(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "an enrolment request failed");
    Fault::new(FaultKind::InternalServiceFault, "The server failed; its log says why.")
}

/// The same fault with element names and codes in lower case; attributes and words stay as they are.
fn lower_case(envelope: &str) -> String {
    let (Some(start), Some(end)) = (envelope.find("<s:Fault>"), envelope.find("</s:Fault>")) else {
        return envelope.to_owned();
    };
    let end = end + "</s:Fault>".len();
    let mut text = envelope[..start].to_owned();
    let mut is_code = false;
    for part in envelope[start..end].split_inclusive('>') {
        let (content, tag) = part.split_at(part.rfind('<').unwrap_or(0));
        text.push_str(&if is_code { content.to_lowercase() } else { content.to_owned() });
        let name_end = tag.find([' ', '>']).unwrap_or(tag.len());
        let name = tag[..name_end].to_lowercase();
        is_code = matches!(name.as_str(), "<s:value" | "<errortype");
        text.push_str(&name);
        text.push_str(&tag[name_end..]);
    }
    text.push_str(&envelope[end..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_say_the_same() {
        let fault = Fault::new(FaultKind::DeviceCapReached, "Two Devices < Three");
        for (style, status) in [(FaultStyle::Proper, 500), (FaultStyle::Lower, 200)] {
            let settings = Settings { fault_style: style, fault_http_status: status, ..Settings::default() };
            let answer = answer(fault.clone(), "urn:uuid:1", &settings);
            assert_eq!(answer.status, status);
            let read = Fault::decode(&answer.body).unwrap();
            assert_eq!((read.kind, read.reason), (fault.kind.clone(), fault.reason.clone()));
        }
    }

    #[test]
    fn the_lower_style_has_lower_case_names_and_codes() {
        let settings = Settings { fault_style: FaultStyle::Lower, ..Settings::default() };
        let answer = answer(Fault::new(FaultKind::DeviceCapReached, "Too Many"), "", &settings);
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains("<s:fault><s:code><s:value>s:receiver</s:value><s:subcode><s:value>s:authorization"));
        assert!(text.contains("<errortype>devicecapreached</errortype>"));
        assert!(text.contains(">Too Many<"));
        assert!(text.contains("xml:lang=\"en-US\""));
    }
}
