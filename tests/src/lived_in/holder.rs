//! Whose a place is, and what may become of that while the agent is at work: the rules of the promise.
//!
//! Where it cannot be seen from outside which of two things is the case, both are thought possible, each as a holder of its
//! own.

use std::collections::BTreeSet;

use super::node::{Form, Node};

/// Whose a place is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    /// Something of somebody's.
    Person(Node),
    /// A file of the agent's as the agent left it, and what was there before that.
    Agent {
        node: Node,
        original: Option<Node>,
    },
}

/// What was done to a file of the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// Nothing that makes a difference.
    None,
    Deleted,
    /// Its content.
    Edited,
    /// Its mode or owner, or a secret was given a further name.
    Permitted,
    /// It is something else now.
    Retyped,
}

/// Under which circumstances the agent was at work.
pub(super) struct Circumstances<'a> {
    /// Whether something may be as it is because it could not be changed.
    pub(super) is_unsettled: bool,
    /// Whether everything of the agent's was to go, and went.
    pub(super) is_end: bool,
    /// Whether commands were carried out after the files had been put back.
    pub(super) has_commands: bool,
    /// Whether the agent may take a file of its own that was changed for somebody's.
    pub(super) is_unconfirmed: bool,
    /// Whether somebody's file or link may be backed up at the place.
    pub(super) may_back_up: bool,
    /// The same for a file that sets nothing.
    pub(super) may_back_up_inert: bool,
    /// The contents that are kept in quarantine.
    pub(super) quarantine: &'a BTreeSet<Vec<u8>>,
}

/// What may hold the place next, or what is wrong.
type Next = Result<Vec<Holder>, String>;

/// What was done to a file of the agent's.
pub(super) fn touch(agents: &Node, now: Option<&Node>) -> Touch {
    match now {
        None => Touch::Deleted,
        Some(now) if !now.is_of_the_type_of(agents) => Touch::Retyped,
        Some(now) if now.form != agents.form => Touch::Edited,
        Some(now) if (now.mode, now.owner) != (agents.mode, agents.owner) => Touch::Permitted,
        Some(now) if now.is_shared_secret && !agents.is_shared_secret => Touch::Permitted,
        Some(_) => Touch::None,
    }
}

impl Holder {
    /// What may hold the place after the agent was at work, by what is there before and after.
    pub(super) fn next(&self, before: Option<&Node>, after: Option<&Node>, at: &Circumstances<'_>) -> Next {
        let next = match (self, before) {
            (Self::Nobody, _) => from_nothing(after),
            (Self::Person(_), Some(before)) => from_person(before, after, at),
            (Self::Person(_), None) => from_nothing(after),
            (Self::Agent { node, original }, _) => {
                let original = original.as_ref();
                match (touch(node, before), before) {
                    (Touch::None, Some(before)) => from_untouched(before, original, after, at),
                    (Touch::Permitted, Some(before)) => from_permitted((node, before), original, after, at),
                    (Touch::Edited, Some(before)) => from_edited((node, before), original, after, at),
                    (Touch::Retyped, Some(before)) => from_retyped((node, before), original, after, at),
                    _ => from_deleted(node, original, after, at),
                }
            }
        };
        next.and_then(|next| at_the_end(next, at))
    }
}

fn at_the_end(next: Vec<Holder>, at: &Circumstances<'_>) -> Next {
    let is_agents = |holder: &Holder| matches!(holder, Holder::Agent { .. });
    if at.is_end && !next.is_empty() && next.iter().all(is_agents) {
        return Err("the agent's file is left at the end".to_owned());
    }
    Ok(next.into_iter().filter(|holder| !at.is_end || !is_agents(holder)).collect())
}

fn agent(node: &Node, original: Option<&Node>) -> Holder {
    Holder::Agent { node: node.clone(), original: original.cloned() }
}

fn is_kept(node: &Node, at: &Circumstances<'_>) -> bool {
    // Of an empty file there is nothing to keep.
    node.bytes().is_none_or(|bytes| bytes.is_empty() || at.quarantine.contains(bytes))
}

fn from_nothing(after: Option<&Node>) -> Next {
    match after {
        None => Ok(vec![Holder::Nobody]),
        Some(after) if after.may_be_the_agents() => Ok(vec![agent(after, None)]),
        Some(_) => Err("something that is no file of root's is where nothing was".to_owned()),
    }
}

fn from_person(before: &Node, after: Option<&Node>, at: &Circumstances<'_>) -> Next {
    let Some(after) = after else { return Err("a person's file is gone".to_owned()) };
    match after.differs_from_before(before) {
        None => Ok(vec![Holder::Person(after.clone())]),
        // Backed up, and given back at once.
        Some(_) if may_be_backed_up(before, at) && after.differs_from_original(before).is_none() => {
            Ok(vec![Holder::Person(after.clone())])
        }
        Some(_) if may_be_backed_up(before, at) && after.may_be_the_agents() => Ok(vec![agent(after, Some(before))]),
        Some(what) => Err(format!("a person's file was changed: {what}")),
    }
}

fn may_be_backed_up(node: &Node, at: &Circumstances<'_>) -> bool {
    match &node.form {
        Form::File(bytes) => at.may_back_up || (at.may_back_up_inert && sets_nothing(bytes)),
        Form::Link(_) => at.may_back_up,
        _ => false,
    }
}

/// Whether there is nothing but comments and blank lines.
fn sets_nothing(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| matches!(byte, b'\n'));
    lines.all(|line| line.trim_ascii().is_empty() || line.trim_ascii().starts_with(b"#"))
}

fn from_untouched(before: &Node, original: Option<&Node>, after: Option<&Node>, at: &Circumstances<'_>) -> Next {
    match (after, original) {
        (None, None) => Ok(vec![Holder::Nobody]),
        (None, Some(_)) => Err("the agent's file is gone and what was there before it did not come back".to_owned()),
        (Some(after), original) if after == before => Ok(vec![agent(after, original)]),
        (Some(after), Some(original)) if after.form == original.form => given_back(after, original, before, at),
        (Some(after), original) => renewed(after, original),
    }
}

/// A profile may ask for the very content that the original has: then it may be the agent's file still.
fn given_back(after: &Node, original: &Node, agents: &Node, at: &Circumstances<'_>) -> Next {
    match after.differs_from_original(original) {
        None => Ok(vec![Holder::Person(after.clone())]),
        Some(_) if agents.form == original.form || at.has_commands => renewed(after, Some(original)),
        Some(what) => Err(format!("an original came back with {what}")),
    }
}

fn renewed(after: &Node, original: Option<&Node>) -> Next {
    if after.may_be_the_agents() {
        Ok(vec![agent(after, original)])
    } else {
        Err("the agent's file became something else".to_owned())
    }
}

fn from_permitted(
    (agents, before): (&Node, &Node),
    original: Option<&Node>,
    after: Option<&Node>,
    at: &Circumstances<'_>,
) -> Next {
    match (after, original) {
        (None, None) => Ok(vec![Holder::Nobody]),
        (None, Some(_)) => Err("a file with other permissions is gone and its original did not come back".to_owned()),
        (Some(after), original) if after == before => {
            let stays = Holder::Agent { node: agents.clone(), original: original.cloned() };
            let what = if before.mode == agents.mode { "owner" } else { "mode" };
            if at.is_unsettled { Ok(vec![stays]) } else { Err(format!("another {what} was not put back")) }
        }
        (Some(after), Some(original)) if after.form == original.form => given_back(after, original, agents, at),
        (Some(after), original) if after.form == agents.form && after.mode != agents.mode => {
            let _ = original;
            Err("a file was put back with another mode".to_owned())
        }
        (Some(after), original) => renewed(after, original),
    }
}

fn from_edited(
    (agents, before): (&Node, &Node),
    original: Option<&Node>,
    after: Option<&Node>,
    at: &Circumstances<'_>,
) -> Next {
    let kept = |next: Holder, how: &str| {
        if is_kept(before, at) { Ok(vec![next]) } else { Err(format!("what somebody wrote is lost: {how}")) }
    };
    match (after, original) {
        (None, None) => kept(Holder::Nobody, "removed"),
        (None, Some(_)) => Err("an edited file is gone".to_owned()),
        (Some(after), original) if after.differs_from_before(before).is_none() => {
            let mut next = Vec::new();
            let is_safe = |original: &Node| is_kept(original, at) || original.form == before.form;
            if at.is_unconfirmed || original.is_some_and(is_safe) {
                next.push(Holder::Person(after.clone()));
            }
            if at.is_unsettled {
                next.push(agent(agents, original));
            }
            let why = if original.is_some() && at.is_end { "its original is not kept" } else { "nothing was done" };
            if next.is_empty() { Err(format!("an edited file stays, and {why}")) } else { Ok(next) }
        }
        // The agent's file was put back, and then its profile was deleted.
        (Some(after), Some(original)) if after.form == original.form && at.has_commands && is_kept(before, at) => {
            given_back(after, original, agents, at)
        }
        (Some(after), Some(original)) if after.form == original.form && agents.form == original.form => {
            given_back(after, original, agents, at)
        }
        (Some(after), Some(original)) if after.form == original.form => {
            Err("an original came back over what somebody wrote later".to_owned())
        }
        (Some(after), original) if after.may_be_the_agents() => kept(agent(after, original), "put back"),
        _ => Err("an edited file became something else".to_owned()),
    }
}

fn from_retyped(
    (agents, before): (&Node, &Node),
    original: Option<&Node>,
    after: Option<&Node>,
    at: &Circumstances<'_>,
) -> Next {
    let Some(after) = after else { return Err("what took the place of the agent's file is gone".to_owned()) };
    let is_kept = original.is_none_or(|original| is_kept(original, at) || original.form == before.form);
    if let Some(what) = after.differs_from_before(before) {
        return match () {
            () if !may_be_backed_up(before, at) || !after.may_be_the_agents() => {
                Err(format!("what took the place of the agent's file was changed: {what}"))
            }
            () if !is_kept => Err("the first original is lost where a second one was backed up".to_owned()),
            () if at.has_commands && after.differs_from_original(before).is_none() => {
                Ok(vec![Holder::Person(after.clone())])
            }
            () => Ok(vec![agent(after, Some(before))]),
        };
    }
    let mut next = Vec::new();
    if is_kept {
        next.push(Holder::Person(after.clone()));
    }
    // It cannot be told from outside whether the agent still remembers the original.
    if !at.is_end && (at.is_unsettled || is_kept) {
        next.push(agent(agents, original));
    }
    if next.is_empty() { Err("the original of a file that became something else is lost".to_owned()) } else { Ok(next) }
}

fn from_deleted(agents: &Node, original: Option<&Node>, after: Option<&Node>, at: &Circumstances<'_>) -> Next {
    match (after, original) {
        (None, None) => Ok(if at.is_end { vec![Holder::Nobody] } else { vec![Holder::Nobody, agent(agents, None)] }),
        (None, Some(original)) => {
            let mut next = Vec::new();
            if is_kept(original, at) {
                next.push(Holder::Nobody);
            }
            if at.is_unsettled {
                next.push(agent(agents, Some(original)));
            }
            let why = "a deleted file stays deleted, and its original is not kept";
            if next.is_empty() { Err(why.to_owned()) } else { Ok(next) }
        }
        (Some(after), Some(original))
            if after.form == original.form && (at.has_commands || agents.form == original.form) =>
        {
            given_back(after, original, agents, at)
        }
        (Some(after), Some(original)) if after.form == original.form => {
            Err("an original came back where the file had been deleted".to_owned())
        }
        (Some(after), original) if after.may_be_the_agents() => Ok(vec![agent(after, original)]),
        (Some(_), _) => Err("something that is no file of root's is where a file was deleted".to_owned()),
    }
}
