use super::*;

#[test]
fn a_name_gives_a_channel_with_a_topic_of_its_own_and_the_same_name_changes_nothing() {
    let mut random = fastrand::Rng::with_seed(1);
    let first = topic(&mut random);
    assert!(first.len() == 32 && first != topic(&mut random));
    let mut state = PushState::default();
    assert!(state.set_name(Some("ntfy:https://push.example:8445/"), &first));
    let channel = state.channel.clone().unwrap();
    assert_eq!((channel.base.as_str(), &channel.topic), ("https://push.example:8445", &first));
    assert_eq!(channel.uri(), format!("https://push.example:8445/{}", channel.topic));
    assert!(!format!("{channel:?}").contains(&channel.topic));
    state.note_ring("abc");
    assert!(!state.set_name(Some("ntfy:https://push.example:8445"), "T1"));
    assert_eq!(state.last_ring.as_deref(), Some("abc"));
    assert!(state.set_name(Some("ntfy:https://other.example/deep"), "T1"));
    assert_ne!(state.channel.as_ref().unwrap().topic, channel.topic);
    assert_eq!(state.last_ring, None);
    assert!(state.set_name(None, "T1"));
    assert_eq!((state.channel.clone(), state.bad_address), (None, false));
}

#[test]
fn what_is_no_push_server_gives_no_channel_and_says_so() {
    let names = ["ntfy:http://push.example", "wns:x", "ntfy:", "ntfy:https://a:b@push.example", "ntfy:https://x/?q=1"];
    for name in names {
        let mut state = PushState::default();
        state.set_name(Some(name), "T1");
        assert_eq!((state.channel.clone(), state.status(LinkState::None)), (None, 1), "{name}");
    }
}

#[test]
fn a_ring_states_a_spread_or_means_now() {
    for (text, seconds) in [("spread=60", 60), (" spread=0 ", 0), ("spread=-1", 0), ("", 0), ("wipe!", 0)] {
        assert_eq!(spread_seconds(text), seconds, "{text:?}");
    }
    assert_eq!(spread_seconds("spread=99999999"), 8 * 3600);
    assert_eq!(spread_seconds("spread=99999999999999999999999999"), 0);
}

#[test]
fn a_flood_of_rings_starts_a_few_sessions_and_then_one_in_half_a_minute() {
    let mut bucket = Bucket::default();
    let admitted: std::collections::BTreeSet<i64> = (0..10_000).map(|ms| bucket.admit(ms)).collect();
    let at_once = admitted.iter().filter(|at| **at < 10_000).count();
    assert_eq!(at_once, 4);
    assert_eq!(admitted.len(), 5, "the rest wait for one and the same moment");
    assert_eq!(bucket.admit(10_000_000), 10_000_000, "it fills up again");
}

#[test]
fn a_repeated_ring_is_recognised() {
    let mut state = PushState::default();
    assert!(state.note_ring("a"));
    assert!(!state.note_ring("a"));
    assert!(state.note_ring("b"));
    assert!(state.note_ring(&"x".repeat(1000)), "an id that nobody can keep is no reason to stay asleep");
    assert_eq!(state.last_ring.as_deref(), Some("b"));
}
