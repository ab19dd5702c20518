//! Firefox and Thunderbird, asked which policies they have taken.

use mdm_tests::marionette::{Marionette, arguments, prepare};
use serde_json::Value;
use tempfile::TempDir;

use crate::documents::{Apart, Documents};

/// Firefox or Thunderbird, with documents of its own.
pub(crate) struct Mozilla {
    _process: Apart,
    marionette: Marionette,
    _profile: TempDir,
}

impl Mozilla {
    pub(crate) fn start(program: &str, documents: &Documents) -> Self {
        let profile = TempDir::new().unwrap();
        let port = prepare(profile.path()).unwrap();
        let arguments = arguments(profile.path()).map(|argument| argument.to_str().unwrap());
        let program: Vec<&str> = std::iter::once(program).chain(arguments).collect();
        let process = Apart::start(documents, ">/dev/null", &program, profile.path());
        Self { _process: process, marionette: Marionette::begin(port).unwrap(), _profile: profile }
    }

    pub(crate) fn run(&mut self, script: &str) -> Value {
        self.marionette.run(script).unwrap()
    }

    /// Whether its policies are active, and which it has taken.
    pub(crate) fn policies(&mut self) -> (Value, Value) {
        let status = self.run("return Services.policies.status === Ci.nsIEnterprisePolicies.ACTIVE");
        let active = self.run("return JSON.stringify(Services.policies.getActivePolicies())");
        (status, active.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap()))
    }
}
