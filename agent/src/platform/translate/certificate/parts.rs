//! The parts of a client certificate: the nodes of ClientCertificateInstall.

use crate::platform::translate::account::{Known, no_effect, only, refused, translated};

const CONTAINER: &str = "keys are kept in files, in no container";
/// 2 means a TPM where there is one, 3 software.
const SOFTWARE: &[&str] = &["2", "3"];
const TPM: &str = "keys are kept in files: one in a TPM (1) or for Windows Hello (4) is not supported";

/// The nodes of PFXCertInstall.
pub const PFX: &[Known] = &[
    translated("PFXCertBlob"),
    translated("PFXCertPassword"),
    translated("PFXCertPasswordEncryptionType"),
    refused("PFXCertPasswordEncryptionStore", "a password is encrypted to the device's MDM certificate, or not at all"),
    only("KeyLocation", SOFTWARE, TPM),
    no_effect("ContainerName", CONTAINER),
    no_effect("PFXKeyExportable", "root alone can read the key, and always can"),
];

/// The nodes of SCEP below `Install`.
pub const SCEP: &[Known] = &[
    translated("ServerURL"),
    translated("Challenge"),
    translated("SubjectName"),
    translated("SubjectAlternativeNames"),
    translated("KeyUsage"),
    translated("KeyLength"),
    translated("EKUMapping"),
    translated("HashAlgorithm"),
    translated("CAThumbprint"),
    translated("RetryDelay"),
    translated("RetryCount"),
    translated("ValidPeriod"),
    translated("ValidPeriodUnits"),
    only("KeyProtection", SOFTWARE, TPM),
    no_effect("TemplateName", "the provider's own documentation says that servers ignore it"),
    no_effect("ContainerName", CONTAINER),
    no_effect("CustomTextToShowInPrompt", "users are not asked"),
    no_effect("AADKeyIdentifierList", "certificates are chosen by the networks that use them"),
];
