//! Versions as numbers between dots, compared number by number.

use std::cmp::Ordering;

/// The most characters that a version may have.
const MOST_CHARACTERS: usize = 64;

/// The numbers at the beginning of a version: of `6.8.0-45-generic` they are 6, 8, 0 and 45.
pub(super) fn leading(text: &str) -> Vec<u64> {
    text.split(['.', '-', '_', '+', '~', ':']).map_while(|part| part.parse().ok()).collect()
}

/// The numbers of a version that has nothing but numbers and dots.
pub(super) fn exact(text: &str) -> Option<Vec<u64>> {
    if text.is_empty() || text.len() > MOST_CHARACTERS {
        return None;
    }
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
    text.split('.').map(digits).collect()
}

/// Compares number by number; numbers that are not there count as 0.
pub(super) fn compare(one: &[u64], other: &[u64]) -> Ordering {
    let length = one.len().max(other.len());
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or(0);
    (0..length)
        .map(|index| at(one, index).cmp(&at(other, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Whether a version is at most the given one. What the given one leaves open is not looked at: 9.4 is at most 9.
pub(super) fn is_at_most(version: &[u64], most: &[u64]) -> bool {
    compare(&version[..version.len().min(most.len())], most).is_le()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let order = |one: &str, other: &str| compare(&leading(one), &leading(other));
        assert_eq!(order("22.04", "9.10"), Ordering::Greater);
        assert_eq!(order("6.10", "6.9"), Ordering::Greater);
        assert_eq!(order("12", "12.0"), Ordering::Equal);
        assert_eq!(order("24.04", "24.4"), Ordering::Equal);
        assert_eq!(order("6.8.0-45-generic", "6.8.0-44"), Ordering::Greater);
        assert_eq!(leading("5.14.0-427.el9.x86_64"), [5, 14, 0, 427]);
        assert_eq!(leading("rolling"), Vec::<u64>::new());
    }

    #[test]
    fn a_maximum_leaves_open_what_it_does_not_say() {
        assert!(is_at_most(&[9, 4], &[9]));
        assert!(is_at_most(&[24, 4, 1], &[24, 4]));
        assert!(!is_at_most(&[24, 10], &[24, 4]));
        assert!(is_at_most(&[9], &[9, 4]));
    }

    #[test]
    fn a_version_in_a_rule_is_nothing_but_numbers() {
        assert_eq!(exact("22.04"), Some(vec![22, 4]));
        for wrong in ["", "22.", ".4", "a", "1.+2", "1 ", "99999999999999999999999"] {
            assert_eq!(exact(wrong), None, "{wrong}");
        }
    }
}
