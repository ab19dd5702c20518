//! Certificates that the server orders from SCEP servers, between its order and their coming.

use mdm_protocol::LocUri;

use super::{Action, Engine};
use crate::engine::certificate_request::{self, CertificateAnswer, CertificateOrder, CertificateRequest};
use crate::engine::note::Note;
use crate::engine::progress::Trigger;
use crate::engine::session::Session;
use crate::engine::time::Now;
use crate::engine::tree::Tree;

impl Engine {
    /// Records the requests of a session; says whether there are new ones, which have to be kept.
    pub(super) fn note_orders(&mut self, session: &Session, noted: usize, now: Now) -> bool {
        let at = self.life.clock().read(now).wall;
        if let Some(requests) = &mut self.life.progress_mut().certificate_requests {
            requests.retain(|profile, _| !session.void_requests().contains(profile));
        }
        if session.requested() <= noted {
            return false;
        }
        let requests = self.life.progress_mut().certificate_requests.get_or_insert_default();
        for (profile, install) in session.orders() {
            requests.insert(profile.clone(), CertificateRequest::new(install, at));
        }
        true
    }

    /// At the end of a session: forgets requests of profiles that are gone, and hands out the first step of every one
    /// that has not made it.
    pub(super) fn orders(&mut self, session: &Session, now: Now) -> Vec<CertificateOrder> {
        self.note_orders(session, 0, now);
        let tree = session.tree();
        let known = |profile: &String| tree.profiles().any(|known| known.root.to_string() == *profile);
        let Some(requests) = &mut self.life.progress_mut().certificate_requests else { return Vec::new() };
        requests.retain(|profile, _| known(profile));
        let mut orders = Vec::new();
        for (profile, request) in requests.iter_mut().filter(|(_, request)| !request.begun && request.due().is_some()) {
            let install = session.orders().get(profile).cloned().or_else(|| ordered(tree, profile));
            if let Some(install) = install {
                request.under_way = true;
                orders.push(CertificateOrder {
                    profile: profile.clone(),
                    install: Some(Box::new(install)),
                    ordered_at: request.ordered_at,
                });
            }
        }
        if requests.is_empty() {
            self.life.progress_mut().certificate_requests = None;
        }
        orders
    }

    /// A one-time password is forgotten once the first step was made: until then a restart would need it.
    pub(super) fn forget_challenges(&self, tree: &mut Tree) {
        for (profile, request) in self.progress().certificate_requests.iter().flat_map(|requests| requests.iter()) {
            if let (true, Ok(root)) = (request.begun, LocUri::parse(profile)) {
                tree.forget(&root.child("Install").child("Challenge"));
            }
        }
    }

    /// Orders the next steps that are due.
    pub(super) fn request_certificates(&mut self, now: Now, actions: &mut Vec<Action>) {
        for profile in self.life.take_requests(now) {
            actions.push(Action::RequestCertificate(Box::new(CertificateOrder {
                profile,
                install: None,
                ordered_at: 0,
            })));
        }
    }

    pub(super) fn certificate_answered(
        &mut self,
        profile: &str,
        answer: &CertificateAnswer,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let at = self.life.clock().read(now);
        let requests = self.life.progress_mut().certificate_requests.as_mut();
        let Some(request) = requests.and_then(|requests| requests.get_mut(profile)) else { return };
        let note = match (request.answered(answer, at.wall), answer) {
            (true, CertificateAnswer::Issued { thumbprint, .. }) => {
                Note::new("certificate-issued", at).with("profile", profile).with("thumbprint", thumbprint.as_str())
            }
            (
                true,
                CertificateAnswer::Failed { reason, .. }
                | CertificateAnswer::NotBegun { reason, .. }
                | CertificateAnswer::Unanswered { reason, .. },
            ) => Note::new("certificate-not-issued", at).with("profile", profile).with("reason", reason.as_str()),
            (true, CertificateAnswer::Pending) => Note::new("certificate-not-issued", at)
                .with("profile", profile)
                .with("reason", "nobody decided about it in time"),
            (false, _) => {
                // When the next step is due has to outlast this process.
                self.progress_unkept = true;
                return;
            }
        };
        actions.push(Action::Note(vec![note]));
        // The session puts the certificate in force and lets the server read how it went.
        self.life.request(Trigger::CertificateIssued);
    }
}

fn ordered(tree: &Tree, profile: &str) -> Option<mdm_protocol::csp::certificate::ScepInstall> {
    let profile = tree.profiles().find(|known| known.root.to_string() == profile)?;
    certificate_request::order(profile).ok()
}
