//! Chains, and what is done to them.

use proptest::prelude::*;

use super::*;
use crate::engine::testing::cases;

#[test]
fn a_chain_holds_from_its_beginning_and_from_anywhere_in_it() {
    let entries = chain(5);
    assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for start in 0..=entries.len() {
        assert_eq!(verify(&entries[start..]), Ok(()));
    }
}

#[test]
fn a_chain_goes_on_after_any_entry() {
    let mut entries = chain(3);
    let mut end = Chain::after(&entries[2]);
    entries.push(end.append(9, "later", BTreeMap::new()));
    assert_eq!(verify(&entries), Ok(()));
}

#[test]
fn whatever_is_changed_the_chain_breaks_there() {
    let changes: [fn(&mut Entry); 8] = [
        |entry| entry.time += 1,
        |entry| entry.what.push('x'),
        |entry| entry.detail.clear(),
        |entry| *entry.detail.get_mut("why").unwrap() = "else".to_owned(),
        |entry| entry.detail.extend([("a".to_owned(), String::new())]),
        |entry| entry.sequence = 7,
        |entry| entry.previous = String::new(),
        |entry| entry.hash = entry.hash.to_uppercase(),
    ];
    for change in changes {
        let mut entries = chain(5);
        change(&mut entries[2]);
        assert_eq!(verify(&entries), Err(Broken { sequence: entries[2].sequence }));
    }
}

#[test]
fn an_entry_that_is_removed_moved_or_repeated_breaks_the_chain() {
    let without = |index: usize| {
        let mut entries = chain(5);
        entries.remove(index);
        verify(&entries)
    };
    assert_eq!(without(2), Err(Broken { sequence: 4 }));
    let mut entries = chain(5);
    entries.swap(1, 2);
    assert_eq!(verify(&entries), Err(Broken { sequence: 3 }));
    let mut entries = chain(5);
    entries.insert(2, entries[1].clone());
    assert_eq!(verify(&entries), Err(Broken { sequence: 2 }));
}

#[test]
fn parts_that_change_places_do_not_read_the_same() {
    let entry = |what: &str, name: &str, value: &str| {
        Chain::default().append(1, what, BTreeMap::from([(name.to_owned(), value.to_owned())])).hash
    };
    assert_ne!(entry("a", "bc", "d"), entry("a", "b", "cd"));
    assert_ne!(entry("ab", "c", "d"), entry("a", "bc", "d"));
}

#[test]
fn an_entry_is_kept_to_a_size() {
    let detail = (0..100).map(|number| (format!("{number}{}", "ä".repeat(100)), "\n".repeat(9_999))).collect();
    let entry = Chain::default().append(1, &"w".repeat(999), detail);
    assert!(serde_json::to_vec(&entry).unwrap().len() < 64 << 10);
    assert_eq!(verify([&entry]), Ok(()));
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn any_entry_survives_being_written_down(
        time in any::<i64>(),
        what in ".{0,80}",
        detail in proptest::collection::btree_map(".{0,70}", ".{0,600}", 0..20),
    ) {
        let mut chain = Chain::default();
        let entries = [chain.append(time, &what, detail.clone()), chain.append(time, &what, detail)];
        let read: Vec<Entry> = entries
            .iter()
            .map(|entry| serde_json::from_str(&serde_json::to_string(entry).unwrap()).unwrap())
            .collect();
        prop_assert_eq!(&read[..], &entries[..]);
        prop_assert_eq!(verify(&read), Ok(()));
    }
}

fn chain(length: i64) -> Vec<Entry> {
    let mut chain = Chain::default();
    let detail = |time: i64| BTreeMap::from([("why".to_owned(), format!("reason {time}"))]);
    (1..=length).map(|time| chain.append(time, "happened", detail(time))).collect()
}
