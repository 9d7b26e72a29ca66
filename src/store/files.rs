//! Whole files and folders: read with a cap, written so that a name holds all of the content or is not there.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::fault::{Exit, Fault, exit_for_io};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("could not {what} `{}`", path.display())]
    Io {
        /// What was tried, for instance `write`.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is larger than it may be.
    #[error("`{}` is larger than {limit} bytes", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Bytes that it may have.
        limit: u64,
    },
    /// A private file can be read by others.
    #[error("`{}` can be read by others (mode {mode:04o})", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A link leads back to a folder that it stands in.
    #[error("`{}` is a link to `{}`, in which it stands itself", path.display(), above.display())]
    Circle {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        above: PathBuf,
    },
    /// A file was written to while it was in use.
    #[error("`{}` was changed while it was read", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// Something is there already that must not be overwritten.
    #[error("`{}` exists already", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// Another process works on the same state.
    #[error("`{}` is held by {holder}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who has it, as it says itself.
        holder: String,
    },
    /// A journal was cut, edited or reordered.
    #[error("the journal `{}` is damaged at line {line}: {why}", path.display())]
    Journal {
        /// Which journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A medium gives back other bytes than it was given.
    #[error("`{}` reads otherwise than it was written", path.display())]
    ReadBack {
        /// The file to be.
        path: PathBuf,
    },
    /// The disk has not got the room that is needed.
    #[error("`{}` needs {needed} bytes, and its file system has {free} left", path.display())]
    NoSpace {
        /// The file to be.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

impl Fault for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { source, .. } => exit_for_io(source, Exit::Usage),
            Self::TooLarge { .. }
            | Self::Changed { .. }
            | Self::Circle { .. }
            | Self::Exposed { .. }
            | Self::Exists { .. }
            | Self::Locked { .. } => Exit::Usage,
            Self::Journal { .. } | Self::ReadBack { .. } => Exit::Integrity,
            Self::NoSpace { .. } => Exit::Space,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if exit_for_io(source, Exit::Usage) == Exit::Space => {
                Some("free some space and run the same command again: it goes on where it stopped".to_owned())
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("check the path; a relative one starts at the current folder".to_owned())
            }
            Self::Circle { .. } => Some("remove the link".to_owned()),
            Self::Changed { .. } => {
                Some("wait until nobody writes to it, and run the same command again".to_owned())
            }
            Self::Exposed { path, .. } => Some(format!("run `chmod 600 {}`", path.display())),
            Self::Exists { .. } => Some("choose another name, or move the old one away".to_owned()),
            Self::Locked { .. } => {
                Some("wait for it to end; a lock of a dead process frees itself".to_owned())
            }
            Self::Journal { path, .. } => Some(format!(
                "keep `{}` as evidence, move it away, and run the same command again",
                path.display()
            )),
            Self::ReadBack { .. } => Some("the medium is failing: take another one".to_owned()),
            Self::NoSpace { .. } => Some("choose another folder with `-o`, or free some space".to_owned()),
            Self::Io { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everybody (0644).
    Public,
    /// Its owner (0600): keys, state, journals.
    Private,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
        }
    }
}

/// Turns an I/O error into a [`StoreError`] that names what was tried on which path.
pub fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(failed("open", path))
}

/// Reads a whole file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(StoreError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Reads a file that only its owner may read: a key.
pub fn read_private(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let mode = fs::metadata(path).map_err(failed("open", path))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(StoreError::Exposed { path: path.to_owned(), mode });
    }
    read(path, limit)
}

/// Writes a file that must not exist yet.
pub fn create(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), StoreError> {
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode.bits()).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(StoreError::Exists { path: path.to_owned() });
        }
        opened => opened.map_err(failed("create", path))?,
    };
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", path))?;
    sync_parent(path)
}

/// Replaces a file: its name holds the old content or the new one, also after a power cut.
pub fn replace(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), StoreError> {
    let temporary = beside(path, "new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove", &temporary)(error));
        }
        _ => {}
    }
    create(&temporary, bytes, mode)?;
    rename(&temporary, path)
}

/// Renames and makes the new name durable.
pub fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(failed("rename", from))?;
    sync_parent(to)
}

/// Makes a folder, or takes one that is there and empty.
pub fn create_empty_folder(path: &Path) -> Result<(), StoreError> {
    create_folder(path)?;
    if fs::read_dir(path).map_err(failed("read", path))?.next().is_some() {
        return Err(StoreError::Exists { path: path.to_owned() });
    }
    Ok(())
}

/// Removes a file that may be gone already.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes the files beside `path` whose names are its name, `.`, and something that begins with `prefix`.
pub fn remove_beside(path: &Path, prefix: &str) -> Result<(), StoreError> {
    let start = beside(path, prefix);
    let start = start.file_name().unwrap_or_default().as_encoded_bytes();
    let folder = folder_of(path);
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?;
        if entry.file_name().as_encoded_bytes().starts_with(start) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes a folder and its parents.
pub fn create_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(failed("create", path))
}

/// Makes a folder and its parents, readable by their owner only.
pub fn create_private_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create", path))
}

/// Whether a folder may be replaced: it is not there, or empty, or holds `marker` and so is ours.
pub fn check_folder(path: &Path, marker: &str) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    let is_empty = fs::read_dir(path).map_err(failed("read", path))?.next().is_none();
    if is_empty || path.join(marker).is_file() {
        Ok(())
    } else {
        Err(StoreError::Exists { path: path.to_owned() })
    }
}

/// Writes a folder of files at once: `path` holds all of them, or what it held before.
///
/// A folder that is there already is moved to `path` with `.previous` behind its name, replacing an older one of that name; when
/// it holds exactly these files nothing is done. A folder without `marker` among its files is not ours and is left alone.
/// Returns whether anything changed.
pub fn replace_folder(
    path: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    marker: &str,
) -> Result<bool, StoreError> {
    check_folder(path, marker)?;
    let exists = path.exists();
    if exists && holds_exactly(path, files)? {
        return Ok(false);
    }
    let previous = beside(path, "previous");
    check_folder(&previous, marker)?;
    // What a run that was broken off left half-written has no marker; its name is one that nobody else uses.
    let fresh = beside(path, "ombundle-new");
    remove_folder(&fresh)?;
    for (name, bytes) in files {
        let file = fresh.join(name);
        let folder = file.parent().unwrap_or(&fresh);
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        create(&file, bytes, Mode::Public)?;
    }
    if exists {
        remove_folder(&previous)?;
        rename(path, &previous)?;
    }
    rename(&fresh, path)?;
    Ok(true)
}

fn holds_exactly(path: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<bool, StoreError> {
    let mut found = 0;
    for entry in walkdir::WalkDir::new(path) {
        let entry = entry.map_err(|error| failed("read", path)(error.into()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        found += 1;
        let name = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let same = match files.get(&name) {
            Some(bytes) => fs::read(entry.path()).map_err(failed("read", entry.path()))? == *bytes,
            None => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(found == files.len())
}

/// Removes a folder with all that is in it; it may be gone already.
pub fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The path with `.suffix` behind its last component.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// The folder that a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder itself, or the nearest one above it that is there.
pub fn nearest_folder(path: &Path) -> &Path {
    let above = path.ancestors().filter(|above| !above.as_os_str().is_empty());
    above.into_iter().find(|above| above.exists()).unwrap_or(Path::new("."))
}

/// Whether this user may make files in a folder.
pub fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// How many files this process may have open at once; nothing where there is no limit.
pub fn most_open() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Makes the entries of the folder that holds `path` durable.
pub fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = folder_of(path);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed("sync", parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_replaced_whole_and_kept_when_it_is_the_same() {
        let base = tempfile::tempdir().unwrap();
        let out = base.path().join("out");
        let files = |text: &str| {
            BTreeMap::from([
                ("receipt.json".to_owned(), text.as_bytes().to_vec()),
                ("cluster/10.yaml".to_owned(), b"a".to_vec()),
            ])
        };
        assert!(replace_folder(&out, &files("1"), "receipt.json").unwrap());
        assert!(!replace_folder(&out, &files("1"), "receipt.json").unwrap());
        assert!(replace_folder(&out, &files("2"), "receipt.json").unwrap());
        assert_eq!(fs::read(out.join("receipt.json")).unwrap(), b"2");
        assert_eq!(fs::read(base.path().join("out.previous/receipt.json")).unwrap(), b"1");
        assert!(!base.path().join("out.ombundle-new").exists());
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("thesis.txt"), "five years").unwrap();
        let error = replace_folder(base.path(), &BTreeMap::new(), "receipt.json").unwrap_err();
        assert!(matches!(error, StoreError::Exists { .. }), "{error}");
        assert_eq!(fs::read(base.path().join("thesis.txt")).unwrap(), b"five years");
    }

    #[test]
    fn what_somebody_else_keeps_beside_it_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        let out = base.path().join("out");
        let files = |text: &str| BTreeMap::from([("receipt.json".to_owned(), text.as_bytes().to_vec())]);
        replace_folder(&out, &files("1"), "receipt.json").unwrap();
        fs::create_dir(base.path().join("out.previous")).unwrap();
        fs::write(base.path().join("out.previous/thesis.txt"), "five years").unwrap();
        let error = replace_folder(&out, &files("2"), "receipt.json").unwrap_err();
        assert!(matches!(error, StoreError::Exists { .. }), "{error}");
        assert_eq!(fs::read(base.path().join("out.previous/thesis.txt")).unwrap(), b"five years");
        assert_eq!(fs::read(out.join("receipt.json")).unwrap(), b"1");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let base = tempfile::tempdir().unwrap();
        let key = base.path().join("key");
        create(&key, b"secret", Mode::Private).unwrap();
        assert_eq!(read_private(&key, 100).unwrap(), b"secret");
        for mode in [0o644, 0o660, 0o640, 0o604, 0o610] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read_private(&key, 100), Err(StoreError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_file_over_its_limit_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("file");
        fs::write(&path, [0; 11]).unwrap();
        assert!(read(&path, 11).is_ok());
        assert!(matches!(read(&path, 10), Err(StoreError::TooLarge { .. })));
    }
}
