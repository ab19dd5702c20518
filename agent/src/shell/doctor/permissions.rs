//! Whether nobody else can read the agent's keys or change what it relies on.

use super::facts::{Facts, Found};
use super::{Check, Finding};

/// How many files are named.
const MAX_NAMED: usize = 3;

pub(super) const CHECK: Check =
    Check { name: "permissions", meaning: "nobody else can read the agent's keys or change its files", judge };

fn judge(facts: &Facts) -> Finding {
    let found = match &facts.files.found {
        Ok(found) => found,
        Err(unknown) => return Finding::unknown(unknown),
    };
    let faults: Vec<String> = found.iter().filter_map(|file| fault(file, facts.files.owner)).collect();
    let Some(first) = found.first().filter(|_| !faults.is_empty()) else {
        return match found.len() {
            0 => Finding::skipped("there are no files yet"),
            count => Finding::pass(format!("{count} files and directories are as they should be")),
        };
    };
    let more = faults.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let state = first.path.display();
    Finding::fail(
        format!("{}{more}", faults[..faults.len().min(MAX_NAMED)].join(", ")),
        format!(
            "As root: chown -R root: {state} && chmod -R u=rwX,go= {state}. If others could read keys, enrol anew."
        ),
    )
}

/// What is wrong with one file.
fn fault(file: &Found, owner: u32) -> Option<String> {
    let path = file.path.display();
    let kept = if file.is_public && !file.is_private { 0o022 } else { 0o077 };
    match () {
        () if file.owner != owner => Some(format!("{path} belongs to user {}", file.owner)),
        () if file.mode & kept != 0 => Some(format!("{path} has mode {:04o}", file.mode & 0o7777)),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::testing::healthy;
    use super::*;

    #[test]
    fn a_file_is_judged_by_what_it_may_contain() {
        let file = |is_private, is_public, mode, owner| Found {
            path: "/x".into(),
            is_private,
            is_public,
            mode,
            owner,
            size: 0,
            is_directory: false,
        };
        let is_fine = |file| fault(&file, 0).is_none();
        assert!(is_fine(file(true, false, 0o600, 0)) && is_fine(file(false, true, 0o644, 0)));
        assert!(!is_fine(file(true, false, 0o640, 0)), "a key that a group may read");
        assert!(!is_fine(file(true, true, 0o644, 0)), "a key among public files");
        assert!(!is_fine(file(false, true, 0o664, 0)), "a file that others may write");
        assert!(!is_fine(file(false, false, 0o600, 1000)), "a file of somebody else's");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_mode() {
        let mut facts = healthy();
        facts.files.found.as_mut().unwrap()[0].mode = 0o755;
        let finding = judge(&facts);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.message.contains("0755"), "{}", finding.message);
    }
}
