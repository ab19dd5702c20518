//! Renewals that are cut short, and slots that are damaged.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::engine::enrolment::{Installation, KeyKind, KeyOrder};
use crate::engine::testing;
use crate::shell::identity::Identity;
use crate::shell::keys;
use crate::shell::paths::Paths;

#[test]
fn a_renewal_waits_beside_the_active_slot_until_it_is_promoted() {
    let world = World::new();
    let identity = world.load();
    assert_eq!(identity.active.private_key.as_slice(), world.old.0.as_bytes());
    assert_eq!(identity.pending.unwrap().private_key.as_slice(), world.new.0.as_bytes());
    Identity::promote(&world.paths).unwrap();
    world.expect_new();
}

#[test]
fn a_promotion_cut_short_at_any_step_is_brought_to_its_end() {
    for steps in [BY_EXCHANGE, BY_RENAMES] {
        for count in 1..=steps.len() {
            let world = World::new();
            steps.iter().take(count).for_each(|step| step(&world.paths.identity()).unwrap());
            for _ in 0..2 {
                Identity::clean_up(&world.paths).unwrap();
                world.expect_new();
            }
        }
    }
}

#[test]
fn a_removal_of_the_outgoing_slot_cut_short_is_brought_to_its_end() {
    for name in [KEY, CERTIFICATE, SUPERSEDED] {
        let world = World::new();
        BY_EXCHANGE.iter().take(3).for_each(|step| step(&world.paths.identity()).unwrap());
        std::fs::remove_file(world.paths.identity().join(OUTGOING).join(name)).unwrap();
        Identity::clean_up(&world.paths).unwrap();
        world.expect_new();
    }
}

#[test]
fn an_outgoing_slot_never_counts_as_a_pending_one() {
    let world = World::new();
    BY_EXCHANGE.iter().take(2).for_each(|step| step(&world.paths.identity()).unwrap());
    let identity = world.load();
    assert_eq!(identity.active.private_key.as_slice(), world.new.0.as_bytes());
    assert!(identity.pending.is_none());
}

#[test]
fn a_promotion_whose_candidate_is_lost_is_undone() {
    for (steps, count) in [(BY_EXCHANGE, 1), (BY_RENAMES, 2)] {
        let world = World::new();
        steps.iter().take(count).for_each(|step| step(&world.paths.identity()).unwrap());
        std::fs::write(world.paths.identity().join(PENDING).join(KEY), "damaged").unwrap();
        for _ in 0..2 {
            Identity::clean_up(&world.paths).unwrap();
            world.expect_old();
        }
    }
}

#[test]
fn a_promotion_that_failed_is_not_brought_to_its_end_with_another_candidate() {
    let world = World::new();
    mark_outgoing(&world.paths.identity()).unwrap();
    Identity::install_pending(&world.paths, &world.new.0, &world.new.1, &[]).unwrap();
    Identity::clean_up(&world.paths).unwrap();
    assert_eq!(world.load().active.private_key.as_slice(), world.old.0.as_bytes());
    assert!(world.load().pending.is_some());
    mark_outgoing(&world.paths.identity()).unwrap();
    Identity::discard_pending(&world.paths).unwrap();
    Identity::clean_up(&world.paths).unwrap();
    world.expect_old();
}

#[test]
fn a_pending_slot_that_cannot_be_used_is_ignored_and_cleaned_up() {
    let damage: [fn(&Path); 5] = [
        |slot| std::fs::remove_file(slot.join(KEY)).unwrap(),
        |slot| std::fs::remove_file(slot.join(CERTIFICATE)).unwrap(),
        |slot| std::fs::write(slot.join(KEY), []).unwrap(),
        |slot| std::fs::write(slot.join(CERTIFICATE), "no certificate").unwrap(),
        // A whole key, but another one.
        |slot| std::fs::write(slot.join(KEY), pair().0.as_bytes()).unwrap(),
    ];
    for damage in damage {
        let world = World::new();
        damage(&world.paths.identity().join(PENDING));
        assert!(world.load().pending.is_none());
        assert!(Identity::promote(&world.paths).is_err());
        Identity::clean_up(&world.paths).unwrap();
        world.expect_old();
    }
}

#[test]
fn an_installation_of_a_pending_slot_cut_short_leaves_no_key() {
    let world = World::new();
    Identity::discard_pending(&world.paths).unwrap();
    write(&world.paths.identity().join(PENDING_NEW), &world.new.0, &world.new.1, &[]).unwrap();
    Identity::clean_up(&world.paths).unwrap();
    world.expect_old();
}

#[test]
fn a_slot_tells_what_its_certificate_says() {
    let world = World::new();
    let slot = world.load().active;
    let terms = slot.terms().unwrap();
    assert_eq!(terms.thumbprint, Thumbprint::of(&world.old.1));
    assert!(terms.not_before < terms.not_after);
    let key = rcgen::KeyPair::from_pem(&world.old.0).unwrap();
    assert_eq!(slot.public_key().unwrap(), key.subject_public_key_info());
    assert_eq!(terms.key, KeyKind::P256);
}

#[test]
fn nobody_but_the_owner_may_read_a_pending_key_and_no_slot_prints_its_key() {
    let world = World::new();
    let key = world.paths.identity().join(PENDING).join(KEY);
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let slot = world.load().active;
    assert_eq!(format!("{slot:?}"), "Slot(…)");
    let damaged = Slot { private_key: Zeroizing::new(b"a secret".to_vec()), certificates: Vec::new() };
    assert!(!damaged.key_pair().unwrap_err().to_string().contains("a secret"));
}

/// An enrolled device with a renewal that waits.
#[test]
fn a_recovered_identity_waits_beside_the_one_in_use_which_stays_if_the_server_refuses_it() {
    let world = World::new();
    let recovered = pair();
    let account = crate::engine::Account { name: "recovered".to_owned(), ..testing::account() };
    let installation = Installation { account, certificate: recovered.1.clone(), intermediates: Vec::new() };
    Identity::restore(&world.paths, &recovered.0, &installation).unwrap();
    let identity = world.load();
    assert_eq!(identity.active.private_key.as_slice(), world.old.0.as_bytes());
    assert_eq!(identity.pending.unwrap().private_key.as_slice(), recovered.0.as_bytes());
    assert_eq!(identity.account.name, "recovered");
    Identity::discard_pending(&world.paths).unwrap();
    world.expect_old();
    Identity::restore(&world.paths, &recovered.0, &installation).unwrap();
    Identity::promote(&world.paths).unwrap();
    world.expect(&recovered.0);
}

struct World {
    _folder: tempfile::TempDir,
    paths: Paths,
    old: (Zeroizing<String>, Vec<u8>),
    new: (Zeroizing<String>, Vec<u8>),
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths { state: folder.path().join("state"), runtime: folder.path().join("run") };
        files::create_private_dir(&paths.state).unwrap();
        let (old, new) = (pair(), pair());
        let installation =
            Installation { account: testing::account(), certificate: old.1.clone(), intermediates: Vec::new() };
        Identity::install(&paths, &old.0, &installation).unwrap();
        Identity::install_pending(&paths, &pair().0, &new.1, &[]).unwrap();
        // The second one replaces the first.
        Identity::install_pending(&paths, &new.0, &new.1, &[]).unwrap();
        Self { _folder: folder, paths, old, new }
    }

    fn load(&self) -> Identity {
        Identity::load(&self.paths).unwrap().unwrap()
    }

    fn expect_new(&self) {
        self.expect(&self.new.0);
    }

    fn expect_old(&self) {
        self.expect(&self.old.0);
    }

    /// This key is in use, and there is nothing else.
    fn expect(&self, key: &str) {
        assert_eq!(self.load().active.private_key.as_slice(), key.as_bytes());
        let names = |path: &Path| {
            let entries = std::fs::read_dir(path).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&self.paths.identity()), ["account.json", ACTIVE]);
        assert_eq!(names(&self.paths.identity().join(ACTIVE)), [CERTIFICATE, KEY]);
        assert_eq!(names(&self.paths.state), ["identity"]);
    }
}

/// A key and a certificate for it.
fn pair() -> (Zeroizing<String>, Vec<u8>) {
    let order = KeyOrder { kind: KeyKind::P256, common_name: "device".to_owned() };
    let key = keys::make(&order).unwrap().private_key;
    let pair = rcgen::KeyPair::from_pem(&key).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    (key, certificate.der().to_vec())
}
