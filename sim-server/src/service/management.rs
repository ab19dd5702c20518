//! The management service: who speaks is told by the client certificate, what is answered by the tenant's session.

use mdm_protocol::syncml::CONTENT_TYPE;

use super::{Answer, Service};
use crate::tenant::conformance::begins_as_wbxml;
use crate::tenant::{Authority, Connection, Endpoint, ReceivedMessage, Reply, SessionRefusal};

impl Service {
    /// Answers a management message that came to the address of an authority (`None` for the common one) over a
    /// connection with this client certificate (DER).
    pub fn management(&self, body: &[u8], peer: Option<&[u8]>, at: Option<Authority>) -> Answer {
        if let Some(answer) = self.turn_away(peer) {
            return answer;
        }
        if begins_as_wbxml(body) {
            return no_wbxml();
        }
        let received = match ReceivedMessage::decode(body) {
            Ok(received) => received,
            Err(refusal) => return refuse(&refusal),
        };
        let outcome = self.change(|tenant, now, random| {
            // The device may have been removed meanwhile.
            let device = tenant.identify(peer, now)?.id().to_owned();
            let _span = tracing::info_span!("session", device).entered();
            let connection = Connection { device: &device, certificate: peer.unwrap_or_default(), at };
            let reply = tenant.converse(connection, received, now, random);
            tracing::debug!(bytes = body.len(), answered = reply.is_ok(), "message");
            reply
        });
        match outcome {
            Ok(Ok(Reply::Message(text))) => Answer { status: 200, content_type: CONTENT_TYPE, body: text.into_bytes() },
            Ok(Ok(Reply::Empty)) => Answer { status: 200, content_type: CONTENT_TYPE, body: Vec::new() },
            Ok(Err(refusal)) => refuse(&refusal),
            Err(_) => Answer::text(503, "the server could not store what happened; try again later"),
        }
    }

    /// The refusal of whoever need not be listened to, told by the client certificate alone.
    pub fn turn_away(&self, peer: Option<&[u8]>) -> Option<Answer> {
        let refusal = self.read(|tenant, now| tenant.identify(peer, now).err())?;
        Some(refuse(&refusal.into()))
    }
}

impl Service {
    /// The refusal of a request for what its HTTP header says: binary XML, or, where the tenant is strict, anything that a
    /// conforming client would not say.
    pub fn turn_back(&self, endpoint: Endpoint, content_type: Option<&str>, query: Option<&str>) -> Option<Answer> {
        if endpoint.is_wbxml(content_type) {
            return Some(no_wbxml());
        }
        if !self.read(|tenant, _| tenant.settings().strict) {
            return None;
        }
        let media_type = endpoint.check_media_type(content_type).err().map(|violation| (415, violation));
        let refusal = media_type.or_else(|| endpoint.check_query(query).err().map(|violation| (400, violation)));
        refusal.map(|(status, violation)| {
            tracing::info!(%violation, "request refused");
            Answer::text(status, violation)
        })
    }
}

fn no_wbxml() -> Answer {
    Answer::text(415, "this server reads application/vnd.syncml.dm+xml; binary XML (WBXML) is not supported")
}

fn refuse(refusal: &SessionRefusal) -> Answer {
    tracing::info!(%refusal, "management request refused");
    let status = match refusal {
        SessionRefusal::Access(_) => 403,
        SessionRefusal::Unreadable(_) | SessionRefusal::TooLong { .. } | SessionRefusal::NotConforming(_) => 400,
    };
    Answer::text(status, refusal)
}
