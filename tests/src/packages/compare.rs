//! A package in one message against the same package command by command.

use super::command::Package;
use super::device::Device;
use super::reference;

/// How the device differs from the reference, if it does.
pub fn difference(device: &Device, package: &Package) -> Option<String> {
    let (mut whole, mut apart) = (device.clone(), device.clone());
    let answers = whole.run(package);
    // The reference is asked without a limit.
    apart.max_message = None;
    let expected = match reference::run(&mut apart, package) {
        Ok(expected) => expected,
        Err(violation) => return Some(violation.0),
    };
    let (found, wanted) = (whole.state(), apart.state());
    if found != wanted {
        return Some(format!(
            "state\n  found  {}\n  wanted {}",
            first_difference(&found, &wanted),
            first_difference(&wanted, &found)
        ));
    }
    // An unenrolment is not answered in its own session.
    if whole.actions.unenroll {
        return (!answers.statuses.is_empty()).then(|| "an unenrolment was answered".to_owned());
    }
    if answers.statuses != expected.statuses {
        return Some(format!("statuses\n  found  {:?}\n  wanted {:?}", answers.statuses, expected.statuses));
    }
    if joined(&answers.results) != joined(&expected.results) {
        return Some(format!("values\n  found  {:?}\n  wanted {:?}", answers.results, expected.results));
    }
    (!answers.completed).then(|| "the session did not come to its end".to_owned())
}

/// Values that came in pieces, put together.
pub fn joined(results: &[(u32, String, Option<String>)]) -> Vec<(u32, String, Option<String>)> {
    let mut joined: Vec<(u32, String, Option<String>)> = Vec::new();
    for (number, source, data) in results {
        match joined.last_mut() {
            Some((last, last_source, Some(value))) if last == number && last_source == source => {
                value.push_str(data.as_deref().unwrap_or_default());
            }
            _ => joined.push((*number, source.clone(), data.clone())),
        }
    }
    joined
}

fn first_difference(left: &super::device::State, right: &super::device::State) -> String {
    let part = |name: &str, left: String, right: String| (left != right).then(|| format!("{name}: {left}"));
    [
        part("profiles", format!("{:?}", left.profiles), format!("{:?}", right.profiles)),
        part("claims", format!("{:?}", left.claims), format!("{:?}", right.claims)),
        part("settings", format!("{:?}", left.settings), format!("{:?}", right.settings)),
        part("applied", format!("{:?}", left.applied), format!("{:?}", right.applied)),
        part("files", format!("{:?}", left.files), format!("{:?}", right.files)),
        part("requests", format!("{:?}", left.requests), format!("{:?}", right.requests)),
        part("actions", format!("{:?}", left.actions), format!("{:?}", right.actions)),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join("; ")
}
