//! The form of the state directory: a number that goes up when a newer program could not be understood by an older one.
//!
//! An older program meeting a newer state says so and touches nothing; a newer one meeting an older state takes it up
//! step by step. A state without the number is the first form.

use std::path::PathBuf;

use super::files::{self, FileError};
use super::paths::Paths;

/// The form that this program writes.
pub const FORMAT: u32 = 1;
const LIMIT: u64 = 4096;

/// A step from one form to the next. It may be cut short anywhere, and is then done again from its beginning.
type Step = fn(&Paths) -> Result<(), FileError>;
/// The step from form 1 to form 2, and so on.
const STEPS: &[Step] = &[];
const _: () = assert!(STEPS.len() + 1 == FORMAT as usize, "each form but the first needs a step");

/// A state that this program cannot take up.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is newer than the program.
    #[error(
        "the state in {} was written by mdm-agent {version} (form {format}); this is mdm-agent {}, which knows forms up to \
         {FORMAT}. Nothing was changed",
        directory.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The state.
        directory: PathBuf,
        /// Its form.
        format: u32,
        /// The program that wrote it.
        version: String,
    },
    /// The file does not say which form it is.
    #[error("{} should begin with the number of the state's form and does not", .0.display())]
    Unreadable(PathBuf),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Makes sure that the state is in this program's form. For whoever holds the lock.
pub(super) fn take_up(paths: &Paths) -> Result<(), FormatError> {
    take_up_as(paths, FORMAT, STEPS)
}

fn take_up_as(paths: &Paths, ours: u32, steps: &[Step]) -> Result<(), FormatError> {
    let path = paths.version();
    let written = files::read_bounded(&path, LIMIT)?;
    let own = format!("{ours} {}\n", env!("CARGO_PKG_VERSION"));
    let (format, version) = match &written {
        Some(content) => understand(content).ok_or(FormatError::Unreadable(path.clone()))?,
        None => (1, String::new()),
    };
    if format > ours {
        return Err(FormatError::Newer { directory: paths.state.clone(), format, version });
    }
    for (from, step) in (1..).zip(steps).skip_while(|(from, _)| *from < format) {
        tracing::info!(from, "the state is taken to its next form");
        step(paths)?;
    }
    if written.as_deref() == Some(own.as_bytes()) {
        return Ok(());
    }
    match files::replace(&path, own.as_bytes(), 0o600) {
        // Without a step taken, the number is as good as it was, and a full disk must not keep the agent from running.
        Err(error) if format < ours => Err(error.into()),
        _ => Ok(()),
    }
}

fn understand(content: &[u8]) -> Option<(u32, String)> {
    let text = std::str::from_utf8(content).ok()?;
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next().unwrap_or("of an unknown version").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_without_a_number_is_the_first_form_and_gets_one() {
        let (_folder, paths) = state(None);
        take_up(&paths).unwrap();
        assert_eq!(content(&paths), format!("{FORMAT} {}\n", env!("CARGO_PKG_VERSION")));
        take_up(&paths).unwrap();
    }

    #[test]
    fn a_newer_state_is_refused_and_stays_as_it_is() {
        let (_folder, paths) = state(Some("7 3.2.1\n"));
        let error = take_up(&paths).unwrap_err().to_string();
        assert!(error.contains("mdm-agent 3.2.1 (form 7)") && error.contains(env!("CARGO_PKG_VERSION")), "{error}");
        assert_eq!(content(&paths), "7 3.2.1\n");
        let (_folder, paths) = state(Some("garbage"));
        assert!(matches!(take_up(&paths), Err(FormatError::Unreadable(_))));
    }

    #[test]
    fn the_number_changes_only_after_the_steps_that_it_stands_for() {
        let make: Step = |paths| files::write_new(&paths.state.join("made"), b"", 0o600);
        let fail: Step = |paths| Err(FileError::of("open", &paths.state)(std::io::ErrorKind::Other.into()));
        let (_folder, paths) = state(Some("1 0.1.0\n"));
        take_up_as(&paths, 2, &[fail]).unwrap_err();
        assert_eq!(content(&paths), "1 0.1.0\n");
        take_up_as(&paths, 2, &[make]).unwrap();
        assert!(content(&paths).starts_with("2 ") && paths.state.join("made").exists());
        take_up_as(&paths, 3, &[fail, |_| Ok(())]).unwrap();
        assert!(content(&paths).starts_with("3 "));
    }

    fn state(version: Option<&str>) -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths { state: folder.path().to_owned(), runtime: folder.path().to_owned() };
        version.into_iter().for_each(|text| std::fs::write(paths.version(), text).unwrap());
        (folder, paths)
    }

    fn content(paths: &Paths) -> String {
        std::fs::read_to_string(paths.version()).unwrap()
    }
}
