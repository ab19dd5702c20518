//! The documents that profiles become, and programs that find them in an `/etc` of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use mdm_agent::engine::profile::{Owner, Profile};
use mdm_agent::engine::tree::Node;
use mdm_agent::platform::assembly::Assembly;
use mdm_agent::platform::desired::Content;
use mdm_agent::platform::document::Document;
use mdm_agent::platform::machine::{Machine, ThunderbirdPlace};
use mdm_agent::platform::site::Surroundings;
use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;
use serde_json::Value;
use tempfile::TempDir;

/// Gives the program an `/etc` of its own with the documents in it, then becomes the program.
const APART: &str = r#"set -e
copy=$(mktemp -d); mount -t tmpfs none "$copy"; cp -a /etc/. "$copy"
mount --bind "$copy" /etc; umount -l "$copy"; rmdir "$copy"
cp -r "$1/etc/." /etc/
shift
"#;

/// The documents that the profiles become, below a folder that stands for the machine's root.
pub(crate) struct Documents {
    root: TempDir,
    pub(crate) policies: Value,
}

impl Documents {
    pub(crate) fn of(document: Document, profiles: &[(String, String)]) -> Self {
        let machine = Machine {
            chromium: Some("/etc/chromium/policies".to_owned()),
            firefox: true,
            thunderbird: Some(ThunderbirdPlace { providers: None }),
            ..Machine::default()
        };
        let profile = |(address, value): &(String, String)| {
            let nodes = BTreeMap::from([(String::new(), Node::new(&Format::Chr, value))]);
            Profile::new(LocUri::parse(address).unwrap(), &Owner::default(), nodes, 0).unwrap()
        };
        let profiles = profiles.iter().map(profile).map(Arc::new);
        let desired = Assembly::of_stored(Surroundings::of(machine.clone()), profiles).desired();
        assert!(desired.without.is_empty(), "{:?}", desired.without);
        let path = document.path(&machine).unwrap();
        let Content::Bytes(bytes) = &desired.files[&path].0.content else { panic!("{path} is a file") };
        let root = TempDir::new().unwrap();
        let file = root.path().join(path.as_str().trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, bytes).unwrap();
        let mut policies: Value = serde_json::from_slice(bytes).unwrap();
        if let Some(below) = policies.get_mut("policies") {
            policies = below.take();
        }
        Self { root, policies }
    }
}

/// A process with everything that it started; all end with this.
pub(crate) struct Apart(pub(crate) Child);

impl Apart {
    pub(crate) fn start(documents: &Documents, last: &str, program: &[&str], home: &Path) -> Self {
        let script = format!("{APART}exec \"$@\" {last}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script, "sh"]);
        command.arg(documents.root.path()).args(program).env("HOME", home);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
