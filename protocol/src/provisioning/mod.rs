//! The provisioning document that ends an enrolment (`wap-provisioningdoc` 1.1, MS-MDE2 section 2.2.9.1).

mod document;
mod renewal;
mod tree;

pub use document::{AppAuth, AuthLevel, CertificateEntry, Provisioning, ProvisioningError, RenewalTerms, StoreName};
pub use renewal::{RenewedCertificate, StorePlace};
pub use tree::{Characteristic, Parameter, WapDocument};
