//! A lock that one process at a time holds on a state folder; it frees itself when its process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::digest::Digest;
use crate::store::files::{self, Mode, StoreError, failed};

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    holder: String,
}

impl Lock {
    /// Takes the lock at `path`, or says who has it: which process, on which machine.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed("open", path))?;
        match file.try_lock() {
            Ok(()) => {
                // For whoever comes meanwhile; what an earlier holder left there is of no use.
                let holder = format!("process {} on {}", std::process::id(), machine());
                file.set_len(0).and_then(|()| writeln!(file, "{holder}")).map_err(failed("write", path))?;
                Ok(Self { _file: file, holder })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The lock stands whether its holder can be named or not.
                drop((&mut file).take(200).read_to_string(&mut holder));
                let holder = match holder.trim() {
                    "" => "another ombundle process".to_owned(),
                    named => named.to_owned(),
                };
                Err(StoreError::Locked { path: path.to_owned(), holder })
            }
            Err(TryLockError::Error(error)) => Err(failed("lock", path)(error)),
        }
    }
}

impl Lock {
    /// Who has it: this process, as others are told.
    pub fn holder(&self) -> &str {
        &self.holder
    }
}

/// The name of a state folder that no other has, in hex digits: a part that is kept at `path` and made up there the first time,
/// and a part for the place where that is, since folders are copied.
pub fn identity(path: &Path) -> Result<String, StoreError> {
    let name = kept_name(path)?;
    let place = path.canonicalize().map_err(failed("open", path))?;
    let place = Digest::of(format!("{}:{}", machine(), place.display()).as_bytes());
    Ok(format!("{name}{}", place.short()))
}

/// Sixteen hex digits.
fn kept_name(path: &Path) -> Result<String, StoreError> {
    let known = match files::read(path, 100) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if known.len() == 16 && known.bytes().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()) {
        return Ok(known);
    }
    let random = getrandom::u64().map_err(std::io::Error::other).map_err(failed("make up", path))?;
    let name = format!("{random:016x}");
    files::replace(path, format!("{name}\n").as_bytes(), Mode::Private)?;
    Ok(name)
}

/// The name of this machine: the folder may be on a share.
pub fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("lock");
        let first = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("process {} on ", std::process::id())), "{error}");
        assert!(error.ends_with(first.holder()), "{error}");
        drop(first);
        assert!(Lock::take(&path).is_ok());
    }

    #[test]
    fn a_folder_keeps_its_name_and_no_other_has_it() {
        let base = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| base.path().join(name));
        let name = identity(&one).unwrap();
        assert_eq!((name.len(), &identity(&one).unwrap()), (28, &name));
        assert_ne!(identity(&other).unwrap(), name);
        // Not even a copy.
        std::fs::copy(&one, &other).unwrap();
        assert_ne!(identity(&other).unwrap(), name);
        // What is no name is made up anew.
        std::fs::write(&one, "../g0001").unwrap();
        assert_ne!(identity(&one).unwrap(), name);
    }
}
