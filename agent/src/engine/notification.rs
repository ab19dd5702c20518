//! What the people at the machine are told on their desktops: the few things that they would otherwise find out by
//! being locked out of something. Everything else is in the history for whoever looks.

use std::collections::VecDeque;

use super::note::Note;

#[cfg(test)]
mod tests;

/// The longest text of a server's that is repeated, in characters.
const MAX_NAME: usize = 80;
/// How many causes are remembered, so that nobody is told of one twice.
const MAX_TOLD: usize = 64;
/// How many notifications come of one batch of notes.
const MAX_AT_ONCE: usize = 4;

/// Something to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What it is about: plain text, never a server's.
    pub title: String,
    /// What it means and what to do. `&`, `<` and `>` are escaped, because desktops may take it for markup.
    pub body: String,
    /// Whether it should stay until somebody has seen it.
    pub urgent: bool,
}

/// What people were told already.
#[derive(Debug, Default)]
pub struct Told {
    causes: VecDeque<String>,
}

impl Told {
    /// What is to be told because of these notes: nothing twice, and not too much at once.
    pub fn tell(&mut self, notes: &[Note]) -> Vec<Notification> {
        let doomed = notes.iter().filter(|note| note.what == DOOMED).count();
        let mut all = Vec::new();
        for note in notes {
            // What complies again may fail again, and that is another cause.
            if note.what == COMPLIANCE {
                self.causes.retain(|cause| !cause.starts_with(COMPLIANCE) || *cause == cause_of(note));
            }
            let Some(notification) = (if note.what == DOOMED { doom(note, doomed) } else { of(note) }) else {
                continue;
            };
            let cause = cause_of(note);
            let is_known = self.causes.contains(&cause);
            if is_known || all.contains(&notification) || all.len() == MAX_AT_ONCE {
                continue;
            }
            self.causes.push_back(cause);
            if self.causes.len() > MAX_TOLD {
                self.causes.pop_front();
            }
            all.push(notification);
        }
        all
    }
}

const DOOMED: &str = "profile-expires-soon";
const COMPLIANCE: &str = "compliance-changed";

/// What to tell because of a note, if anything.
pub fn of(note: &Note) -> Option<Notification> {
    match note.what {
        "mail-sign-in-needed" => Some(Notification {
            title: "Sign in to your mail again".to_owned(),
            body: format!(
                "Your mailbox {} was set up anew by {}. Your mail program will ask for your password.",
                named(note, "name"),
                named(note, "authority")
            ),
            urgent: false,
        }),
        DOOMED => doom(note, 1),
        "enrollment-ends-soon" => Some(Notification {
            title: "This machine is about to leave its management".to_owned(),
            body: format!(
                "Its management server was not reached for days. If no check-in is completed until {}, the enrollment and \
                 everything that came with it is removed. Connect to a network, then run: mdm-agent sync",
                named(note, "until")
            ),
            urgent: true,
        }),
        COMPLIANCE => compliance(note),
        // Once it is locked nobody's desktop could show it.
        "order-accepted" if note.particular("what") == Some("lock") => Some(Notification {
            title: "This computer is being locked by its administrator".to_owned(),
            body: "Nobody can sign in or go on until the administrator unlocks it, or gives you a code for: mdm-agent unlock"
                .to_owned(),
            urgent: true,
        }),
        _ => None,
    }
}

/// One profile that goes soon, or several as one.
fn doom(note: &Note, count: usize) -> Option<Notification> {
    let until = moment(note.particular("until")?);
    let what = match count {
        1 => format!("The {} settings {} are", named(note, "kind"), named(note, "name")),
        count => format!("{count} settings for networks, mail and the like are"),
    };
    Some(Notification {
        title: "Settings of your organisation will be removed".to_owned(),
        body: format!(
            "{what} removed at {until}, unless this computer reaches its management server. Connect it to a network."
        ),
        urgent: true,
    })
}

fn compliance(note: &Note) -> Option<Notification> {
    let rules = note.particular("rules").map(|rules| format!(" ({})", clean(rules))).unwrap_or_default();
    let advice = "What to do: mdm-agent check-compliance";
    match note.particular("to")? {
        "in grace" => {
            let until = note.particular("until").map_or_else(|| "soon".to_owned(), moment);
            Some(Notification {
                title: "This computer does not meet your organisation's rules".to_owned(),
                body: format!("It has to by {until}{rules}. {advice}"),
                urgent: false,
            })
        }
        "not compliant" => Some(Notification {
            title: "This computer does not meet your organisation's rules".to_owned(),
            body: format!("Access to your organisation may be refused now{rules}. {advice}"),
            urgent: true,
        }),
        _ => None,
    }
}

/// What makes one thing to tell the same as another.
fn cause_of(note: &Note) -> String {
    let names: &[&str] = match note.what {
        COMPLIANCE => &["to", "rules"],
        "order-done" => &["order"],
        _ => &["kind", "name", "authority", "until"],
    };
    names.iter().fold(note.what.to_owned(), |cause, name| cause + "\n" + note.particular(name).unwrap_or_default())
}

fn named(note: &Note, name: &str) -> String {
    clean(note.particular(name).unwrap_or_default())
}

/// A server's text, short, on one line and without markup.
fn clean(text: &str) -> String {
    let is_plain = |character: &char| {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !turns && !character.is_control()
    };
    let text: String = text.chars().filter(is_plain).take(MAX_NAME).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `2026-11-23 14:05 UTC`, of `20261123T140500Z`.
fn moment(oma: &str) -> String {
    let parts = [oma.get(0..4), oma.get(4..6), oma.get(6..8), oma.get(9..11), oma.get(11..13)];
    match parts {
        [Some(year), Some(month), Some(day), Some(hour), Some(minute)] => {
            clean(&format!("{year}-{month}-{day} {hour}:{minute} UTC"))
        }
        _ => clean(oma),
    }
}
