//! Policies that a template defines: accepts templates that the server installs, and finds the one that a value
//! belongs to. Where no template is installed, the table of known policies stands in for it.

use mdm_protocol::Scope;
use mdm_protocol::csp::policy::AdmxValue;
use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::admx::{Class, Policy, Setting, Template, excerpt, settings};
use super::catalogue::{self, ValueType};
use super::target::{Browser, Level, Place};
use super::{defaults, typed};
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;

/// The area of policies that come from a template: `<AppName>~<Policy|Preference>~<category>~...`.
#[derive(Debug)]
pub(super) struct Area<'a> {
    app: &'a str,
    kind: &'a str,
    categories: Vec<&'a str>,
}

impl<'a> Area<'a> {
    /// Reads an area's name; `None` if it is not that of a template.
    pub(super) fn parse(area: &'a str) -> Option<Self> {
        let mut parts = area.split('~');
        let (app, kind) = (parts.next()?, parts.next()?);
        let known = ["Policy", "Preference"].iter().any(|known| kind.eq_ignore_ascii_case(known));
        (known && !app.is_empty()).then(|| Self { app, kind, categories: parts.collect() })
    }

    /// The browser that is meant, by the outermost category's name in its makers' template, else by the name that
    /// administrators give the template.
    fn browser(&self) -> Option<Browser> {
        let of = |name: &str| {
            let (_, name) = Level::of_name(name);
            Some(match name.to_ascii_lowercase().as_str() {
                "googlechrome" | "chrome" => Browser::Chrome,
                "chromium" => Browser::Chromium,
                "microsoft_edge" | "edge" | "msedge" | "microsoftedge" => Browser::Edge,
                "firefox" => Browser::Firefox,
                "thunderbird" => Browser::Thunderbird,
                _ => return None,
            })
        };
        self.categories.first().and_then(|category| of(category)).or_else(|| of(self.app))
    }

    /// The level of a policy of this name, and the policy that it is a level of.
    fn level<'n>(&self, name: &'n str) -> (Level, &'n str) {
        let (level, plain) = Level::of_name(name);
        let says_so = self.categories.iter().any(|category| Level::of_name(category).0 == Level::Recommended);
        (if says_so { Level::Recommended } else { level }, plain)
    }
}

/// Accepts a template. It asks nothing of the machine by itself.
pub(super) fn install(text: &str, scope: Scope) -> Result<Share, Untranslatable> {
    if scope == Scope::User {
        return Err(Untranslatable::unsupported("templates are installed for the machine, not for a user"));
    }
    let template = Template::parse(text)?;
    let (mut any, mut ours) = (false, false);
    for policy in template.policies() {
        any = true;
        ours |= browser(&policy?).is_some();
    }
    match (any, ours) {
        (true, true) => Ok(Share::default()),
        (true, false) => Err(Untranslatable::unsupported("the template is not for a browser that is known here")),
        (false, _) => {
            Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, "there are no policies in the template"))
        }
    }
}

/// Sets a policy.
pub(super) fn set(
    area: &Area<'_>,
    name: &str,
    text: &str,
    scope: Scope,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let value = AdmxValue::parse("the value", text)?;
    let mut installed = false;
    for text in installed_templates(area, context) {
        let excerpt = excerpt(text, name);
        let text = excerpt.as_deref().unwrap_or(text);
        let Ok(template) = Template::parse(text) else { continue };
        installed = true;
        let Some(policy) = template.find(name) else { continue };
        let policy = policy?;
        if !template.is_in(&policy, &area.categories) {
            return Err(unknown("the template has this policy in another category"));
        }
        match (policy.class, scope) {
            (Class::Machine, Scope::User) => return Err(unknown("this policy is for machines, not for users")),
            (Class::User, Scope::Device) => return Err(unknown("this policy is for users, not for machines")),
            _ => {}
        }
        let browser = browser(&policy).ok_or_else(foreign)?;
        browser.documents(Level::Mandatory, context.machine)?;
        return resolve(settings(&policy, &value)?, browser, context);
    }
    // Mozilla's templates have no recommended policies: those are known here, whether a template is installed or not.
    let (level, plain) = area.level(name);
    let has_defaults = level == Level::Recommended && area.browser().is_some_and(Browser::is_mozilla);
    if installed && !has_defaults {
        return Err(unknown("no template of this name has this policy"));
    }
    match area.browser().and_then(|browser| Some((browser, catalogue::find(browser, plain)?))) {
        Some((browser, known)) => typed::set(known, browser, level, &value, context),
        None if has_defaults => Err(defaults::none(plain)),
        None => Err(Untranslatable::Waiting(format!("the template {} is not installed yet", area.app))),
    }
}

fn unknown(reason: &str) -> Untranslatable {
    Untranslatable::refused(StatusCode::NOT_FOUND, reason)
}

/// The templates of the area's name.
fn installed_templates<'c>(area: &Area<'_>, context: &Context<'c>) -> impl Iterator<Item = &'c str> {
    let profiles = context.profiles;
    profiles.iter().filter_map(move |profile| {
        let address = profile.address()?;
        match address.root.segments() {
            [_, _, _, operations, _, app, kind, _]
                if operations == "ConfigOperations"
                    && app.eq_ignore_ascii_case(area.app)
                    && kind.eq_ignore_ascii_case(area.kind) =>
            {
                profile.nodes.get("").map(|node| node.value.as_str())
            }
            _ => None,
        }
    })
}

/// The browser that a policy is for.
fn browser(policy: &Policy<'_>) -> Option<Browser> {
    policy.keys().find_map(Place::of_key).map(|place| place.browser)
}

fn foreign() -> Untranslatable {
    Untranslatable::unsupported("the policy is not that of a browser known here")
}

/// From the registry to the documents of the policy's browser. Which of them, mandatory or recommended, each key says.
fn resolve(settings: Vec<Setting<'_>>, browser: Browser, context: &Context<'_>) -> Result<Share, Untranslatable> {
    let mut share = Share::default();
    for Setting { key, name, value, may_be_json } in settings {
        let mut place = Place::of_key(key).ok_or_else(foreign)?;
        if place.browser != browser {
            return Err(Untranslatable::unsupported("the policy sets values of several browsers"));
        }
        place.path.extend(name.map(str::to_owned));
        let value_type = catalogue::value_type(place.browser, &place.path);
        let value = if may_be_json { json(value, value_type) } else { value };
        let documents = browser.documents(place.level, context.machine)?;
        share.fragments.extend(place.fragments(value, &documents)?);
    }
    Ok(share)
}

/// Windows keeps dictionaries as JSON text, in one line or in several; on Linux the browsers want the dictionary. Text
/// that is no JSON stays text where it has to be an object or an array, so that it is refused and not taken for a list.
fn json(value: Value, value_type: Option<ValueType>) -> Value {
    let text = match &value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        _ => return value,
    };
    match value_type {
        Some(ValueType::Text | ValueType::TextOf(_)) => value,
        Some(ValueType::Object | ValueType::Array) => compound(&text).unwrap_or(Value::String(text)),
        _ => compound(&text).unwrap_or(value),
    }
}

/// An object or an array out of its text.
pub(super) fn compound(text: &str) -> Option<Value> {
    let parsed: Value = text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())??;
    (parsed.is_object() || parsed.is_array()).then_some(parsed)
}
