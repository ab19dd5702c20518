//! The device's and the tenant's processes held against the reference.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::administrator::profile_name;
use super::step::SETTINGS;
use crate::agent::AgentFolder;
use crate::lives::compare::compare_redundant;
use crate::lives::reference::Reference;

/// The file with the device's kernel settings.
const FILE: &str = "etc/sysctl.d/90-mdm-agent.conf";

/// What the device and the console show after a completed check-in.
#[derive(Debug)]
pub(super) struct Shown {
    /// Value and owner of each setting.
    profiles: BTreeMap<String, (String, String)>,
    /// Value of each setting in the file.
    files: BTreeMap<String, String>,
    status: Value,
    /// The console's page of the device.
    console: Value,
}

impl Shown {
    pub(super) fn collect(agent: &AgentFolder, console: Value) -> anyhow::Result<Self> {
        let status = agent.json(["status"])?;
        Ok(Self { profiles: profiles(agent)?, files: files(&agent.root)?, status, console })
    }

    /// The authority that manages the device, as the device reports it.
    pub(super) fn manager(&self) -> &str {
        self.status["account"]["authority"].as_str().unwrap_or_default()
    }

    /// The first difference; `in_part` says that sessions may be missing from the record.
    pub(super) fn compare(&self, reference: &Reference, in_part: bool) -> Result<(), String> {
        let due = reference.tenant.due();
        if self.manager() != due.name() || reference.manager != due.name() {
            let (found, expected) = (self.manager(), &reference.manager);
            return Err(format!("it is managed by {found} ({expected} by its sessions) and not by {due}"));
        }
        self.compare_profiles(reference)?;
        let portal = &self.console["authority"];
        if serde_json::to_value(due).ok().as_ref() != Some(portal) {
            return Err(format!("the portal of {portal} lists it and not that of {due}"));
        }
        if self.console["state"] != "registered" {
            return Err(format!("the console shows it as {}", self.console["state"]));
        }
        self.compare_console(reference)?;
        if in_part {
            return Ok(());
        }
        let shown = Some(&self.console["redundant"]).filter(|shown| !shown.is_null());
        compare_redundant(reference, shown)
    }

    fn compare_profiles(&self, reference: &Reference) -> Result<(), String> {
        let held = reference.held.iter();
        let expected: BTreeMap<_, _> =
            held.map(|(setting, held)| (setting.clone(), (held.value.clone(), held.owner.clone()))).collect();
        if self.profiles != expected {
            return Err(format!("it has {:?} and should have {expected:?}", self.profiles));
        }
        let values: BTreeMap<_, _> = expected.into_iter().map(|(setting, (value, _))| (setting, value)).collect();
        if self.files != values {
            return Err(format!("its files have {:?} and its store {values:?}", self.files));
        }
        let enforced = self.status["not_in_force"].as_object().is_some_and(serde_json::Map::is_empty);
        if !enforced || !self.status["store_problem"].is_null() {
            let (missing, problem) = (&self.status["not_in_force"], &self.status["store_problem"]);
            return Err(format!("the device reports problems: {missing}, {problem}"));
        }
        Ok(())
    }

    fn compare_console(&self, reference: &Reference) -> Result<(), String> {
        let due = reference.tenant.due();
        let owned = reference.held.iter().filter(|(_, held)| held.owner == due.name());
        let expected: BTreeMap<String, String> =
            owned.map(|(setting, _)| (profile_name(due, setting), "delivered".to_owned())).collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listed = self.console["profiles"].as_array().into_iter().flatten();
        let found: BTreeMap<String, String> =
            listed.map(|profile| (text(&profile["name"]), text(&profile["state"]))).collect();
        if found == expected {
            return Ok(());
        }
        Err(format!("the console shows {found:?} and should show {expected:?}"))
    }
}

fn profiles(agent: &AgentFolder) -> anyhow::Result<BTreeMap<String, (String, String)>> {
    let list = agent.json(["profiles", "list"])?;
    let mut found = BTreeMap::new();
    for profile in list.as_array().context("the list of profiles is none")? {
        let name = profile["name"].as_str().context("a profile has no name")?;
        let shown = agent.json(["profiles", "show", name])?;
        let value = shown["nodes"][0][2].as_str().with_context(|| format!("{name} has no value: {shown}"))?;
        let owner = profile["authority"].as_str().context("a profile has no owner")?;
        let setting = name.trim_start_matches("Linux/Sysctl/");
        found.insert(setting.to_owned(), (value.to_owned(), owner.to_owned()));
    }
    Ok(found)
}

/// The settings in the file; there is none without settings.
fn files(root: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let path = root.join(FILE);
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(&path)?;
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    let found: BTreeMap<_, _> = lines.map(|(setting, value)| (setting.to_owned(), value.to_owned())).collect();
    anyhow::ensure!(found.keys().all(|setting| SETTINGS.contains(&setting.as_str())), "{FILE} has {found:?}");
    anyhow::ensure!(!found.is_empty(), "{FILE} is there without settings");
    Ok(found)
}
