//! Histories that are cut short, grow, are damaged and are tampered with.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_history_goes_on_where_it_ended() {
    let world = World::new();
    world.write(2);
    world.write(3);
    let excerpt = world.newest(100);
    assert_eq!(numbers(&excerpt), [1, 2, 3, 4, 5]);
    assert_eq!((excerpt.verify(), excerpt.damaged), (Ok(()), 0));
    assert_eq!(numbers(&world.newest(2)), [4, 5]);
    assert_eq!(world.newest(0), Excerpt::default());
}

#[test]
fn nobody_but_the_owner_may_read_it() {
    let world = World::new();
    world.write(1);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.paths.history()), mode(&world.current())), (0o700, 0o600));
}

#[test]
fn a_line_that_a_crash_cut_short_is_cut_off_wherever_it_was_cut() {
    let world = World::new();
    world.write(3);
    let whole = std::fs::read(world.current()).unwrap();
    let last_line = whole.len() - end_of_lines(&whole[..whole.len() - 1]);
    for lost in 1..last_line {
        std::fs::write(world.current(), &whole[..whole.len() - lost]).unwrap();
        assert_eq!(numbers(&world.newest(9)), [1, 2], "while it is not cut off yet");
        world.write(1);
        let excerpt = world.newest(9);
        assert_eq!(numbers(&excerpt), [1, 2, 3]);
        assert_eq!((excerpt.verify(), excerpt.damaged), (Ok(()), 0));
    }
    std::fs::write(world.current(), &whole[..10]).unwrap();
    world.write(1);
    assert_eq!(numbers(&world.newest(9)), [1]);
}

#[test]
fn the_chain_goes_on_from_file_to_file_and_two_files_are_kept() {
    let world = World::new();
    let mut history = History::open_with(&world.paths, 2_000).unwrap();
    for number in 1..=100 {
        // Opened anew now and then, as after a restart.
        if number % 7 == 0 {
            history = History::open_with(&world.paths, 2_000).unwrap();
        }
        history.append(number, "happened", BTreeMap::new()).unwrap();
        assert!(std::fs::metadata(world.current()).unwrap().len() <= 2_000);
    }
    assert_eq!(std::fs::read_dir(world.paths.history()).unwrap().count(), 2);
    let excerpt = world.newest(1_000);
    let kept = excerpt.entries.len();
    assert!((8..50).contains(&kept) && excerpt.entries[0].sequence > 1, "{kept}");
    assert_eq!(excerpt.entries.last().unwrap().sequence, 100);
    assert_eq!(excerpt.verify(), Ok(()));
}

#[test]
fn a_crash_between_two_files_loses_nothing() {
    let world = World::new();
    world.write(3);
    std::fs::rename(world.current(), world.paths.history().join(FORMER)).unwrap();
    assert_eq!(numbers(&world.newest(9)), [1, 2, 3]);
    world.write(1);
    let excerpt = world.newest(9);
    assert_eq!((numbers(&excerpt), excerpt.verify()), (vec![1, 2, 3, 4], Ok(())));
}

#[test]
fn what_somebody_changed_is_found_and_the_history_goes_on() {
    let world = World::new();
    world.write(5);
    let text = std::fs::read_to_string(world.current()).unwrap();
    std::fs::write(world.current(), text.replacen("number 3", "number 8", 1)).unwrap();
    world.write(1);
    assert_eq!(world.newest(9).verify(), Err(Broken { sequence: 3 }));
    let without: String =
        text.lines().filter(|line| !line.contains("number 3")).map(|line| format!("{line}\n")).collect();
    std::fs::write(world.current(), without).unwrap();
    assert_eq!(world.newest(9).verify(), Err(Broken { sequence: 4 }));
    std::fs::write(world.current(), text.replacen("number 3", "\u{0}\"\n{", 1)).unwrap();
    let excerpt = world.newest(9);
    assert_eq!((excerpt.damaged, excerpt.verify()), (2, Err(Broken { sequence: 4 })));
}

#[test]
fn a_file_of_any_size_and_content_is_read_within_bounds() {
    let world = World::new();
    files::create_private_dir(&world.paths.history()).unwrap();
    std::fs::write(world.current(), vec![b'x'; 5 << 20]).unwrap();
    let (content, _) = tail(&world.current()).unwrap();
    assert_eq!(content.len() as u64, WINDOW);
    world.write(2);
    assert_eq!(numbers(&world.newest(9)), [1, 2]);
}

#[test]
fn a_history_that_cannot_be_written_costs_the_entry_and_goes_on_afterwards() {
    let world = World::new();
    let mut history = History::open(&world.paths).unwrap();
    append(&mut history, 1).unwrap();
    // Something is in the way.
    let aside = world.paths.state.join("aside");
    std::fs::rename(world.current(), &aside).unwrap();
    std::fs::create_dir(world.current()).unwrap();
    let error = append(&mut history, 2).unwrap_err().to_string();
    assert!(error.contains(CURRENT), "{error}");
    std::fs::remove_dir(world.current()).unwrap();
    // As a disk that ran full leaves it.
    std::fs::write(&aside, [std::fs::read(&aside).unwrap(), b"{\"seq".to_vec()].concat()).unwrap();
    std::fs::rename(&aside, world.current()).unwrap();
    append(&mut history, 2).unwrap();
    let excerpt = world.newest(9);
    assert_eq!((numbers(&excerpt), excerpt.verify(), excerpt.damaged), (vec![1, 2], Ok(()), 0));
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_costs_the_entry_and_nothing_else() {
    let world = World::new();
    let mount = world.paths.history();
    files::create_private_dir(&mount).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        assert!(std::process::Command::new(program).args(arguments).arg(&mount).status().unwrap().success());
    };
    run("mount", &["-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs"]);
    let mut history = History::open(&world.paths).unwrap();
    append(&mut history, 1).unwrap();
    let ballast = mount.join("ballast");
    let filled = std::fs::write(&ballast, [0; 64 << 10]);
    // What is left of the first page takes some more.
    let full = (2..100).find_map(|number| append(&mut history, number).err());
    let during = world.newest(1_000);
    std::fs::remove_file(&ballast).unwrap();
    let after = append(&mut history, 1_000);
    let whole = world.newest(1_000);
    run("umount", &[]);
    assert!(filled.is_err());
    assert_eq!(full.unwrap().source.kind(), io::ErrorKind::StorageFull);
    assert_eq!((during.verify(), during.damaged), (Ok(()), 0));
    assert_eq!(after.unwrap().sequence, during.entries.last().unwrap().sequence + 1);
    assert_eq!((whole.verify(), whole.damaged, whole.entries.len()), (Ok(()), 0, during.entries.len() + 1));
}

#[test]
fn the_history_outlives_the_enrolment() {
    let world = World::new();
    world.write(1);
    crate::shell::identity::Identity::remove(&world.paths).unwrap();
    crate::shell::identity::Identity::clean_up(&world.paths).unwrap();
    assert_eq!(numbers(&world.newest(9)), [1]);
}

struct World {
    _folder: tempfile::TempDir,
    paths: Paths,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths { state: folder.path().join("state"), runtime: folder.path().join("run") };
        Self { _folder: folder, paths }
    }

    fn current(&self) -> PathBuf {
        self.paths.history().join(CURRENT)
    }

    /// Opens the history and adds so many entries.
    fn write(&self, count: i64) {
        let mut history = History::open(&self.paths).unwrap();
        for _ in 0..count {
            let number = i64::try_from(history.chain_length()).unwrap() + 1;
            append(&mut history, number).unwrap();
        }
    }

    fn newest(&self, count: usize) -> Excerpt {
        newest(&self.paths, count).unwrap()
    }
}

impl History {
    fn chain_length(&self) -> u64 {
        self.chain.clone().append(0, "", BTreeMap::new()).sequence - 1
    }
}

fn append(history: &mut History, number: i64) -> Result<Entry, FileError> {
    history.append(number, "happened", BTreeMap::from([("what".to_owned(), format!("number {number}"))]))
}

fn numbers(excerpt: &Excerpt) -> Vec<u64> {
    excerpt.entries.iter().map(|entry| entry.sequence).collect()
}
