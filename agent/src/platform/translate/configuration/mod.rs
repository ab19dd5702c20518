//! Configuration: policies by area and name, administrative templates, and settings that only Linux has.
//!
//! [`catalogue`] is the list of what is understood; a policy that is not in it is answered with 404, one that asks for
//! something that this machine does not have with 406.

pub mod browser;
pub mod catalogue;
mod hardware;
pub mod host_name;
mod kernel;
mod password;
mod screen;
#[cfg(test)]
mod tests;
mod time_zone;
mod updates;

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Format, StatusCode};

use self::catalogue::{Policy, Value};
use super::Context;
use crate::engine::compliance::standing::{rule_id, rule_nodes};
use crate::engine::compliance::{Rule, RuleError};
use crate::engine::profile::Profile;
use crate::platform::desired::{Share, Untranslatable};

/// What a policy asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    if let Some(share) = browser::translate(profile, address, context) {
        return share;
    }
    let segments: Vec<&str> = address.root.segments().iter().map(String::as_str).collect();
    let (vendor, area, name) = match segments.as_slice() {
        // A rule asks nothing of the machine but to be looked at.
        ["Vendor", "LinuxMDM", "Compliance", _] => return compliance_rule(profile),
        ["Vendor", "MSFT", "Policy", "Config", area, name] => (false, *area, *name),
        ["Vendor", "LinuxMDM", "Config", area, name] => (true, *area, *name),
        _ => return Err(unknown()),
    };
    let policy = catalogue::find(vendor, area, name).ok_or_else(unknown)?;
    let text = profile.nodes.get("").map(|node| node.value.as_str()).unwrap_or_default();
    let value = Value::read(policy, text)?;
    let mut share = (policy.apply)(&value, name, context)?;
    if !vendor {
        let scope = if address.scope == mdm_protocol::Scope::User { "User" } else { "Device" };
        let result = format!("./{scope}/Vendor/MSFT/Policy/Result/{area}/{name}");
        share.nodes.push((result, Format::Chr, text.trim().to_owned()));
    }
    Ok(share)
}

fn compliance_rule(profile: &Profile) -> Result<Share, Untranslatable> {
    let id = rule_id(profile).unwrap_or_default();
    match Rule::read(id, &rule_nodes(profile)) {
        Ok(_) => Ok(Share::default()),
        Err(error @ RuleError::UnknownId(_)) => Err(Untranslatable::refused(StatusCode::NOT_FOUND, error.to_string())),
        Err(error) => Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, error.to_string())),
    }
}

fn unknown() -> Untranslatable {
    Untranslatable::refused(StatusCode::NOT_FOUND, "this policy is not known here")
}

/// Refuses what would have no effect on this machine.
fn require(there: bool, otherwise: &str) -> Result<(), Untranslatable> {
    if there { Ok(()) } else { Err(Untranslatable::unsupported(otherwise)) }
}

impl Policy {
    fn out_of_range(&self) -> Untranslatable {
        let reason = format!("{}/{}: the value is not {}", self.area, self.name, self.takes);
        Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason)
    }
}
