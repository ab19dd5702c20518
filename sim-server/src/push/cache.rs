//! Which messages are accepted, how long they are kept, and which are repeated. Bounded in every direction.

use std::collections::{BTreeMap, VecDeque};

use super::{Draft, Event, Message, PushError, Since};

/// How long a message is kept, in seconds.
const KEPT_SECONDS: i64 = 12 * 3600;
/// The longest message, in bytes.
const MESSAGE_BYTES: usize = 4096;
/// The longest title, and all tags together, in bytes.
const TITLE_BYTES: usize = 1024;
/// The most messages kept of one topic; the oldest go first.
const MESSAGES: usize = 100;
/// The most messages kept of all topics together.
const MESSAGES_OF_ALL: usize = 100_000;
/// The most topics.
const TOPICS: usize = 100_000;
/// How many messages a topic takes at once, and how many more each second.
const BURST: i64 = 60;
const PER_SECOND: i64 = 1;
/// Names that ntfy has other uses for.
const RESERVED: [&str; 9] = ["docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login"];

/// Messages by topic.
#[derive(Debug, Default)]
pub(super) struct Cache {
    topics: BTreeMap<String, Topic>,
    /// The number of the last message of all.
    last: u64,
    /// How many messages are kept of all topics together.
    kept: usize,
}

#[derive(Debug)]
struct Topic {
    messages: VecDeque<(u64, Message)>,
    /// How many more messages it takes at present, as of `counted`.
    room: i64,
    counted: i64,
}

/// Whether a name can be a topic's.
pub(crate) fn is_topic(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        && !RESERVED.contains(&name)
        && name != "v1"
}

impl Cache {
    /// Accepts a message under a fresh id. What the server itself says (`own`) is never too much.
    pub(super) fn publish(&mut self, draft: Draft, id: String, own: bool, now: i64) -> Result<Message, PushError> {
        check(&draft)?;
        let is_full = |cache: &Self| {
            let is_new = !cache.topics.contains_key(&draft.topic);
            (is_new && cache.topics.len() >= TOPICS) || cache.kept >= MESSAGES_OF_ALL
        };
        if is_full(self) {
            self.forget_idle(now);
            // Strangers who fill it up must not keep devices from being rung.
            if !own && is_full(self) {
                return Err(PushError::TooManyMessages);
            }
        }
        let topic = self.topics.entry(draft.topic.clone()).or_insert_with(|| Topic::new(now));
        topic.count(own, now)?;
        let text = draft.message.trim();
        let message = Message {
            expires: (!draft.fleeting).then(|| now.saturating_add(KEPT_SECONDS)),
            title: draft.title.filter(|title| !title.is_empty()),
            message: Some(if text.is_empty() { "triggered".to_owned() } else { text.to_owned() }),
            priority: draft.priority.filter(|priority| *priority != 3),
            tags: draft.tags,
            ..Message::event(Event::Message, id, &draft.topic, now)
        };
        if !draft.fleeting {
            self.last += 1;
            let before = topic.messages.len();
            topic.forget_expired(now);
            topic.messages.push_back((self.last, message.clone()));
            if topic.messages.len() > MESSAGES {
                topic.messages.pop_front();
            }
            self.kept = (self.kept + topic.messages.len()).saturating_sub(before);
        }
        Ok(message)
    }

    /// The kept messages of topics that a subscriber wants repeated, in the order in which they came.
    pub(super) fn messages(&self, topics: &[String], since: &Since, now: i64) -> Vec<Message> {
        let topics = || topics.iter().filter_map(|topic| self.topics.get(topic));
        let kept = || topics().flat_map(|topic| &topic.messages).filter(|(_, message)| is_kept(message, now));
        let mut found: Vec<&(u64, Message)> = match since {
            Since::Nothing => Vec::new(),
            Since::All => kept().collect(),
            Since::Latest => {
                topics().filter_map(|topic| topic.messages.back()).filter(|(_, m)| is_kept(m, now)).collect()
            }
            Since::Moment(moment) => kept().filter(|(_, message)| message.time >= *moment).collect(),
            Since::Message(id) => {
                let known = kept().find(|(_, message)| message.id == *id).map_or(0, |(number, _)| *number);
                kept().filter(|(number, _)| *number > known).collect()
            }
        };
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, message)| message.clone()).collect()
    }

    fn forget_idle(&mut self, now: i64) {
        self.topics.retain(|_, topic| {
            topic.forget_expired(now);
            !topic.messages.is_empty() || now.saturating_sub(topic.counted) < BURST
        });
        self.kept = self.topics.values().map(|topic| topic.messages.len()).sum();
    }
}

impl Topic {
    fn new(now: i64) -> Self {
        Self { messages: VecDeque::new(), room: BURST, counted: now }
    }

    fn count(&mut self, own: bool, now: i64) -> Result<(), PushError> {
        let passed = now.saturating_sub(self.counted).max(0);
        self.room = self.room.saturating_add(passed.saturating_mul(PER_SECOND)).min(BURST);
        self.counted = now;
        if own {
            return Ok(());
        }
        if self.room == 0 {
            return Err(PushError::TooManyMessages);
        }
        self.room -= 1;
        Ok(())
    }

    fn forget_expired(&mut self, now: i64) {
        while self.messages.front().is_some_and(|(_, message)| !is_kept(message, now)) {
            self.messages.pop_front();
        }
    }
}

fn is_kept(message: &Message, now: i64) -> bool {
    message.expires.is_some_and(|expires| now < expires)
}

fn check(draft: &Draft) -> Result<(), PushError> {
    if !is_topic(&draft.topic) {
        return Err(PushError::Topic);
    }
    let tags: usize = draft.tags.iter().map(String::len).sum();
    let title = draft.title.as_ref().map_or(0, String::len);
    if draft.message.len() > MESSAGE_BYTES || title > TITLE_BYTES || tags > TITLE_BYTES || draft.tags.len() > 32 {
        return Err(PushError::TooLong);
    }
    if draft.priority.is_some_and(|priority| !(1..=5).contains(&priority)) {
        return Err(PushError::Priority);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn publish(cache: &mut Cache, topic: &str, id: &str, now: i64) -> Result<Message, PushError> {
        let draft = Draft { topic: topic.to_owned(), message: format!("says {id}"), ..Draft::default() };
        cache.publish(draft, id.to_owned(), false, now)
    }

    fn ids(cache: &Cache, topics: &[&str], since: &Since, now: i64) -> Vec<String> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        cache.messages(&topics, since, now).into_iter().map(|message| message.id).collect()
    }

    #[test]
    fn missed_messages_are_repeated_as_asked() {
        let mut cache = Cache::default();
        for (topic, id, now) in [("a", "1", NOW), ("b", "2", NOW), ("a", "3", NOW + 60)] {
            publish(&mut cache, topic, id, now).unwrap();
        }
        let both = |since| ids(&cache, &["a", "b", "c"], &since, NOW + 60);
        assert_eq!(both(Since::All), ["1", "2", "3"]);
        assert!(both(Since::Nothing).is_empty());
        assert_eq!(both(Since::Latest), ["2", "3"]);
        assert_eq!(both(Since::Moment(NOW + 1)), ["3"]);
        assert_eq!(both(Since::Message("1".to_owned())), ["2", "3"]);
        assert_eq!(both(Since::Message("unknown".to_owned())), ["1", "2", "3"]);
        assert_eq!(ids(&cache, &["a"], &Since::All, NOW + 60), ["1", "3"]);
    }

    #[test]
    fn messages_are_kept_for_twelve_hours_unless_they_are_fleeting() {
        let mut cache = Cache::default();
        let message = publish(&mut cache, "a", "1", NOW).unwrap();
        assert_eq!(message.expires, Some(NOW + KEPT_SECONDS));
        let draft = Draft { topic: "a".to_owned(), fleeting: true, ..Draft::default() };
        let fleeting = cache.publish(draft, "2".to_owned(), false, NOW).unwrap();
        assert_eq!((fleeting.message.as_deref(), fleeting.expires), (Some("triggered"), None));
        assert_eq!(ids(&cache, &["a"], &Since::All, NOW + KEPT_SECONDS - 1), ["1"]);
        assert!(ids(&cache, &["a"], &Since::All, NOW + KEPT_SECONDS).is_empty());
    }

    #[test]
    fn a_flood_is_stopped_and_the_servers_own_rings_go_through() {
        let mut cache = Cache::default();
        for number in 0..BURST {
            publish(&mut cache, "a", &number.to_string(), NOW).unwrap();
        }
        assert_eq!(publish(&mut cache, "a", "x", NOW), Err(PushError::TooManyMessages));
        assert!(publish(&mut cache, "b", "x", NOW).is_ok());
        let own = Draft { topic: "a".to_owned(), ..Draft::default() };
        assert!(cache.publish(own, "own".to_owned(), true, NOW).is_ok());
        assert!(publish(&mut cache, "a", "x", NOW + 1).is_ok());
        assert!(publish(&mut cache, "a", "x", NOW + 1).is_err());
    }

    #[test]
    fn strangers_who_fill_the_cache_keep_no_device_from_being_rung() {
        let mut cache = Cache::default();
        for number in 0..MESSAGES_OF_ALL {
            publish(&mut cache, &format!("t{}", number / 50), "1", NOW).unwrap();
        }
        assert_eq!(publish(&mut cache, "one-more", "1", NOW), Err(PushError::TooManyMessages));
        let own = Draft { topic: "device".to_owned(), ..Draft::default() };
        assert!(cache.publish(own, "own".to_owned(), true, NOW).is_ok());
        assert!(publish(&mut cache, "one-more", "1", NOW + KEPT_SECONDS).is_ok());
        assert_eq!(cache.kept, 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut cache = Cache::default();
        for number in 0..150 {
            publish(&mut cache, "a", &number.to_string(), NOW + number).unwrap();
        }
        let kept = ids(&cache, &["a"], &Since::All, NOW + 150);
        assert_eq!((kept.len(), kept[0].as_str()), (MESSAGES, "50"));
        let draft = |message: String| Draft { topic: "a".to_owned(), message, ..Draft::default() };
        assert!(cache.publish(draft("x".repeat(4096)), String::new(), true, NOW).is_ok());
        assert_eq!(cache.publish(draft("x".repeat(4097)), String::new(), true, NOW), Err(PushError::TooLong));
        for topic in ["", "docs", "v1", "a/b", "ä", &"x".repeat(65)] {
            assert_eq!(publish(&mut cache, topic, "1", NOW), Err(PushError::Topic), "{topic}");
        }
    }
}
