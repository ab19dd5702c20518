//! Rules about the machine's hardware and its disks.

use super::super::advice::{self, Family};
use super::super::facts::{Encryption, Facts, SecureBoot, Volume};
use super::{Finding, Outcome, Question};

/// Everything that has no excuse has to be encrypted. What cannot be told about one volume does not outweigh what is
/// known to be in the clear on another.
pub(super) fn encryption(required: bool, facts: &Facts) -> Finding {
    let question = Question::new("Disk encryption", "everything that is kept, swap included, is encrypted");
    if !required {
        return question.not_asked();
    }
    question.by(&facts.volumes, |question, volumes, evidence| {
        let judged: Vec<&Volume> = volumes.iter().filter(|volume| volume.excuse.is_none()).collect();
        if judged.is_empty() {
            return question.cannot_tell("no place where data is kept was found");
        }
        let tell = |pick: fn(&Encryption) -> Option<&String>| -> Vec<String> {
            let told =
                judged.iter().filter_map(|volume| Some(format!("{}: {}", volume.place, pick(&volume.encryption)?)));
            told.collect()
        };
        let plain = tell(|encryption| match encryption {
            Encryption::Plain(what) => Some(what),
            _ => None,
        });
        let unclear = tell(|encryption| match encryption {
            Encryption::CannotTell(why) => Some(why),
            _ => None,
        });
        if !plain.is_empty() {
            return question.answer(Outcome::NotMet, plain.join("; "), evidence, advice::ENCRYPTION);
        }
        if !unclear.is_empty() {
            return question.answer(Outcome::CannotTell, unclear.join("; "), evidence, advice::LOOK);
        }
        let all: Vec<String> = judged.iter().map(|volume| format!("{}: {}", volume.place, volume.devices)).collect();
        question.answer(Outcome::Met, format!("encrypted: {}", all.join("; ")), evidence, "")
    })
}

pub(super) fn firewall(required: bool, facts: &Facts, family: Family) -> Finding {
    let question = Question::new("Firewall", "a firewall is at work");
    if !required {
        return question.not_asked();
    }
    question.by(&facts.firewall, |question, firewall, evidence| {
        let actual = match (firewall.active, firewall.tool.as_str()) {
            (true, tool) => format!("{tool} is at work"),
            (false, "") => "none is at work".to_owned(),
            (false, tool) => format!("{tool} is there, but not at work"),
        };
        question.answer(firewall.active, actual, evidence, family.firewall())
    })
}

pub(super) fn secure_boot(required: bool, facts: &Facts) -> Finding {
    let question = Question::new("Secure Boot", "on");
    if !required {
        return question.not_asked();
    }
    question.by(&facts.secure_boot, |question, state, evidence| match state {
        SecureBoot::On => question.answer(true, "on", evidence, ""),
        SecureBoot::Off => question.answer(false, "off", evidence, advice::SECURE_BOOT),
        SecureBoot::Unsupported => question.answer(false, "not there", evidence, advice::NO_SECURE_BOOT),
    })
}

pub(super) fn tpm(required: bool, facts: &Facts) -> Finding {
    let question = Question::new("TPM", "there is one");
    if !required {
        return question.not_asked();
    }
    question.by(&facts.tpm, |question, tpm, evidence| match tpm {
        Some(tpm) => question.answer(true, format!("version {}", tpm.version), evidence, ""),
        None => question.answer(false, "there is none", evidence, advice::TPM),
    })
}
