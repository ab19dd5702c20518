//! Big messages: the work grows with their size, not with its square.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

use crate::engine::profile::Stored;
use crate::engine::testing::{NOW, Talk, add, atomic, config, context, delete, get, replace};
use crate::engine::tree::Tree;

const MANY: usize = 10_000;

#[test]
fn ten_thousand_commands_in_one_message_are_each_done_answered_and_kept_once() {
    let mut talk = Talk::begin();
    talk.say((0..MANY).map(|number| add(&number.to_string(), &config(&format!("N{number}")), "1")));
    assert_eq!(talk.kept.len(), 1);
    assert_eq!(talk.kept[0].profiles.len(), MANY);
    let mut done = 0;
    while talk.end.is_none() {
        done += talk.statuses().iter().filter(|(_, name, code)| (*name, *code) == ("Add", 200)).count();
        talk.say([]);
    }
    assert_eq!(done, MANY);
}

#[test]
fn ten_thousand_profiles_are_applied_to_the_copy_of_the_store_and_changed_again() {
    let mut talk = Talk::begin();
    talk.say((0..MANY).map(|number| add(&number.to_string(), &config(&format!("N{number}")), "1")));
    let mut stored = Stored::default();
    stored.apply(&talk.kept[0]);
    stored.apply(&talk.kept[0]);
    assert_eq!(stored.profiles.len(), MANY);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say((0..MANY).map(|number| delete(&number.to_string(), &config(&format!("N{number}")))));
    stored.apply(&talk.kept[0]);
    assert!(stored.profiles.is_empty());
}

#[test]
fn ten_thousand_changes_of_one_node_are_one_change() {
    let mut talk = Talk::begin();
    talk.say((0..MANY).map(|number| replace(&number.to_string(), &config("A"), &number.to_string())));
    assert_eq!(talk.kept.len(), 1);
    assert_eq!(talk.kept[0].profiles.len(), 1);
}

#[test]
fn a_profile_has_a_bounded_number_of_nodes_however_they_come() {
    let node = |number: usize| format!("./Device/Vendor/MSFT/VPNv2/Head/RouteList/{number}/Address");
    let mut talk = Talk::begin();
    talk.say([atomic("all", (0..1001).map(|number| add(&number.to_string(), &node(number), "10.0.0.0")).collect())]);
    assert_eq!([talk.code("all"), talk.code("999"), talk.code("1000")], [507, 216, 413]);
    talk.say((0..1001).map(|number| add(&number.to_string(), &node(number), "10.0.0.0")));
    assert_eq!([talk.code("999"), talk.code("1000")], [200, 413]);
}

#[test]
fn ten_thousand_nodes_that_do_not_exist_are_each_refused() {
    let mut talk = Talk::begin();
    talk.say((0..MANY).map(|number| get(&number.to_string(), &format!("./Nowhere/{number}"))));
    assert_eq!(talk.session.tally().refused as usize, MANY);
}

#[test]
fn the_children_of_a_node_are_found_without_walking_through_all_that_is_below() {
    let mut tree = Tree::default();
    for number in 0..50_000 {
        let uri = format!("./Device/Vendor/LinuxMDM/Config/Area/{number}");
        tree.add(&LocUri::parse(&uri).unwrap(), &Format::Chr, "10.0.0.0").unwrap();
    }
    let changes = tree.changes(NOW);
    tree.accept(&changes);
    let uri = LocUri::parse("./Device/Vendor/LinuxMDM/Config").unwrap();
    let mut names = String::new();
    for _ in 0..MANY {
        names = tree.get(&uri).unwrap().value;
    }
    assert_eq!(names, "Area");
    assert_eq!(tree.changes(NOW), crate::engine::Changes::default());
}

#[test]
fn asking_for_everything_again_and_again_is_refused_beyond_a_bound() {
    let mut talk = Talk::begin();
    talk.say((0..20).map(|number| add(&number.to_string(), &config(&format!("N{number}")), &"x".repeat(1 << 17))));
    let area = config("").trim_end_matches('/').to_owned();
    talk.say((0..40).map(|number| get(&number.to_string(), &format!("{area}?list=StructData"))));
    let tally = talk.session.tally();
    assert!(tally.refused > 30, "{tally:?}");
}
