//! From profiles to what the machine should have because of them: one folder for each kind. Pure: nothing here looks at
//! the machine, what is known of it comes in as [`Machine`].

pub mod certificate;
pub mod configuration;
pub mod email;
pub mod vpn;
pub mod wifi;

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::csp::profile::{ProfileAddress, ProfileKind};
use mdm_protocol::loc_uri::encode_segment;
use mdm_protocol::syncml::StatusCode;
use mdm_protocol::{Secret, Thumbprint};

use self::certificate::client::ClientCertificate;
use self::certificate::scep::IssuedCertificate;
use super::desired::{Desired, Fragment, Share, Untranslatable};
use super::document::{Document, Entries};
use super::machine::Machine;
use crate::engine::profile::Profile;

/// What a profile is translated with.
#[derive(Debug)]
pub struct Context<'a> {
    /// What the machine has.
    pub machine: &'a Machine,
    /// All profiles: some refer to others.
    pub profiles: &'a [Profile],
    /// The enrolled user.
    pub user: Option<&'a str>,
    /// The time, where profiles have just arrived and are judged by it, seconds since 1970.
    pub arrival: Option<i64>,
    /// Whoever opens what is sealed for this device.
    pub unsealer: &'a dyn Unsealer,
    /// Certificates that SCEP servers have issued, by the address of the profile's own node.
    pub issued: BTreeMap<String, IssuedCertificate>,
    /// The device's own certificates that are on the machine without a profile, because something uses them.
    pub retained: Vec<ClientCertificate>,
    /// The device's own certificates.
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
    pub fn new(machine: &'a Machine, profiles: &'a [Profile]) -> Self {
        Self {
            machine,
            profiles,
            user: None,
            arrival: None,
            unsealer: &NoUnsealer,
            issued: BTreeMap::new(),
            retained: Vec::new(),
            clients: Vec::new(),
        }
    }

    /// The device's own certificate by its issuer and purpose; of several the one that is valid longest.
    pub fn client_certificate(
        &self,
        issuers: &[Thumbprint],
        purposes: &[String],
    ) -> Result<&ClientCertificate, Untranslatable> {
        let candidates = self.clients.iter().chain(&self.retained);
        let fitting = candidates.filter(|candidate| candidate.fits(issuers, purposes));
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

/// What the machine should have because of these profiles.
pub fn translate(mut context: Context<'_>) -> Desired {
    let mut desired = Desired::default();
    let mut documents = Documents::new();
    let mut courtesies = Vec::new();
    // Networks and tunnels refer to certificates.
    let (certificates, others): (Vec<_>, Vec<_>) = context.profiles.iter().partition(|profile| is_certificate(profile));
    for profile in certificates.into_iter().chain(others) {
        let root = profile.root.to_string();
        let checked = share(profile, &context).and_then(|share| {
            writable(&share, context.machine)?;
            fits(&share, &root, &desired, &documents).map(|()| share)
        });
        match checked {
            Ok(mut share) => {
                context.clients.extend(share.client.take());
                courtesies.append(&mut share.courtesies);
                add(share, &root, &mut desired, &mut documents);
            }
            Err(reason) => drop(desired.without.insert(root, reason)),
        }
    }
    for fragment in courtesies.into_iter().filter(|fragment| is_writable(fragment, context.machine)) {
        let (entries, _) = documents.entry(fragment.document).or_default();
        entries.entry(fragment.key).or_insert(fragment.value);
    }
    for (document, (entries, owners)) in documents {
        let Some(path) = document.path(context.machine) else { continue };
        let owners: BTreeSet<String> = owners.into_values().collect();
        desired.files.insert(path, (document.render(&entries), owners));
    }
    desired
}

fn is_writable(fragment: &Fragment, machine: &Machine) -> bool {
    fragment.document.path(machine).is_some_and(|path| machine.read_only(path.directory()).is_none())
}

fn is_certificate(profile: &Profile) -> bool {
    profile.address().is_some_and(|address| address.kind == ProfileKind::Certificate)
}

/// The entries of each document, and which profile each is from.
type Documents = BTreeMap<Document, (Entries, BTreeMap<Vec<String>, String>)>;

fn share(profile: &Profile, context: &Context<'_>) -> Result<Share, Untranslatable> {
    let address = profile.address().ok_or_else(|| Untranslatable::unsupported("this is no profile"))?;
    match address.kind {
        ProfileKind::Wifi => wifi::translate(profile, &address, context),
        ProfileKind::Vpn => vpn::translate(profile, &address, context),
        ProfileKind::Certificate => certificate::translate(profile, &address, context),
        ProfileKind::Email => email::translate(profile, &address, context),
        ProfileKind::Configuration => configuration::translate(profile, &address, context),
    }
}

/// What is read-only on this machine is never written to.
fn writable(share: &Share, machine: &Machine) -> Result<(), Untranslatable> {
    let documents = share.fragments.iter().filter_map(|fragment| fragment.document.path(machine));
    let mut paths = share.files.iter().map(|(path, _)| path.clone()).chain(documents);
    paths
        .find_map(|path| machine.read_only(path.directory()))
        .map_or(Ok(()), |why| Err(Untranslatable::unsupported(why)))
}

/// Two profiles that want different things in one place cannot both be in force: the one that comes later in the order
/// of addresses is refused.
fn fits(share: &Share, root: &str, desired: &Desired, documents: &Documents) -> Result<(), Untranslatable> {
    let taken = |what: String, by: &str| {
        Err(Untranslatable::refused(StatusCode::ALREADY_EXISTS, format!("{what} is already set by {by}")))
    };
    for (path, file) in &share.files {
        if let Some((present, owners)) = desired.files.get(path).filter(|(_, owners)| !owners.contains(root))
            && present != file
        {
            return taken(path.to_string(), owners.first().map_or("", String::as_str));
        }
    }
    for fragment in &share.fragments {
        let Some((entries, owners)) = documents.get(&fragment.document) else { continue };
        // An entry cannot be a value and hold other entries.
        let in_the_way = entries.iter().find(|(key, value)| {
            let (short, long) =
                if key.len() < fragment.key.len() { (*key, &fragment.key) } else { (&fragment.key, *key) };
            if short.len() == long.len() { short == long && **value != fragment.value } else { long.starts_with(short) }
        });
        if let Some((key, _)) = in_the_way {
            return taken(key.join("/"), owners.get(key).map_or("", String::as_str));
        }
    }
    Ok(())
}

fn add(share: Share, root: &str, desired: &mut Desired, documents: &mut Documents) {
    for (path, file) in share.files {
        let (_, owners) = desired.files.entry(path).or_insert_with(|| (file, BTreeSet::new()));
        owners.insert(root.to_owned());
    }
    for fragment in share.fragments {
        let (entries, owners) = documents.entry(fragment.document).or_default();
        owners.insert(fragment.key.clone(), root.to_owned());
        entries.insert(fragment.key, fragment.value);
    }
    desired.used.extend(share.uses);
    let nodes = share.nodes.into_iter().map(|(path, format, value)| {
        let address = if path.starts_with("./") { path } else { format!("{root}/{path}") };
        (address, format, value)
    });
    desired.nodes.extend(nodes);
}

/// The provider's own name for a place in a profile's address, for messages.
pub fn place(address: &ProfileAddress) -> String {
    address.root.segments().iter().map(|segment| encode_segment(segment)).collect::<Vec<_>>().join("/")
}
