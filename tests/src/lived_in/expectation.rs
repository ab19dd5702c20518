//! What the history and the server have to hear of changes by others: each once, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::node::Node;

/// What has been said, and what has to be.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    /// Changes that the history has to have and has not yet.
    unnoted: BTreeSet<String>,
    /// What was there when the history was told of it: as long as it is the same, it is the same change.
    noted: BTreeMap<String, Option<Node>>,
    /// Changes that the server has to hear of.
    untold: BTreeMap<String, usize>,
    /// Changes that the server may have heard of when the agent was interrupted.
    perhaps_told: BTreeSet<String>,
    /// Changes that an interrupted look may have found and not recorded.
    perhaps_late: BTreeSet<String>,
    /// Whether an interruption may have kept the history from being told.
    was_interrupted: bool,
}

/// Whether there is no difference that somebody would have to be told of.
pub(super) fn is_the_same(one: Option<&Node>, other: Option<&Node>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            (&one.form, one.mode, one.owner, one.is_shared_secret)
                == (&other.form, other.mode, other.owner, other.is_shared_secret)
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// One look of the agent's at its machine, or several in one session.
pub(super) struct Look<'a> {
    /// Files of the agent's that somebody has changed, for certain and perhaps, with what is there.
    pub(super) certain: BTreeMap<String, Option<Node>>,
    pub(super) perhaps: BTreeMap<String, Option<Node>>,
    /// What the history was told, by real paths.
    pub(super) noted: &'a [String],
    /// What the server was told.
    pub(super) told: &'a [String],
    /// Whether the session came to its end.
    pub(super) is_completed: bool,
    /// Whether something went wrong under the agent's hands.
    pub(super) is_disturbed: bool,
}

impl Expectation {
    /// What is wrong with what was said.
    pub(super) fn look(&mut self, look: &Look<'_>) -> Vec<String> {
        // What is found after the session has begun is told by the next one.
        let owed: BTreeSet<String> = self.untold.keys().cloned().collect();
        let mut wrong = self.notes(look);
        wrong.extend(self.reports(look, &owed));
        self.was_interrupted = look.is_disturbed;
        wrong
    }

    /// Files that were put back, or that are somebody's now, can be changed anew.
    pub(super) fn forget(&mut self, is_the_same: impl Fn(&str, Option<&Node>) -> bool) {
        self.noted.retain(|path, node| is_the_same(path, node.as_ref()));
    }

    fn notes(&mut self, look: &Look<'_>) -> Vec<String> {
        let mut wrong = Vec::new();
        let is_news = |path: &String, node: &Option<Node>| {
            self.noted.get(path).is_none_or(|known| !is_the_same(known.as_ref(), node.as_ref()))
        };
        let news = look.certain.iter().filter(|(path, node)| is_news(path, node));
        let news: Vec<String> = news.map(|(path, _)| path.clone()).collect();
        self.unnoted.extend(news);
        let mut heard = BTreeSet::new();
        for path in look.noted {
            // What an interrupted look has found may be recorded by the next one.
            let may_be = self.perhaps_late.contains(path)
                || look.perhaps.get(path).is_some_and(|node| self.noted.get(path) != Some(node));
            // After an interruption there may be two changes of one file: the one that was not recorded, and another.
            let is_second = !heard.insert(path);
            if is_second && self.was_interrupted {
                *self.untold.entry(path.clone()).or_default() += 1;
                continue;
            }
            if is_second {
                wrong.push(format!("a change is in the history twice: /{path}"));
            } else if !self.unnoted.remove(path) && !may_be {
                let again = look.perhaps.contains_key(path);
                let why = if again {
                    "an old change is in the history again"
                } else {
                    "the history has a change that nobody made"
                };
                wrong.push(format!("{why}: /{path}"));
            }
            self.noted.insert(path.clone(), look.perhaps.get(path).cloned().flatten());
            *self.untold.entry(path.clone()).or_default() += 1;
        }
        self.perhaps_late = if look.is_disturbed { look.perhaps.keys().cloned().collect() } else { BTreeSet::new() };
        if !look.is_disturbed {
            let after = if self.was_interrupted { " after an interruption" } else { "" };
            for path in std::mem::take(&mut self.unnoted) {
                wrong.push(format!("a change is not in the history{after}: /{path}"));
                self.noted.insert(path.clone(), look.perhaps.get(&path).cloned().flatten());
                self.perhaps_told.insert(path);
            }
        }
        wrong
    }

    fn reports(&mut self, look: &Look<'_>, owed: &BTreeSet<String>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut heard: BTreeMap<&String, usize> = BTreeMap::new();
        look.told.iter().for_each(|path| *heard.entry(path).or_default() += 1);
        for (path, times) in heard {
            let most = self.untold.remove(path).unwrap_or(0);
            let may_be = self.perhaps_told.contains(path) || look.perhaps.contains_key(path);
            if times > most.max(1) {
                wrong.push(format!("the server was told too often: /{path}"));
            } else if most == 0 && !may_be {
                wrong.push(format!("the server was told of a change that nobody made, or again: /{path}"));
            }
        }
        if look.is_disturbed {
            self.perhaps_told.extend(look.told.iter().cloned());
        } else if look.is_completed {
            let left = owed.iter().filter(|path| self.untold.remove(*path).is_some());
            let left: Vec<&String> = left.filter(|path| !self.perhaps_told.contains(*path)).collect();
            wrong.extend(left.iter().map(|path| format!("the server was not told of a change: /{path}")));
            self.perhaps_told.clear();
        }
        wrong
    }
}
