//! Whether there is room for the agent's files.

use super::facts::Facts;
use super::words::size;
use super::{Check, Finding};

/// Less than this, and the store refuses changes soon, in bytes.
const TOO_LITTLE: u64 = 16 << 20;
/// Less than this is worth a word, in bytes.
const LITTLE: u64 = 128 << 20;
/// Fewer free inodes than this are worth a word.
const FEW_INODES: u64 = 100;

pub(super) const CHECK: Check =
    Check { name: "space", meaning: "there is room on the disk for the agent's files", judge };

fn judge(facts: &Facts) -> Finding {
    let space = match &facts.files.space {
        Ok(space) => space,
        Err(unknown) => return Finding::unknown(unknown),
    };
    let advice = format!("Make room on the file system of {}: df -h, df -i", facts.files.state.display());
    let message = format!("{} are free", size(space.free));
    match space.inodes {
        _ if space.free < TOO_LITTLE => Finding::fail(message, advice),
        Some(0) => Finding::fail(format!("{message}, but no inode"), advice),
        Some(inodes) if inodes < FEW_INODES => Finding::warn(format!("{message}, but only {inodes} inodes"), advice),
        _ if space.free < LITTLE => Finding::warn(message, advice),
        _ => Finding::pass(message),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::facts::Space;
    use super::super::testing::healthy;
    use super::*;

    #[test]
    fn room_is_bytes_and_inodes() {
        let mut facts = healthy();
        for (free, inodes, verdict) in [
            (1 << 30, Some(1000), Verdict::Pass),
            (1 << 30, None, Verdict::Pass),
            (1 << 20, Some(1000), Verdict::Fail),
            (100 << 20, Some(1000), Verdict::Warn),
            (1 << 30, Some(0), Verdict::Fail),
            (1 << 30, Some(5), Verdict::Warn),
        ] {
            facts.files.space = Ok(Space { free, inodes });
            assert_eq!(judge(&facts).verdict, verdict, "{free} {inodes:?}");
        }
    }
}
