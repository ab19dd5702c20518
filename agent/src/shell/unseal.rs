//! Opens what the server has sealed for this device: passwords of PKCS#12 files, encrypted to its MDM certificate.

use std::collections::BTreeSet;
use std::sync::Arc;

use mdm_protocol::{Secret, base64};
use sha2::{Digest as _, Sha256};

use super::cms::envelope;
use super::identity::Identity;
use crate::engine::profile::Stored;
use crate::platform::translate::Unsealer;

/// Opens with the keys of the identity: while a renewal is under way with either of them.
#[derive(Debug)]
pub struct IdentityUnsealer(pub Arc<Identity>);

impl Unsealer for IdentityUnsealer {
    fn unseal(&self, sealed: &Secret) -> Result<Secret, String> {
        let compact: String = sealed.expose().split_whitespace().collect();
        let message = base64::decode(&compact).map_err(|_| "it is not base64".to_owned())?;
        let mut reason = String::new();
        for slot in std::iter::once(&self.0.active).chain(self.0.pending.as_ref()) {
            let opened = slot.key_pair().map_err(|error| error.to_string()).and_then(|key| {
                let certificate = slot.certificate().map_err(|error| error.to_string())?;
                envelope::open(&message, &key, &certificate).map_err(|error| error.to_string())
            });
            match opened {
                Ok(content) => return text(&content).ok_or_else(|| "what is inside is no text".to_owned()),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }
}

/// Opens only what is in profiles that are held: what is tried may be anybody's.
#[derive(Debug)]
pub struct OnlyStored {
    held: BTreeSet<[u8; 32]>,
    inner: Arc<dyn Unsealer>,
}

impl OnlyStored {
    /// Opens by `inner` what these profiles have.
    pub fn of(stored: &Stored, inner: Arc<dyn Unsealer>) -> Self {
        let values = stored.profiles.iter().flat_map(|profile| profile.nodes.values());
        Self { held: values.map(|node| Sha256::digest(node.value.as_bytes()).into()).collect(), inner }
    }
}

impl Unsealer for OnlyStored {
    fn unseal(&self, sealed: &Secret) -> Result<Secret, String> {
        let digest: [u8; 32] = Sha256::digest(sealed.expose().as_bytes()).into();
        if self.held.contains(&digest) {
            self.inner.unseal(sealed)
        } else {
            Err("it is sealed, and is opened only once the server has sent it".to_owned())
        }
    }
}

/// UTF-8, or UTF-16 as Windows has its strings; a NUL may end it.
fn text(content: &[u8]) -> Option<Secret> {
    let looks_wide = content.len() >= 2 && content.len().is_multiple_of(2) && content[1] == 0;
    let text = if looks_wide {
        let units = content.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().ok()?
    } else {
        std::str::from_utf8(content).ok()?.to_owned()
    };
    Some(Secret::new(text.trim_end_matches('\0')))
}
