//! The tenant as a set of versioned JSON records: what changed since it was last asked, and how to come back from them.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::{Device, Settings, Tenant};

/// The version of the records' form.
const VERSION: u32 = 1;

/// What a record describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// The tenant's settings.
    Settings,
    /// A user.
    User,
    /// A one-time enrolment token.
    Token,
    /// A device.
    Device,
    /// A profile.
    Profile,
    /// A queued command.
    Command,
    /// A group of users.
    Group,
    /// An administrator.
    Admin,
    /// A line of the audit.
    Audit,
    /// A one-time password for SCEP.
    ScepChallenge,
    /// A certificate that was asked for by SCEP.
    ScepRequest,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Settings,
        Self::User,
        Self::Token,
        Self::Device,
        Self::Profile,
        Self::Command,
        Self::Group,
        Self::Admin,
        Self::Audit,
        Self::ScepChallenge,
        Self::ScepRequest,
    ];

    /// The kind's name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "tenant",
            Self::User => "user",
            Self::Token => "token",
            Self::Device => "device",
            Self::Profile => "profile",
            Self::Command => "command",
            Self::Group => "group",
            Self::Admin => "admin",
            Self::Audit => "audit",
            Self::ScepChallenge => "scep-challenge",
            Self::ScepRequest => "scep-request",
        }
    }
}

/// A record's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// What it describes.
    pub kind: RecordKind,
    /// Its name among those of its kind.
    pub key: String,
}

/// A record that is new, changed or gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Which record.
    pub key: RecordKey,
    /// Its content, `None` if it is gone.
    pub value: Option<Vec<u8>>,
}

impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Records hold secrets.
        let value = self.value.as_ref().map(|value| format!("{} bytes", value.len()));
        formatter.debug_struct("Change").field("key", &self.key).field("value", &value).finish()
    }
}

/// A stored record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not the JSON that it should be.
    #[error("the {kind} record {key:?} in the store cannot be read: {source}")]
    Json {
        /// What it describes.
        kind: &'static str,
        /// Its name.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It was written by a newer server.
    #[error("the {kind} record {key:?} in the store has version {version}; this server knows versions up to {VERSION}")]
    Version {
        /// What it describes.
        kind: &'static str,
        /// Its name.
        key: String,
        /// Its version.
        version: u32,
    },
    /// It holds something that this server does not accept.
    #[error("the {kind} record {key:?} in the store is not usable: {reason}")]
    Content {
        /// What it describes.
        kind: &'static str,
        /// Its name.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    record: &'a T,
}

#[derive(Deserialize)]
struct Read<T> {
    version: u32,
    record: T,
}

/// What is kept of the tenant itself.
#[derive(Serialize, Deserialize)]
struct TenantRecord {
    settings: Settings,
    last_command: u64,
}

fn write<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(&Written { version: VERSION, record }).expect("records are plain data with text keys")
}

fn read<T: DeserializeOwned>(key: &RecordKey, bytes: &[u8]) -> Result<T, RestoreError> {
    let kind = key.kind.as_str();
    let json = |source| RestoreError::Json { kind, key: key.key.clone(), source };
    let version = serde_json::from_slice::<Read<serde::de::IgnoredAny>>(bytes).map_err(json)?.version;
    if version > VERSION {
        return Err(RestoreError::Version { kind, key: key.key.clone(), version });
    }
    Ok(serde_json::from_slice::<Read<T>>(bytes).map_err(json)?.record)
}

impl Tenant {
    /// Everything that changed since the last call. Whoever takes it must persist it, or call [`Tenant::roll_back`].
    pub fn take_changes(&mut self) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|key| Change { value: self.record(&key), key }).collect()
    }

    /// Everything that is kept, as a backup of the tenant has it.
    pub fn records(&self) -> Vec<(RecordKey, Vec<u8>)> {
        let key = |kind, key: &String| RecordKey { kind, key: key.clone() };
        let mut keys = vec![key(RecordKind::Settings, &String::new())];
        keys.extend(self.users.keys().map(|name| key(RecordKind::User, name)));
        keys.extend(self.groups.keys().map(|name| key(RecordKind::Group, name)));
        keys.extend(self.admins.keys().map(|name| key(RecordKind::Admin, name)));
        keys.extend(self.audit.keys().map(|number| key(RecordKind::Audit, &super::audit::audit_key(*number))));
        keys.extend(self.tokens.keys().map(|name| key(RecordKind::Token, name)));
        keys.extend(self.devices.keys().map(|name| key(RecordKind::Device, name)));
        keys.extend(self.profiles.keys().map(|name| key(RecordKind::Profile, name)));
        keys.extend(
            self.commands
                .keys()
                .map(|(device, id)| key(RecordKind::Command, &super::command::command_key(device, *id))),
        );
        keys.extend(self.scep_challenges.keys().map(|name| key(RecordKind::ScepChallenge, name)));
        keys.extend(self.scep_requests.keys().map(|name| key(RecordKind::ScepRequest, name)));
        keys.into_iter().filter_map(|key| Some((key.clone(), self.record(&key)?))).collect()
    }

    /// Has records handed out again by the next [`Tenant::take_changes`], because what is persisted of them differs
    /// from what the tenant holds.
    pub fn put_back(&mut self, changes: Vec<Change>) {
        self.changed.extend(changes.into_iter().map(|change| change.key));
    }

    /// Forgets changes that could not be persisted: every record becomes what it was `before`. The session that a
    /// changed device had under way is forgotten too: the device begins another.
    pub fn roll_back(&mut self, before: &[Change]) -> Result<(), RestoreError> {
        for Change { key, value } in before {
            self.forget(key);
            if let Some(bytes) = value {
                self.restore_record(key, bytes)?;
            }
        }
        Ok(())
    }

    fn forget(&mut self, key: &RecordKey) {
        let name = &key.key;
        match key.kind {
            RecordKind::Settings => (self.settings, self.last_command) = (Settings::default(), 0),
            RecordKind::User => drop(self.users.remove(name)),
            RecordKind::Token => drop(self.tokens.remove(name)),
            RecordKind::Device => {
                self.devices.remove(name);
                self.sessions.remove(name);
                self.certificates.retain(|_, device| device != name);
            }
            RecordKind::Profile => drop(self.profiles.remove(name)),
            RecordKind::Group => drop(self.groups.remove(name)),
            RecordKind::Admin => drop(self.admins.remove(name)),
            RecordKind::Audit => drop(name.parse().map(|number: u64| self.audit.remove(&number))),
            RecordKind::ScepChallenge => drop(self.scep_challenges.remove(name)),
            RecordKind::ScepRequest => drop(self.scep_requests.remove(name)),
            RecordKind::Command => drop(command_key(name).and_then(|key| self.commands.remove(&key))),
        }
    }

    fn record(&self, key: &RecordKey) -> Option<Vec<u8>> {
        match key.kind {
            RecordKind::Settings => {
                let settings = self.settings.clone();
                Some(write(&TenantRecord { settings, last_command: self.last_command }))
            }
            RecordKind::User => self.users.get(&key.key).map(write),
            RecordKind::Token => self.tokens.get(&key.key).map(write),
            RecordKind::Device => self.devices.get(&key.key).map(write),
            RecordKind::Profile => self.profiles.get(&key.key).map(|profile| write(profile.record())),
            RecordKind::Group => self.groups.get(&key.key).map(write),
            RecordKind::Admin => self.admins.get(&key.key).map(write),
            RecordKind::Audit => self.audit.get(&key.key.parse().ok()?).map(write),
            RecordKind::Command => self.commands.get(&command_key(&key.key)?).map(write),
            RecordKind::ScepChallenge => self.scep_challenges.get(&key.key).map(write),
            RecordKind::ScepRequest => self.scep_requests.get(&key.key).map(write),
        }
    }

    /// Builds a tenant from stored records.
    pub fn restore(records: impl IntoIterator<Item = (RecordKey, Vec<u8>)>) -> Result<Self, RestoreError> {
        let mut tenant = Self::default();
        for (key, bytes) in records {
            tenant.restore_record(&key, &bytes)?;
        }
        Ok(tenant)
    }

    fn restore_record(&mut self, key: &RecordKey, bytes: &[u8]) -> Result<(), RestoreError> {
        let name = key.key.clone();
        match key.kind {
            RecordKind::Settings => {
                let record: TenantRecord = read(key, bytes)?;
                (self.settings, self.last_command) = (record.settings, record.last_command);
            }
            RecordKind::User => {
                let mut user: super::user::User = read(key, bytes)?;
                user.complete();
                self.users.insert(name, user);
            }
            RecordKind::Token => drop(self.tokens.insert(name, read(key, bytes)?)),
            RecordKind::ScepChallenge => drop(self.scep_challenges.insert(name, read(key, bytes)?)),
            RecordKind::ScepRequest => drop(self.scep_requests.insert(name, read(key, bytes)?)),
            RecordKind::Device => {
                let mut device: Device = read(key, bytes)?;
                device.complete_life(self.settings.authority);
                let fingerprints = device.certificates.iter().map(|certificate| certificate.fingerprint.clone());
                self.certificates.extend(fingerprints.map(|fingerprint| (fingerprint, name.clone())));
                self.devices.insert(name, device);
            }
            RecordKind::Group => drop(self.groups.insert(name, read(key, bytes)?)),
            RecordKind::Admin => drop(self.admins.insert(name, read(key, bytes)?)),
            RecordKind::Audit => {
                let line: super::AuditLine = read(key, bytes)?;
                self.audit.insert(line.number, line);
            }
            RecordKind::Profile => {
                let profile = Profile::from_record(read(key, bytes)?).map_err(|error| RestoreError::Content {
                    kind: key.kind.as_str(),
                    key: name.clone(),
                    reason: error.to_string(),
                })?;
                self.profiles.insert(name, profile);
            }
            RecordKind::Command => {
                let command: super::command::QueuedCommand = read(key, bytes)?;
                self.commands.insert((command.device.clone(), command.id), command);
            }
        }
        Ok(())
    }
}

fn command_key(name: &str) -> Option<(String, u64)> {
    let (device, id) = name.rsplit_once('/')?;
    Some((device.to_owned(), id.parse().ok()?))
}

#[cfg(test)]
mod tests;
