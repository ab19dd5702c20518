//! Certificates with keys, packed and read by openssl.

use std::os::unix::fs::PermissionsExt as _;

use mdm_protocol::syncml::StatusCode;
use rcgen::ExtendedKeyUsagePurpose;

use crate::alone::alone;
use crate::certificates::{Authority, installation};
use crate::programs::{ask, run};

const DIRECTORY: &str = "/etc/mdm-agent/certificates";

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
        for more in [
            [].as_slice(),
            &["-legacy"],
            &["-legacy", "-descert"],
            &["-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"],
        ] {
            let issued = authority.issue("device.example", ExtendedKeyUsagePurpose::ClientAuth);
            let pfx = issued.as_pfx(&authority.pem, machine.folder(), more, "correct horse");
            let wrong = installation(&pfx, "wrong horse");
            let refusal = machine.try_to_put_in_force(std::slice::from_ref(&wrong)).failed;
            assert_eq!(refusal[&wrong.root.to_string()].status, StatusCode::UNSUPPORTED_FORMAT, "{more:?}");
            assert!(!std::path::Path::new(DIRECTORY).exists(), "{more:?}");
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
        let strange = issued.as_pfx(&authority.pem, machine.folder(), &["-macalg", "sha512"], "correct horse");
        let strange = installation(&strange, "correct horse");
        let refusal = &machine.try_to_put_in_force(std::slice::from_ref(&strange)).failed[&strange.root.to_string()];
        assert!(refusal.reason.contains("not supported"), "{refusal:?}");
        let other = machine.folder().join("other.pem");
        std::fs::write(&other, Authority::new("Other Root").pem).unwrap();
        let other = other.to_str().unwrap();
        let own = machine.folder().join("own.pem");
        let answer = run("openssl", &["verify", "-no-CApath", "-CAfile", other, own.to_str().unwrap()]);
        assert!(!answer.success, "{}", answer.said);
    });
}
