//! Notices sign-ins at the machine: logind files a session of its own for each, and the directory is watched, so that
//! nothing wakes without cause.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use super::{facts, timer};

/// Room for several events with names, in bytes.
const BUFFER: usize = 4096;

/// Tells who has signed in.
#[derive(Debug)]
pub struct SignInWatch {
    descriptor: AsyncFd<OwnedFd>,
    directory: PathBuf,
    /// Users who are signed in, as far as is known.
    known: BTreeSet<String>,
}

impl SignInWatch {
    /// A watch that begins now: whoever is signed in already is no news.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let descriptor = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let changes = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::CLOSE_WRITE | inotify::WatchFlags::DELETE;
        inotify::add_watch(&descriptor, directory, changes)?;
        let known = facts::signed_in_by(directory).unwrap_or_default().into_iter().collect();
        Ok(Self { descriptor: timer::readable(descriptor)?, directory: directory.to_owned(), known })
    }

    /// Waits until users sign in who were not signed in before; their names.
    pub async fn next(&mut self) -> io::Result<Vec<String>> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let drained = ready.try_io(|descriptor| drain(descriptor.get_ref()));
            if let Ok(drained) = drained {
                drained?;
            }
            // Where they cannot be read for a moment, nobody has signed out.
            let Some(present) = facts::signed_in_by(&self.directory) else { continue };
            let present: BTreeSet<String> = present.into_iter().collect();
            let new: Vec<String> = present.difference(&self.known).cloned().collect();
            self.known = present;
            if !new.is_empty() {
                return Ok(new);
            }
        }
    }
}

/// Reads events away: what has changed is seen in the directory itself.
fn drain(descriptor: &OwnedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut reader = inotify::Reader::new(descriptor, &mut buffer);
    let mut seen = false;
    loop {
        match reader.next() {
            Ok(_) => seen = true,
            Err(Errno::AGAIN) if seen => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_signs_in_anew_is_named_once() {
        let folder = tempfile::tempdir().unwrap();
        let session = |id: &str, user: &str| {
            let part = folder.path().join(format!(".#{id}"));
            std::fs::write(&part, format!("USER={user}\nCLASS=user\nSTATE=active\n")).unwrap();
            std::fs::rename(part, folder.path().join(id)).unwrap();
        };
        session("1", "ada");
        let mut watch = SignInWatch::new(folder.path()).unwrap();
        session("2", "ada");
        session("3", "bob");
        assert_eq!(watch.next().await.unwrap(), ["bob"]);
        std::fs::remove_file(folder.path().join("3")).unwrap();
        session("4", "carol");
        assert_eq!(watch.next().await.unwrap(), ["carol"]);
        session("5", "bob");
        assert_eq!(watch.next().await.unwrap(), ["bob"], "who has left and comes again signs in again");
    }

    #[tokio::test]
    async fn a_machine_without_logind_has_nothing_to_watch() {
        let folder = tempfile::tempdir().unwrap();
        assert!(SignInWatch::new(&folder.path().join("none")).is_err());
    }
}
