//! A failing package, made as small as it can be while it still fails.

use super::command::{Package, Single, Top};

/// Makes something smaller as long as it fails.
pub fn shrink(mut failing: (Package, Package), fails: impl Fn(&(Package, Package)) -> bool) -> (Package, Package) {
    'again: loop {
        for smaller in smaller_pair(&failing) {
            if fails(&smaller) {
                failing = smaller;
                continue 'again;
            }
        }
        return failing;
    }
}

fn smaller_pair((before, package): &(Package, Package)) -> Vec<(Package, Package)> {
    let shorter = smaller(before).into_iter().map(|before| (before, package.clone()));
    let other = smaller(package).into_iter().map(|package| (before.clone(), package));
    shorter.chain(other).collect()
}

pub(crate) fn smaller(package: &Package) -> Vec<Package> {
    let mut found = Vec::new();
    for (place, top) in package.iter().enumerate() {
        let mut without = package.clone();
        without.remove(place);
        found.push(without);
        for simpler in simpler(top) {
            let mut changed = package.clone();
            changed.splice(place..=place, simpler);
            found.push(changed);
        }
    }
    found
}

/// What may stand in the place of a command.
fn simpler(top: &Top) -> Vec<Vec<Top>> {
    match top {
        Top::Single(single) => fewer_items(single).into_iter().map(|single| vec![Top::Single(single)]).collect(),
        Top::Sequence(members) => {
            let mut found = vec![members.clone()];
            found.extend(smaller(members).into_iter().map(|members| vec![Top::Sequence(members)]));
            found
        }
        Top::Atomic(members) => {
            let mut found = Vec::new();
            for (place, member) in members.iter().enumerate() {
                let mut without = members.clone();
                without.remove(place);
                found.push(vec![Top::Atomic(without)]);
                for fewer in fewer_items(member) {
                    let mut changed = members.clone();
                    changed[place] = fewer;
                    found.push(vec![Top::Atomic(changed)]);
                }
            }
            found
        }
    }
}

fn fewer_items(single: &Single) -> Vec<Single> {
    let mut found = Vec::new();
    for place in 0..single.items.len() {
        if single.items.len() > 1 {
            let mut fewer = single.clone();
            fewer.items.remove(place);
            found.push(fewer);
        }
        if single.items[place].format.is_some() {
            let mut plain = single.clone();
            plain.items[place].format = None;
            found.push(plain);
        }
    }
    found
}
