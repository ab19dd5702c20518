//! Certificates that SCEP servers have issued: kept by whoever asked for them, read where they are put in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::translate::certificate::scep::IssuedCertificate;
use crate::engine::profile::Profile;
use crate::shell::paths::Paths;
use crate::shell::scep::Keeper;

fn paths(state: &Path) -> Paths {
    Paths { state: state.to_owned(), runtime: PathBuf::new() }
}

fn is_ordered(profile: &Profile) -> bool {
    let segments = profile.root.segments();
    segments.get(2).is_some_and(|name| name == "ClientCertificateInstall")
        && segments.get(3).is_some_and(|name| name == "SCEP")
}

/// The certificates of these profiles that were issued, by the address of the profile's own node.
pub(super) fn read<'a>(
    state: &Path,
    profiles: impl Iterator<Item = &'a Profile>,
) -> BTreeMap<String, IssuedCertificate> {
    let paths = paths(state);
    let ordered = profiles.filter(|profile| is_ordered(profile)).filter_map(|profile| {
        let root = profile.root.to_string();
        let kept = Keeper::new(&paths, &root).load();
        let kept =
            kept.inspect_err(|error| tracing::warn!(%error, "a certificate that was issued cannot be read")).ok()??;
        Some((root, IssuedCertificate { chain: kept.issued_chain()?, key: kept.private_key().clone() }))
    });
    ordered.collect()
}

/// Forgets what was kept for profiles that are gone.
pub(super) fn forget_others<'a>(state: &Path, profiles: impl Iterator<Item = &'a Profile>) {
    let paths = paths(state);
    let Ok(entries) = std::fs::read_dir(paths.scep()) else { return };
    let known: Vec<PathBuf> = profiles
        .filter(|profile| is_ordered(profile))
        .map(|profile| Keeper::new(&paths, &profile.root.to_string()).path().to_owned())
        .collect();
    // Other files here are of changes that are under way.
    let kept =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|is| is == "json"));
    for path in kept.filter(|path| !known.contains(path)) {
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "what was kept of a certificate request stays behind");
        }
    }
}
