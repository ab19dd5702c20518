//! `cargo bench -p mdm-tests --bench in_force`: what a session costs on the machine, in memory (`/dev/shm`): one that puts
//! 100 profiles in force, and one in which nothing changed. The second should cost less than a twentieth of the first.

use std::collections::BTreeMap;
use std::path::Path;

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mdm_agent::engine::application::Application;
use mdm_agent::engine::profile::{Owner, Profile};
use mdm_agent::engine::tree::Node;
use mdm_agent::platform::force::{Others, Platform};
use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;
use mdm_tests::machine_root;
use tempfile::TempDir;

/// In memory where there is such a place.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder can be made")
}

fn machine() -> (TempDir, Platform) {
    let folder = folder();
    let root = folder.path().join("root");
    machine_root::debian(&root).expect("a folder can be written to");
    let platform = Platform::of(root, &folder.path().join("state"));
    (folder, platform)
}

/// Ninety networks and ten settings, as a large organisation has them.
fn profiles() -> Vec<Profile> {
    let profile = |address: String, path: &str, value: String| {
        let nodes = BTreeMap::from([(path.to_owned(), Node::new(&Format::Chr, value))]);
        let root = LocUri::parse(&address).expect("the address is one");
        Profile::new(root, &Owner::default(), nodes, 0).expect("there is a node in it")
    };
    let networks = (0..90).map(|number| {
        let document = format!(
            "<WLANProfile><name>Net{number}</name><SSIDConfig><SSID><name>Net{number}</name></SSID></SSIDConfig><MSM>\
             <security><authEncryption><authentication>WPA2PSK</authentication><encryption>AES</encryption></authEncryption>\
             <sharedKey><keyType>passPhrase</keyType><protected>false</protected><keyMaterial>correct horse</keyMaterial>\
             </sharedKey></security></MSM></WLANProfile>"
        );
        profile(format!("./Device/Vendor/MSFT/WiFi/Profile/Net{number}"), "WlanXml", document)
    });
    let settings = (0..10).map(|number| {
        profile(format!("./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.example{number}"), "", number.to_string())
    });
    networks.chain(settings).collect()
}

fn in_force(criterion: &mut Criterion) {
    let profiles = profiles();
    let changes = profiles.iter().map(|profile| (profile.root.to_string(), Some(Arc::new(profile.clone())))).collect();
    let application = Application { profiles: changes, ..Application::default() };
    let mut group = criterion.benchmark_group("100-profiles");
    group.sample_size(20);
    group.bench_function("applied", |bencher| {
        bencher.iter_batched(
            machine,
            |(folder, platform)| {
                let outcome = platform.put_in_force(&[], &application, Others::Go).expect("there is room");
                assert!(outcome.failed.is_empty());
                (folder, platform)
            },
            BatchSize::PerIteration,
        );
    });
    let (_folder, platform) = machine();
    platform.put_in_force(&[], &application, Others::Go).expect("there is room");
    group.bench_function("unchanged", |bencher| {
        bencher.iter(|| platform.converge(&profiles, Others::Go).expect("there is room"));
    });
    group.finish();
}

criterion_group!(benches, in_force);
criterion_main!(benches);
