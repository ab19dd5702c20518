//! The engine's orders, carried out.

use super::{
    Action, Agent, Arc, ConnectionFailure, Event, HttpsClient, Identity, IdentityError, Message, Paths, RenewalFailure,
    Renewed, SlotName, StoreInUse, StorePlace, clock, facts,
};
use tracing::Instrument as _;

use crate::engine::Note;
use crate::engine::failure::StoreFailure;
use crate::shell::cms;
use crate::shell::history::History;
use crate::shell::identity::Slot;
use crate::shell::unenrollment;
use crate::shell::work;

impl Agent {
    /// Carries out an order. What can be done at once is answered with an event; the rest comes back as a message.
    pub(super) fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::OpenStore => {
                self.open_store();
                None
            }
            Action::Evaluate(request) => {
                self.evaluate(*request);
                None
            }
            Action::Apply(application) => self.apply(*application),
            Action::Keep(changes) => self.keep(changes),
            Action::DriftReported(drift) => {
                self.known.reported = drift;
                None
            }
            Action::CloseStore => {
                self.close_store();
                None
            }
            Action::Post { url, body, slot, is_signed } => self.post(url, body, slot, is_signed),
            Action::RequestCertificate(order) => self.request_certificate(*order),
            Action::CarryOut { order, is_confirmed } => {
                self.carry_out(*order, is_confirmed);
                None
            }
            Action::CheckCompliance(rules) => {
                self.check_compliance(*rules);
                None
            }
            Action::KeepCompliance(standing) => {
                self.keep_compliance(&standing);
                None
            }
            Action::Renew(order) => self.renew(*order),
            Action::Erase => {
                self.erase();
                None
            }
            Action::Report(record) => {
                self.report(*record);
                None
            }
            Action::Note(notes) => {
                self.note(&notes);
                None
            }
            Action::Promote => {
                self.change_identity("put the new certificate in use", Identity::promote);
                self.identity_read()
            }
            Action::DiscardPending => {
                self.change_identity("drop the new certificate", Identity::discard_pending);
                self.identity_read()
            }
            Action::SaveAccount(account) => {
                self.change_identity("write the account down", |paths| Identity::save_account(paths, &account));
                None
            }
            Action::Listen(listening) => self.listen(listening),
        }
    }

    /// Changes the files of the identity and reads them back. What fails is done again when the next occasion comes;
    /// until then the old state is as good.
    fn change_identity(&mut self, what: &str, change: impl FnOnce(&Paths) -> Result<(), IdentityError>) {
        self.client = None;
        if let Err(error) = change(&self.paths) {
            tracing::error!(%error, "cannot {what}");
        }
        // Whatever became of it, what counts is what is there.
        match Identity::load(&self.paths) {
            Ok(identity) => self.identity = identity.map(Arc::new),
            Err(error) => tracing::error!(%error, "cannot read the identity"),
        }
    }

    /// The certificates that were really read.
    fn identity_read(&self) -> Option<Event> {
        self.identity.as_ref().map(|identity| Event::IdentityRead(identity.certificates()))
    }

    fn renew(&self, order: crate::engine::renewal::RenewalOrder) -> Option<Event> {
        let Some(identity) = self.identity.clone() else {
            let failure = RenewalFailure::Local("the device has no identity".to_owned());
            return Some(Event::Renewed(Err(failure)));
        };
        let (paths, outcomes, proxy) = (self.paths.clone(), self.outcomes.clone(), self.live.proxy.clone());
        let renewed = async move { crate::shell::renew::renew(&paths, identity, order, proxy).await };
        work::begin(work::EXCHANGE, renewed, move |renewed| {
            let result = renewed.unwrap_or_else(|lost| Err(RenewalFailure::Local(lost.to_string())));
            let _ = outcomes.send(Message::Renewed(result.map(Box::new)));
        });
        None
    }

    pub(super) fn renewed(&mut self, result: Result<Box<Renewed>, RenewalFailure>) {
        match &result {
            Ok(_) => self.change_identity("read the new certificate", |_| Ok(())),
            Err(failure) => tracing::warn!(%failure, "the certificate could not be renewed; the one in use stays"),
        }
        self.feed(Event::Renewed(result));
        let read = self.identity_read();
        read.into_iter().for_each(|event| self.feed(event));
    }

    pub(super) fn place(&self) -> StorePlace {
        StorePlace::of(&self.paths)
    }

    fn open_store(&self) {
        let (access, place, outcomes) = (self.access.clone(), self.place(), self.outcomes.clone());
        let (right, sessions) = (Arc::clone(&self.store_right), self.sessions);
        let (platform, others) = (self.platform(), self.others());
        let restores_files = self.engine.restores_files();
        let opened = async move {
            let right = right.lock_owned().await;
            work::blocking(move || {
                let opened = access.open(&place, clock::now().wall);
                let machine = opened.as_ref().ok().map(|(_, opened)| {
                    if !restores_files {
                        return platform.recorded().unwrap_or_default();
                    }
                    let others = if opened.stored.is_whole() { others } else { crate::platform::force::Others::Stay };
                    super::machine::converge(&platform, &opened.stored.profiles, others)
                });
                let opened = opened.map(|(store, opened)| (StoreInUse { store, _right: right }, Box::new(opened)));
                (opened, Box::new(facts::gather(sessions)), Box::new(machine.unwrap_or_default()))
            })
            .await
        };
        work::begin(work::STORE, opened, move |opened| {
            let (opened, facts, machine) = opened
                .flatten()
                .unwrap_or_else(|lost| (Err(StoreFailure::Unusable(lost.to_string())), Box::default(), Box::default()));
            let _ = outcomes.send(Message::StoreOpened(opened, facts, machine));
        });
    }

    fn keep(&mut self, changes: Box<crate::engine::Changes>) -> Option<Event> {
        let Some(mut store) = self.store.take() else {
            let failure = StoreFailure::Unusable("the profile store is not open".to_owned());
            return Some(Event::Kept(Err(failure)));
        };
        let outcomes = self.outcomes.clone();
        let copy = changes.clone();
        let kept = work::blocking(move || {
            let result = store.store.keep(&changes);
            (store, changes, result)
        });
        work::begin(work::STORE, kept, move |kept| {
            let message = match kept.flatten() {
                Ok((store, changes, result)) => Message::Kept(Some(store), changes, result),
                // A damaged store can panic; the session goes on without it.
                Err(lost) => Message::Kept(None, copy, Err(StoreFailure::Unusable(lost.to_string()))),
            };
            let _ = outcomes.send(message);
        });
        None
    }

    fn post(&mut self, url: String, body: Vec<u8>, slot: SlotName, is_signed: bool) -> Option<Event> {
        let signature = match is_signed.then(|| self.sign(&body, slot)).transpose() {
            Ok(signature) => signature,
            Err(failure) => return Some(Event::ConnectionFailed(failure)),
        };
        let present = self.client.clone().filter(|(made_with, _)| *made_with == slot);
        let client = match present.map_or_else(|| self.connect(slot), |(_, client)| Ok(client)) {
            Ok(client) => client,
            Err(failure) => return Some(Event::ConnectionFailed(failure)),
        };
        self.client = Some((slot, client.clone()));
        let outcomes = self.outcomes.clone();
        let progress = self.engine.progress();
        let device = self.engine.account().map(|account| account.device_id.clone()).unwrap_or_default();
        let span = tracing::info_span!("session", id = progress.session_id, device);
        let exchange = async move {
            tracing::debug!(bytes = body.len(), "sending a message");
            tracing::trace!(target: "wire", "> {} bytes", body.len());
            let answer = client.post_signed(&url, body, signature.as_deref()).await;
            if let Ok(reply) = &answer {
                tracing::debug!(status = reply.status, bytes = reply.body.len(), "the server answered");
            }
            answer
        };
        work::begin(work::EXCHANGE, exchange.instrument(span), move |answer| {
            let answer = answer.unwrap_or_else(|lost| Err(ConnectionFailure::Local(lost.to_string())));
            let _ = outcomes.send(Message::Answered(answer));
        });
        None
    }

    /// Signs a message with the key of the certificate that it is sent with.
    fn sign(&self, body: &[u8], slot: SlotName) -> Result<Vec<u8>, ConnectionFailure> {
        let signed = cms::sign_detached(body, self.slot(slot)?, clock::now().wall);
        signed.map_err(|error| ConnectionFailure::Identity(error.to_string()))
    }

    fn slot(&self, slot: SlotName) -> Result<&Slot, ConnectionFailure> {
        let missing = || ConnectionFailure::Identity("the device has none".to_owned());
        let identity = self.identity.as_ref().ok_or_else(missing)?;
        match slot {
            SlotName::Active => Ok(&identity.active),
            SlotName::Pending => identity.pending.as_ref().ok_or_else(missing),
        }
    }

    fn connect(&self, slot: SlotName) -> Result<HttpsClient, ConnectionFailure> {
        let missing = || ConnectionFailure::Identity("the device has none".to_owned());
        let identity = self.identity.as_ref().ok_or_else(missing)?;
        let proxy = self.live.proxy.as_ref().map_err(|error| ConnectionFailure::Proxy(error.to_string()))?;
        let account = &identity.account;
        Ok(HttpsClient::authenticated(self.slot(slot)?, &account.trust, &account.device_id, proxy)?)
    }

    /// Writes down what is worth remembering. A history that cannot be written does not hold anything else up.
    pub(super) fn note(&mut self, notes: &[Note]) {
        self.tell_people(notes);
        if self.history.is_none() {
            self.history = History::open(&self.paths)
                .inspect_err(|error| tracing::warn!(%error, "the history cannot be kept"))
                .ok();
        }
        let Some(history) = &mut self.history else { return };
        for note in notes {
            let detail = note.particulars.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            if let Err(error) = history.append(note.time, note.what, detail) {
                tracing::warn!(%error, event = note.what, "an entry of the history is lost");
            }
        }
    }

    /// Tells people what they should know, beside everything else.
    fn tell_people(&mut self, notes: &[Note]) {
        let notifications = self.told.tell(notes);
        if !notifications.is_empty() {
            let desktop = Arc::clone(&self.desktop);
            work::detached("notifying users", move || notifications.iter().for_each(|found| desktop.show(found)));
        }
    }

    /// Removes everything that belongs to the enrolment.
    fn erase(&mut self) {
        self.client = None;
        self.identity = None;
        let (paths, outcomes, right) = (self.paths.clone(), self.outcomes.clone(), Arc::clone(&self.store_right));
        let platform = self.platform();
        let removed = async move {
            // Whoever reads the store still would bring it back to life.
            let right = right.lock_owned().await;
            work::blocking(move || {
                let _right = right;
                let mut drift = Vec::new();
                let removed = unenrollment::finish(&paths, &platform, &mut drift);
                (drift, removed.map_err(|error| error.to_string()))
            })
            .await
        };
        work::begin(work::MACHINE, removed, move |removed| {
            let (drift, removed) = removed.flatten().unwrap_or_else(|lost| (Vec::new(), Err(lost.to_string())));
            let _ = outcomes.send(Message::DriftFound(drift));
            let _ = outcomes.send(Message::Erased(removed));
        });
    }
}
