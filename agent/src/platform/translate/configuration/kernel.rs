//! The kernel: parameters (sysctl.d(5)) and modules that may not be loaded (modprobe.d(5)).

use mdm_protocol::syncml::StatusCode;

use super::catalogue::Value;
use super::require;
use crate::platform::desired::{Fragment, Share, Untranslatable};
use crate::platform::document::Document;
use crate::platform::translate::Context;

type Outcome = Result<Share, Untranslatable>;

/// Parameters by which whoever sets them would run programs of their choice as root.
const DENIED: &[&str] = &[
    "fs.binfmt_misc",
    "kernel.core_pattern",
    "kernel.hotplug",
    "kernel.modprobe",
    "kernel.poweroff_cmd",
    "kernel.usermodehelper",
];

pub(super) fn parameter(value: &Value, name: &str, context: &Context<'_>) -> Outcome {
    let is_sound = name.len() <= 200
        && name.split('.').count() >= 2
        && name.split('.').all(|part| {
            // A dash before the name is not part of it to sysctl: it says that failure does not matter.
            part.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
    if !is_sound {
        return Err(Untranslatable::refused(StatusCode::NOT_FOUND, "Sysctl: the name is not that of a parameter"));
    }
    require(!is_denied(name), "Sysctl: parameters that name programs for the kernel to run are not set")?;
    require(context.machine.sysctl, "sysctl is not installed on this machine")?;
    Ok(Share { fragments: vec![Fragment::text(Document::Sysctl, name, value.text())], ..Share::default() })
}

/// Whether a parameter is a denied one or below one. Points and slashes part the names alike.
fn is_denied(name: &str) -> bool {
    let mut names = DENIED.iter().map(|denied| denied.split('.'));
    names.any(|mut denied| {
        let mut parts = name.split(['.', '/']);
        denied.all(|part| parts.next() == Some(part))
    })
}

pub(super) fn module(value: &Value, name: &str, context: &Context<'_>) -> Outcome {
    let is_sound = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_sound {
        return Err(Untranslatable::refused(StatusCode::NOT_FOUND, "KernelModule: the name is not that of a module"));
    }
    if !value.text().eq_ignore_ascii_case("blocked") {
        return Err(Untranslatable::refused(
            StatusCode::UNSUPPORTED_FORMAT,
            "KernelModule: the value is not `blocked`",
        ));
    }
    require(context.machine.modprobe, "modprobe is not installed on this machine")?;
    let line = format!("install {name} /bin/false");
    Ok(Share {
        fragments: vec![Fragment::text(Document::Modprobe, &format!("module {name}"), line)],
        ..Share::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Profile;
    use crate::platform::testing::{desired_on, everything, only_file, profile, refusal};

    fn sysctl(name: &str) -> Profile {
        profile(&format!("./Device/Vendor/LinuxMDM/Config/Sysctl/{name}"), &[("", "1")])
    }

    #[test]
    fn a_parameter_by_which_the_kernel_would_run_programs_is_not_set_however_it_is_written() {
        for name in [
            "fs.binfmt_misc.register",
            "kernel.core_pattern",
            "kernel.hotplug",
            "kernel.modprobe",
            "kernel.poweroff_cmd",
            "kernel.usermodehelper.bset",
        ] {
            assert_eq!(refusal(&everything(), &sysctl(name)).0, StatusCode::NOT_SUPPORTED, "{name}");
            assert!(is_denied(&name.replace('.', "/")), "{name}");
            for disguised in [format!("-{name}"), name.replace('.', ".-"), name.replace('.', "%2F"), format!("{name}*")]
            {
                assert_eq!(refusal(&everything(), &sysctl(&disguised)).0, StatusCode::NOT_FOUND, "{disguised}");
            }
        }
    }

    #[test]
    fn a_parameter_beside_those_that_are_denied_is_set() {
        for name in ["kernel.core_pipe_limit", "fs.binfmt", "net.ipv4.conf.br-1.rp_filter", "net.ipv4.conf._a.x"] {
            let text = only_file(&desired_on(&everything(), &[sysctl(name)]), "/etc/sysctl.d");
            assert!(text.ends_with(&format!("\n{name} = 1\n")), "{text}");
        }
    }
}
