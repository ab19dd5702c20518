//! The management service: who speaks is told by the client certificate, what is answered by the tenant's session.

use mdm_protocol::syncml::CONTENT_TYPE;

use super::{Answer, Service};
use crate::tenant::{Reply, SessionRefusal};

impl Service {
    /// Answers a management message that came over a connection with this client certificate (DER).
    pub fn management(&self, body: &[u8], peer: Option<&[u8]>) -> Answer {
        let outcome = self.change(|tenant, now, random| {
            let device = tenant.identify(peer, now)?.id().to_owned();
            let _span = tracing::info_span!("session", device).entered();
            let reply = tenant.converse(&device, body, now, random);
            tracing::debug!(bytes = body.len(), answered = reply.is_ok(), "message");
            reply
        });
        match outcome {
            Ok(Ok(Reply::Message(text))) => Answer { status: 200, content_type: CONTENT_TYPE, body: text.into_bytes() },
            Ok(Ok(Reply::Empty)) => Answer { status: 200, content_type: CONTENT_TYPE, body: Vec::new() },
            Ok(Err(refusal)) => {
                tracing::info!(%refusal, "management request refused");
                let status = match refusal {
                    SessionRefusal::Access(_) => 403,
                    SessionRefusal::Unreadable(_) => 400,
                };
                Answer::text(status, refusal)
            }
            Err(_) => Answer::text(503, "the server could not store what happened; try again later"),
        }
    }
}
