//! The proxy: one setting, so that enrolment, sessions, certificates and push all go the same way.

use mdm_protocol::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

/// Never through a proxy: it would reach its own machine there, not this one.
const LOOPBACK: &str = "localhost, 127.0.0.0/8, ::1";

/// A proxy that cannot be used. Says nothing of what is in its address, for it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy that {named_by} names cannot be used: {reason}")]
pub struct ProxyError {
    /// The environment variable or the setting.
    pub named_by: String,
    /// Why not.
    pub reason: String,
}

/// Which proxy to use for what.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    proxy: Option<Url>,
    credentials: Option<(String, Secret)>,
    exempt: String,
}

impl std::fmt::Debug for ProxySettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ProxySettings({:?})", self.host())
    }
}

impl ProxySettings {
    /// A proxy by its address, for all but what `exempt` lists; `named_by` is told in errors.
    pub fn new(address: &str, exempt: String, named_by: &str) -> Result<Self, ProxyError> {
        let refuse = |reason| ProxyError { named_by: named_by.to_owned(), reason };
        Ok(Self { proxy: Some(parse(address.trim()).map_err(refuse)?), credentials: None, exempt })
    }

    /// No proxy at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same proxy, which wants to know who comes (Basic, RFC 7617).
    #[must_use]
    pub fn with_credentials(self, user: String, password: Secret) -> Self {
        Self { credentials: Some((user, password)), ..self }
    }

    /// The proxy's host and port, fit to be shown.
    pub fn host(&self) -> Option<String> {
        let proxy = self.proxy.as_ref()?;
        Some(format!("{}:{}", proxy.host_str()?, proxy.port_or_known_default()?))
    }

    /// What of it must not be seen: credentials of the file and of the address, as they stand and as they are meant.
    pub(in crate::shell) fn secrets(&self) -> Vec<String> {
        let file = self.credentials.iter().map(|(user, password)| (user.clone(), password.expose().to_owned()));
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let address = self.proxy.iter().filter_map(|proxy| Some((proxy.username(), proxy.password()?)));
        let address = address
            .flat_map(|(user, password)| [(user.to_owned(), password.to_owned()), (plain(user), plain(password))]);
        file.chain(address).flat_map(|(user, password)| [format!("{user}:{password}"), password]).collect()
    }

    #[cfg(test)]
    pub(in crate::shell) fn for_test(proxy: &str, exempt: &str) -> Self {
        Self::new(proxy, exempt.to_owned(), "the test").expect("the test gives an address")
    }

    /// Makes a client go this way, and no other.
    pub(in crate::shell) fn apply(&self, client: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        let client = client.no_proxy();
        // The library's star stands for all names, but for no address in figures.
        let is_none_wanted = self.exempt.split(',').any(|entry| entry.trim() == "*");
        let Some(proxy) = self.proxy.as_ref().filter(|_| !is_none_wanted) else { return Ok(client) };
        let exempt = reqwest::NoProxy::from_string(&format!("{}, {LOOPBACK}", self.exempt));
        let way = reqwest::Proxy::https(proxy.clone())?.no_proxy(exempt);
        Ok(client.proxy(match &self.credentials {
            Some((user, password)) => way.basic_auth(user, password.expose()),
            None => way,
        }))
    }
}

/// An address with or without a scheme, as other programs take it too.
fn parse(address: &str) -> Result<Url, String> {
    let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = Url::parse(&whole).map_err(|error| error.to_string())?;
    if url.scheme() != "http" {
        // TLS to the proxy itself would show it the device's certificate.
        return Err("only proxies that speak plain HTTP (http://) are supported".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(url)
}

/// Whether an address may stand in the configuration, which everyone may read; if not, why.
pub(in crate::shell) fn check_proxy(address: &str) -> Result<(), String> {
    let url = parse(address)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("everyone can read this file: put user:password into a file of its own and name it in \
                    proxy.credentials-file"
            .to_owned());
    }
    Ok(())
}

/// An address without what may be secret in it.
pub(in crate::shell) fn without_credentials(address: &str) -> String {
    match parse(address) {
        Ok(mut url) => {
            // Both can only fail for addresses without a host, which are not understood.
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.to_string()
        }
        Err(_) => "(not understood)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_showing_what_is_in_it() {
        for address in ["https://me:secret@proxy:1", "socks5://me:secret@proxy", "http://me:secret@proxy:port"] {
            let error = ProxySettings::new(address, String::new(), "HTTPS_PROXY").unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
            assert!(!without_credentials(address).contains("secret"));
        }
        let debugged = format!("{:?}", ProxySettings::for_test("http://me:secret@proxy:1", ""));
        assert!(debugged.contains("proxy:1") && !debugged.contains("secret"), "{debugged}");
    }

    #[test]
    fn an_address_may_lack_its_scheme_and_must_lack_credentials_in_a_file() {
        assert_eq!(ProxySettings::for_test("proxy.lan:3128", "").host(), Some("proxy.lan:3128".to_owned()));
        assert_eq!(ProxySettings::for_test("http://[2001:db8::1]", "").host(), Some("[2001:db8::1]:80".to_owned()));
        assert_eq!(check_proxy("http://proxy:1"), Ok(()));
        let refused = check_proxy("http://me:secret@proxy:1").unwrap_err();
        assert!(refused.contains("credentials-file") && !refused.contains("secret"), "{refused}");
        assert_eq!(without_credentials("me:secret@proxy:1"), "http://proxy:1/");
    }
}
