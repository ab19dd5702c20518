//! Devices that may not be used: udev refuses what is plugged in, modprobe what would be loaded for it.

use super::catalogue::Value;
use super::require;
use crate::platform::desired::{Fragment, Share, Untranslatable};
use crate::platform::document::Document;
use crate::platform::translate::Context;

type Outcome = Result<Share, Untranslatable>;

/// Rules for udev and modules for modprobe, each under a name that tells what they are for.
fn refuse(context: &Context<'_>, name: &str, rules: &str, modules: &[&str]) -> Outcome {
    require(context.machine.udev, "udev is not installed on this machine")?;
    let mut fragments = vec![Fragment::text(Document::Udev, name, rules)];
    if context.machine.modprobe {
        let lines: Vec<String> = modules.iter().map(|module| format!("install {module} /bin/false")).collect();
        if !lines.is_empty() {
            fragments.push(Fragment::text(Document::Modprobe, name, lines.join("\n")));
        }
    }
    Ok(Share { fragments, ..Share::default() })
}

/// USB interfaces of a class (USB-IF) are not authorised.
fn usb_class(class: &str) -> String {
    format!(
        "ACTION!=\"remove\", SUBSYSTEM==\"usb\", ENV{{DEVTYPE}}==\"usb_interface\", ATTR{{bInterfaceClass}}==\"{class}\", \
         ATTR{{authorized}}=\"0\""
    )
}

pub(super) fn camera(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    match value.number() {
        0 => refuse(context, "camera", &usb_class("0e"), &["uvcvideo"]),
        _ => Ok(Share::default()),
    }
}

pub(super) fn bluetooth(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    let rules = "ACTION!=\"remove\", SUBSYSTEM==\"rfkill\", ATTR{type}==\"bluetooth\", ATTR{soft}=\"1\"";
    match value.number() {
        0 => refuse(context, "bluetooth", rules, &["btusb"]),
        _ => Ok(Share::default()),
    }
}

pub(super) fn removable_storage(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    match value.number() {
        0 => refuse(context, "removable-storage", &usb_class("08"), &["usb-storage", "uas"]),
        _ => Ok(Share::default()),
    }
}

pub(super) fn usb(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    // 03 is keyboards and mice, 09 hubs, 0b smart card readers: without them nobody could sign in any more.
    let rules = "ACTION!=\"remove\", SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_interface\", \
                 ATTR{bInterfaceClass}!=\"03|09|0b\", ATTR{authorized}=\"0\"";
    match value.number() {
        0 => refuse(context, "usb", rules, &[]),
        _ => Ok(Share::default()),
    }
}

pub(super) fn removable_read_only(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    let rules = "ACTION!=\"remove\", SUBSYSTEM==\"block\", SUBSYSTEMS==\"usb\", \
                 RUN+=\"/usr/sbin/blockdev --setro $env{DEVNAME}\"";
    match value.number() {
        0 => Ok(Share::default()),
        _ => refuse(context, "removable-read-only", rules, &[]),
    }
}
