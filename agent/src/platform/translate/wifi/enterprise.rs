//! The section on enterprise methods (802.1X): EAP-TLS with a certificate of this device, PEAP and EAP-TTLS with a password
//! that the user is asked for, or with EAP-TLS inside.

use mdm_protocol::csp::eap::{CertificateSelection, EAP_TLS, EAP_TTLS, Eap, Inner, MSCHAPV2, PEAP, ServerValidation};
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::wifi::{OneX, Subject};

use super::server_names::Names;
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::keyfile::Keyfile;
use crate::platform::translate::Context;
use crate::platform::translate::certificate::roots;

/// The secret is kept by the user's own session, not in the file.
const KEPT_BY_USER: &str = "1";
/// The secret is kept by nobody: the user is asked each time.
const NOT_KEPT: &str = "2";
/// There is no secret: the key is not encrypted, its file is for root alone.
const NOT_REQUIRED: &str = "4";

/// The names of NetworkManager's properties for one of the two methods.
#[derive(Clone, Copy)]
enum Phase {
    Outer,
    Inner,
}

/// Where a section is written, and what with.
struct Section<'a> {
    address: &'a ProfileAddress,
    context: &'a Context<'a>,
    keyfile: &'a mut Keyfile,
    share: &'a mut Share,
}

/// Writes the section.
pub(super) fn write(
    one_x: &OneX,
    address: &ProfileAddress,
    context: &Context<'_>,
    keyfile: &mut Keyfile,
    share: &mut Share,
) -> Result<(), Untranslatable> {
    // Every field is named: one that is added has to be dealt with here.
    let OneX { eap, subject, keep_password, single_sign_on } = one_x;
    let Eap { method, server, selection, inner, anonymous_name } = eap;
    keyfile.section("802-1x");
    let mut section = Section { address, context, keyfile, share };
    match (*method, inner) {
        (EAP_TLS, None) => {
            section.keyfile.set("eap", "tls;");
            section.certificate(selection, Phase::Outer)?;
        }
        (PEAP | EAP_TTLS, inner) => {
            section.keyfile.set("eap", if *method == PEAP { "peap;" } else { "ttls;" });
            section.inner(*method, inner.as_ref(), *keep_password)?;
        }
        _ => return Err(unsupported("an enterprise method other than EAP-TLS, PEAP and EAP-TTLS")),
    }
    if *subject == Subject::Guest {
        return Err(unsupported("authentication as a guest (authMode)"));
    }
    // With a certificate, the connection is the machine's own whoever uses it. A password is a user's.
    if asks_for_password(eap) && *subject == Subject::Machine {
        return Err(unsupported("a password of the machine (authMode machine)"));
    }
    if asks_for_password(eap) && *single_sign_on {
        return Err(unsupported("single sign-on with a password"));
    }
    if *single_sign_on {
        let reason = "WlanXml: OneX/singleSignOn: with a certificate the connection needs no user to sign in";
        section.share.without_effect.push(reason.to_owned());
    }
    section.keyfile.set_some("anonymous-identity", anonymous_name.as_ref());
    section.server(server, Phase::Outer)
}

/// Whether the innermost method is one with a password.
fn asks_for_password(eap: &Eap) -> bool {
    match &eap.inner {
        Some(Inner::Eap(inner)) => asks_for_password(inner),
        Some(Inner::Pap | Inner::Chap | Inner::MsChap | Inner::MsChapV2) => true,
        None => eap.method != EAP_TLS,
    }
}

impl Phase {
    fn name(self, property: &str) -> String {
        match self {
            Self::Outer => property.to_owned(),
            Self::Inner => format!("phase2-{property}"),
        }
    }
}

impl Section<'_> {
    /// A certificate of this device proves who it is.
    fn certificate(&mut self, selection: &CertificateSelection, phase: Phase) -> Result<(), Untranslatable> {
        let CertificateSelection { issuers, purposes } = selection;
        let own = self.context.client_certificate(issuers, purposes)?;
        self.keyfile.set("identity", own.identity.as_deref().or(self.context.user).unwrap_or("device"));
        self.keyfile.set(&phase.name("client-cert"), own.certificate.as_str());
        self.keyfile.set(&phase.name("private-key"), own.key.as_str());
        self.keyfile.set(&phase.name("private-key-password-flags"), NOT_REQUIRED);
        self.share.uses.extend([own.certificate.clone(), own.key.clone()]);
        Ok(())
    }

    /// The method inside the tunnel.
    fn inner(&mut self, outer: u32, inner: Option<&Inner>, keep_password: bool) -> Result<(), Untranslatable> {
        let (property, value) = match inner {
            Some(Inner::Eap(eap)) if eap.method == EAP_TLS && eap.inner.is_none() => {
                self.keyfile.set("phase2-autheap", "tls");
                self.certificate(&eap.selection, Phase::Inner)?;
                return self.server(&eap.server, Phase::Inner);
            }
            Some(Inner::Eap(eap)) if eap.method == MSCHAPV2 && outer == EAP_TTLS => ("phase2-autheap", "mschapv2"),
            Some(Inner::Eap(eap)) if eap.method == MSCHAPV2 => ("phase2-auth", "mschapv2"),
            None if outer == PEAP => ("phase2-auth", "mschapv2"),
            Some(Inner::Pap) => ("phase2-auth", "pap"),
            Some(Inner::Chap) => ("phase2-auth", "chap"),
            Some(Inner::MsChap) => ("phase2-auth", "mschap"),
            Some(Inner::MsChapV2) => ("phase2-auth", "mschapv2"),
            Some(Inner::Eap(_)) | None => {
                return Err(unsupported("a method inside the tunnel other than MSCHAPv2, EAP-TLS, PAP and CHAP"));
            }
        };
        self.keyfile.set(property, value);
        self.keyfile.set_some("identity", self.context.user);
        self.keyfile.set("password-flags", if keep_password { KEPT_BY_USER } else { NOT_KEPT });
        Ok(())
    }

    /// How the network proves itself: by roots that came as profiles, else by those of the machine.
    fn server(&mut self, server: &ServerValidation, phase: Phase) -> Result<(), Untranslatable> {
        let ServerValidation { names, roots } = server;
        match (phase, roots.as_slice()) {
            (Phase::Outer, []) => self.keyfile.set("system-ca-certs", "true"),
            // The setting above counts for both.
            (Phase::Inner, []) => {}
            (Phase::Outer, roots) => {
                let (path, file) = roots::bundle(roots, self.address, self.context)?;
                self.keyfile.set("ca-cert", path.as_str());
                self.share.files.push((path, file));
            }
            (Phase::Inner, roots) => {
                let (path, file) = roots::inner_bundle(roots, self.address, self.context)?;
                self.keyfile.set("phase2-ca-cert", path.as_str());
                self.share.files.push((path, file));
            }
        }
        if let Some((property, value)) = Names::parse(names)?.property() {
            self.keyfile.set(&phase.name(property), value);
        }
        Ok(())
    }
}

fn unsupported(what: &str) -> Untranslatable {
    Untranslatable::unsupported(format!("WlanXml: {what} is not supported"))
}
