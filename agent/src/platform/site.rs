//! What profiles meet on a machine: what is installed, what the agent made before, which foreign files are where it
//! would write. Reads, and changes nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use mdm_protocol::syncml::StatusCode;

use super::apply::refusal;
use super::assembly::places::Places;
use super::desired::{Content, Share, Untranslatable, WhereTaken};
use super::ledger::Ledger;
use super::look::see_one;
use super::machine::Machine;
use super::path::MachinePath;
use super::plan::{Seen, obstacle};
use super::root::{Former, Root, digest};
use super::shares::Shares;
use super::translate::certificate::client::ClientCertificate;
use super::translate::certificate::scep::IssuedCertificate;
use super::translate::configuration::host_name;
use super::translate::{Context, NoUnsealer, Readable, Unsealer};
use crate::engine::profile::Profile;

/// What profiles meet on a machine.
#[derive(Debug)]
pub struct Surroundings {
    pub(super) machine: Arc<Machine>,
    pub(super) user: Option<String>,
    pub(super) unsealer: Arc<dyn Unsealer>,
    /// Certificates that SCEP servers have issued, by the address of the profile's own node.
    pub(super) issued: Arc<BTreeMap<String, IssuedCertificate>>,
    /// The device's own certificates that are on the machine.
    pub(super) retained: Vec<ClientCertificate>,
    pub(super) ledger: Ledger,
    /// The machine's files; `None` where only what is installed counts.
    pub(super) root: Option<Root>,
    /// What was seen there, so that every look finds the same.
    pub(super) seen: Mutex<BTreeMap<MachinePath, Seen>>,
    /// What is in the way of profiles there, or what they need and is not there.
    pub(super) obstructed: Mutex<BTreeSet<MachinePath>>,
    pub(super) shares: Arc<Shares>,
}

impl Surroundings {
    /// A machine of which only what is installed is known.
    pub fn of(machine: Machine) -> Self {
        Self {
            machine: Arc::new(machine),
            user: None,
            unsealer: Arc::new(NoUnsealer),
            issued: Arc::default(),
            retained: Vec::new(),
            ledger: Ledger::default(),
            root: None,
            seen: Mutex::default(),
            obstructed: Mutex::default(),
            shares: Arc::default(),
        }
    }

    /// The same machine, enrolled for a user.
    #[must_use]
    pub fn for_user(self, user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..self }
    }

    /// The same machine, with what is below its root and what the agent made there.
    #[must_use]
    pub fn at(self, root: Root, ledger: Ledger) -> Self {
        Self { root: Some(root), ledger, ..self }
    }

    /// What the machine has.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The device's own certificates that are on the machine, whether or not their profiles are still here.
    pub fn retained(&self) -> &[ClientCertificate] {
        &self.retained
    }

    /// Whether a profile is applied as it is, so that what it has is its own.
    pub fn holds(&self, profile: &Profile) -> bool {
        self.ledger.has_applied(&profile.root.to_string(), &profile.content_hash)
    }

    /// What a profile is translated with.
    pub fn context<'a>(&'a self, base: &'a [Arc<Profile>]) -> Context<'a> {
        let (user, unsealer) = (self.user.as_deref(), &*self.unsealer);
        Context { user, unsealer, issued: Arc::clone(&self.issued), ..Context::new(&self.machine, base) }
    }

    /// What a profile asks of the machine.
    pub fn share(&self, profile: &Profile, context: &Context<'_>) -> Result<Arc<Share>, Untranslatable> {
        self.shares.share(profile, context)
    }

    /// Whether what a profile asks for can be had here: nothing of it is read-only, leads nowhere, or is where
    /// a foreign file is.
    pub fn check(&self, share: &Share, places: &Places) -> Result<(), Untranslatable> {
        let documents: BTreeMap<_, _> = share
            .fragments
            .iter()
            .filter_map(|fragment| Some((fragment.document.path(&self.machine)?, fragment.document)))
            .collect();
        let mut paths = share.files.iter().map(|(path, _)| path).chain(documents.keys());
        if let Some(why) = paths.find_map(|path| self.machine.read_only(path.directory())) {
            return Err(Untranslatable::unsupported(why));
        }
        let Some(root) = &self.root else { return Ok(()) };
        for (path, file) in &share.files {
            if let Content::Link(target) = &file.content
                && !root.has(target)
            {
                self.obstruct(MachinePath::parse(target));
                let reason = format!("{target} does not exist on this machine");
                return Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason));
            }
            self.check_place(root, path, file.where_taken, || digest(&file.content))?;
        }
        for (path, document) in documents {
            let content = || digest(&places.document(document, &share.fragments).content);
            self.check_place(root, &path, document.where_taken(), content)?;
        }
        Ok(())
    }

    /// Whether a file of the agent's can be at a path.
    fn check_place(
        &self,
        root: &Root,
        path: &MachinePath,
        where_taken: WhereTaken,
        content: impl FnOnce() -> String,
    ) -> Result<(), Untranslatable> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = match seen.entry(path.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let seen = see_one(root, &self.ledger, path, where_taken != WhereTaken::Refuse);
                place.insert(seen.map_err(|error| Untranslatable::Refused(refusal(&error)))?)
            }
        };
        let obstacle = obstacle(path, where_taken, &self.ledger, seen, content);
        let Some(why) = obstacle else { return Ok(()) };
        self.obstruct(seen.in_the_way(path));
        Err(Untranslatable::Refused(why))
    }

    fn obstruct(&self, paths: impl IntoIterator<Item = MachinePath>) {
        self.obstructed.lock().unwrap_or_else(PoisonError::into_inner).extend(paths);
    }

    /// What is in the way of profiles, as far as it was come across.
    pub fn obstructed(&self) -> BTreeSet<MachinePath> {
        self.obstructed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The machine's own name, where the one that the server has set is about to go.
    pub fn former_name(&self, places: &Places) -> Vec<Readable> {
        let path = MachinePath::new(host_name::PATH);
        let former = self.ledger.files.get(&path).and_then(|entry| entry.former.as_ref());
        match former {
            Some(former @ Former::File { .. }) if places.file(&path).is_none() => {
                host_name::nodes(String::from_utf8_lossy(&former.bytes()).trim())
            }
            _ => Vec::new(),
        }
    }
}
