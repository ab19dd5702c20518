//! The document that ends a renewal: the new certificate and little else; whatever it does not say stays as it was.

use super::document::{certificates, non_empty};
use super::{CertificateEntry, Characteristic, ProvisioningError, StoreName, WapDocument};
use crate::{Thumbprint, base64};

/// Whose store the device's own certificate belongs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorePlace {
    /// The enrolled user's, for devices that enrolled for their user.
    User,
    /// The machine's.
    System,
}

/// What a device takes from the answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewedCertificate {
    /// All certificates; at least one of them is the device's own. Roots are there only if they changed.
    pub certificates: Vec<CertificateEntry>,
    /// The account's id (`PROVIDER-ID`), where it is said.
    pub provider_id: Option<String>,
}

impl StorePlace {
    /// The name of the store's group.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::System => "System",
        }
    }
}

impl RenewedCertificate {
    /// Reads a document within [`crate::Limits::ENROLMENT`]; sections that a renewal does not need are passed over.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProvisioningError> {
        let document = WapDocument::decode(bytes)?;
        let certificates = certificates(&document)?;
        if !certificates.iter().any(|entry| entry.store == StoreName::My) {
            return Err(ProvisioningError::Missing("certificate of the device's own"));
        }
        let accounts = document.at(&["APPLICATION"]);
        let mut accounts = accounts.iter().filter(|account| account.value("APPID").is_none_or(|id| id == "w7"));
        let provider_id = accounts.find_map(|account| non_empty(account.value("PROVIDER-ID")));
        Ok(Self { certificates, provider_id })
    }

    /// Writes the document, with the device's own certificate in the store of this place.
    pub fn encode(&self, place: StorePlace) -> String {
        let stores = self.certificates.iter().map(|entry| {
            let (store, place) = match entry.store {
                StoreName::Root => ("Root", StorePlace::System),
                StoreName::Intermediate => ("CA", StorePlace::System),
                StoreName::My => ("My", place),
            };
            let certificate = Characteristic::new(Thumbprint::of(&entry.der).to_string())
                .with("EncodedCertificate", base64::encode(&entry.der));
            Characteristic::new(store).with_child(Characteristic::new(place.as_str()).with_child(certificate))
        });
        let store = stores.fold(Characteristic::new("CertificateStore"), Characteristic::with_child);
        let account = self
            .provider_id
            .as_ref()
            .map(|id| Characteristic::new("APPLICATION").with("APPID", "w7").with("PROVIDER-ID", id.as_str()));
        WapDocument { characteristics: std::iter::once(store).chain(account).collect() }.encode()
    }
}
