//! Certificate policy: what the client certificate must look like (MS-XCEP).

use crate::soap::{self, RequestHeader, ResponseHeader, SoapError, ns};
use crate::xml::{Document, Element, Limits, XmlWriter};

const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";

/// The question to the policy service. It has no content of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GetPolicies;

/// What the client certificate must look like. A field is `None` where the server leaves it open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificatePolicy {
    /// The shortest key that is accepted, in bits.
    pub minimal_key_length: Option<u32>,
    /// The key's algorithm as an object identifier.
    pub key_algorithm: Option<String>,
    /// The signature's digest as an object identifier.
    pub hash_algorithm: Option<String>,
    /// How long the certificate will be valid, in seconds.
    pub validity_seconds: Option<u64>,
    /// How long before its end it may be renewed, in seconds.
    pub renewal_seconds: Option<u64>,
}

impl GetPolicies {
    /// Writes the request.
    pub fn encode(header: &RequestHeader) -> String {
        let action = format!("{}/IPolicy/GetPolicies", ns::POLICY);
        let body = [("xmlns:xsi", ns::SCHEMA_INSTANCE), ("xmlns:xsd", ns::SCHEMA)];
        soap::request(&action, header, &body, |xml| {
            xml.element("GetPolicies", &[("xmlns", ns::POLICY)], |xml| {
                xml.element("client", &[], |xml| {
                    xml.empty("lastUpdate", NIL);
                    xml.empty("preferredLanguage", NIL);
                    // One server family insists on these two.
                    xml.text_leaf("TPMManufacturer", "none");
                    xml.text_leaf("TPMFirmwareVersion", "0");
                });
                xml.empty("requestFilter", NIL);
            });
        })
    }

    /// Reads the request.
    pub fn decode(bytes: &[u8]) -> Result<(RequestHeader, Self), SoapError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        soap::body(&document, "GetPolicies")?;
        Ok((RequestHeader::read(&document), Self))
    }
}

const NIL: &[(&str, &str)] = &[("xsi:nil", "true")];

impl CertificatePolicy {
    /// Writes the response.
    pub fn encode(&self, header: &ResponseHeader) -> String {
        let action = format!("{}/IPolicy/GetPoliciesResponse", ns::POLICY);
        soap::response(&action, header, |xml| {
            xml.element("GetPoliciesResponse", &[("xmlns", ns::POLICY)], |xml| {
                xml.element("response", &[], |xml| {
                    xml.text_leaf("policyID", "");
                    xml.text_leaf("policyFriendlyName", "");
                    xml.empty("nextUpdateHours", NIL);
                    xml.empty("policiesNotChanged", NIL);
                    xml.element("policies", &[], |xml| {
                        xml.element("policy", &[], |xml| {
                            xml.text_leaf("policyOIDReference", "0");
                            xml.empty("cAs", NIL);
                            xml.element("attributes", &[], |xml| self.write_attributes(xml));
                        });
                    });
                });
                xml.empty("cAs", NIL);
                xml.element("oIDs", &[], |xml| {
                    object_identifier(xml, self.hash_algorithm.as_deref().unwrap_or(SHA256), "1", "0", "sha256");
                    object_identifier(xml, self.key_algorithm.as_deref().unwrap_or(RSA), "3", "1", "rsa");
                });
            });
        })
    }

    fn write_attributes(&self, xml: &mut XmlWriter) {
        xml.text_leaf("commonName", "MDMEnrollment");
        xml.text_leaf("policySchema", "3");
        xml.element("certificateValidity", &[], |xml| {
            for (name, value) in
                [("validityPeriodSeconds", self.validity_seconds), ("renewalPeriodSeconds", self.renewal_seconds)]
            {
                match value {
                    Some(seconds) => xml.leaf(name, &[], seconds),
                    None => xml.empty(name, NIL),
                }
            }
        });
        xml.element("permission", &[], |xml| {
            xml.text_leaf("enroll", "true");
            xml.text_leaf("autoEnroll", "false");
        });
        xml.element("privateKeyAttributes", &[], |xml| {
            xml.leaf("minimalKeyLength", &[], self.minimal_key_length.unwrap_or(2048));
            for name in ["keySpec", "keyUsageProperty", "permissions"] {
                xml.empty(name, NIL);
            }
            xml.text_leaf("algorithmOIDReference", "1");
            xml.empty("cryptoProviders", NIL);
        });
        for name in
            ["revision", "supersededPolicies", "privateKeyFlags", "subjectNameFlags", "enrollmentFlags", "generalFlags"]
        {
            xml.empty(name, NIL);
        }
        xml.text_leaf("hashAlgorithmOIDReference", "0");
        for name in ["rARequirements", "keyArchivalAttributes", "extensions"] {
            xml.empty(name, NIL);
        }
    }

    /// Reads the response. Every field may be nil, empty or missing.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        let response = soap::body(&document, "GetPoliciesResponse")?;
        let Some(attributes) = response.path(&["response", "policies", "policy", "attributes"]) else {
            return Ok(Self::default());
        };
        let text = |path: &[&str]| attributes.path(path).and_then(non_nil);
        let resolve = |reference: Option<&str>| identifier(response, reference?);
        Ok(Self {
            minimal_key_length: text(&["privateKeyAttributes", "minimalKeyLength"]).and_then(|bits| bits.parse().ok()),
            key_algorithm: resolve(text(&["privateKeyAttributes", "algorithmOIDReference"])),
            hash_algorithm: resolve(text(&["hashAlgorithmOIDReference"])),
            validity_seconds: text(&["certificateValidity", "validityPeriodSeconds"])
                .and_then(|value| value.parse().ok()),
            renewal_seconds: text(&["certificateValidity", "renewalPeriodSeconds"])
                .and_then(|value| value.parse().ok()),
        })
    }
}

fn object_identifier(xml: &mut XmlWriter, value: &str, group: &str, reference: &str, name: &str) {
    xml.element("oID", &[], |xml| {
        xml.text_leaf("value", value);
        xml.text_leaf("group", group);
        xml.text_leaf("oIDReferenceID", reference);
        xml.text_leaf("defaultName", name);
    });
}

fn non_nil(element: Element<'_>) -> Option<&str> {
    let nil = element.attribute("nil").is_some_and(|value| value == "true" || value == "1");
    Some(element.trimmed()).filter(|text| !nil && !text.is_empty())
}

fn identifier(response: Element<'_>, reference: &str) -> Option<String> {
    let table = response.child("oIDs")?;
    let entry = table.children_named("oID").find(|entry| entry.child_text("oIDReferenceID") == Some(reference))?;
    entry.child_text("value").map(str::to_owned)
}
