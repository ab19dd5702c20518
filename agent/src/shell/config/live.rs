//! What a running service takes from a new configuration at once.

use std::time::Duration;

use super::{Configuration, Origin, credentials, keys};
use crate::engine::profile::RetentionRules;
use crate::shell::http::{ProxyError, ProxySettings};

/// The settings that change without a restart.
#[derive(Debug, Clone)]
pub struct Live {
    /// The proxy; one that cannot be used is an error only for whoever needs the network.
    pub proxy: Result<ProxySettings, ProxyError>,
    /// How long profiles stay.
    pub retention: RetentionRules,
    /// Whether the machine is a person's own: then it is not wiped from afar.
    pub personal: bool,
    /// How long a script of the administrator may take.
    pub script_timeout: Duration,
    /// Whether SCEP servers that know no AES or no SHA-2 are spoken to with triple DES and SHA-1.
    pub legacy_scep: bool,
}

impl Default for Live {
    fn default() -> Self {
        Configuration::default().live()
    }
}

impl Configuration {
    /// What a running service takes at once.
    pub fn live(&self) -> Live {
        Live {
            proxy: self.proxy(),
            retention: self.retention(),
            personal: self.flag(keys::PERSONAL),
            script_timeout: Duration::from_secs(self.number(keys::SCRIPT_TIMEOUT).unwrap_or(60)),
            legacy_scep: self.flag(keys::LEGACY_SCEP),
        }
    }

    /// The one proxy, for enrolment, sessions, certificates and push alike.
    fn proxy(&self) -> Result<ProxySettings, ProxyError> {
        let exempt = self.list(keys::NO_PROXY);
        let Some(address) = self.text(keys::PROXY_URL) else { return Ok(ProxySettings::none()) };
        let named_by = match self.settings.get(keys::PROXY_URL).map(|setting| &setting.origin) {
            Some(Origin::Environment(variable)) => variable.clone(),
            Some(origin) => format!("{} ({origin})", keys::PROXY_URL),
            None => keys::PROXY_URL.to_owned(),
        };
        let settings = ProxySettings::new(address, exempt, &named_by)?;
        match self.text(keys::PROXY_CREDENTIALS) {
            // An address of the environment is another proxy, and brings its own.
            Some(_) if matches!(self.settings[keys::PROXY_URL].origin, Origin::Environment(_)) => Ok(settings),
            Some(name) => match credentials::of_proxy(name) {
                Ok((user, password)) => Ok(settings.with_credentials(user, password)),
                Err(error) => Err(ProxyError { named_by, reason: error.to_string() }),
            },
            None => Ok(settings),
        }
    }
}
