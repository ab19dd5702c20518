//! Certificates with keys, packed and read by openssl.

use std::os::unix::fs::PermissionsExt as _;

use mdm_protocol::syncml::StatusCode;
use rcgen::ExtendedKeyUsagePurpose;

use crate::alone::alone;
use crate::certificates::{Authority, installation};
use crate::programs::{ask, run};

const DIRECTORY: &str = "/etc/mdm-agent/certificates";

/// Neither encrypted nor authenticated.
const OPEN: &[&str] = &["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"];
/// Ways in which openssl writes such a file.
const WAYS: &[&[&str]] = &[
    &[],
    &["-legacy"],
    &["-legacy", "-descert"],
    &["-macalg", "sha1"],
    &["-macalg", "sha224"],
    &["-macalg", "sha384"],
    &["-macalg", "sha512"],
    &["-nomac"],
    &["-keypbe", "NONE", "-certpbe", "NONE"],
    OPEN,
    &["-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"],
    &["-keypbe", "AES-192-CBC", "-certpbe", "AES-192-CBC"],
    &["-keypbe", "DES-EDE3-CBC", "-certpbe", "DES-EDE3-CBC"],
    &["-legacy", "-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"],
    &["-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-40"],
    &["-legacy", "-keypbe", "PBE-SHA1-RC4-128", "-certpbe", "PBE-SHA1-RC4-40"],
];

/// The certificate and the key in the directory.
fn files() -> [String; 2] {
    let mut names: Vec<String> =
        std::fs::read_dir(DIRECTORY).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    names.sort_by_key(|name| name.contains("key"));
    names.try_into().unwrap()
}

#[test]
#[ignore = "needs openssl, root and unshare"]
fn what_openssl_packs_is_unpacked_as_it_was() {
    alone(what_openssl_packs_is_unpacked_as_it_was, |machine| {
        let authority = Authority::new("Corp Root");
        for more in WAYS {
            let is_protected = *more != OPEN;
            let issued = authority.issue("device.example", ExtendedKeyUsagePurpose::ClientAuth);
            let pfx = issued.as_pfx(&authority.pem, machine.folder(), more, "correct horse");
            let wrong = installation(&pfx, "wrong horse");
            if is_protected {
                let refusal = machine.try_to_put_in_force(std::slice::from_ref(&wrong)).failed;
                let refusal = &refusal[&wrong.root.to_string()];
                assert_eq!(refusal.status, StatusCode::UNSUPPORTED_FORMAT, "{more:?}");
                assert!(refusal.reason.contains("password"), "{more:?}: {refusal:?}");
                assert!(!std::path::Path::new(DIRECTORY).exists(), "{more:?}");
            }
            machine.put_in_force(&[installation(&pfx, "correct horse")]);
            let [certificate, key] = files();
            let public = ask("openssl", &["pkey", "-in", &key, "-pubout"]);
            assert_eq!(public, ask("openssl", &["x509", "-in", &certificate, "-noout", "-pubkey"]), "{more:?}");
            let original = machine.folder().join("own-key.pem");
            assert_eq!(public, ask("openssl", &["pkey", "-in", original.to_str().unwrap(), "-pubout"]), "{more:?}");
            let root = machine.folder().join("authority.pem");
            let root = root.to_str().unwrap();
            ask("openssl", &["verify", "-no-CAfile", "-no-CApath", "-CAfile", root, &certificate]);
            let chain = std::fs::read_to_string(&certificate).unwrap();
            assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "the issuer comes along: {more:?}");
            let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!([mode(&certificate), mode(&key)], [0o644, 0o600], "{more:?}");
            machine.undo();
        }
        let issued = authority.issue("device.example", ExtendedKeyUsagePurpose::ClientAuth);
        let strange = ["-keypbe", "CAMELLIA-256-CBC"];
        let strange = issued.as_pfx(&authority.pem, machine.folder(), &strange, "correct horse");
        let strange = installation(&strange, "correct horse");
        let refusal = &machine.try_to_put_in_force(std::slice::from_ref(&strange)).failed[&strange.root.to_string()];
        assert!(refusal.reason.contains("not supported"), "{refusal:?}");
        for password in ["", "pässwörd"] {
            let pfx = issued.as_pfx(&authority.pem, machine.folder(), &["-legacy"], password);
            machine.put_in_force(&[installation(&pfx, password)]);
            machine.undo();
        }
        let other = machine.folder().join("other.pem");
        std::fs::write(&other, Authority::new("Other Root").pem).unwrap();
        let other = other.to_str().unwrap();
        let own = machine.folder().join("own.pem");
        let answer = run("openssl", &["verify", "-no-CApath", "-CAfile", other, own.to_str().unwrap()]);
        assert!(!answer.success, "{}", answer.said);
    });
}
