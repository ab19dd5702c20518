//! Rules for new passwords, as PAM enforces them: what pam_pwquality is told in its files and in its line.

use std::collections::BTreeMap;

use super::source::Source;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::PasswordPolicy;

/// Where the stacks are that passwords are changed by; the first that is there counts.
const STACKS: &[&str] = &["common-password", "system-auth", "password-auth", "passwd"];
/// Where libpam looks for a stack: the administrator's, then those of the vendor, whose place distributions choose.
const DIRECTORIES: &[&str] = &["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d", "/usr/share/pam.d"];
/// Where libpwquality looks for its file: the vendor's counts where the administrator has none.
const CONFIGURATION: &[&str] = &["/etc/security/pwquality.conf", "/usr/lib/security/pwquality.conf"];
/// libpwquality never takes fewer characters.
const LEAST_LENGTH: i64 = 6;

/// What is enforced.
pub(super) fn policy(source: &Source) -> Fact<PasswordPolicy> {
    let find = |stack: &&str| source.first(DIRECTORIES.iter().map(|directory| format!("{directory}/{stack}")));
    let stacks: Vec<(String, String)> = STACKS.iter().filter_map(find).collect();
    if stacks.is_empty() {
        return Fact::unknown(format!("there is no PAM stack for passwords in {}", DIRECTORIES.join(", ")));
    }
    for (path, text) in &stacks {
        for line in password_lines(text) {
            let arguments = &line.arguments;
            match line.module.as_str() {
                "pam_pwquality" if line.binding => {
                    let (mut settings, mut evidence) = files(source);
                    settings.extend(pairs(arguments.iter().map(String::as_str)));
                    evidence.push(path.clone());
                    return Fact::known(quality(&settings, 8, 0), evidence.join(", "));
                }
                "pam_cracklib" if line.binding => {
                    let settings = pairs(arguments.iter().map(String::as_str)).collect();
                    return Fact::known(quality(&settings, 9, 1), path.as_str());
                }
                "pam_passwdqc" if line.binding => {
                    return Fact::unknown(format!("{path} uses pam_passwdqc, whose rules are of another kind"));
                }
                _ => {}
            }
        }
    }
    let plain = stacks.iter().find_map(|(path, text)| {
        let line = password_lines(text).into_iter().find(|line| line.module == "pam_unix")?;
        Some((path, unix_length(&line.arguments)))
    });
    match plain {
        Some((path, length)) => Fact::known(PasswordPolicy { length, ..PasswordPolicy::default() }, path.as_str()),
        None => Fact::unknown("the PAM stack for passwords has no module that is known here"),
    }
}

/// pam_unix counts characters only if it is told to.
fn unix_length(arguments: &[String]) -> u32 {
    let minimum = arguments.iter().find_map(|argument| argument.strip_prefix("minlen=")?.parse().ok());
    minimum.unwrap_or(if arguments.iter().any(|argument| argument == "obscure") { 6 } else { 0 })
}

struct Line {
    /// Whether a password is refused if the module refuses it.
    binding: bool,
    module: String,
    arguments: Vec<String>,
}

/// The lines of a stack for changing passwords.
fn password_lines(text: &str) -> Vec<Line> {
    let text = text.replace("\\\n", " ");
    text.lines().filter_map(password_line).collect()
}

fn password_line(line: &str) -> Option<Line> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix('-').unwrap_or(line).strip_prefix("password")?.trim_start();
    let (control, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => rest.split_once([' ', '\t'])?,
    };
    let mut words = rest.split_whitespace();
    let module = words.next()?.rsplit('/').next()?.strip_suffix(".so")?.to_owned();
    // Of the words in brackets, only `default` says what becomes of a refusal.
    let ignored = ["optional", "sufficient"].contains(&control) || control.contains("default=ignore");
    Some(Line { binding: !ignored, module, arguments: words.map(str::to_owned).collect() })
}

/// The settings in pwquality's files, later ones win, and the files. The drop-ins come first, in the order of their
/// names, of two of one name the administrator's; then the one file.
fn files(source: &Source) -> (BTreeMap<String, i64>, Vec<String>) {
    let mut drop_ins = BTreeMap::new();
    for file in CONFIGURATION {
        let directory = format!("{file}.d");
        for name in source.names(&directory).into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{directory}/{name}");
            drop_ins.entry(name).or_insert(path);
        }
    }
    let drop_ins = drop_ins.into_values().filter_map(|path| source.text(&path).map(|text| (path, text)));
    let mut settings = BTreeMap::new();
    let mut paths = Vec::new();
    for (path, text) in drop_ins.chain(source.first(CONFIGURATION.iter().map(|path| (*path).to_owned()))) {
        settings.extend(pairs(text.lines().map(|line| line.split('#').next().unwrap_or_default())));
        paths.push(path);
    }
    (settings, paths)
}

fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (String, i64)> {
    lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().parse().ok()?))
    })
}

/// A negative credit is a demand. A positive one makes up for characters that are missing, so that a password may be
/// that much shorter.
fn quality(settings: &BTreeMap<String, i64>, length: i64, credit: i64) -> PasswordPolicy {
    let of = |name: &str, usual: i64| settings.get(name).copied().unwrap_or(usual);
    if of("enforcing", 1) == 0 {
        // What is only advised is not enforced.
        return PasswordPolicy::default();
    }
    let credits = ["dcredit", "lcredit", "ucredit", "ocredit"].map(|name| of(name, credit));
    let given = credits.iter().copied().filter(|credit| *credit > 0).fold(0, i64::saturating_add);
    let [digits, lowercase, uppercase, symbols] =
        credits.map(|credit| u32::try_from(credit.saturating_neg()).unwrap_or(0));
    let length = of("minlen", length).saturating_sub(given).max(LEAST_LENGTH);
    PasswordPolicy {
        length: u32::try_from(length).unwrap_or(u32::MAX),
        digits,
        lowercase,
        uppercase,
        symbols,
        classes: u32::try_from(of("minclass", 0)).unwrap_or(0),
    }
}
