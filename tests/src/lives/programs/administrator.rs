//! What an administrator does in a life, over the admin API.

use anyhow::Context as _;
use mdm_sim_server::tenant::Authority;
use serde_json::json;

use super::step::SETTINGS;
use crate::admin::Admin;
use crate::lives::Step;
use crate::lives::reference::TenantRules;
use crate::server::USER;
use crate::world::block_on;

/// Does a step to the tenant, and to the rules what the tenant accepted of it.
pub(super) fn administer(admin: &Admin, device: &str, rules: &mut TenantRules, step: Step) -> anyhow::Result<()> {
    match step {
        Step::Mode(mode) => {
            // Which changes a tenant takes is tested elsewhere.
            let _ = block_on(admin.patch("/tenant", &json!({ "authority": mode })));
            rules.mode = serde_json::from_value(block_on(admin.get("/tenant"))?["authority"].clone())?;
        }
        Step::License(licensed) => {
            let licences = if licensed { json!(["intune"]) } else { json!([]) };
            block_on(admin.patch(&format!("/users/{USER}"), &json!({ "licences": licences })))?;
            rules.licensed = licensed;
        }
        Step::User(has_user) => {
            let path = format!("/devices/{device}/user");
            // A device that is moving keeps its user.
            if block_on(admin.put(&path, &json!({ "user": has_user.then_some(USER) }))).is_ok() {
                rules.set_user(has_user);
            }
        }
        Step::Assign(authority, setting, value) => {
            let (setting, value) = (SETTINGS[usize::from(setting)], value.to_string());
            let name = profile_name(authority, setting);
            let kebab = serde_json::to_value(authority)?;
            let kebab = kebab.as_str().context("an authority is a string")?;
            block_on(admin.assign_under(kebab, &name, &fragment(setting, &value)))?;
            rules.assigned.insert((authority, setting.to_owned()), value);
        }
        Step::Unassign(authority, setting) => {
            let setting = SETTINGS[usize::from(setting)];
            if rules.assigned.remove(&(authority, setting.to_owned())).is_some() {
                block_on(admin.assignment(&profile_name(authority, setting), &json!({})))?;
            }
        }
        Step::LoseNotifications(lose) => {
            block_on(admin.patch("/tenant", &json!({ "lose_rings": lose })))?;
        }
        other => anyhow::bail!("{other} does not happen to the real programs"),
    }
    Ok(())
}

/// The name of the profile with a setting of an authority.
pub(super) fn profile_name(authority: Authority, setting: &str) -> String {
    format!("{}-{setting}", authority.segment())
}

fn fragment(setting: &str, value: &str) -> String {
    format!(
        "<Replace><CmdID>1</CmdID><Item><Target><LocURI>./Device/Vendor/LinuxMDM/Config/Sysctl/{setting}</LocURI></Target>\
         <Meta><Format xmlns=\"syncml:metinf\">chr</Format></Meta><Data>{value}</Data></Item></Replace>"
    )
}
