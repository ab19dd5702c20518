//! Looks at everything the checks judge by. Each look ends in time, those over the network run beside one another, and
//! what cannot be looked at says why. Changes nothing.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::facts::{
    Answers, Facts, Files, Found, IdentityFacts, Known, MachineFacts, Network, Proxy, Space, Target, Unknown,
};
use crate::engine::account::StoredPoll;
use crate::platform::force::Platform;
use crate::platform::root::Root;
use crate::platform::survey::survey;
use crate::shell::facts::Sessions;
use crate::shell::files::FileError;
use crate::shell::http::{ProxyError, ProxySettings, probe};
use crate::shell::identity::{Identity, IdentityError};
use crate::shell::paths::Paths;
use crate::shell::{clock, facts as machine};

/// How long one look may take.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How many files are looked at, and how deep they may be.
const MOST_FILES: usize = 5_000;
const DEEPEST: usize = 6;
/// How many addresses of a name are told.
const MOST_ADDRESSES: usize = 4;
/// What may contain private keys, below the state directory and in the configuration.
const PRIVATE: &[&str] = &["identity", "scep"];
/// How names of keys end in the configuration.
const KEY_ENDING: &str = "-key.pem";

/// Where is looked.
#[derive(Debug, Clone)]
pub struct Place {
    /// The agent's directories.
    pub paths: Paths,
    /// The machine.
    pub platform: Platform,
    /// The proxy of the configuration.
    pub proxy: Result<ProxySettings, ProxyError>,
}

/// Looks at everything.
pub(super) async fn look(place: &Place, answers: Answers) -> Facts {
    let identity = load_identity(&place.paths);
    let network = network(&answers, &identity, place.proxy.clone()).await;
    Facts {
        now: clock::now().wall,
        answers,
        identity: identity.as_ref().map(identity_facts).map_err(Clone::clone),
        network,
        files: files(place),
        machine: on_machine(place),
    }
}

fn load_identity(paths: &Paths) -> Known<Identity> {
    match Identity::load(paths) {
        Ok(Some(identity)) => Ok(identity),
        Ok(None) => Err(Unknown::NotEnrolled),
        Err(IdentityError::File(error)) => Err(unreadable(&error)),
        Err(error) => Err(Unknown::Because(error.to_string())),
    }
}

/// A file that cannot be read: because of who asks, or for a reason of its own.
fn unreadable(error: &FileError) -> Unknown {
    match error.source.kind() {
        std::io::ErrorKind::PermissionDenied => Unknown::NeedsRoot,
        _ => Unknown::Because(error.to_string()),
    }
}

fn identity_facts(identity: &Identity) -> IdentityFacts {
    let account = &identity.account;
    IdentityFacts {
        certificates: identity.certificates(),
        renew_period_days: account.renew_period_days,
        enrolled_at: account.enrolled_at,
        interval_seconds: longest_interval(&account.poll),
        machine_id_then: account.machine_id.clone(),
        machine_id_now: machine::gather(Sessions::Untracked).machine_id,
    }
}

/// What the schedule comes to in the end.
fn longest_interval(poll: &StoredPoll) -> i64 {
    let minutes = poll.sets.iter().map(|(minutes, _)| *minutes).max().unwrap_or(0);
    i64::from(minutes.max(1)) * 60
}

async fn network(
    answers: &Answers,
    identity: &Known<Identity>,
    settings: Result<ProxySettings, ProxyError>,
) -> Network {
    let target = target(answers, identity);
    let proxy = match &settings {
        Ok(settings) => settings.host().map_or(Proxy::None, Proxy::Named),
        Err(error) if is_closed(error) => Proxy::Closed,
        Err(error) => Proxy::Unusable(error.to_string()),
    };
    let Ok(there) = target.clone() else {
        let unknown = target.clone().err().unwrap_or(Unknown::NotEnrolled);
        let (addresses, plain, secure) = (Err(unknown.clone()), Err(unknown.clone()), Err(unknown.clone()));
        return Network { target, proxy, addresses, connection: Err(unknown), plain, secure };
    };
    let first_hop = match &proxy {
        Proxy::Named(host) => host.clone(),
        Proxy::None | Proxy::Unusable(_) | Proxy::Closed => format!("{}:{}", there.host, there.port),
    };
    let plain_url = format!("http://{}/", there.host);
    let (addresses, connection, plain, secure) = tokio::join!(
        addresses(&there),
        connection(first_hop),
        probe::plain(&plain_url, PATIENCE),
        secure(&there.url, identity, settings),
    );
    Network { target, proxy, addresses: Ok(addresses), connection: Ok(connection), plain: Ok(plain), secure }
}

/// Whether a proxy is unusable only for who asks: its credentials are root's, or given by systemd to the service alone.
fn is_closed(error: &ProxyError) -> bool {
    let is_roots = !rustix::process::geteuid().is_root() && error.reason.contains("ermission denied");
    is_roots || error.reason.contains("no systemd credential")
}

/// Where sessions go: as the agent says, else as the account does.
fn target(answers: &Answers, identity: &Known<Identity>) -> Known<Target> {
    let told = answers.status.as_ref().ok().and_then(|status| Some(status.account.as_ref()?.server.clone()));
    let url = match (told, identity) {
        (Some(url), _) => url,
        (None, Ok(identity)) => identity.account.management_url.clone(),
        (None, Err(unknown)) => return Err(unknown.clone()),
    };
    let unusable = || Unknown::Because(format!("the server's address {url:?} is none"));
    let parsed = Url::parse(&url).map_err(|_| unusable())?;
    let host = parsed.host_str().ok_or_else(unusable)?.to_owned();
    Ok(Target { port: parsed.port_or_known_default().unwrap_or(443), host, url })
}

async fn addresses(target: &Target) -> Result<Vec<String>, String> {
    let host = target.host.trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![address.to_string()]);
    }
    match timeout(PATIENCE, tokio::net::lookup_host((host, target.port))).await {
        Ok(Ok(found)) => {
            let mut found: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            found.dedup();
            found.truncate(MOST_ADDRESSES);
            Ok(found)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(too_long()),
    }
}

async fn connection(address: String) -> Result<(), String> {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(too_long()),
    }
}

fn too_long() -> String {
    format!("no answer within {} seconds", PATIENCE.as_secs())
}

async fn secure(url: &str, identity: &Known<Identity>, proxy: Result<ProxySettings, ProxyError>) -> Known<probe::Seen> {
    let identity = identity.as_ref().map_err(Clone::clone)?;
    // Another way than that of sessions would tell nothing of theirs.
    let proxy = proxy.map_err(|error| Unknown::Because(error.to_string()))?;
    let seen = probe::secure(url, &identity.active, &identity.account.trust, &proxy, PATIENCE).await;
    seen.map_err(|error| Unknown::Because(error.to_string()))
}

fn files(place: &Place) -> Files {
    let state = place.paths.state.clone();
    let quarantined = match std::fs::read_dir(place.paths.quarantine()) {
        Ok(entries) => Ok(entries.count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(unreadable(&FileError::of("read", &place.paths.quarantine())(error))),
    };
    let owner = rustix::process::geteuid().as_raw();
    Files { owner, found: found_files(place), space: space(&state), quarantined, state }
}

fn space(state: &Path) -> Known<Space> {
    // Before the first enrolment there is only the place where it will be.
    let place = state.ancestors().find(|place| place.exists()).unwrap_or(state);
    let facts = rustix::fs::statvfs(place).map_err(|error| Unknown::Because(error.to_string()))?;
    let inodes = (facts.f_files > 0).then_some(facts.f_favail);
    Ok(Space { free: facts.f_bavail.saturating_mul(facts.f_frsize), inodes })
}

/// The files in the state directory and in the configuration, without their contents.
pub fn found_files(place: &Place) -> Known<Vec<Found>> {
    let state = &place.paths.state;
    let configuration = place.platform.root().join("etc/mdm-agent");
    let mut found = Vec::new();
    for (top, is_public) in [(state, false), (&configuration, true)] {
        let mut waiting: Vec<(PathBuf, usize)> = vec![(top.clone(), 0)];
        while let Some((path, depth)) = waiting.pop().filter(|_| found.len() < MOST_FILES) {
            let Some(file) = look_at(&path, top, is_public)? else { continue };
            if file.is_directory && depth < DEEPEST {
                let entries =
                    std::fs::read_dir(&path).map_err(|error| unreadable(&FileError::of("read", &path)(error)));
                waiting.extend(entries?.flatten().map(|entry| (entry.path(), depth + 1)));
            }
            found.push(file);
        }
    }
    Ok(found)
}

/// One file; nothing for a link, which has no permissions of its own, and for what has gone meanwhile.
fn look_at(path: &Path, top: &Path, is_public: bool) -> Known<Option<Found>> {
    let facts = match std::fs::symlink_metadata(path) {
        Ok(facts) if facts.is_symlink() => return Ok(None),
        Ok(facts) => facts,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&FileError::of("look at", path)(error))),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_key = name.ends_with(KEY_ENDING) || name.contains("credential");
    let below = path.strip_prefix(top).ok().and_then(|rest| rest.iter().next());
    let is_private = is_key || below.is_some_and(|name| !is_public && PRIVATE.iter().any(|private| name == *private));
    Ok(Some(Found {
        path: path.to_owned(),
        is_private,
        is_public,
        mode: facts.mode() & 0o7777,
        owner: facts.uid(),
        size: facts.len(),
        is_directory: facts.is_dir(),
    }))
}

fn on_machine(place: &Place) -> MachineFacts {
    let root = Root::open(place.platform.root()).map_err(|error| Unknown::Because(error.to_string()));
    let ledger = place.platform.ledger().map_err(|error| match &error {
        crate::platform::ledger::LedgerError::File(error) => unreadable(error),
        _ => Unknown::Because(error.to_string()),
    });
    let used = ledger.as_ref().map(|ledger| {
        let files = ledger.files.iter().map(|(path, entry)| (entry.consumer, path.to_string()));
        // One file of each is enough.
        let first: std::collections::BTreeMap<_, _> = files.rev().collect();
        first.into_iter().collect()
    });
    // Whoever may not read the ledger sees what is there all the same.
    let made = ledger.as_ref().cloned().unwrap_or_default();
    MachineFacts {
        survey: root.as_ref().map(|root| survey(root, &made)).map_err(Clone::clone),
        used: used.map_err(Clone::clone),
        untold: ledger.map(|ledger| ledger.untold.into_iter().collect()),
    }
}
