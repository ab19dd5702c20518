//! Whatever is done to a tree can be undone, and what is kept is what is there.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;
use proptest::prelude::*;

use crate::engine::profile::Stored;
use crate::engine::testing::PROVIDER;
use crate::engine::tree::Tree;

#[derive(Debug, Clone)]
enum Deed {
    Add(usize, &'static str),
    Replace(usize, &'static str),
    Delete(usize),
    Keep,
}

proptest! {
    #![proptest_config(crate::engine::testing::cases(256))]

    #[test]
    fn undoing_restores_the_tree_exactly(before in deeds(), after in deeds()) {
        let mut tree = Tree::default();
        let mut stored = Stored::default();
        before.iter().for_each(|deed| run(&mut tree, &mut stored, deed));
        let (nodes, mark) = (tree.own.clone(), tree.mark());
        let undoable = after.iter().filter(|deed| !matches!(deed, Deed::Keep));
        undoable.for_each(|deed| run(&mut tree, &mut stored, deed));
        tree.undo_to(mark);
        prop_assert_eq!(tree.own, nodes);
    }

    #[test]
    fn what_is_kept_makes_the_same_tree_again(deeds in deeds()) {
        let mut tree = Tree::default();
        let mut stored = Stored::default();
        deeds.iter().for_each(|deed| run(&mut tree, &mut stored, deed));
        run(&mut tree, &mut stored, &Deed::Keep);
        let again = Tree::new(&stored, true);
        prop_assert_eq!(&again.own, &tree.own);
        prop_assert_eq!(&again.profiles, &tree.profiles);
        prop_assert!(tree.changes(99).is_empty());
    }

    #[test]
    fn undoing_what_is_not_kept_leaves_what_is(deeds in deeds()) {
        let mut tree = Tree::default();
        let mut stored = Stored::default();
        deeds.iter().for_each(|deed| run(&mut tree, &mut stored, deed));
        tree.undo_unkept();
        prop_assert_eq!(Tree::new(&stored, true).own, tree.own);
    }
}

fn run(tree: &mut Tree, stored: &mut Stored, deed: &Deed) {
    // Whether a deed is allowed does not matter here.
    let _ = match deed {
        Deed::Add(place, value) => tree.add(&address(*place), &Format::Chr, value),
        Deed::Replace(place, value) => tree.replace(&address(*place), &Format::Chr, value),
        Deed::Delete(place) => tree.delete(&address(*place)),
        Deed::Keep => {
            let changes = tree.changes(7);
            stored.apply(&changes);
            tree.accept(&changes);
            Ok(())
        }
    };
}

fn address(place: usize) -> LocUri {
    let places = [
        "./Device/Vendor/MSFT/VPNv2/Head".to_owned(),
        "./Device/Vendor/MSFT/VPNv2/Head/DnsSuffix".to_owned(),
        "./Device/Vendor/MSFT/VPNv2/Head/RouteList".to_owned(),
        "./Device/Vendor/MSFT/VPNv2/Head/RouteList/0/Address".to_owned(),
        "./User/Vendor/MSFT/EMAIL2/A".to_owned(),
        "./User/Vendor/MSFT/EMAIL2/A/NAME".to_owned(),
        "./Vendor/MSFT/Policy/Config/A/B".to_owned(),
        "./Vendor/MSFT/Policy/Config/A/C".to_owned(),
        format!("{PROVIDER}/EntDMID"),
        format!("{PROVIDER}/UPN"),
        format!("{PROVIDER}/Push"),
        format!("{PROVIDER}/Push/PFN"),
    ];
    LocUri::parse(&places[place % places.len()]).unwrap()
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let value = prop::sample::select(vec!["", "1", "2"]);
    let deed = prop_oneof![
        4 => (0..12usize, value.clone()).prop_map(|(place, value)| Deed::Add(place, value)),
        4 => (0..12usize, value).prop_map(|(place, value)| Deed::Replace(place, value)),
        3 => (0..12usize).prop_map(Deed::Delete),
        1 => Just(Deed::Keep),
    ];
    prop::collection::vec(deed, 0..30)
}
