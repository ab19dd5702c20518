//! How screens are locked, by what dconf's system databases say and lock for those who use the machine.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;
use super::tool;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::ScreenLock;

const IDLE: &str = "/org/gnome/desktop/session/idle-delay";
const ENABLED: &str = "/org/gnome/desktop/screensaver/lock-enabled";
const DELAY: &str = "/org/gnome/desktop/screensaver/lock-delay";
/// Where dconf looks for the user profile: the administrator's, then those of the vendor (`XDG_DATA_DIRS`).
const PROFILES: &[&str] =
    &["/etc/dconf/profile/user", "/usr/local/share/dconf/profile/user", "/usr/share/dconf/profile/user"];
/// dconf, for a user whom no file belongs to.
const AS_A_USER: &[&str] = &["--reuid=65534", "--regid=65534", "--clear-groups", "dconf"];
/// What is above all of these keys.
const LOCKED_BELOW: &str = "/org/gnome/desktop/";
/// What GNOME does if nobody says anything else.
const USUAL_IDLE: u32 = 300;

/// How screens are locked; nothing to lock where no desktop is installed.
pub(super) fn lock(source: &Source) -> Fact<Option<ScreenLock>> {
    let sessions = ["/usr/share/wayland-sessions", "/usr/share/xsessions"];
    let installed: Vec<String> = sessions.iter().flat_map(|place| source.names(place)).collect();
    let desktops: Vec<&String> = installed.iter().filter(|name| name.ends_with(".desktop")).collect();
    if desktops.is_empty() {
        return Fact::known(None, format!("{} have no desktop", sessions.join(" and ")));
    }
    let is_gnome = |name: &&String| ["gnome", "ubuntu", "unity", "budgie", "pop"].iter().any(|own| name.contains(own));
    if let Some(other) = desktops.iter().find(|name| !is_gnome(name)) {
        return Fact::unknown(format!("{other} is installed, and only GNOME's settings can be read here"));
    }
    let settings = Settings::read(source);
    let lock = ScreenLock {
        enabled: settings.get(ENABLED).is_none_or(|value| value == "true"),
        idle_seconds: settings.get(IDLE).map_or(Some(USUAL_IDLE), number).unwrap_or(0),
        delay_seconds: settings.get(DELAY).map_or(Some(0), number).unwrap_or(u32::MAX),
        enforced: [IDLE, ENABLED, DELAY].iter().all(|key| settings.locks.contains(*key))
            // Without a delay there is none, and users of GNOME have no switch for it.
            || [IDLE, ENABLED].iter().all(|key| settings.locks.contains(*key)) && settings.get(DELAY).is_none(),
    };
    Fact::known(Some(lock), settings.evidence)
}

/// A number in GVariant's text form, with or without its type.
fn number(text: &str) -> Option<u32> {
    text.rsplit(' ').next()?.parse().ok()
}

#[derive(Debug, Default)]
struct Settings {
    values: BTreeMap<String, String>,
    locks: BTreeSet<String>,
    evidence: String,
}

impl Settings {
    /// What users get. On the machine itself dconf is asked, as a user who has set nothing; below another root the sources
    /// of its databases are read.
    fn read(source: &Source) -> Self {
        source.is_machine().then(Self::asked).flatten().unwrap_or_else(|| Self::of_sources(source))
    }

    /// What dconf answers an ordinary user, from the compiled databases; `None` if it cannot be asked.
    fn asked() -> Option<Self> {
        let ask = |arguments: &[&str]| tool::ask("setpriv", &[AS_A_USER, arguments].concat()).ok();
        let mut settings = Self { evidence: "dconf, asked as a user".to_owned(), ..Self::default() };
        for key in [IDLE, ENABLED, DELAY] {
            let value = ask(&["read", "-d", key])?.trim().to_owned();
            settings.values.extend(Some(value).filter(|value| !value.is_empty()).map(|value| (key.to_owned(), value)));
        }
        let locks = ask(&["list-locks", LOCKED_BELOW])?;
        settings.locks = locks.lines().map(|line| line.trim().to_owned()).collect();
        Some(settings)
    }

    /// The system databases of the user profile; the first one that says something wins. A database that was not
    /// compiled, or that users cannot read, is not in effect.
    fn of_sources(source: &Source) -> Self {
        let profile = source.first(PROFILES.iter().map(|path| (*path).to_owned()));
        let (place, profile) = profile.unwrap_or_else(|| (PROFILES[0].to_owned(), String::new()));
        let databases: Vec<&str> = profile.lines().filter_map(|line| line.trim().strip_prefix("system-db:")).collect();
        let plain = |name: &&str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let mut settings = Self::default();
        let mut places = vec![place];
        for name in databases.into_iter().filter(plain) {
            let base = format!("/etc/dconf/db/{name}");
            if source.is_for_everybody(&base) {
                settings.add(source, &format!("{base}.d"));
                places.push(format!("{base}.d"));
            }
        }
        settings.evidence = places.join(", ");
        settings
    }

    fn add(&mut self, source: &Source, directory: &str) {
        let mut own = BTreeMap::new();
        // Later files of one database win over earlier ones.
        for text in source.names(directory).iter().filter_map(|name| source.text(&format!("{directory}/{name}"))) {
            own.extend(keys(&text));
        }
        for (key, value) in own {
            self.values.entry(key).or_insert(value);
        }
        let locks = format!("{directory}/locks");
        for text in source.names(&locks).iter().filter_map(|name| source.text(&format!("{locks}/{name}"))) {
            let lines = text.lines().map(str::trim).filter(|line| line.starts_with('/'));
            self.locks.extend(lines.map(str::to_owned));
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }
}

/// The keys of a keyfile by their whole path.
fn keys(text: &str) -> Vec<(String, String)> {
    let mut group = String::new();
    let mut keys = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.trim_matches('/').clone_into(&mut group);
        } else if let Some((name, value)) = line.split_once('=') {
            keys.push((format!("/{group}/{}", name.trim()), value.trim().to_owned()));
        }
    }
    keys
}
