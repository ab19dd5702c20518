//! A response that goes on: one line for each message, and one now and then to say that it is still there.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::push::{Event, Hub, Message, Subscription};
use crate::service::machine_now;

/// The body of a subscriber's response.
pub(super) struct MessageStream {
    subscription: Subscription,
    hub: Arc<Hub>,
    topics: String,
    /// What is to be written at once.
    ready: VecDeque<String>,
    keepalive: Interval,
}

impl MessageStream {
    pub(super) fn new(mut subscription: Subscription, hub: Arc<Hub>, topics: String, keepalive: Duration) -> Self {
        let open = Message::event(Event::Open, hub.id(), &topics, machine_now());
        let missed = std::mem::take(&mut subscription.missed);
        let ready = std::iter::once(&open).chain(&missed).map(Message::line).collect();
        let mut keepalive = interval(keepalive);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keepalive.reset();
        Self { subscription, hub, topics, ready, keepalive }
    }
}

impl Body for MessageStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = if let Some(line) = self.ready.pop_front() {
            line
        } else if let Poll::Ready(message) = self.subscription.messages.poll_recv(context) {
            let Some(message) = message else { return Poll::Ready(None) };
            message.line()
        } else if self.keepalive.poll_tick(context).is_ready() {
            Message::event(Event::Keepalive, self.hub.id(), &self.topics, machine_now()).line()
        } else {
            return Poll::Pending;
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(line)))))
    }
}
