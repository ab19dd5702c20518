use super::*;
use crate::engine::compliance::facts::SecureBoot;

const EFI: &str = "/sys/firmware/efi/efivars";
const SECURE: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

fn with(value: &[u8]) -> Tree {
    Tree::new().file(&format!("{EFI}/{SECURE}"), value)
}

fn state(tree: &Tree) -> SecureBoot {
    known(&tree.facts().secure_boot).0
}

#[test]
fn secure_boot_is_on_only_if_everybody_says_so() {
    assert_eq!(state(&with(&[6, 0, 0, 0, 1])), SecureBoot::On);
    assert_eq!(state(&with(&[6, 0, 0, 0, 0])), SecureBoot::Off);
    let setup = "SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    assert_eq!(state(&with(&[6, 0, 0, 0, 1]).file(&format!("{EFI}/{setup}"), [6, 0, 0, 0, 1])), SecureBoot::Off);
    let shim = "MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23";
    assert_eq!(state(&with(&[6, 0, 0, 0, 1]).file(&format!("{EFI}/{shim}"), [6, 0, 0, 0, 1])), SecureBoot::Off);
}

#[test]
fn firmware_without_secure_boot_is_told_from_firmware_that_says_nothing() {
    assert_eq!(state(&Tree::new().directory("/sys/firmware/acpi")), SecureBoot::Unsupported);
    assert_eq!(state(&Tree::new().file(&format!("{EFI}/Boot0000-x"), [0])), SecureBoot::Unsupported);
    assert!(unknown(&Tree::new().facts().secure_boot).contains("/sys/firmware is not there"));
    assert!(unknown(&Tree::new().directory(EFI).facts().secure_boot).contains("mounted"));
    assert!(unknown(&with(&[1]).facts().secure_boot).contains("cannot be read"));
    assert!(unknown(&with(&[6, 0, 0, 0, 7]).facts().secure_boot).contains('7'));
}

#[test]
fn a_tpm_says_its_version() {
    let two = Tree::new().file("/sys/class/tpm/tpm0/tpm_version_major", "2\n");
    assert_eq!(known(&two.facts().tpm).0.unwrap().version, "2.0");
    let capabilities = "Manufacturer: 0x53544d20\nTCG version: 1.2\nFirmware version: 13.12\n";
    let old = known(&Tree::new().file("/sys/class/tpm/tpm0/device/caps", capabilities).facts().tpm).0.unwrap();
    assert_eq!(
        (old.version.as_str(), old.manufacturer().as_deref(), old.firmware.as_deref()),
        ("1.2", Some("STM"), Some("13.12"))
    );
    assert_eq!(known(&Tree::new().directory("/sys/class/net").facts().tpm).0, None);
    assert!(unknown(&Tree::new().directory("/sys/class/tpm/tpm0").facts().tpm).contains("version"));
    assert!(unknown(&Tree::new().facts().tpm).contains("not there"));
}
