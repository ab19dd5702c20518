//! The engine's orders, carried out.

use super::{
    Action, Agent, Arc, ConnectionFailure, Event, HttpsClient, Identity, Message, StoreInUse, StorePlace, clock, facts,
};
use tracing::Instrument as _;

use crate::engine::failure::StoreFailure;

impl Agent {
    /// Carries out an order. What can be done at once is answered with an event; the rest comes back as a message.
    pub(super) fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::OpenStore => {
                self.open_store();
                None
            }
            Action::Keep(changes) => self.keep(changes),
            Action::CloseStore => {
                self.close_store();
                None
            }
            Action::Post { url, body } => self.post(url, body),
            Action::Report(record) => {
                self.report(*record);
                None
            }
            Action::Erase => {
                self.erase();
                None
            }
        }
    }

    pub(super) fn place(&self) -> StorePlace {
        StorePlace { directory: self.paths.store(), quarantine: self.paths.quarantine() }
    }

    fn open_store(&self) {
        let (access, place, outbox) = (self.access.clone(), self.place(), self.outbox.clone());
        let (right, sessions) = (Arc::clone(&self.store_right), self.sessions);
        tokio::spawn(async move {
            let right = right.lock_owned().await;
            let opened = tokio::task::spawn_blocking(move || {
                let opened = access.open(&place, clock::now().wall);
                (opened, facts::gather(sessions))
            })
            .await;
            let message = match opened {
                Ok((Ok((store, opened)), facts)) => {
                    Message::StoreOpened(Ok((StoreInUse { store, _right: right }, Box::new(opened))), Box::new(facts))
                }
                Ok((Err(failure), facts)) => Message::StoreOpened(Err(failure), Box::new(facts)),
                Err(error) => Message::StoreOpened(Err(StoreFailure::Unusable(error.to_string())), Box::default()),
            };
            let _ = outbox.send(message).await;
        });
    }

    fn keep(&mut self, changes: Box<crate::engine::Changes>) -> Option<Event> {
        let Some(mut store) = self.store.take() else {
            let failure = StoreFailure::Unusable("the profile store is not open".to_owned());
            return Some(Event::Kept(Err(failure)));
        };
        let outbox = self.outbox.clone();
        let copy = changes.clone();
        let keeping = tokio::task::spawn_blocking(move || {
            let result = store.store.keep(&changes);
            (store, changes, result)
        });
        tokio::spawn(async move {
            let message = match keeping.await {
                Ok((store, changes, result)) => Message::Kept(Some(store), changes, result),
                // A damaged store can panic; the session goes on without it.
                Err(error) => Message::Kept(None, copy, Err(StoreFailure::Unusable(error.to_string()))),
            };
            let _ = outbox.send(message).await;
        });
        None
    }

    fn close_store(&mut self) {
        // The next session connects anew, perhaps with another certificate.
        self.client = None;
        self.snapshot = None;
        if let Some(store) = self.store.take() {
            tokio::task::spawn_blocking(move || drop(store));
        }
    }

    fn post(&mut self, url: String, body: Vec<u8>) -> Option<Event> {
        let client = match self.client.clone().map_or_else(|| self.connect(), Ok) {
            Ok(client) => client,
            Err(reason) => return Some(Event::ConnectionFailed(ConnectionFailure::Identity(reason))),
        };
        self.client = Some(client.clone());
        let outbox = self.outbox.clone();
        let progress = self.engine.progress();
        let device = self.engine.account().map(|account| account.device_id.clone()).unwrap_or_default();
        let span = tracing::info_span!("session", id = progress.session_id, device);
        let exchange = async move {
            tracing::debug!(bytes = body.len(), "sending a message");
            tracing::trace!(target: "wire", "> {} bytes", body.len());
            let answer = client.post(&url, body).await;
            if let Ok(reply) = &answer {
                tracing::debug!(status = reply.status, bytes = reply.body.len(), "the server answered");
            }
            let _ = outbox.send(Message::Answered(answer)).await;
        };
        tokio::spawn(exchange.instrument(span));
        None
    }

    fn connect(&self) -> Result<HttpsClient, String> {
        let identity = self.identity.as_ref().ok_or("the device has no identity")?;
        let proxy = crate::shell::http::ProxySettings::from_environment().map_err(|error| error.to_string())?;
        let account = &identity.account;
        HttpsClient::authenticated(&identity.active, &account.trust, &account.device_id, &proxy)
            .map_err(|error| error.to_string())
    }

    /// Removes everything that belongs to the enrolment.
    fn erase(&mut self) {
        self.client = None;
        self.identity = None;
        let (paths, outbox, right) = (self.paths.clone(), self.outbox.clone(), Arc::clone(&self.store_right));
        tokio::spawn(async move {
            // Whoever reads the store still would bring it back to life.
            let _right = right.lock_owned().await;
            let removed = tokio::task::spawn_blocking(move || Identity::remove(&paths)).await;
            let removed = removed.map_err(|error| error.to_string());
            let removed = removed.and_then(|removed| removed.map_err(|error| error.to_string()));
            let _ = outbox.send(Message::Erased(removed)).await;
        });
    }
}
