//! SOAP faults of the enrolment services (MS-MDE2 section 2.2.6).

use std::fmt;

use super::{ResponseHeader, SoapError, envelope, ns};
use crate::xml::{Document, Element, Limits};

/// A refusal by an enrolment service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is refused.
    pub kind: FaultKind,
    /// The server's own words.
    pub reason: String,
    /// The number under which the server's log has it, if it said one.
    pub trace_id: Option<String>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $code:literal, $detail:literal, $result:literal, $text:literal;)*) => {
        /// What an enrolment service refuses.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum FaultKind {
            $($(#[$doc])* $name,)*
            /// A code that MS-MDE2 does not list.
            Other(String),
        }

        impl FaultKind {
            /// Every kind that MS-MDE2 lists.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name of the subcode or of the detail's error type.
            pub fn code(&self) -> &str {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(code) => code,
                }
            }

            /// Whether the kind travels in the fault's detail, on the subcode `Authorization`.
            pub fn is_detail(&self) -> bool {
                match self {
                    $(Self::$name => $detail,)*
                    Self::Other(_) => false,
                }
            }

            /// The error number that Windows shows for it.
            pub fn hresult(&self) -> Option<u32> {
                match self {
                    $(Self::$name => Some($result),)*
                    Self::Other(_) => None,
                }
            }

            /// The kind in plain words.
            pub fn meaning(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(_) => "the server refused for a reason of its own",
                }
            }
        }
    };
}

kinds! {
    /// The request was not understood.
    MessageFormat: "MessageFormat", false, 0x8018_0001, "the server did not understand the request";
    /// The user is unknown or the password is wrong.
    Authentication: "Authentication", false, 0x8018_0002, "the server does not know this user, or the password is wrong";
    /// The user may not enrol devices.
    Authorization: "Authorization", false, 0x8018_0003, "this user may not enrol devices";
    /// The certificate authority refused.
    CertificateRequest: "CertificateRequest", false, 0x8018_0004, "the certificate authority refused the certificate request";
    /// The service failed.
    EnrollmentServer: "EnrollmentServer", false, 0x8018_0005, "the enrolment server failed";
    /// The service failed without handling it.
    InternalServiceFault: "InternalServiceFault", false, 0x8018_0006, "the enrolment server had an internal error";
    /// The security header is not usable.
    InvalidSecurity: "InvalidSecurity", false, 0x8018_0007, "the server cannot use these credentials";
    /// The user has too many devices.
    DeviceCapReached: "DeviceCapReached", true, 0x8018_0013, "this user has enrolled as many devices as allowed";
    /// The platform or its version is refused.
    DeviceNotSupported: "DeviceNotSupported", true, 0x8018_0014, "the server does not accept this kind of device";
    /// Management is not supported for the device.
    NotSupported: "NotSupported", true, 0x8018_0015, "management is not offered for this device";
    /// The certificate is outside its renewal rules.
    NotEligibleToRenew: "NotEligibleToRenew", true, 0x8018_0016, "the certificate may not be renewed now";
    /// The service is being maintained.
    InMaintenance: "InMaintenance", true, 0x8018_0017, "the server is being maintained";
    /// The user's licence does not allow it.
    UserLicense: "UserLicense", true, 0x8018_0018, "the user has no licence for device management";
    /// The request's data was rejected.
    InvalidEnrollmentData: "InvalidEnrollmentData", true, 0x8018_0019, "the server rejected what the device said of itself";
}

impl FaultKind {
    /// Reads a code in any case, with or without a prefix.
    pub fn parse(code: &str) -> Self {
        let code = code.trim();
        let local = code.rsplit_once(':').map_or(code, |(_, local)| local);
        Self::ALL
            .iter()
            .find(|kind| kind.code().eq_ignore_ascii_case(local))
            .cloned()
            .unwrap_or_else(|| Self::Other(local.to_owned()))
    }

    /// Whether the same request may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::EnrollmentServer | Self::InternalServiceFault | Self::InMaintenance)
    }
}

impl Fault {
    /// A fault of a kind, with the server's own words.
    pub fn new(kind: FaultKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), trace_id: None }
    }

    /// Reads an answer that may be a fault: `Some` if it is one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let document = Document::parse(bytes, &Limits::ENROLMENT).ok()?;
        match envelope::body(&document, "Fault") {
            Err(SoapError::Fault(fault)) => Some(*fault),
            _ => None,
        }
    }

    /// Writes the fault as a SOAP 1.2 answer.
    pub fn encode(&self, header: &ResponseHeader) -> String {
        let action = format!("{}/fault", ns::DISCOVERY);
        envelope::response(&action, header, |xml| {
            xml.element("s:Fault", &[], |xml| {
                let prefix = if matches!(self.kind, FaultKind::InternalServiceFault | FaultKind::InvalidSecurity) {
                    "a"
                } else {
                    "s"
                };
                let subcode = if self.kind.is_detail() { FaultKind::Authorization.code() } else { self.kind.code() };
                xml.element("s:Code", &[], |xml| {
                    xml.text_leaf("s:Value", "s:Receiver");
                    xml.element("s:Subcode", &[], |xml| xml.text_leaf("s:Value", &format!("{prefix}:{subcode}")));
                });
                xml.element("s:Reason", &[], |xml| xml.leaf("s:Text", &[("xml:lang", "en-US")], &self.reason));
                if self.kind.is_detail() || self.trace_id.is_some() {
                    xml.element("s:Detail", &[], |xml| {
                        xml.element("DeviceEnrollmentServiceError", &[("xmlns", ns::ENROLLMENT)], |xml| {
                            xml.text_leaf("ErrorType", self.kind.code());
                            xml.text_leaf("Message", &self.reason);
                            xml.text_leaf("TraceId", self.trace_id.as_deref().unwrap_or_default());
                        });
                    });
                }
            });
        })
    }

    /// Reads a `Fault` element: SOAP 1.2 or 1.1, in proper or, as several servers write it, in lower case.
    pub(crate) fn read(fault: Element<'_>) -> Self {
        let any_case = |path: &[&str]| path.iter().try_fold(fault, |element, name| element.child_any_case(name));
        let error = any_case(&["Detail"]).and_then(|detail| {
            detail.descendants().find(|element| element.name().eq_ignore_ascii_case("DeviceEnrollmentServiceError"))
        });
        let detail = |name: &str| {
            let text = error?.child_any_case(name)?.trimmed();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let code = any_case(&["Code", "Subcode", "Value"])
            .or_else(|| any_case(&["Code", "Value"]))
            .or_else(|| any_case(&["FaultCode"]))
            .map_or("", Element::trimmed);
        let reason = any_case(&["Reason", "Text"]).or_else(|| any_case(&["FaultString"]));
        let kind = match detail("ErrorType").map(|error_type| FaultKind::parse(&error_type)) {
            None | Some(FaultKind::Other(_)) => FaultKind::parse(code),
            Some(kind) => kind,
        };
        let reason = reason.map(|text| text.trimmed().to_owned()).filter(|text| !text.is_empty());
        let reason = reason.or_else(|| detail("Message")).unwrap_or_default();
        Self { kind, reason, trace_id: detail("TraceId") }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}", self.kind.meaning(), self.kind.code())?;
        if let Some(number) = self.kind.hresult() {
            write!(formatter, ", {number:08X}")?;
        }
        formatter.write_str(")")?;
        if !self.reason.is_empty() {
            write!(formatter, ": {}", self.reason)?;
        }
        Ok(())
    }
}
