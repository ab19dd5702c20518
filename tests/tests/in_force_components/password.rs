//! Rules for passwords, asked of libpwquality as PAM asks.

use std::process::Command;

use crate::alone::alone;
use crate::programs::{Answer, with_input};
use crate::samples::{policy, setting};

/// What the rules say of a password.
fn judge(password: &str) -> Answer {
    with_input(&mut Command::new("pwscore"), format!("{password}\n").as_bytes())
}

#[test]
#[ignore = "needs libpwquality-tools, root and unshare"]
fn a_password_is_as_long_and_as_varied_as_the_rules_want_it() {
    alone(a_password_is_as_long_and_as_varied_as_the_rules_want_it, |machine| {
        let (short, long) = ("Vq7.mKz2xW", "Vq7.mKz2xW9bTn4RuH");
        // The dictionary is a package of its own; without it every password is refused.
        let dictionary = setting("Password/CheckDictionary", "false");
        machine.put_in_force(std::slice::from_ref(&dictionary));
        assert!(judge(short).success && judge("vqmkzxwbtnruhpj").success);
        machine.put_in_force(&[policy("DeviceLock/MinDevicePasswordLength", "16")]);
        let answer = judge(short);
        assert!(!answer.success && answer.said.contains("shorter than 16"), "{}", answer.said);
        assert!(judge(long).success, "{}", judge(long).said);
        machine.put_in_force(&[
            policy("DeviceLock/MinDevicePasswordComplexCharacters", "3"),
            policy("DeviceLock/AllowSimpleDevicePassword", "0"),
        ]);
        for (password, words) in [
            ("vqmkzxwbtnruhpjsd", "character classes"),
            ("Vq7.mmmmKz2xW9bTn4", "same characters consecutively"),
            ("Vq7.34567Kz2xWbTnR", "sequence"),
        ] {
            let answer = judge(password);
            assert!(!answer.success && answer.said.contains(words), "{password}: {}", answer.said);
        }
        assert!(judge(long).success, "{}", judge(long).said);
        machine.undo();
        machine.put_in_force(&[dictionary]);
        assert!(judge(short).success, "{}", judge(short).said);
    });
}

#[test]
#[ignore = "needs libpwquality-tools, root and unshare"]
fn digits_and_letters_are_both_wanted_where_the_policy_says_so() {
    alone(digits_and_letters_are_both_wanted_where_the_policy_says_so, |machine| {
        machine.put_in_force(&[
            setting("Password/CheckDictionary", "false"),
            policy("DeviceLock/AlphanumericDevicePasswordRequired", "0"),
        ]);
        for (password, words) in [("vqmkzxwbtnruhpj", "digits"), ("8046179352807", "lowercase")] {
            let answer = judge(password);
            assert!(!answer.success && answer.said.contains(words), "{password}: {}", answer.said);
        }
        assert!(judge("vqmkzxwb4nruhpj").success);
    });
}
