//! The provisioning document that ends an enrolment (MS-MDE2 section 2.2.9.1).

use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::provisioning::{Characteristic, RenewalTerms, WapDocument};
use mdm_protocol::syncml::CONTENT_TYPE;
use mdm_protocol::{Thumbprint, base64};

use crate::tenant::{EnrolmentSecrets, Grant, PROVIDER_ID};

/// What a document is made of.
pub(super) struct Account<'a> {
    pub(super) tenant: &'a str,
    pub(super) management_url: String,
    /// The authority's certificate in DER.
    pub(super) root: &'a [u8],
    /// The device's certificate in DER.
    pub(super) certificate: &'a [u8],
    pub(super) grant: &'a Grant,
    pub(super) secrets: &'a EnrolmentSecrets,
    pub(super) renewal: RenewalTerms,
}

pub(super) fn document(account: &Account<'_>) -> WapDocument {
    WapDocument { characteristics: vec![certificate_store(account), application(account), dm_client(account)] }
}

fn certificate_store(account: &Account<'_>) -> Characteristic {
    let store = if account.grant.full { "User" } else { "System" };
    let own = certificate(account.certificate);
    let renew = Characteristic::new("Renew")
        .with_typed("ROBOSupport", account.renewal.automatic.to_string(), "boolean")
        .with_typed("RenewPeriod", account.renewal.period_days.to_string(), "integer")
        .with_typed("RetryInterval", account.renewal.retry_days.to_string(), "integer");
    let root =
        Characteristic::new("Root").with_child(Characteristic::new("System").with_child(certificate(account.root)));
    let my = Characteristic::new("My")
        .with_child(Characteristic::new(store).with_child(own).with_child(Characteristic::new("PrivateKeyContainer")))
        .with_child(Characteristic::new("WSTEP").with_child(renew));
    Characteristic::new("CertificateStore").with_child(root).with_child(my)
}

fn certificate(der: &[u8]) -> Characteristic {
    Characteristic::new(Thumbprint::of(der).to_string()).with("EncodedCertificate", base64::encode(der))
}

fn application(account: &Account<'_>) -> Characteristic {
    let store = if account.grant.full { "User" } else { "System" };
    let subject = uri_escape(&format!("CN={}", account.grant.device_id));
    Characteristic::new("APPLICATION")
        .with("APPID", "w7")
        .with("PROVIDER-ID", PROVIDER_ID)
        .with("NAME", account.tenant)
        .with("ADDR", &account.management_url)
        .with("CONNRETRYFREQ", "6")
        .with("INITIALBACKOFFTIME", "30000")
        .with("MAXBACKOFFTIME", "120000")
        .with("BACKCOMPATRETRYDISABLED", "")
        .with("DEFAULTENCODING", CONTENT_TYPE)
        .with("SSLCLIENTCERTSEARCHCRITERIA", format!("Subject={subject}&Stores=My%5C{store}"))
        .with_child(credentials("CLIENT", account))
        .with_child(credentials("APPSRV", account))
}

fn credentials(level: &str, account: &Account<'_>) -> Characteristic {
    Characteristic::new("APPAUTH")
        .with("AAUTHLEVEL", level)
        .with("AAUTHTYPE", "DIGEST")
        .with("AAUTHNAME", &account.grant.device_id)
        .with("AAUTHSECRET", account.secrets.secret.expose())
        .with("AAUTHDATA", base64::encode(&account.secrets.nonce))
}

fn dm_client(account: &Account<'_>) -> Characteristic {
    let poll = Poll::DEFAULT.to_nodes().into_iter().fold(Characteristic::new("Poll"), |group, (name, value)| {
        let data_type = if value.parse::<u32>().is_ok() { "integer" } else { "boolean" };
        group.with_typed(name, value, data_type)
    });
    let mut provider = Characteristic::new(PROVIDER_ID);
    if let Some(user) = &account.grant.user {
        provider = provider.with_typed("UPN", user, "string");
    }
    let provider = provider
        .with_typed("EntDeviceName", &account.grant.device_name, "string")
        .with_typed("EntDMID", &account.grant.device_id, "string")
        .with_child(poll);
    Characteristic::new("DMClient").with_child(Characteristic::new("Provider").with_child(provider))
}

/// Escapes everything but letters, digits and `-._~`.
fn uri_escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        use std::fmt::Write as _;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
