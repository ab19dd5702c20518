//! What a request says of itself in HTTP: the media type of its body and the query of its address.

use mdm_protocol::{soap, syncml};

use super::{Violation, quote};

const WBXML: &str = "application/vnd.syncml.dm+wbxml";

/// Which kind of service a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Discovery, policy and security token: SOAP 1.2.
    Enrolment,
    /// Management sessions: SyncML.
    Management,
}

impl Endpoint {
    /// Whether the body is binary XML, which this server does not read, by what is said of it.
    pub(crate) fn is_wbxml(self, content_type: Option<&str>) -> bool {
        self == Self::Management && content_type.is_some_and(|text| media_type(text).eq_ignore_ascii_case(WBXML))
    }

    /// Checks the media type.
    pub(crate) fn check_media_type(self, content_type: Option<&str>) -> Result<(), Violation> {
        let (expected, rule, section) = match self {
            Self::Enrolment => {
                (soap::CONTENT_TYPE, "SOAP 1.2 must be sent as application/soap+xml", "MS-MDE2 section 2.1")
            }
            Self::Management => {
                (syncml::CONTENT_TYPE, "messages must be sent as application/vnd.syncml.dm+xml", "MS-MDM section 2.1")
            }
        };
        if content_type.is_some_and(|text| media_type(text).eq_ignore_ascii_case(media_type(expected))) {
            return Ok(());
        }
        let found = content_type
            .map_or("Content-Type is missing".to_owned(), |text| format!("Content-Type is {}", quote(text)));
        Err(Violation::new(found, rule, section))
    }

    /// Checks the query of the address; parameters that are not known are the client's own.
    pub(crate) fn check_query(self, query: Option<&str>) -> Result<(), Violation> {
        let parameters = query.unwrap_or_default().split('&').filter_map(|parameter| parameter.split_once('='));
        for (_, mode) in parameters.filter(|(name, _)| self == Self::Management && *name == "mode") {
            if !matches!(mode, "Maintenance" | "Machine") {
                let found = format!("the address has the mode {}", quote(mode));
                return Err(Violation::new(found, "mode must be Maintenance or Machine", "MS-MDM section 2.1"));
            }
        }
        Ok(())
    }
}

/// Whether a message is in binary XML by its first byte, the version; text never begins so.
pub(crate) fn begins_as_wbxml(body: &[u8]) -> bool {
    matches!(body, [1..=3, ..])
}

fn media_type(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}
