//! Names a failed connection (rule C3).

use std::error::Error as _;

use rustix::io::Errno;

use crate::engine::failure::ConnectionFailure;

/// What the library's errors begin with when a proxy does not pass the connection on.
const TUNNEL: &str = "tunnel error";

/// Names the failure by the errors that the libraries nest in one another.
pub(in crate::shell) fn explain(error: &reqwest::Error) -> ConnectionFailure {
    if error.is_timeout() {
        return ConnectionFailure::TimedOut;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        if let Some(tls) = as_tls_error(cause) {
            return explain_tls(tls);
        }
        // Before anything else is read into it: what follows happened on the way to the proxy, not to the server.
        if text.starts_with(TUNNEL) {
            return ConnectionFailure::Proxy(proxy_trouble(&text, cause));
        }
        if text.contains("dns error") || text.contains("lookup address") {
            return ConnectionFailure::NameResolution(deepest(cause));
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            if is_shortage(io) {
                return ConnectionFailure::Local(io.to_string());
            }
            match io.kind() {
                std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::NetworkDown => {
                    return ConnectionFailure::NoNetwork(io.to_string());
                }
                std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::HostUnreachable => {
                    return ConnectionFailure::Unreachable(io.to_string());
                }
                _ => {}
            }
        }
        source = cause.source();
    }
    match () {
        () if error.is_builder() => ConnectionFailure::Address(text),
        () if error.is_connect() => ConnectionFailure::Unreachable(text),
        () => ConnectionFailure::Broken(text),
    }
}

/// Whether this machine has run out of something that a connection needs.
fn is_shortage(error: &std::io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
    Errno::from_io_error(error).is_some_and(|errno| shortages.contains(&errno))
}

/// What the proxy did, and why if something is known of it.
fn proxy_trouble(text: &str, cause: &(dyn std::error::Error + 'static)) -> String {
    let what = text.trim_start_matches(TUNNEL).trim_start_matches([':', ' ']);
    match deepest(cause) {
        deeper if deeper == text => what.to_owned(),
        deeper => format!("{what}: {deeper}"),
    }
}

/// I/O errors hide what they wrap from their source; a TLS error may be wrapped more than once.
fn as_tls_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = cause;
    loop {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        cause = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}

fn explain_tls(error: &rustls::Error) -> ConnectionFailure {
    use rustls::AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked, CertificateUnknown,
        UnknownCA, UnsupportedCertificate,
    };
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    match error {
        rustls::Error::InvalidCertificate(
            Expired | NotValidYet | ExpiredContext { .. } | NotValidYetContext { .. },
        ) => ConnectionFailure::ClockOrExpiry(error.to_string()),
        rustls::Error::InvalidCertificate(_) => ConnectionFailure::Untrusted(error.to_string()),
        rustls::Error::AlertReceived(
            BadCertificate
            | UnsupportedCertificate
            | CertificateRevoked
            | CertificateExpired
            | CertificateUnknown
            | UnknownCA
            | AccessDenied
            | CertificateRequired,
        ) => ConnectionFailure::CertificateRefused(error.to_string()),
        _ => ConnectionFailure::Broken(error.to_string()),
    }
}

fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;

    use super::*;

    #[test]
    fn only_alerts_about_certificates_speak_of_the_devices_certificate() {
        let name = |alert| explain_tls(&rustls::Error::AlertReceived(alert)).name();
        assert_eq!(name(AlertDescription::CertificateRevoked), "certificate-refused");
        assert_eq!(name(AlertDescription::CertificateRequired), "certificate-refused");
        assert_eq!(name(AlertDescription::HandshakeFailure), "connection-broken");
        assert_eq!(name(AlertDescription::InternalError), "connection-broken");
    }
}
