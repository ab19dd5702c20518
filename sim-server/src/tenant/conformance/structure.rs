//! Which elements a message has, in which order and how often: the document type of SyncML 1.2 as far as devices use it.

use mdm_protocol::xml::Element;

use super::Violation;

pub(super) const SECTION: &str = "SyncML Representation Protocol 1.2, DTD";

/// How often an element may stand at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurs {
    Once,
    Optional,
    Any,
    Several,
}

use Occurs::{Any, Once, Optional, Several};

type Model = &'static [(&'static str, Occurs)];

pub(super) const MESSAGE: Model = &[("SyncHdr", Once), ("SyncBody", Once)];
pub(super) const HEADER: Model = &[
    ("VerDTD", Once),
    ("VerProto", Once),
    ("SessionID", Once),
    ("MsgID", Once),
    ("Target", Once),
    ("Source", Once),
    ("RespURI", Optional),
    ("NoResp", Optional),
    ("Cred", Optional),
    ("Meta", Optional),
];
/// What changes nodes; a Delete may also say how it deletes.
const OPERATION: Model = &[
    ("CmdID", Once),
    ("NoResp", Optional),
    ("Archive", Optional),
    ("SftDel", Optional),
    ("Lang", Optional),
    ("Cred", Optional),
    ("Meta", Optional),
    ("Correlator", Optional),
    ("Item", Several),
];
const ALERT: Model = &[
    ("CmdID", Once),
    ("NoResp", Optional),
    ("Cred", Optional),
    ("Data", Once),
    ("Correlator", Optional),
    ("Item", Any),
];
const STATUS: Model = &[
    ("CmdID", Once),
    ("MsgRef", Once),
    ("CmdRef", Once),
    ("Cmd", Once),
    ("TargetRef", Any),
    ("SourceRef", Any),
    ("Cred", Optional),
    ("Chal", Optional),
    ("Data", Once),
    ("Item", Any),
];
/// MS-MDM puts no Cmd here, and SyncML 1.2 has none; many write one.
const RESULTS: Model = &[
    ("CmdID", Once),
    ("MsgRef", Optional),
    ("CmdRef", Once),
    ("Cmd", Optional),
    ("Meta", Optional),
    ("TargetRef", Optional),
    ("SourceRef", Optional),
    ("Item", Several),
];
/// A Type beside Meta is what the sample of MS-MDM section 3.6 has.
const ITEM: Model = &[
    ("Target", Optional),
    ("Source", Optional),
    ("SourceParent", Optional),
    ("TargetParent", Optional),
    ("Meta", Optional),
    ("Type", Optional),
    ("Data", Optional),
    ("MoreData", Optional),
];
const PLACE: Model = &[("LocURI", Once), ("LocName", Optional)];
const CREDENTIALS: Model = &[("Meta", Optional), ("Data", Once)];
const CHALLENGE: Model = &[("Meta", Once)];

/// The content of an element; `None` for one whose content is free or text.
pub(super) fn model(name: &str) -> Option<Model> {
    Some(match name {
        "SyncML" => MESSAGE,
        "SyncHdr" => HEADER,
        "Add" | "Replace" | "Delete" | "Get" | "Exec" => OPERATION,
        "Alert" => ALERT,
        "Status" => STATUS,
        "Results" => RESULTS,
        "Item" => ITEM,
        "Target" | "Source" => PLACE,
        "Cred" => CREDENTIALS,
        "Chal" => CHALLENGE,
        _ => return None,
    })
}

/// Checks the children of an element against its content model.
pub(super) fn check(element: Element<'_>) -> Result<(), Violation> {
    let Some(model) = model(element.name()) else { return Ok(()) };
    let wrong =
        |found: String| Violation::new(found, "elements must stand in the order and number of the DTD", SECTION);
    for (name, times) in model {
        let count = element.children_named(name).count();
        let is_right = match times {
            Once => count == 1,
            Optional => count <= 1,
            Any => true,
            Several => count >= 1,
        };
        if !is_right {
            return Err(wrong(format!("<{}> has {count} <{name}>", element.name())));
        }
    }
    let mut last = 0;
    for child in element.children() {
        let Some(place) = model.iter().position(|(name, _)| child.is(name)) else {
            return Err(wrong(format!("<{}> has a <{}>", element.name(), child.name())));
        };
        if place < last {
            return Err(wrong(format!("<{}> stands too late in <{}>", child.name(), element.name())));
        }
        last = place;
    }
    Ok(())
}
