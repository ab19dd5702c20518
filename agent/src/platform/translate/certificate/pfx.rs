//! A certificate that comes with its private key in a PKCS#12 file (RFC 7292).

use cms::content_info::ContentInfo;
use const_oid::db::rfc5911;
use der::Decode as _;
use mdm_protocol::Thumbprint;
use mdm_protocol::base64;
use mdm_protocol::csp::certificate::{PfxInstall, PfxPassword};
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Format, StatusCode};
use zeroize::Zeroizing;

use super::client::{self, CERTIFICATE_ENDING, ClientCertificate, KEY_ENDING};
use super::pair::{self, Pair};
use super::pkcs12::{self, Fault};
use super::{DIRECTORY, roots};
use crate::engine::profile::Profile;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::path::MachinePath;
use crate::platform::translate::Context;

/// The largest file that is opened, in bytes.
const MAX_PFX: usize = 256 << 10;

/// What a certificate with its key asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let install = PfxInstall::from_leaves(&profile.leaves())?;
    let opened = open(&install, context).map_err(|reason| match reason {
        Untranslatable::Refused(_) if may_be_sealed(profile, &install) => Untranslatable::Waiting(
            "PFXCertPasswordEncryptionType: the password is sealed, and what says so has not arrived yet".to_owned(),
        ),
        reason => reason,
    });
    let Pair { key: private, chain, unused } = opened?;
    let own = chain.first().ok_or_else(|| wrong("there is no certificate in it"))?;
    let thumbprint = Thumbprint::of(own).to_string();
    let [certificate, key] = places(address);
    let key_text = key_pem(&private);
    let mut files = vec![
        (certificate.clone(), client::chain_file(&chain)),
        (key.clone(), DesiredFile::private(key_text.as_str(), Consumer::Nobody)),
    ];
    let nodes =
        vec![("Thumbprint".to_owned(), Format::Chr, thumbprint), ("Status".to_owned(), Format::Int, "0".to_owned())];
    let client = ClientCertificate::describe(&chain, certificate, key);
    if let Some(client) = client.as_ref().filter(|_| context.machine.has_swanctl_for_ikev2()) {
        let [certificate, key] = client.copies_for_swanctl();
        files.push((certificate, DesiredFile::public(roots::pem(own), Consumer::Strongswan)));
        files.push((key, DesiredFile::private(key_text.as_str(), Consumer::Strongswan)));
    }
    Ok(Share { files, nodes, client, without_effect: unused, ..Share::default() })
}

/// Where a certificate and its key are.
pub(super) fn places(address: &ProfileAddress) -> [MachinePath; 2] {
    [CERTIFICATE_ENDING, KEY_ENDING].map(|ending| MachinePath::named(DIRECTORY, address, ending))
}

fn open(install: &PfxInstall, context: &Context<'_>) -> Result<Pair, Untranslatable> {
    let blob = base64::decode(install.blob.expose()).map_err(|_| wrong("it is not base64"))?;
    if blob.len() > MAX_PFX {
        return Err(wrong("it is larger than 256 KiB"));
    }
    let password = match &install.password {
        None => None,
        Some(PfxPassword::Plain(password)) => Some(password.clone()),
        Some(PfxPassword::EncryptedToDevice(sealed)) => Some(context.unseal(sealed)?),
    };
    let given = password.as_ref().map_or("", |password| password.expose());
    let contents = pkcs12::open(&blob, given).map_err(|fault| match fault {
        // Files often arrive before their passwords.
        Fault::WrongPassword | Fault::Undecryptable(_) | Fault::OtherPassword(_) if password.is_none() => {
            Untranslatable::Waiting("PFXCertPassword: the file has a password, which has not arrived yet".to_owned())
        }
        fault => wrong(&fault.to_string()),
    })?;
    pair::choose(contents).map_err(wrong)
}

/// Whether what is there as a password is a sealed one, and the node that says so may still arrive.
fn may_be_sealed(profile: &Profile, install: &PfxInstall) -> bool {
    let Some(PfxPassword::Plain(password)) = &install.password else { return false };
    let is_envelope =
        |der: Vec<u8>| ContentInfo::from_der(&der).is_ok_and(|info| info.content_type == rfc5911::ID_ENVELOPED_DATA);
    profile.leaves().get("PFXCertPasswordEncryptionType").is_none()
        && base64::decode(password.expose()).is_ok_and(is_envelope)
}

fn wrong(reason: &str) -> Untranslatable {
    Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, format!("PFXCertBlob: {reason}"))
}

/// A private key (PKCS#8) in PEM.
fn key_pem(der: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(base64::encode(der));
    let mut text = Zeroizing::new("-----BEGIN PRIVATE KEY-----\n".to_owned());
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).unwrap_or_default());
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}

#[cfg(test)]
mod tests {
    use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};

    use super::*;
    use crate::platform::machine::Machine;
    use crate::platform::testing::{desired_on, everything, profile, refusal};

    fn installation(password: &str) -> Profile {
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let chain = PrivateKeyChain::new(key.serialize_der(), [1], [Certificate::from_der(own.der()).unwrap()]);
        let mut store = KeyStore::new();
        store.add_entry("own", KeyStoreEntry::PrivateKeyChain(chain));
        let blob = base64::encode(store.writer("secret").write().unwrap());
        profile(
            "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/Own",
            &[("PFXCertBlob", &blob), ("PFXCertPassword", password), ("KeyLocation", "3")],
        )
    }

    #[test]
    fn swanctl_gets_copies_in_its_own_directory_where_it_carries_the_tunnels() {
        let swanctl_only = Machine { swanctl: true, ..Machine::default() };
        for (machine, expected) in [(everything(), 0), (Machine::default(), 0), (swanctl_only, 2)] {
            let desired = desired_on(&machine, &[installation("secret")]);
            let (copies, own): (Vec<_>, Vec<_>) =
                desired.files.iter().partition(|(path, _)| path.as_str().starts_with("/etc/swanctl/"));
            assert_eq!([copies.len(), own.len()], [expected, 2], "{desired:?}");
            for (path, (file, _)) in desired.files.iter().filter(|(path, _)| path.name().ends_with(KEY_ENDING)) {
                assert_eq!(file.mode, 0o600, "{path}");
            }
        }
    }

    #[test]
    fn a_wrong_password_is_refused_and_not_repeated() {
        let (status, reason) = refusal(&everything(), &installation("hunter2"));
        assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT, "{reason}");
        assert!(reason.contains("password") && !reason.contains("hunter2"), "{reason}");
    }
}
