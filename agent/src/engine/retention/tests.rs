//! When profiles have to go, by either clock.

use std::sync::Arc;

use super::*;
use crate::engine::testing::{DAY, NOW, WIFI, add, config, stored_after, wlan};

fn stored() -> Stored {
    stored_after(vec![add("1", WIFI, &wlan("swordfish")), add("2", &config("A"), "1")])
}

#[test]
fn a_profile_stays_for_seven_days_after_its_owners_last_word_or_its_own_receipt() {
    let (stored, rules) = (stored(), RetentionRules::default());
    let mut progress = Progress::default();
    let earliest = |progress: &Progress| stored.deadlines(progress, "Contoso", &rules).first();
    assert_eq!(earliest(&progress), Some(NOW + 1 + 7 * DAY));
    progress.confirm(&Arc::from("Contoso"), NOW + 3 * DAY);
    progress.confirm(&Arc::from("Somebody else"), NOW + 9 * DAY);
    assert_eq!(earliest(&progress), Some(NOW + 10 * DAY));
}

#[test]
fn what_is_over_goes_with_a_tombstone_and_the_rest_stays() {
    let (mut stored, rules) = (stored(), RetentionRules::default());
    stored.profiles[0].authority = "Former".to_owned();
    let mut progress = Progress::default();
    progress.confirm(&Arc::from("Contoso"), NOW + 3 * DAY);
    let at = NOW + 1 + 7 * DAY;
    assert!(stored.removals(&progress, "Contoso", &rules, at - 1, |_| true).is_empty());
    assert!(stored.removals(&progress, "Contoso", &rules, at, |role| role == OwnerRole::Present).is_empty());
    let changes = stored.removals(&progress, "Contoso", &rules, at, |_| true);
    stored.apply(&changes);
    assert_eq!((stored.profiles.len(), stored.tombstones.len()), (1, 1));
    let tombstone = &stored.tombstones[0];
    assert_eq!(
        (tombstone.authority.as_str(), tombstone.reason, tombstone.removed),
        ("Former", RemovalReason::Retention, at)
    );
    assert!(!tombstone.reported);
}

#[test]
fn only_the_newest_tombstones_are_kept() {
    let stored = stored();
    let one = |number: i64| stored.profiles[0].tombstone(RemovalReason::Server, number);
    let all = stored.with_tombstones((0..1000).map(one).collect());
    assert_eq!((all.len(), all.last().map(|last| last.removed)), (64, Some(999)));
}

#[test]
fn by_the_other_clock_profiles_stay_until_a_change_is_known_and_seven_days_from_then() {
    let rules = RetentionRules { clock: RetentionClock::AuthorityChange, ..RetentionRules::default() };
    let stored = stored();
    let mut progress = Progress::default();
    let earliest = |progress: &Progress, authority: &str| stored.deadlines(progress, authority, &rules).first();
    assert_eq!(earliest(&progress, "Contoso"), None);
    let told = crate::engine::authority::ToldAuthority {
        name: Some(Arc::from("New")),
        changed_at: None,
        addresses: vec![Arc::from("https://new.example/")],
    };
    progress.authority.hear(&told, &Arc::from("Contoso"), "https://old.example/", NOW + 100 * DAY);
    assert_eq!(earliest(&progress, "Contoso"), Some(NOW + 107 * DAY), "it knows, and has not moved yet");
    progress.authority.arrive(NOW + 101 * DAY);
    assert_eq!(earliest(&progress, "New"), Some(NOW + 108 * DAY));
}
