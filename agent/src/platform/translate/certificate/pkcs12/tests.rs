//! Files of each kind are read by [`crate::platform::translate::certificate::tests`]; here is what holds for any bytes.

use der::Encode as _;
use der::asn1::{Any, Null};
use mdm_protocol::base64;
use pkcs5::pbes2::{self, EncryptionScheme, Pbkdf2Params};
use proptest::prelude::*;
use x509_cert::spki::AlgorithmIdentifierRef;

use super::hash::Hash;
use super::*;
use crate::platform::translate::certificate::pair;
use crate::platform::translate::certificate::testing::{case, leaf, made, pfx};

#[test]
fn no_damage_makes_the_reader_panic_or_work_without_end() {
    let mut files = files();
    let contents: Vec<Vec<u8>> = files.iter().map(|file| content(file)).collect();
    files.extend(contents);
    let runner = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(runner, |(
        file in 0..files.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    )| {
        let mut bytes = files[file].clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        drop(open(&bytes, "pw1").map(pair::choose));
        // A MAC keeps changed bytes from what is behind it.
        let password = &Password::forms("pw1")[0];
        drop(Bags::open(&bytes, password, &mut Iterations::new()).map(pair::choose));
    });
}

/// What the MAC of a file is computed over.
fn content(file: &[u8]) -> Vec<u8> {
    let file = ber::definite(file).unwrap();
    let mut reader = sequence(AnyRef::from_der(&file).unwrap(), OUTERMOST).unwrap();
    AnyRef::decode(&mut reader).unwrap();
    authenticated(AnyRef::decode(&mut reader).unwrap()).unwrap().to_vec()
}

/// One file of each kind.
fn files() -> Vec<Vec<u8>> {
    let cases = [
        "40/c2-sha384mac.xml",
        "40/f-python-noenc.xml",
        "40/m-ber-indefinite.xml",
        "40/q-rc2-128.xml",
        "41/pbmac1.xml",
        "41/two-keys.xml",
    ];
    let cases = cases.iter().map(|name| base64::decode(&leaf(&case(name), "PFXCertBlob").unwrap()).unwrap());
    cases.chain([base64::decode(&pfx(&made("ada"), "pw1")).unwrap()]).collect()
}

#[test]
fn what_is_wrong_is_said() {
    let file = base64::decode(&leaf(&case("40/c-sha512mac.xml"), "PFXCertBlob").unwrap()).unwrap();
    let fault = |file: &[u8], password: &str| open(file, password).err().unwrap();
    assert_eq!(fault(b"-----BEGIN PKCS12-----", "pw1"), Fault::NotPkcs12);
    assert_eq!(fault(&[0x30, 0x03, 0x02, 0x01, 0x03], "pw1"), Fault::NotPkcs12);
    assert_eq!(fault(&file, "pw2"), Fault::WrongPassword);
    let unknown = replaced(&file, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], 0x42);
    assert!(fault(&unknown, "pw1").to_string().contains("2.16.840.1.101.3.4.2.66"), "{unknown:?}");
    let without_mac = base64::decode(&leaf(&case("41/two-keys.xml"), "PFXCertBlob").unwrap()).unwrap();
    assert_eq!(fault(&without_mac, "pw2"), Fault::Undecryptable("its private key"));
    let other_cipher = replaced(&without_mac, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a], 0x42);
    assert!(fault(&other_cipher, "pw1").to_string().contains("2.16.840.1.101.3.4.1.66"));
}

#[test]
fn a_vector_of_another_length_is_damage() {
    let aes = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a, 0x04, 0x10];
    let file = base64::decode(&leaf(&case("41/two-keys.xml"), "PFXCertBlob").unwrap()).unwrap();
    let place = file.windows(aes.len()).position(|window| window == aes).unwrap();
    let mut short = file;
    // An octet string of 4 bytes, and one of 10 behind it.
    short[place + 10] = 4;
    short[place + 15] = 0x04;
    short[place + 16] = 10;
    assert_eq!(open(&short, "pw1").err(), Some(Fault::Damaged("its private key")));
}

/// A file with another last byte of an object identifier.
fn replaced(file: &[u8], identifier: &[u8], last: u8) -> Vec<u8> {
    let place = file.windows(identifier.len()).position(|window| window == identifier).unwrap();
    let mut changed = file.to_vec();
    changed[place + identifier.len() - 1] = last;
    changed
}

#[test]
fn every_function_and_every_cipher_of_pbes2_is_known() {
    let (salt, vector, small) = ([7; 8], [9; 16], [9; 8]);
    for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        for encryption in [
            EncryptionScheme::Aes128Cbc { iv: &vector },
            EncryptionScheme::Aes192Cbc { iv: &vector },
            EncryptionScheme::Aes256Cbc { iv: &vector },
            EncryptionScheme::DesEde3Cbc { iv: &small },
        ] {
            let kdf = Pbkdf2Params { salt: &salt, iteration_count: 3, key_length: None, prf: hash.prf() };
            let parameters = pbes2::Parameters { kdf: kdf.into(), encryption };
            let sealed = parameters.encrypt("pw1", b"content").unwrap();
            let mut der = parameters.to_der().unwrap();
            assert_eq!(*decrypted(&der, &sealed).unwrap(), b"content", "{hash:?} {encryption:?}");
            // Some writers leave out the NULL behind the function; the default has none.
            if hash != Hash::Sha1 {
                let null = Null.to_der().unwrap();
                let place = der.windows(2).position(|window| *window == *null).unwrap();
                der.drain(place..place + 2);
                // The lengths of what is around it: of the whole, of the derivation, of its parameters, of the function.
                for length in [1, 3, 3 + 2 + 11, 3 + 2 + 11 + 2 + 10 + 3] {
                    der[length] -= 2;
                }
                assert_eq!(*decrypted(&der, &sealed).unwrap(), b"content", "{hash:?} {encryption:?}");
            }
        }
    }
}

fn decrypted(parameters: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let parameters = Any::from_der(parameters).unwrap();
    let algorithm = AlgorithmIdentifierRef { oid: pbes2::PBES2_OID, parameters: Some((&parameters).into()) };
    encryption::decrypt(algorithm, sealed, &Password::forms("pw1")[0], &mut Iterations::new(), "it")
}
