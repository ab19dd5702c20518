//! Secure Boot and the TPM.

use super::source::Source;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::{SecureBoot, Tpm};

const VARIABLES: &str = "/sys/firmware/efi/efivars";
const SECURE_BOOT: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SETUP_MODE: &str = "SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Set where shim was told by its user to check nothing.
const SHIM_OFF: &str = "MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23";

/// Whether the firmware starts signed programs only.
pub(super) fn secure_boot(source: &Source) -> Fact<SecureBoot> {
    if !source.has("/sys/firmware") {
        return Fact::unknown("/sys/firmware is not there");
    }
    if !source.has("/sys/firmware/efi") {
        return Fact::known(
            SecureBoot::Unsupported,
            "/sys/firmware/efi is not there: the machine was not started by UEFI",
        );
    }
    let path = format!("{VARIABLES}/{SECURE_BOOT}");
    match variable(source, SECURE_BOOT) {
        Some(1) if variable(source, SETUP_MODE) == Some(1) => {
            Fact::known(SecureBoot::Off, format!("{VARIABLES}/{SETUP_MODE}"))
        }
        Some(1) if variable(source, SHIM_OFF) == Some(1) => {
            Fact::known(SecureBoot::Off, format!("{VARIABLES}/{SHIM_OFF}"))
        }
        Some(1) => Fact::known(SecureBoot::On, path),
        Some(0) => Fact::known(SecureBoot::Off, path),
        Some(other) => Fact::unknown(format!("{path} says {other}, which means nothing")),
        None if source.has(&path) => Fact::unknown(format!("{path} cannot be read")),
        None if source.names(VARIABLES).is_empty() => {
            Fact::unknown(format!("{VARIABLES} is empty; is efivarfs mounted?"))
        }
        None => Fact::known(SecureBoot::Unsupported, format!("{path} is not there")),
    }
}

/// A variable of one byte; four bytes of attributes come before it.
fn variable(source: &Source, name: &str) -> Option<u8> {
    match source.bytes(&format!("{VARIABLES}/{name}")).ok()?.as_slice() {
        [_, _, _, _, value] => Some(*value),
        _ => None,
    }
}

/// The TPM that the kernel found.
pub(super) fn tpm(source: &Source) -> Fact<Option<Tpm>> {
    let class = "/sys/class/tpm";
    if !source.has("/sys/class") {
        return Fact::unknown("/sys/class is not there");
    }
    let Some(name) = source.names(class).into_iter().find(|name| name.starts_with("tpm")) else {
        return Fact::known(None, format!("{class} has no TPM"));
    };
    let base = format!("{class}/{name}");
    let capabilities = ["caps", "device/caps"].iter().find_map(|path| source.text(&format!("{base}/{path}")));
    let capabilities = capabilities.unwrap_or_default();
    let capability = |name: &str| {
        let line = capabilities.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let version = match source.number(&format!("{base}/tpm_version_major")) {
        Some(2) => Some("2.0".to_owned()),
        Some(1) => Some("1.2".to_owned()),
        _ => capability("TCG version"),
    };
    match version {
        Some(version) => {
            let (manufacturer_id, firmware) = (capability("Manufacturer"), capability("Firmware version"));
            Fact::known(Some(Tpm { version, manufacturer_id, firmware }), base)
        }
        None => Fact::unknown(format!("{base} does not say its version")),
    }
}
