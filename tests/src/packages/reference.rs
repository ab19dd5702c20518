//! The plain reference: a device that is sent every command of a package by itself, in a session of its own, and an
//! administrator who puts the answers together. It knows nothing of nodes, profiles or the machine.

use mdm_protocol::syncml::Verb;

use super::command::{self, Package, Single, Top};
use super::device::{Answers, Device, StatusLine};

/// What goes against the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

/// Sends the commands of a package one by one; what the answers to the whole have to be.
pub fn run(device: &mut Device, package: &Package) -> Result<Answers, Violation> {
    let mut reference = Reference { next: 2, answers: Answers { completed: true, ..Answers::default() } };
    for top in package {
        reference.top(device, top)?;
    }
    Ok(reference.answers)
}

struct Reference {
    next: u32,
    answers: Answers,
}

impl Reference {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn top(&mut self, device: &mut Device, top: &Top) -> Result<(), Violation> {
        match top {
            Top::Single(single) => self.single(device, single),
            Top::Sequence(members) => {
                let number = self.number();
                self.answers.statuses.push((number, "Sequence".to_owned(), None, 200));
                members.iter().try_for_each(|member| self.top(device, member))
            }
            Top::Atomic(members) => self.atomic(device, members),
        }
    }

    /// Every item alone; one status where all fared alike.
    fn single(&mut self, device: &mut Device, single: &Single) -> Result<(), Violation> {
        let number = self.number();
        let mut codes = Vec::new();
        for item in &single.items {
            let alone = Single { verb: single.verb, items: vec![item.clone()] };
            let answers = device.run(&vec![Top::Single(alone)]);
            let code = answers.statuses.first().map_or(0, |(.., code)| *code);
            if [215, 216, 507].contains(&code) {
                return Err(Violation(format!("{code} for a command that is in no Atomic: {}", item.address)));
            }
            codes.push((item.address.clone(), code));
            let results = answers.results.into_iter().map(|(_, source, data)| (number, source, data));
            self.answers.results.extend(results);
        }
        let alike = codes.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let shown = if alike { 1 } else { codes.len() };
        for (address, code) in codes.into_iter().take(shown) {
            let target = Some(address).filter(|_| !alike);
            self.answers.statuses.push((number, single.verb.as_str().to_owned(), target, code));
        }
        Ok(())
    }

    /// The whole of it alone, held against its members one after the other.
    fn atomic(&mut self, device: &mut Device, members: &[Single]) -> Result<(), Violation> {
        let was_leaving = std::mem::take(&mut device.actions.unenroll);
        let outcome = self.atomic_of(device, members);
        device.actions.unenroll |= was_leaving;
        outcome
    }

    fn atomic_of(&mut self, device: &mut Device, members: &[Single]) -> Result<(), Violation> {
        let (before, mut apart) = (device.clone(), device.clone());
        let answers = device.run(&vec![Top::Atomic(members.to_vec())]);
        let has_get = members.iter().any(|member| member.verb == Verb::Get);
        let all_hold = !has_get && members.iter().all(|member| holds(&mut apart, member));
        if device.actions.unenroll {
            self.next += u32::try_from(members.len()).unwrap_or(0) + 1;
            let may_hold = || {
                // Judged as a whole it may hold where its members do not; without the unenrolment that is answered.
                let others = members.iter().filter(|member| member.verb != Verb::Exec).cloned().collect();
                let answers = before.clone().run(&vec![Top::Atomic(others)]);
                answers.statuses.first().is_some_and(|(.., code)| *code == 200)
            };
            let holds = all_hold || may_hold();
            return if holds { Ok(()) } else { Err(Violation("unenrolled by an Atomic that falls".to_owned())) };
        }
        let own = answers.statuses.first().map_or(0, |(.., code)| *code);
        let rest = answers.statuses.get(1..).unwrap_or_default();
        match own {
            200 if has_get => return Err(Violation("an Atomic with a Get in it holds".to_owned())),
            200 if all_hold && device.state() != apart.state() => {
                return Err(Violation("an Atomic is not what its members are".to_owned()));
            }
            200 if !rest.iter().all(|(.., code)| [200, 202].contains(code)) => {
                return Err(Violation(format!("an Atomic holds with {rest:?}")));
            }
            // What waits for its place comes when the Atomic has held, and not between its members.
            507 if all_hold && !waits_for_a_place(&before, members) => {
                return Err(Violation(format!("an Atomic falls whose members hold: {rest:?}")));
            }
            507 if device.state() != before.state() => {
                return Err(Violation("something is left of an Atomic that fell".to_owned()));
            }
            507 => {
                fallen(rest)?;
                if !has_get {
                    is_to_blame(&before, members, rest)?;
                }
            }
            200 => {}
            other => return Err(Violation(format!("an Atomic is answered with {other}"))),
        }
        let first = self.next;
        self.next += u32::try_from(members.len()).unwrap_or(0) + 1;
        let shifted =
            answers.statuses.into_iter().map(|(number, name, target, code)| (number - 2 + first, name, target, code));
        self.answers.statuses.extend(shifted);
        Ok(())
    }
}

/// Whether a member names a profile that was refused because its place is held.
fn waits_for_a_place(device: &Device, members: &[Single]) -> bool {
    let claims = device.state().claims;
    let roots = command::roots(&[Top::Atomic(members.to_vec())]);
    claims.iter().any(|claim| roots.contains(&claim.root))
}

/// Whether every item of a member succeeds by itself.
fn holds(device: &mut Device, member: &Single) -> bool {
    member.items.iter().all(|item| {
        let was_leaving = std::mem::take(&mut device.actions.unenroll);
        let alone = Single { verb: member.verb, items: vec![item.clone()] };
        let answers = device.run(&vec![Top::Single(alone)]);
        let is_unenrolled = device.actions.unenroll;
        device.actions.unenroll |= was_leaving;
        is_unenrolled || answers.statuses.first().is_some_and(|(.., code)| [200, 202].contains(code))
    })
}

/// The first member that does not hold after those before it is to blame, or one that came later made it so. Where members
/// meet in one profile, what it is in the end counts, and nothing is said of who is to blame.
fn is_to_blame(before: &Device, members: &[Single], statuses: &[StatusLine]) -> Result<(), Violation> {
    let items: usize = members.iter().map(|member| member.items.len()).sum();
    if command::roots(&[Top::Atomic(members.to_vec())]).len() != items {
        return Ok(());
    }
    let mut apart = before.clone();
    let Some(first) = members.iter().position(|member| !holds(&mut apart, member)) else { return Ok(()) };
    let blamed = |number: usize| statuses.iter().any(|(id, .., code)| *id as usize == number + 3 && *code >= 400);
    if (first..members.len()).any(blamed) && !(0..first).any(blamed) {
        return Ok(());
    }
    Err(Violation(format!("member {first} of an Atomic does not hold, others are to blame: {statuses:?}")))
}

/// The statuses of an Atomic that fell: a member is to blame, what was done is undone, what comes after the first failed
/// command was not tried.
fn fallen(statuses: &[StatusLine]) -> Result<(), Violation> {
    let wrong = || Violation(format!("an Atomic fell with {statuses:?}"));
    if !statuses.iter().any(|(.., code)| *code >= 400) {
        return Err(wrong());
    }
    let untried = statuses.iter().position(|(.., code)| *code == 215).unwrap_or(statuses.len());
    let (tried, rest) = statuses.split_at(untried);
    let is_sound =
        tried.iter().all(|(.., code)| *code == 216 || *code >= 400) && rest.iter().all(|(.., code)| *code == 215);
    if is_sound { Ok(()) } else { Err(wrong()) }
}
