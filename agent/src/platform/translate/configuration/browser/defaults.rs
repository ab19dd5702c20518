//! Recommended policies of Mozilla's programs, which know no such level: some policies have a form that sets a default
//! which users may change. Refuses (406) those that have none.

use serde_json::{Value, json};

use super::target::{Level, Place};
use crate::platform::desired::{Fragment, Untranslatable};
use crate::platform::document::Document;

/// What the documents get, in the form of the place's level.
pub(super) fn fragments(place: Place, value: Value, documents: &[Document]) -> Result<Vec<Fragment>, Untranslatable> {
    if place.level == Level::Mandatory || !place.browser.is_mozilla() {
        return place.fragments(value, documents);
    }
    let mut fragments = Vec::new();
    for (path, value) in defaults(&place.path, value)? {
        fragments.extend(Place { browser: place.browser, level: place.level, path }.fragments(value, documents)?);
    }
    Ok(fragments)
}

/// Whether the policy at this place has a form for defaults.
pub(super) fn exist_for(path: &[&str]) -> bool {
    matches!(
        path,
        ["Preferences" | "Proxy" | "DownloadDirectory" | "DefaultDownloadDirectory" | "OfferToSaveLogins"]
            | ["Homepage", "Additional" | "StartPage" | "URL"]
            | ["DNSOverHTTPS", _]
    )
}

/// The refusal of a policy that has no form for defaults.
pub(super) fn none(policy: &str) -> Untranslatable {
    Untranslatable::unsupported(format!(
        "{policy} cannot be recommended: it has no form that sets a default (such as \"Status\": \"default\")"
    ))
}

/// The places and values that make a value a default.
fn defaults(path: &[String], value: Value) -> Result<Vec<(Vec<String>, Value)>, Untranslatable> {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let at = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    Ok(match (names.as_slice(), value) {
        (["Preferences"], Value::Object(preferences)) => {
            let preferences: serde_json::Map<String, Value> = preferences
                .into_iter()
                .map(|(name, value)| Ok((name, preference(value)?)))
                .collect::<Result<_, Untranslatable>>()?;
            vec![(path.to_vec(), Value::Object(preferences))]
        }
        (["Homepage", "Locked"], _) => return Err(none("HomepageLocked")),
        (["Homepage" | "DNSOverHTTPS" | "Proxy"], Value::Object(mut members)) => {
            if members.insert("Locked".to_owned(), Value::Bool(false)) == Some(Value::Bool(true))
                || members.get("StartPage").is_some_and(is_locking)
            {
                return Err(locks());
            }
            vec![(path.to_vec(), Value::Object(members))]
        }
        (["Homepage", "StartPage"], value) if is_locking(&value) => return Err(locks()),
        ([outer @ ("Homepage" | "DNSOverHTTPS"), _], value) => {
            vec![(path.to_vec(), value), (at(&[outer, "Locked"]), Value::Bool(false))]
        }
        (["DownloadDirectory" | "DefaultDownloadDirectory"], value) => vec![(at(&["DefaultDownloadDirectory"]), value)],
        (["OfferToSaveLogins"], value) => vec![(at(&["OfferToSaveLoginsDefault"]), value)],
        // The type is checked with every other place.
        (["Preferences" | "Homepage" | "DNSOverHTTPS" | "Proxy"], value) => vec![(path.to_vec(), value)],
        _ => return Err(none(&path.join("_"))),
    })
}

/// One preference as a default; a plain value stands for itself.
fn preference(value: Value) -> Result<Value, Untranslatable> {
    match value {
        Value::Object(mut members) => match members.get("Status").map(Value::as_str) {
            None | Some(Some("default")) => {
                members.insert("Status".to_owned(), Value::from("default"));
                Ok(Value::Object(members))
            }
            Some(_) => Err(Untranslatable::unsupported(
                "a preference whose Status is not \"default\" is not recommended but enforced; use Preferences for it",
            )),
        },
        plain => Ok(json!({"Value": plain, "Status": "default"})),
    }
}

fn is_locking(start_page: &Value) -> bool {
    start_page == "homepage-locked"
}

fn locks() -> Untranslatable {
    Untranslatable::unsupported("a recommended policy cannot lock its value")
}
