//! Those who listen at the moment, each with a queue of its own: whoever is too slow is cut off and comes back with
//! `since=`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::cache::{Cache, is_topic};
use super::{Draft, Message, PushError, Since};

/// The most subscribers, and the most topics of one.
const SUBSCRIBERS: usize = 20_000;
const TOPICS_OF_ONE: usize = 50;
/// How many messages wait for one subscriber.
const QUEUE: usize = 64;

/// Where messages come in and go out.
#[derive(Default)]
pub struct Hub {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cache: Cache,
    subscribers: BTreeMap<u64, mpsc::Sender<Message>>,
    /// From a topic to those who listen to it.
    listening: BTreeMap<String, Vec<u64>>,
    last: u64,
    random: fastrand::Rng,
    is_closed: bool,
}

/// A subscriber's messages: those that it missed, and those that come.
pub struct Subscription {
    /// What was published before and is repeated.
    pub missed: Vec<Message>,
    /// What is published from now on.
    pub messages: mpsc::Receiver<Message>,
    hub: Arc<Hub>,
    number: u64,
    topics: Vec<String>,
}

impl Hub {
    /// A hub whose ids are drawn from this generator.
    pub fn new(random: fastrand::Rng) -> Self {
        Self { state: Mutex::new(State { random, ..State::default() }) }
    }

    /// Publishes a message; returns it, and whether anybody was listening.
    pub fn publish(&self, draft: Draft, now: i64) -> Result<(Message, bool), PushError> {
        self.lock().publish(draft, false, now)
    }

    /// Publishes what the server itself has to say.
    pub fn ring(&self, topic: &str, text: &str, now: i64) -> Result<bool, PushError> {
        let draft = Draft { topic: topic.to_owned(), message: text.to_owned(), ..Draft::default() };
        self.lock().publish(draft, true, now).map(|(_, heard)| heard)
    }

    /// The kept messages of topics.
    pub fn messages(&self, topics: &[String], since: &Since, now: i64) -> Vec<Message> {
        self.lock().cache.messages(topics, since, now)
    }

    /// Listens to topics.
    pub fn subscribe(
        self: &Arc<Self>,
        topics: Vec<String>,
        since: &Since,
        now: i64,
    ) -> Result<Subscription, PushError> {
        let mut state = self.lock();
        if state.is_closed || state.subscribers.len() >= SUBSCRIBERS {
            return Err(PushError::TooManySubscribers);
        }
        let (sender, messages) = mpsc::channel(QUEUE);
        state.last += 1;
        let number = state.last;
        state.subscribers.insert(number, sender);
        for topic in &topics {
            state.listening.entry(topic.clone()).or_default().push(number);
        }
        let missed = state.cache.messages(&topics, since, now);
        drop(state);
        Ok(Subscription { missed, messages, hub: self.clone(), number, topics })
    }

    /// Ends all subscriptions and takes no new ones.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.subscribers.clear();
        state.listening.clear();
    }

    /// A fresh id for an object in a stream.
    pub fn id(&self) -> String {
        self.lock().id()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing here is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&mut self, draft: Draft, own: bool, now: i64) -> Result<(Message, bool), PushError> {
        let id = self.id();
        let message = self.cache.publish(draft, id, own, now)?;
        let listening = self.listening.get(&message.topic).cloned().unwrap_or_default();
        let mut heard = false;
        for number in listening {
            let Some(sender) = self.subscribers.get(&number) else { continue };
            if sender.try_send(message.clone()).is_ok() {
                heard = true;
            } else {
                self.subscribers.remove(&number);
            }
        }
        Ok((message, heard))
    }

    fn id(&mut self) -> String {
        (0..12).map(|_| self.random.alphanumeric()).collect()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.subscribers.remove(&self.number);
        for topic in &self.topics {
            if let Some(numbers) = state.listening.get_mut(topic) {
                numbers.retain(|number| *number != self.number);
                if numbers.is_empty() {
                    state.listening.remove(topic);
                }
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A topic is a secret: whoever knows it can ring.
        formatter.debug_struct("Hub").field("subscribers", &self.lock().subscribers.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscription").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Reads a list of topics, separated by commas.
pub(crate) fn topics(text: &str) -> Result<Vec<String>, PushError> {
    let topics: Vec<String> = text.split(',').map(str::to_owned).collect();
    let is_good = topics.len() <= TOPICS_OF_ONE && topics.iter().all(|topic| is_topic(topic));
    if is_good { Ok(topics) } else { Err(PushError::Topic) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn hub() -> Arc<Hub> {
        Arc::new(Hub::new(fastrand::Rng::with_seed(1)))
    }

    fn draft(topic: &str) -> Draft {
        Draft { topic: topic.to_owned(), ..Draft::default() }
    }

    #[test]
    fn a_subscriber_gets_what_it_missed_and_then_what_comes() {
        let hub = hub();
        assert!(!hub.publish(draft("a"), NOW).unwrap().1);
        let mut subscription = hub.subscribe(topics("a,b").unwrap(), &Since::All, NOW).unwrap();
        assert_eq!(subscription.missed.len(), 1);
        let (message, heard) = hub.publish(draft("b"), NOW).unwrap();
        assert!(heard);
        assert_eq!(message.id.len(), 12);
        assert_eq!(subscription.messages.try_recv().unwrap(), message);
        assert!(!hub.ring("c", "", NOW).unwrap());
        assert!(subscription.messages.try_recv().is_err());
        drop(subscription);
        assert!(!hub.publish(draft("a"), NOW).unwrap().1);
        assert!(hub.lock().listening.is_empty());
    }

    #[test]
    fn a_subscriber_that_is_too_slow_is_cut_off() {
        let hub = hub();
        let mut subscription = hub.subscribe(topics("a").unwrap(), &Since::Nothing, NOW).unwrap();
        for _ in 0..=QUEUE {
            hub.ring("a", "x", NOW).unwrap();
        }
        let mut received = 0;
        while subscription.messages.try_recv().is_ok() {
            received += 1;
        }
        assert_eq!(received, QUEUE);
        assert!(subscription.messages.is_closed());
    }

    #[test]
    fn a_closed_hub_ends_all_subscriptions() {
        let hub = hub();
        let mut subscription = hub.subscribe(topics("a").unwrap(), &Since::Nothing, NOW).unwrap();
        hub.close();
        assert!(matches!(subscription.messages.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        assert!(hub.subscribe(topics("a").unwrap(), &Since::Nothing, NOW).is_err());
        assert_eq!(topics("a,,b"), Err(PushError::Topic));
    }
}
