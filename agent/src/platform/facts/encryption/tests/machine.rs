//! A machine's storage as the kernel shows it, made in a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::super::super::source::Source;
use super::super::{NoZfs, Zfs, volumes};
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::Volume;

pub(super) struct Storage {
    root: tempfile::TempDir,
    mounts: Vec<String>,
    swaps: Vec<String>,
    zfs: Box<dyn Zfs>,
}

impl Storage {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { root, mounts: Vec::new(), swaps: Vec::new(), zfs: Box::new(NoZfs) }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    pub(super) fn file(self, path: &str, content: &str) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
        self
    }

    pub(super) fn link(self, path: &str, target: &str) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(target, at).unwrap();
        self
    }

    /// A device, with its links as the kernel makes them.
    fn device(self, directory: &str, name: &str, number: &str) -> Self {
        self.file(&format!("{directory}/dev"), &format!("{number}\n"))
            .link(&format!("/sys/dev/block/{number}"), &format!("../..{}", directory.strip_prefix("/sys").unwrap()))
            .link(&format!("/sys/class/block/{name}"), &format!("../..{}", directory.strip_prefix("/sys").unwrap()))
    }

    pub(super) fn disk(self, name: &str, number: &str) -> Self {
        let directory = format!("/sys/devices/block/{name}");
        self.device(&directory, name, number).file(&format!("{directory}/removable"), "0\n")
    }

    pub(super) fn removable(self, name: &str) -> Self {
        self.file(&format!("/sys/devices/block/{name}/removable"), "1\n")
    }

    pub(super) fn partition(self, disk: &str, name: &str, number: &str) -> Self {
        let directory = format!("/sys/devices/block/{disk}/{name}");
        self.device(&directory, name, number).file(&format!("{directory}/partition"), "1\n")
    }

    /// A device that is made of others.
    pub(super) fn made(mut self, name: &str, number: &str, of: &[&str]) -> Self {
        self = self.disk(name, number);
        for member in of {
            self =
                self.link(&format!("/sys/devices/block/{name}/slaves/{member}"), &format!("/sys/class/block/{member}"));
        }
        self
    }

    /// A device of the device mapper.
    pub(super) fn mapped(self, name: &str, number: &str, title: &str, uuid: &str, of: &[&str]) -> Self {
        let directory = format!("/sys/devices/block/{name}/dm");
        self.made(name, number, of)
            .file(&format!("{directory}/name"), &format!("{title}\n"))
            .file(&format!("{directory}/uuid"), &format!("{uuid}\n"))
    }

    pub(super) fn looped(self, name: &str, number: &str, file: &str) -> Self {
        self.disk(name, number).file(&format!("/sys/devices/block/{name}/loop/backing_file"), &format!("{file}\n"))
    }

    pub(super) fn btrfs(mut self, id: &str, members: &[&str]) -> Self {
        for member in members {
            self = self.link(&format!("/sys/fs/btrfs/{id}/devices/{member}"), &format!("/sys/class/block/{member}"));
        }
        self
    }

    pub(super) fn mount(mut self, place: &str, number: &str, kind: &str, source: &str, options: &str) -> Self {
        let id = 20 + self.mounts.len();
        let place = place.replace(' ', "\\040");
        self.mounts.push(format!("{id} 1 {number} / {place} rw,relatime shared:1 - {kind} {source} {options}"));
        self
    }

    pub(super) fn swap(mut self, name: &str, kind: &str) -> Self {
        self.swaps.push(format!("{name}   {kind}  8388604 0 -2"));
        self
    }

    pub(super) fn with_zfs(mut self, zfs: impl Zfs + 'static) -> Self {
        self.zfs = Box::new(zfs);
        self
    }

    /// What is found, with the files that list mounts and swaps as they are at the end.
    pub(super) fn volumes(&self) -> Fact<Vec<Volume>> {
        fs::create_dir_all(self.at("/proc/self")).unwrap();
        let usual = [
            "1 0 0:1 / /proc rw - proc proc rw",
            "2 0 0:2 / /run rw - tmpfs tmpfs rw",
            "3 0 0:3 / /sys rw - sysfs sysfs rw",
        ];
        let lines: Vec<&str> = usual.into_iter().chain(self.mounts.iter().map(String::as_str)).collect();
        fs::write(self.at("/proc/self/mountinfo"), lines.join("\n")).unwrap();
        let swaps = format!("Filename Type Size Used Priority\n{}\n", self.swaps.join("\n"));
        fs::write(self.at("/proc/swaps"), swaps).unwrap();
        self.found()
    }

    /// What is found, with nothing but the files that were made.
    pub(super) fn found(&self) -> Fact<Vec<Volume>> {
        volumes(&Source::open(self.root.path()).unwrap(), self.zfs.as_ref())
    }

    #[track_caller]
    pub(super) fn volume(&self, place: &str) -> Volume {
        let Fact::Known { value, .. } = self.volumes() else { panic!("{:?}", self.volumes()) };
        let listed: Vec<Volume> = value.iter().filter(|volume| volume.place == place).cloned().collect();
        assert_eq!(listed.len(), 1, "{place} is not listed once: {value:?}");
        listed.into_iter().next().unwrap()
    }

    pub(super) fn places(&self) -> Vec<String> {
        let Fact::Known { value, .. } = self.volumes() else { panic!("{:?}", self.volumes()) };
        value.into_iter().map(|volume| volume.place).collect()
    }
}
