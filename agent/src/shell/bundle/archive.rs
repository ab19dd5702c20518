//! Writes a bundle's files as one compressed archive, whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{CWD, RenameFlags};

use super::Packed;
use crate::shell::files::{self, FileError};

/// An archive that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is a file of that name.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// Anything else.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Writes the archive for its owner alone. `top` is the directory in it; `replace` allows a file to be replaced.
pub fn write(path: &Path, top: &str, packed: &[Packed], now: i64, replace: bool) -> Result<(), ArchiveError> {
    if !replace && path.symlink_metadata().is_ok() {
        return Err(ArchiveError::Exists(path.to_owned()));
    }
    let mut building = path.as_os_str().to_owned();
    building.push(format!(".{}.new", std::process::id()));
    let building = PathBuf::from(building);
    files::remove_file(&building)?;
    // Created by nobody but this: a link that somebody put there is never followed.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&building);
    let written = file
        .and_then(|file| fill(file, top, packed, now))
        .map_err(FileError::of("write", &building))
        .map_err(ArchiveError::File)
        .and_then(|()| put_in_place(&building, path, replace));
    if written.is_err() {
        let _ = std::fs::remove_file(&building);
    }
    written?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(files::sync_dir(directory)?)
}

fn fill(file: File, top: &str, packed: &[Packed], now: i64) -> io::Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for Packed { name, content } in packed {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now).unwrap_or(0));
        archive.append_data(&mut header, format!("{top}/{name}"), content.as_slice())?;
    }
    let mut file = archive.into_inner()?.finish()?;
    file.flush()?;
    file.sync_all()
}

fn put_in_place(building: &Path, path: &Path, replace: bool) -> Result<(), ArchiveError> {
    if replace {
        return Ok(files::rename(building, path)?);
    }
    match rustix::fs::renameat_with(CWD, building, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(ArchiveError::Exists(path.to_owned())),
        // Not every file system can; it was not there a moment ago.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Ok(files::rename(building, path)?),
        Err(error) => Err(FileError::of("put in place", path)(error.into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_archive_is_for_its_owner_and_replaces_nothing_unless_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar.gz");
        let packed = [Packed { name: "a".to_owned(), content: b"b".to_vec() }];
        std::fs::write(&path, b"precious").unwrap();
        assert!(matches!(write(&path, "top", &packed, 0, false), Err(ArchiveError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        write(&path, "top", &packed, 0, true).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&path).unwrap()));
        let names: Vec<PathBuf> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(names, [PathBuf::from("top/a")]);
    }
}
