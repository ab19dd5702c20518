//! Rules about the distribution and how it is set up.

use super::super::advice::{self, Family};
use super::super::facts::{Distribution, Facts};
use super::super::rule::{AllowedDistribution, PasswordAspect};
use super::super::version;
use super::{Finding, Outcome, Question};

const DAY: i64 = 86_400;

pub(super) fn distribution(allowed: &[AllowedDistribution], facts: &Facts) -> Finding {
    let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    let question = Question::new("Distribution", names.join(", "));
    question.by(&facts.distribution, |question, distribution, evidence| {
        let outcomes: Vec<Outcome> = allowed.iter().map(|allowed| fits(allowed, distribution)).collect();
        let outcome = match () {
            () if outcomes.contains(&Outcome::Met) => Outcome::Met,
            () if outcomes.contains(&Outcome::CannotTell) => Outcome::CannotTell,
            () => Outcome::NotMet,
        };
        let actual = format!("{} {}", distribution.id, distribution.version);
        let fix = "upgrade to one of these distributions, or ask your administrator to allow this one";
        question.answer(outcome, actual.trim(), evidence, fix)
    })
}

fn fits(allowed: &AllowedDistribution, distribution: &Distribution) -> Outcome {
    if !allowed.id.eq_ignore_ascii_case(&distribution.id) {
        return Outcome::NotMet;
    }
    if allowed.minimum.is_none() && allowed.maximum.is_none() {
        return Outcome::Met;
    }
    let actual = version::leading(&distribution.version);
    if actual.is_empty() {
        // A rolling release has no version to hold against a bound.
        return Outcome::CannotTell;
    }
    let at_least = |minimum: &String| version::compare(&actual, &version::leading(minimum)).is_ge();
    let at_most = |maximum: &String| version::is_at_most(&actual, &version::leading(maximum));
    Outcome::from(allowed.minimum.as_ref().is_none_or(at_least) && allowed.maximum.as_ref().is_none_or(at_most))
}

pub(super) fn kernel(minimum: &str, facts: &Facts, family: Family) -> Finding {
    let question = Question::new("Kernel", format!("{minimum} or later"));
    question.by(&facts.kernel, |question, kernel, evidence| {
        let actual = version::leading(&kernel.release);
        if actual.is_empty() {
            return question.answer(Outcome::CannotTell, kernel.release.clone(), evidence, advice::LOOK);
        }
        let met = version::compare(&actual, &version::leading(minimum)).is_ge();
        question.answer(met, kernel.release.clone(), evidence, &format!("{}, then restart", family.update()))
    })
}

pub(super) fn patch_age(days: u32, facts: &Facts, family: Family, now: i64) -> Finding {
    let question = Question::new("Updates", format!("packages were updated within {days} days"));
    question.by(&facts.updated_at, |question, updated_at, evidence| {
        // A day of tolerance: logs are in local time.
        if *updated_at > now.saturating_add(DAY) {
            return question.cannot_tell("the last update lies in the future; is the clock right?");
        }
        let age = (now.saturating_sub(*updated_at) / DAY).max(0);
        let met = age <= i64::from(days);
        question.answer(met, format!("updated {age} days ago"), evidence, family.update())
    })
}

pub(super) fn automatic_updates(required: bool, facts: &Facts, family: Family) -> Finding {
    let question = Question::new("Automatic updates", "updates are installed automatically");
    if !required {
        return question.not_asked();
    }
    question.by(&facts.automatic_updates, |question, updates, evidence| {
        let actual = match (updates.enabled, updates.tool.as_str()) {
            (true, tool) => format!("{tool} installs them"),
            (false, "") => "nothing installs them".to_owned(),
            (false, tool) => format!("{tool} is there, but does not install them"),
        };
        question.answer(updates.enabled, actual, evidence, family.automatic_updates())
    })
}

pub(super) fn password(aspect: PasswordAspect, least: u32, facts: &Facts, family: Family) -> Finding {
    let (title, what) = match aspect {
        PasswordAspect::Length => ("Password length", "characters"),
        PasswordAspect::Digits => ("Digits in passwords", "digits"),
        PasswordAspect::Lowercase => ("Small letters in passwords", "small letters"),
        PasswordAspect::Uppercase => ("Capital letters in passwords", "capital letters"),
        PasswordAspect::Symbols => ("Symbols in passwords", "symbols"),
    };
    let question = Question::new(title, format!("at least {least} {what}"));
    if least == 0 {
        return question.answer(true, "not looked at", "the rule asks for none", "");
    }
    question.by(&facts.password, |question, policy, evidence| {
        let own = match aspect {
            PasswordAspect::Length => policy.length,
            PasswordAspect::Digits => policy.digits,
            PasswordAspect::Lowercase => policy.lowercase,
            PasswordAspect::Uppercase => policy.uppercase,
            PasswordAspect::Symbols => policy.symbols,
        };
        // Whoever has to use all four classes uses at least one of each.
        let by_classes = u32::from(policy.classes >= 4 && aspect != PasswordAspect::Length);
        let actual = own.max(by_classes);
        let fix = family.password(aspect, least);
        question.answer(actual >= least, format!("at least {actual} {what}"), evidence, &fix)
    })
}

pub(super) fn screen_lock(seconds: u32, facts: &Facts) -> Finding {
    let question = Question::new("Screen lock", format!("locked after at most {seconds} seconds without use"));
    question.by(&facts.screen_lock, |question, lock, evidence| {
        let Some(lock) = lock else {
            return question.answer(true, "there is no graphical desktop", evidence, "");
        };
        let total = lock.idle_seconds.saturating_add(lock.delay_seconds);
        let actual = match () {
            () if !lock.enabled || lock.idle_seconds == 0 => "never locked".to_owned(),
            () if !lock.enforced => format!("after {total} seconds, but users can change that"),
            () => format!("after {total} seconds, for everyone"),
        };
        let met = lock.enabled && lock.idle_seconds > 0 && lock.enforced && total <= seconds;
        question.answer(met, actual, evidence, &advice::screen_lock(seconds))
    })
}
