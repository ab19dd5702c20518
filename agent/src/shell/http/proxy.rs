//! The proxy, as the environment names it. Read once, so that enrolment, sessions and push all go the same way.

use url::Url;

/// Never through a proxy: it would reach its own machine there, not this one.
const LOOPBACK: &str = "localhost, 127.0.0.0/8, ::1";

/// A proxy's address that cannot be used. Says nothing of what is in it, for it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy that {variable} names cannot be used: {reason}")]
pub struct ProxyError {
    /// The environment variable.
    pub variable: &'static str,
    /// Why not.
    pub reason: String,
}

/// Which proxy to use for what.
#[derive(Clone, Default)]
pub struct ProxySettings {
    proxy: Option<Url>,
    exempt: String,
}

impl std::fmt::Debug for ProxySettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ProxySettings({:?})", self.host())
    }
}

impl ProxySettings {
    /// What `https_proxy` and `no_proxy` say, or their upper-case forms where those are not set.
    pub fn from_environment() -> Result<Self, ProxyError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// No proxy at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The proxy's host and port, fit to be shown.
    pub fn host(&self) -> Option<String> {
        let proxy = self.proxy.as_ref()?;
        Some(format!("{}:{}", proxy.host_str()?, proxy.port_or_known_default()?))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let first = |names: [&'static str; 2]| {
            let value = |name| Some((name, variable(name).filter(|value| !value.trim().is_empty())?));
            names.into_iter().find_map(value)
        };
        let exempt = first(["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
        let proxy = first(["https_proxy", "HTTPS_PROXY"]).map(|(name, address)| parse(name, address.trim()));
        Ok(Self { proxy: proxy.transpose()?, exempt })
    }

    #[cfg(test)]
    pub(in crate::shell) fn for_test(proxy: &str, exempt: &str) -> Self {
        Self { proxy: Some(Url::parse(proxy).expect("the test gives an address")), exempt: exempt.to_owned() }
    }

    /// Makes a client go this way, and no other.
    pub(in crate::shell) fn apply(&self, client: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        let client = client.no_proxy();
        // The library's star stands for all names, but for no address in figures.
        let is_none_wanted = self.exempt.split(',').any(|entry| entry.trim() == "*");
        let Some(proxy) = self.proxy.as_ref().filter(|_| !is_none_wanted) else { return Ok(client) };
        let exempt = reqwest::NoProxy::from_string(&format!("{}, {LOOPBACK}", self.exempt));
        Ok(client.proxy(reqwest::Proxy::https(proxy.clone())?.no_proxy(exempt)))
    }
}

/// An address with or without a scheme, as other programs take it too.
fn parse(variable: &'static str, address: &str) -> Result<Url, ProxyError> {
    let refuse = |reason: &str| ProxyError { variable, reason: reason.to_owned() };
    let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = Url::parse(&whole).map_err(|error| refuse(&error.to_string()))?;
    if url.scheme() != "http" {
        // TLS to the proxy itself would show it the device's certificate.
        return Err(refuse("only proxies that speak plain HTTP (http://) are supported"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("it has no host"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_case_variable_comes_first_and_an_empty_one_does_not_count() {
        assert_eq!(host(&[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:2")]), Some("a:1".to_owned()));
        assert_eq!(host(&[("https_proxy", " "), ("HTTPS_PROXY", "http://b")]), Some("b:80".to_owned()));
        assert_eq!(host(&[("https_proxy", "proxy.lan:3128")]), Some("proxy.lan:3128".to_owned()));
        assert_eq!(host(&[]), None);
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_showing_what_is_in_it() {
        for address in ["https://me:secret@proxy:1", "socks5://me:secret@proxy", "http://me:secret@proxy:port"] {
            let error = settings(&[("HTTPS_PROXY", address)]).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
        }
        let debugged = format!("{:?}", settings(&[("https_proxy", "http://me:secret@proxy:1")]).unwrap());
        assert!(debugged.contains("proxy:1") && !debugged.contains("secret"), "{debugged}");
    }

    fn host(variables: &[(&str, &str)]) -> Option<String> {
        settings(variables).unwrap().host()
    }

    fn settings(variables: &[(&str, &str)]) -> Result<ProxySettings, ProxyError> {
        ProxySettings::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }
}
