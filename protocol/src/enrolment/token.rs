//! The security token: a certificate request goes out, a provisioning document comes back (MS-MDE2 section 3.5, MS-WSTEP).

use std::fmt;

use super::AdditionalContext;
use crate::base64;
use crate::soap::{self, RequestHeader, ResponseHeader, SoapError, ns};
use crate::xml::{Document, Element, Limits};

/// Whether a certificate is asked for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// The first certificate; the request is a PKCS#10.
    Issue,
    /// Another certificate in place of the one in use; the request is a PKCS#10 inside a CMS signed by the old key.
    Renew,
}

/// The request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSecurityToken {
    /// Issue or renew.
    pub request_type: RequestType,
    /// The certificate request in DER: PKCS#10 to issue, CMS to renew.
    pub certificate_request: Vec<u8>,
    /// What the device says of itself.
    pub context: AdditionalContext,
}

/// The answer to a request for a certificate. `Debug` hides the document, which may contain credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct SecurityTokenResponse {
    /// The provisioning document, XML text in bytes.
    pub provisioning_document: Vec<u8>,
}

impl fmt::Debug for SecurityTokenResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = format!("{} bytes", self.provisioning_document.len());
        formatter.debug_struct("SecurityTokenResponse").field("provisioning_document", &size).finish()
    }
}

impl RequestSecurityToken {
    /// Writes the request.
    pub fn encode(&self, header: &RequestHeader) -> String {
        let fragment = match self.request_type {
            RequestType::Issue => "PKCS10",
            RequestType::Renew => "PKCS7",
        };
        self.write(header, fragment)
    }

    /// Writes the request with a PKCS#10 in it, whether it is to issue or to renew: servers exist that renew by the TLS
    /// certificate alone and cannot read a CMS.
    pub fn encode_pkcs10(&self, header: &RequestHeader) -> String {
        self.write(header, "PKCS10")
    }

    fn write(&self, header: &RequestHeader, fragment: &str) -> String {
        let verb = match self.request_type {
            RequestType::Issue => "Issue",
            RequestType::Renew => "Renew",
        };
        let value_type = format!("{}#{fragment}", ns::ENROLLMENT);
        let action = format!("{}/RST/wstep", ns::ENROLLMENT);
        soap::request(&action, header, &[], |xml| {
            xml.element("wst:RequestSecurityToken", &[], |xml| {
                xml.text_leaf("wst:TokenType", ns::DEVICE_TOKEN);
                xml.text_leaf("wst:RequestType", &format!("{}/{verb}", ns::TRUST));
                let attributes = [("ValueType", value_type.as_str()), ("EncodingType", ns::BASE64_BINARY)];
                xml.leaf("wsse:BinarySecurityToken", &attributes, base64::encode(&self.certificate_request));
                xml.element("ac:AdditionalContext", &[("xmlns", ns::AUTHORIZATION)], |xml| self.context.write(xml));
            });
        })
    }

    /// Reads the request.
    pub fn decode(bytes: &[u8]) -> Result<(RequestHeader, Self), SoapError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        let request = soap::body(&document, "RequestSecurityToken")?;
        let verb = request.child_text("RequestType").ok_or(SoapError::Missing("RequestType"))?;
        let request_type = match verb.rsplit_once('/').map_or(verb, |(_, verb)| verb) {
            "Issue" => RequestType::Issue,
            "Renew" => RequestType::Renew,
            other => {
                return Err(invalid(
                    "RequestType",
                    format!("{:?} is not known", other.chars().take(40).collect::<String>()),
                ));
            }
        };
        let message = Self {
            request_type,
            certificate_request: token(request)?,
            context: request.child("AdditionalContext").map(AdditionalContext::read).unwrap_or_default(),
        };
        Ok((RequestHeader::read(&document), message))
    }
}

impl SecurityTokenResponse {
    /// Writes the response.
    pub fn encode(&self, header: &ResponseHeader) -> String {
        let action = format!("{}/RSTRC/wstep", ns::ENROLLMENT);
        soap::response(&action, header, |xml| {
            xml.element("RequestSecurityTokenResponseCollection", &[("xmlns", ns::TRUST)], |xml| {
                xml.element("RequestSecurityTokenResponse", &[], |xml| {
                    xml.text_leaf("TokenType", ns::DEVICE_TOKEN);
                    xml.leaf("DispositionMessage", &[("xmlns", ns::ENROLLMENT)], "");
                    xml.element("RequestedSecurityToken", &[], |xml| {
                        let attributes = [
                            ("ValueType", ns::PROVISION_DOCUMENT),
                            ("EncodingType", ns::BASE64_BINARY),
                            ("xmlns", ns::SECURITY),
                        ];
                        xml.leaf("BinarySecurityToken", &attributes, base64::encode(&self.provisioning_document));
                    });
                    xml.leaf("RequestID", &[("xmlns", ns::ENROLLMENT)], 0);
                });
            });
        })
    }

    /// Reads the response.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        let collection = soap::body(&document, "RequestSecurityTokenResponseCollection")?;
        let requested = collection
            .path(&["RequestSecurityTokenResponse", "RequestedSecurityToken"])
            .ok_or(SoapError::Missing("RequestedSecurityToken"))?;
        Ok(Self { provisioning_document: token(requested)? })
    }
}

fn token(parent: Element<'_>) -> Result<Vec<u8>, SoapError> {
    let token = parent.child("BinarySecurityToken").ok_or(SoapError::Missing("BinarySecurityToken"))?;
    let bytes = base64::decode(token.text()).map_err(|error| invalid("BinarySecurityToken", error.to_string()))?;
    if bytes.is_empty() { Err(SoapError::Missing("BinarySecurityToken")) } else { Ok(bytes) }
}

fn invalid(element: &'static str, reason: String) -> SoapError {
    SoapError::Invalid { element, reason }
}
