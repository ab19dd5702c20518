//! From profiles to what the machine should have because of them: one folder for each kind. Pure: nothing here looks at
//! the machine, what is known of it comes in as [`Machine`].

pub mod account;
pub mod certificate;
pub mod configuration;
mod eap;
pub mod email;
#[cfg(test)]
mod every_part;
pub mod vpn;
pub mod wifi;

use std::collections::BTreeMap;
use std::sync::Arc;

use mdm_protocol::csp::profile::{ProfileAddress, ProfileKind};
use mdm_protocol::loc_uri::encode_segment;
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{Secret, Thumbprint};

use self::certificate::Authorities;
use self::certificate::client::ClientCertificate;
use self::certificate::scep::IssuedCertificate;
use super::desired::{Share, Untranslatable};
use super::machine::Machine;
use crate::engine::profile::Profile;

/// What a profile is translated with.
#[derive(Debug)]
pub struct Context<'a> {
    /// What the machine has.
    pub machine: &'a Machine,
    /// Certificates and templates, to which other profiles refer.
    pub profiles: &'a [Arc<Profile>],
    /// The enrolled user.
    pub user: Option<&'a str>,
    /// The time, where profiles have just arrived and are judged by it, seconds since 1970.
    pub arrival: Option<i64>,
    /// Whoever opens what is sealed for this device.
    pub unsealer: &'a dyn Unsealer,
    /// Certificates that SCEP servers have issued, by the address of the profile's own node.
    pub issued: Arc<BTreeMap<String, IssuedCertificate>>,
    /// The device's own certificates that the profile may use.
    pub clients: Vec<ClientCertificate>,
}

/// Opens what is sealed for this device.
pub trait Unsealer: Send + Sync + std::fmt::Debug {
    /// Opens a CMS envelope (RFC 5652 section 6) in base64; `Err` says in words why not.
    fn unseal(&self, sealed: &Secret) -> Result<Secret, String>;
}

/// Opens nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoUnsealer;

impl Unsealer for NoUnsealer {
    fn unseal(&self, _sealed: &Secret) -> Result<Secret, String> {
        Err("this device has no key to open it with".to_owned())
    }
}

impl<'a> Context<'a> {
    /// A context for these profiles on this machine.
    pub fn new(machine: &'a Machine, profiles: &'a [Arc<Profile>]) -> Self {
        Self {
            machine,
            profiles,
            user: None,
            arrival: None,
            unsealer: &NoUnsealer,
            issued: Arc::default(),
            clients: Vec::new(),
        }
    }

    /// The device's own certificate by its issuer and purpose; of several the one that is valid longest. Issuers that
    /// did not come with a certificate are looked up among the authorities of all profiles.
    pub fn client_certificate(
        &self,
        issuers: &[Thumbprint],
        purposes: &[String],
    ) -> Result<&ClientCertificate, Untranslatable> {
        let authorities = match issuers {
            [] => Authorities::default(),
            _ => Authorities::of(certificate::roots::all(self).into_iter()),
        };
        let fitting = self.clients.iter().filter(|candidate| candidate.fits(issuers, purposes, &authorities));
        fitting.max_by_key(|candidate| candidate.ends).ok_or_else(|| {
            Untranslatable::Waiting(
                "no certificate of this device has the issuer and the purpose that it needs yet".to_owned(),
            )
        })
    }

    /// Opens what is sealed for this device.
    pub fn unseal(&self, sealed: &Secret) -> Result<Secret, Untranslatable> {
        let opened = self.unsealer.unseal(sealed);
        opened.map_err(|reason| Untranslatable::refused(StatusCode::FAILED, format!("PFXCertPassword: {reason}")))
    }
}

/// A node that the server may read: address, format, value.
pub type Readable = (String, Format, String);

/// What a profile asks of the machine.
pub fn share(profile: &Profile, context: &Context<'_>) -> Result<Share, Untranslatable> {
    let address = profile.address().ok_or_else(|| Untranslatable::unsupported("this is no profile"))?;
    let mut without_effect = account::account(profile, &address)?;
    let mut share = match address.kind {
        ProfileKind::Wifi => wifi::translate(profile, &address, context),
        ProfileKind::Vpn => vpn::translate(profile, &address, context),
        ProfileKind::Certificate => certificate::translate(profile, &address, context),
        ProfileKind::Email => email::translate(profile, &address, context),
        ProfileKind::Configuration => configuration::translate(profile, &address, context),
    }?;
    without_effect.append(&mut share.without_effect);
    Ok(Share { without_effect, ..share })
}

/// What the server may read of a profile, by full addresses.
pub fn readable<'a>(share: &'a Share, root: &'a str) -> impl Iterator<Item = Readable> + 'a {
    share.nodes.iter().map(move |(path, format, value)| {
        let address = if path.starts_with("./") { path.clone() } else { format!("{root}/{path}") };
        (address, format.clone(), value.clone())
    })
}

/// The provider's own name for a place in a profile's address, for messages.
pub fn place(address: &ProfileAddress) -> String {
    address.root.segments().iter().map(|segment| encode_segment(segment)).collect::<Vec<_>>().join("/")
}
