//! The section on enterprise methods (802.1X): EAP-TLS with a certificate of this device, PEAP with a password that the
//! user is asked for.

use mdm_protocol::csp::eap::{EAP_TLS, Eap, MSCHAPV2, PEAP};
use mdm_protocol::csp::profile::ProfileAddress;

use crate::platform::desired::{Share, Untranslatable};
use crate::platform::keyfile::Keyfile;
use crate::platform::translate::Context;
use crate::platform::translate::certificate::roots;

/// The secret is kept by the user's own session, not in the file.
const KEPT_BY_USER: &str = "1";
/// There is no secret: the key is not encrypted, its file is for root alone.
const NOT_REQUIRED: &str = "4";

/// Writes the section.
pub(super) fn write(
    eap: &Eap,
    address: &ProfileAddress,
    context: &Context<'_>,
    keyfile: &mut Keyfile,
    share: &mut Share,
) -> Result<(), Untranslatable> {
    keyfile.section("802-1x");
    match (eap.method, eap.inner_method) {
        (EAP_TLS, _) => {
            let own = context.client_certificate(&eap.issuers, &eap.purposes)?;
            keyfile.set("eap", "tls;");
            keyfile.set("identity", own.identity.as_deref().or(context.user).unwrap_or("device"));
            keyfile.set("client-cert", own.certificate.as_str());
            keyfile.set("private-key", own.key.as_str());
            keyfile.set("private-key-password-flags", NOT_REQUIRED);
            share.uses.extend([own.certificate.clone(), own.key.clone()]);
        }
        (PEAP, None | Some(MSCHAPV2)) => {
            keyfile.set("eap", "peap;");
            keyfile.set("phase2-auth", "mschapv2");
            keyfile.set_some("identity", context.user);
            keyfile.set("password-flags", KEPT_BY_USER);
        }
        (PEAP, Some(_)) => return Err(unsupported("PEAP with another method inside than MSCHAPv2")),
        _ => return Err(unsupported("an enterprise method other than EAP-TLS and PEAP")),
    }
    keyfile.set_some("anonymous-identity", eap.anonymous_name.as_ref());
    write_server(eap, address, context, keyfile, share)
}

/// How the network proves itself: by roots that came as profiles, else by those of the machine.
fn write_server(
    eap: &Eap,
    address: &ProfileAddress,
    context: &Context<'_>,
    keyfile: &mut Keyfile,
    share: &mut Share,
) -> Result<(), Untranslatable> {
    if eap.trusted_roots.is_empty() {
        keyfile.set("system-ca-certs", "true");
    } else {
        let (path, file) = roots::bundle(&eap.trusted_roots, address, context)?;
        keyfile.set("ca-cert", path.as_str());
        share.files.push((path, file));
    }
    let mut exact = Vec::new();
    let mut suffixes = Vec::new();
    for name in &eap.server_names {
        let plain = name.trim_start_matches(".*").trim_start_matches('*').trim_start_matches('.');
        if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
            return Err(unsupported("a pattern for the names of servers other than names and name endings"));
        }
        if plain == name { exact.push(plain) } else { suffixes.push(plain) }
    }
    // Both constraints would have to hold at once, and an ending holds for the whole name, too.
    if suffixes.is_empty() {
        keyfile.set_some("domain-match", Some(exact.join(";")).filter(|names| !names.is_empty()));
    } else {
        suffixes.extend(exact);
        keyfile.set("domain-suffix-match", suffixes.join(";"));
    }
    Ok(())
}

fn unsupported(what: &str) -> Untranslatable {
    Untranslatable::unsupported(format!("{what} is not supported"))
}
